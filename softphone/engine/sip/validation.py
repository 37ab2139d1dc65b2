"""Requests that PJSIP takes and should refuse (RFC 4475), and those that it leaves without any answer, so that who asks tries for 32 s."""

from __future__ import annotations

import re

BAD_REQUEST, BAD_EXTENSION, NO_DIALOG, NOT_IMPLEMENTED = 400, 420, 481, 501
_IN_DIALOG = frozenset({"BYE", "INFO", "NOTIFY", "PRACK", "REFER", "UPDATE"})
_KNOWN = frozenset(
    {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "MESSAGE", "SUBSCRIBE", "NOTIFY"}
)  # fmt: skip
_EXTENSIONS = frozenset({"100rel", "timer", "replaces", "norefersub", "trickle-ice", "outbound", "path", "gruu", "eventlist"})
_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d*)", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(rb"^cseq[ \t]*:(?:[ \t]|\r?\n[ \t])*\d+(?:[ \t]|\r?\n[ \t])+(\S+)", re.IGNORECASE | re.MULTILINE)
_REQUIRE = re.compile(rb"^require[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_TO_TAG = re.compile(rb"^(?:to|t)[ \t]*:(?:[^\r\n]|\r?\n[ \t])*?;\s*tag\s*=", re.IGNORECASE | re.MULTILINE)


def refuse(request: bytes) -> int | None:
    """The status with which it is refused, or None. In a call PJSIP itself refuses methods that nobody knows."""
    text = request.lstrip(b"\r\n")
    head, *body = _END.split(text, maxsplit=1)
    method = head.split(None, 1)[0] if head.split() else b""
    lengths = _LENGTH.findall(head)
    # More than there is: by UDP the rest will never come (RFC 3261, 18.3).
    if len(lengths) > 1 or (lengths and lengths[0].isdigit() and int(lengths[0][:9]) > len(body[0] if body else b"")):
        return BAD_REQUEST
    cseq = _CSEQ.search(head)
    if cseq is not None and cseq[1] != method:
        return BAD_REQUEST
    name = method.decode("ascii", "replace")
    if name not in _KNOWN and not _TO_TAG.search(head):
        return NOT_IMPLEMENTED
    if name in ("INVITE", "ACK", "CANCEL"):
        return None  # PJSIP answers the first of them with what it lacks; the others must not be refused (RFC 3261, 8.2.2.3)
    wanted = {word.strip().lower() for line in _REQUIRE.findall(head) for word in line.decode("ascii", "replace").split(",")} - {""}
    return BAD_EXTENSION if wanted - _EXTENSIONS else None


def stray(request: bytes) -> int | None:
    """The status of a request that belongs to a dialog and is in none, which PJSIP leaves without any answer; asked last of all."""
    head = _END.split(request.lstrip(b"\r\n"), maxsplit=1)[0]
    method = head.split(None, 1)[0].decode("ascii", "replace") if head.split() else ""
    if method == "REGISTER":
        return NOT_IMPLEMENTED
    return NO_DIALOG if method in _IN_DIALOG and not _TO_TAG.search(head) else None
