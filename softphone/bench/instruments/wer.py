"""Word error rate between reference and recognised text."""

import re
import unicodedata

from softphone.bench.instruments.extra import HOW_TO_GET
from softphone.errors import SoftphoneError


class WerError(SoftphoneError):
    """The word error rate cannot be computed."""


def normalise(text: str) -> str:
    """Lower case words with single spaces: no punctuation, numbers spelt out, apostrophes inside words kept."""
    import inflect  # noqa: PLC0415 - slow to import, and only in the bench extra

    spelling = inflect.engine()
    text = unicodedata.normalize("NFKC", text).replace("’", "'").lower()  # noqa: RUF001
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    # group=0 would join thousands with commas, and "and" is said or not as people like: leave it out.
    text = re.sub(r"\d+", lambda found: f" {spelling.number_to_words(found.group(), andword='')} ", text)
    text = re.sub(r"[^a-z' ]", " ", text)
    words = (word.strip("'") for word in text.split())
    return " ".join(word for word in words if word)


def word_error_rate(reference: str, heard: str) -> float:
    """Substitutions, deletions and insertions over the words of `reference`; may exceed 1.

    Raises:
        WerError: the reference holds no word, or the package jiwer is missing.
    """
    try:
        import jiwer  # noqa: PLC0415 - an optional extra

        said, understood = normalise(reference), normalise(heard)
    except ImportError as error:
        raise WerError(f"the package {error.name} is missing; {HOW_TO_GET}") from None
    if not said:
        raise WerError("the text that was spoken holds no word; give it with --text")
    return float(jiwer.wer(said, understood))
