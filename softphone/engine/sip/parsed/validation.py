"""Requests that PJSIP accepts and should refuse (RFC 4475), and those that PJSIP never answers, so the sender retransmits for 32 s."""

from __future__ import annotations

from softphone.engine.sip.head import Head

BAD_REQUEST, BAD_EXTENSION, NO_DIALOG, NOT_IMPLEMENTED = 400, 420, 481, 501
_IN_DIALOG = frozenset({"BYE", "INFO", "NOTIFY", "PRACK", "REFER", "UPDATE"})
_KNOWN = frozenset(
    {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "MESSAGE", "SUBSCRIBE", "NOTIFY"}
)  # fmt: skip
_EXTENSIONS = frozenset({"100rel", "timer", "replaces", "norefersub", "trickle-ice", "outbound", "path", "gruu", "eventlist"})


def refuse(request: bytes) -> int | None:
    """The status with which it is refused, or None. In a call PJSIP itself refuses methods that nobody knows."""
    head = Head(request)
    name = _method(head)
    lengths = head.all("content-length")
    # More than there is: by UDP the rest will never come (RFC 3261, 18.3).
    if len(lengths) > 1 or (lengths and (head.number("content-length") or 0) > len(head.body)):
        return BAD_REQUEST
    if head.cseq_method not in ("", name):
        return BAD_REQUEST
    if name not in _KNOWN and (not head.to_tag or name.upper() in _KNOWN):  # PJSIP takes "invite" for INVITE (RFC 3261, 7.1)
        return NOT_IMPLEMENTED
    if name in ("INVITE", "ACK", "CANCEL"):
        return None  # PJSIP answers the first of them with what it lacks; the others must not be refused (RFC 3261, 8.2.2.3)
    wanted = {word.strip().lower() for value in head.all("require") for word in value.split(",")} - {""}
    return BAD_EXTENSION if wanted - _EXTENSIONS else None


def stray(request: bytes) -> int | None:
    """The status of a request that belongs to a dialog and is in none, which PJSIP leaves without any answer; asked last of all."""
    head = Head(request)
    method = _method(head)
    if method == "REGISTER":
        return NOT_IMPLEMENTED
    return NO_DIALOG if method in _IN_DIALOG and not head.to_tag else None


def _method(head: Head) -> str:
    return next(iter(head.first.split(None, 1)), "")
