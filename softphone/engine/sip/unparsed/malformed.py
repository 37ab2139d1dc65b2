"""What becomes of a message that PJSIP's parser refuses because one of its header fields is malformed.

PJSIP 2.15.1 drops the whole message without a word (sip_transport.c, at parse_err), so that a call is lost for an empty Supported or a
Session-Expires that is no number. Malformed fields that are not needed are to be ignored (RFC 3261, 8.2), and who sends a request whose
other fields are malformed is told so.
"""

from __future__ import annotations

import re
from collections.abc import Callable

BAD_REQUEST, UNSUPPORTED_URI_SCHEME, VERSION_NOT_SUPPORTED = 400, 416, 505
REASONS = {
    BAD_REQUEST: "Bad Request",
    415: "Unsupported Media Type",
    UNSUPPORTED_URI_SCHEME: "Unsupported URI Scheme",
    VERSION_NOT_SUPPORTED: "Version Not Supported",
    513: "Message Too Large",
}
_END = re.compile(rb"\r?\n\r?\n")
_LINE = re.compile(rb"\r?\n(?![ \t])")
_FIELD = re.compile(rb"([A-Za-z0-9!%*_+`'~.-]+)[ \t]*:(.*)", re.DOTALL)
_NEEDED = frozenset(
    {
        b"via", b"v", b"from", b"f", b"to", b"t", b"call-id", b"i", b"cseq", b"contact", b"m", b"content-type", b"c", b"content-length",
        b"l", b"content-encoding", b"e", b"require", b"route", b"record-route", b"www-authenticate", b"proxy-authenticate", b"replaces",
        b"refer-to", b"r", b"event", b"o", b"rseq", b"rack",
    }
)  # fmt: skip
"""What a message means without these is anybody's guess."""
_NEEDED_IN_ANSWERS = _NEEDED - {b"contact", b"m"}
"""Without a Contact requests go where the first went."""
_FIRST = re.compile(rb"([A-Z0-9!%*_+`'~.-]+) (\S+) (SIP/(\d+)\.(\d+))", re.IGNORECASE)
_SCHEME = re.compile(rb"(?!sips?:|tel:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def without(raw: bytes, parses: Callable[[bytes, bytes], bool]) -> bytes | None:
    """The message without the fields that `parses(name, value)` denies and that are not needed; None where that is no help."""
    head, gap, body = _parts(raw)
    lines = _LINE.split(head)
    needed = _NEEDED_IN_ANSWERS if lines[0][:4].upper() == b"SIP/" else _NEEDED
    kept = [lines[0]]
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if field is None:
            continue
        if parses(field[1], field[2]):
            kept.append(line)
        elif field[1].lower() in needed:
            return None
    result = b"\r\n".join(kept) + gap + body
    return result if len(kept) < len(lines) and len(result) < len(raw) else None


def status(raw: bytes) -> int:
    """With which a request that cannot be parsed is answered; 0 for an ACK and for what is no request."""
    first = _LINE.split(raw.lstrip(b"\r\n"), maxsplit=1)[0]
    if first[:4].upper() in (b"SIP/", b"ACK "):
        return 0
    match = _FIRST.fullmatch(first)
    if match is None:
        return BAD_REQUEST if first.upper().rstrip().endswith(b" SIP/2.0") else 0
    if (match[4], match[5]) != (b"2", b"0"):
        return VERSION_NOT_SUPPORTED
    return UNSUPPORTED_URI_SCHEME if _SCHEME.match(match[2]) else BAD_REQUEST


def _parts(raw: bytes) -> tuple[bytes, bytes, bytes]:
    text = raw.lstrip(b"\r\n")
    end = _END.search(text)
    return (text[: end.start()], end[0], text[end.end() :]) if end else (text, b"", b"")
