"""Which of two pronunciations a word has, told from the words around it: "to record a record".

g2p_en asks NLTK's tagger, whose weights no package carries. Nearly all of its homographs are a verb against a noun or adjective, and the
word before mostly tells which; where it does not, the likelier one is spoken and the word is reported as uncertain.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

_DETERMINERS = frozenset(
    "a an the this these those my your his its our their some any no every each another which whose of in for with by from at on into "
    "without during under after before about more most less such new old good first last next one two three big small own same other "
    "full long short great little real whole single main very too".split()
)
"""What a noun or an adjective follows."""

_BEFORE_VERBS = frozenset(
    "to will would can could shall should may might must do does did don't doesn't didn't won't wouldn't can't couldn't shouldn't cannot "
    "i you we they please let's let i'll you'll we'll they'll he'll she'll it'll i'd you'd we'd they'd he'd she'd not never always who "
    "just help and then".split()
)
"""What a verb without -s follows."""

_BEFORE_VERBS_WITH_S = frozenset("he she it that who this which nobody somebody everybody everyone someone".split())
_OBJECTS = frozenset("me you him us them it the a an my your his her our their this that these those everything everyone all".split())
"""What follows a verb that has an object."""

_BE = frozenset("is are was were be been being am it's i'm he's she's you're we're they're that's isn't aren't wasn't weren't".split())
_HAVE = frozenset("have has had i've you've we've they've having haven't hasn't hadn't".split())
_PAST = frozenset("yesterday ago last once already before".split())
_ADJECTIVE_ALSO = frozenset(
    "absent perfect present close separate duplicate elaborate alternate appropriate approximate animate articulate deliberate intimate "
    "legitimate moderate degenerate desolate diffuse frequent graduate complex compact live minute learned jagged ragged".split()
)


_MOSTLY_VERBS = frozenset(
    "live lives use refuse invite invites produce convert converts suspect permit collect collects compress confines construct conduct "
    "combine discard discards excuse reject recall recalls rewrite incorporate initiate implement impress insert underestimate dictate "
    "resume upset".split()
)
"""What these are where nothing tells; the others are mostly nouns or adjectives."""


class Verdict(NamedTuple):
    """kind: "verb", "other" (noun, adjective) or, of "read" only, "past"; sure: whether the words around left no doubt."""

    kind: Literal["verb", "other", "past"]
    sure: bool


def judge(words: Sequence[str], place: int) -> Verdict:
    """What the homograph `words[place]` is in its sentence. words: lower case, with marks between them (`codec.text.words`)."""
    word = words[place]
    before = words[place - 1] if place else ""
    after = words[place + 1] if place + 1 < len(words) else ""
    if word == "read":
        return _read(words, place)
    if word == "used":
        return Verdict("other", True) if after == "to" and before not in _BE else Verdict("verb", True)
    with_s = word.endswith("s") and not word.endswith("ss")
    if before in _DETERMINERS and not (before == "that" and after in _OBJECTS):
        return Verdict("other", True)
    if before in _BE:
        return Verdict("other", word in _ADJECTIVE_ALSO or word.endswith("ed"))
    if (before in _BEFORE_VERBS_WITH_S) if with_s else (before in _BEFORE_VERBS):
        return Verdict("verb", True)
    if after in _OBJECTS and before in ("", ",", ";", ".", "?", "!"):
        return Verdict("verb", True)
    if before in ("her", "that", "what", "all"):
        return Verdict("verb" if after in _OBJECTS else "other", False)
    if after in _OBJECTS:
        return Verdict("verb", False)
    return Verdict("verb" if word in _MOSTLY_VERBS else "other", False)


def _read(words: Sequence[str], place: int) -> Verdict:
    """Present (like reed) or past (like red)."""
    before = [word for word in words[max(0, place - 3) : place] if word.isalpha() or "'" in word]
    after = words[place + 1 : place + 8]
    nearest = before[-1] if before else ""
    if any(word in _HAVE or word in _BE for word in before) and nearest not in ("to", "not"):
        return Verdict("past", True)
    if nearest in _BEFORE_VERBS - {"i", "you", "we", "they", "who", "and", "then", "just", "never", "always"} or not nearest:
        return Verdict("verb", True)
    if any(word in _PAST for word in after) or nearest in ("he", "she", "it"):
        return Verdict("past", True)
    if nearest in _DETERMINERS:
        return Verdict("verb", True)
    return Verdict("verb", False)
