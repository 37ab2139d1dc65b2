"""The few header fields of a SIP message by which it is known, read from its bytes as PJSIP reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"^(call-id|i|from|f|to|t|via|v|cseq)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(rb";[ \t]*tag[ \t]*=[ \t]*([^;,\s>]+)", re.IGNORECASE)
_LONG = {b"i": b"call-id", b"f": b"from", b"t": b"to", b"v": b"via"}


@dataclass(frozen=True, slots=True)
class SipHead:
    """`method` of a request or of the one that a response answers (CSeq); `status` 0 for a request; `branch` is the whole top Via;
    `twice`: a field that must be there once stands there again (RFC 3261, 7.3.1), and who reads which is anybody's guess."""

    method: str
    status: int
    call_id: bytes
    from_tag: bytes
    to_tag: bytes
    branch: bytes
    twice: bool


def read_head(message: bytes) -> SipHead | None:
    """None for what has no Call-ID, such as a keep-alive."""
    head = _FOLD.sub(b" ", _END.split(message.lstrip(b"\r\n"), maxsplit=1)[0])
    found: dict[bytes, bytes] = {}
    twice = False
    for name, value in _FIELD.findall(head):
        key = _LONG.get(name.lower(), name.lower())
        if key in found:
            twice = twice or key != b"via"
            continue
        found[key] = value.strip()
    if not found.get(b"call-id"):
        return None
    first = head.split(b"\n", 1)[0].split()
    is_response = bool(first) and first[0].upper() == b"SIP/2.0"
    status = int(first[1]) if is_response and len(first) > 1 and first[1].isdigit() and len(first[1]) == 3 else 0
    method = found.get(b"cseq", b"").split()[-1:] if is_response else first[:1]
    return SipHead(
        method[0].decode("ascii", "replace").upper() if method else "",
        status,
        found[b"call-id"],
        _tag(found.get(b"from", b"")),
        _tag(found.get(b"to", b"")),
        found.get(b"via", b""),
        twice,
    )


def _tag(value: bytes) -> bytes:
    tag = _TAG.search(value, value.rfind(b">") + 1)
    return tag[1] if tag else b""
