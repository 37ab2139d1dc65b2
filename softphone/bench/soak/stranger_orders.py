"""What strangers send out of turn: in a call that only rings, twice, without what makes it part of its call, or after the end.

Most of what PJSIP asserts is of the order of messages, and a stream of single ones seldom meets it.
"""

from __future__ import annotations

import re

from softphone.bench.soak.stranger_grammar import Grammar, Talk

_BRANCH = re.compile(rb";branch=z9hG4bK")
_TO_TAG = re.compile(rb"(?m)^(To: <[^>]*>);tag=[^\r]*")
_RSEQ = re.compile(rb"(?im)^rseq[ \t]*:[ \t]*(\d+)")
_RELIABLE = b"\r\nRequire: 100rel\r\nSupported: 100rel\r\nMax-Forwards:"


class Orders:
    """Draws from the random generator of the grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._rng, self._grammar = grammar.rng, grammar

    def reliable(self, invite: bytes) -> bytes:
        """At times the INVITE wants its provisional answers confirmed (RFC 3262)."""
        return invite.replace(b"\r\nMax-Forwards:", _RELIABLE, 1) if self._rng.random() < 0.15 else invite

    def ringing(self, talk: Talk, answer: bytes, tag: str, number: int) -> list[bytes]:
        """After a provisional answer with this tag to the INVITE of this number."""
        rng, grammar = self._rng, self._grammar
        made: list[bytes] = []
        talk.tag, before = tag, talk.tag
        rseq = _RSEQ.search(answer)
        if rseq and rng.random() < 0.8:
            prack = grammar.request(talk, "PRACK", wild=rng.choice((0.0, 0.2)))
            made.append(prack.replace(b"RAck: 1 1 INVITE", b"RAck: %d %d INVITE" % (int(rseq[1]) + (rng.random() < 0.1), number)))
        if rng.random() < 0.3:
            method = rng.choice(("UPDATE", "UPDATE", "INVITE", "INFO", "MESSAGE", "REFER", "PRACK", "OPTIONS"))
            made += [grammar.request(talk, method, wild=rng.choice((0.0, 0.1))) for _ in range(rng.choice((1, 1, 2)))]
        if rng.random() < 0.1:
            made.append(grammar.request(talk, "BYE", wild=0.0))
        talk.tag = before
        return made

    def again(self, talk: Talk) -> list[bytes]:
        """Around the last INVITE of the stranger: itself, and what looks like it."""
        rng = self._rng
        if not talk.invite:
            return []
        match rng.randrange(5):
            case 0:
                return [talk.invite] * rng.choice((1, 2))
            case 1:  # another way for the same request: merged (RFC 3261, 8.2.2.2)
                return [self._otherwise(talk.invite, rng.choice(("INVITE", "ACK", "CANCEL", "UPDATE", "BYE")), branch=True)]
            case 2:  # of the same transaction by its branch, and another method
                return [self._otherwise(talk.invite, rng.choice(("ACK", "CANCEL", "CANCEL", "BYE", "PRACK", "OPTIONS")), branch=False)]
            case 3:
                return [_TO_TAG.sub(rb"\1", self._grammar.request(talk, rng.choice(("ACK", "BYE", "INVITE", "UPDATE", "PRACK")), wild=0.0))]
            case _:
                other = re.sub(rb"(?m)^(To: <[^>]*>)[^\r]*", rb"\1;tag=other", talk.invite)
                return [self._otherwise(other, rng.choice(("ACK", "INVITE", "CANCEL", "BYE")), branch=rng.random() < 0.5)]

    def _otherwise(self, request: bytes, method: str, branch: bool) -> bytes:
        head, gap, body = request.partition(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        first = re.sub(rb"^[A-Z]+", method.encode(), first)
        rest = re.sub(rb"(?m)^(CSeq: \d+ )[A-Z]+", rb"\g<1>" + method.encode(), rest)
        rest = _BRANCH.sub(b";branch=z9hG4bK%d" % self._rng.randrange(1000), rest, count=1) if branch else rest
        return first + b"\r\n" + rest + gap + body

    def answers(self, code: int) -> list[tuple[int, str]]:
        """(code, tag) of what comes after this final answer to an INVITE of the phone; the first far end is "a", and "" has no tag."""
        rng = self._rng
        if rng.random() < 0.6:
            return []
        later = rng.choice((code, code, 200, 180, 183, 302, 486))
        return [(later, rng.choice(("a", "b", "b", ""))) for _ in range(rng.choice((1, 1, 2, 5)))]
