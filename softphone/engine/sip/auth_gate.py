"""Which challenge of a 401 or 407 PJSIP answers.

PJSIP 2.15.1 drops a whole answer with a scheme that it does not know (Basic, Bearer), so that the request is sent again and again; and of
several algorithms it answers the last (sip_auth_client.c), where RFC 8760, 2.4, wants the topmost that is known.
"""

from __future__ import annotations

import re
from functools import cache

from cffi import FFI

from softphone.engine.accounts.digest import ALGORITHMS, challenges, chosen, header, unknown_way
from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.parsed import ParsedMessage

_CHALLENGED = re.compile(rb"SIP/2\.0[ \t]+(?:401|407)\b", re.IGNORECASE)
_FIELDS = re.compile(r"^(?:WWW|Proxy)-Authenticate[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n", re.IGNORECASE | re.MULTILINE)
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
    return code in (401, 407) and unknown_way(response, algorithms())


def choose(message: ParsedMessage, raw: bytes) -> None:
    """Leave in an answer that PJSIP has parsed the challenges that are to be answered; all where none can be."""
    if not _CHALLENGED.match(raw):
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
    head, gap, body = raw.partition(b"\r\n\r\n")
    if not _CHALLENGED.match(head) or not gap:
        return None
    text = head.decode("utf-8", "surrogateescape") + "\r\n"
    without = _FIELDS.sub("", text)
    lines = "".join(f"{header(challenge)}\r\n" for challenge in chosen(challenges(text), algorithms()))
    result = (without + lines + "\r\n").encode("utf-8", "surrogateescape") + body
    return result if without != text and len(result) < len(raw) else None
