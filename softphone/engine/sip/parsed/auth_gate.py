"""Chooses the challenge of a 401 or 407 that PJSIP answers.

PJSIP 2.15.1 drops a whole answer with a scheme that it does not know (Basic, Bearer), so that the request is sent again and again; and of
several algorithms it answers the last (sip_auth_client.c), where RFC 8760, 2.4, wants the topmost that is known.
"""

from __future__ import annotations

from functools import cache

from cffi import FFI

from softphone.engine.accounts.digest import ALGORITHMS, challenges, chosen, header, unknown_way
from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.head import Head, field_name, split_message
from softphone.engine.sip.parsed.message import ParsedMessage

_CHALLENGED = (401, 407)
_CHALLENGES = (b"www-authenticate", b"proxy-authenticate")
_OF_PJSIP = {"MD5": 1, "SHA-256": 2, "SHA-512-256": 3}
"""pjsip_auth_algorithm_type."""


@cache
def algorithms() -> frozenset[str]:
    """Names of the digest algorithms that PJSIP's OpenSSL has, after libInit(); "" is MD5 too."""
    ffi = FFI()
    ffi.cdef("int pjsip_auth_is_algorithm_supported(int type);")
    library = ffi.dlopen(str(find_library()))
    found = {name for name, number in _OF_PJSIP.items() if name in ALGORITHMS and library.pjsip_auth_is_algorithm_supported(number)}
    return frozenset(found | {"MD5", ""})


def has_no_answer(code: int, response: str) -> bool:
    """Whether this final answer (the whole message) asks for a way to sign in that PJSIP does not have."""
    return code in _CHALLENGED and unknown_way(response, algorithms())


def choose(message: ParsedMessage, raw: bytes) -> None:
    """Leave in an answer that PJSIP has parsed the challenges that are to be answered; all where none can be."""
    if Head(raw).status not in _CHALLENGED:
        return
    offered = challenges(raw.decode("utf-8", "replace"))
    kept = {(challenge.kind, challenge.place) for challenge in chosen(offered, algorithms())}
    for kind, name in (("www", "WWW-Authenticate"), ("proxy", "Proxy-Authenticate")):
        places = {challenge.place for challenge in offered if challenge.kind == kind}
        if kept and message.count(name) == len(places):
            message.remove(name, {place for place in places if (kind, place) not in kept})


def readable(raw: bytes) -> bytes | None:
    """An answer that PJSIP's parser refused, with the challenges alone that it can read; None where that is no help.

    Never longer. Without any the answer is one that nobody can do anything with, and PJSIP says so.
    """
    if Head(raw).status not in _CHALLENGED or b"\r\n\r\n" not in raw:
        return None
    _, lines, body = split_message(raw)
    kept = [line for line in lines if field_name(line) not in _CHALLENGES]
    answerable = [header(challenge).encode() for challenge in chosen(challenges(raw.decode("utf-8", "surrogateescape")), algorithms())]
    result = b"\r\n".join([*kept, *answerable, b"", body])
    return result if len(kept) < len(lines) and len(result) < len(raw) else None
