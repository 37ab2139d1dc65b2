"""The few header fields of a SIP message by which it is known, read from its bytes as PJSIP reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"^(call-id|i|from|f|to|t|via|v|cseq)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(rb";[ \t]*tag[ \t]*=[ \t]*([^;,\s>]+)", re.IGNORECASE)
_REPEATED = re.compile(rb"^(?:via|v|from|f|to|t|call-id|i|cseq|record-route)[ \t]*:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(r'[ \t]*"(?:[^"\\]|\\.)*"')
_LONG = {b"i": b"call-id", b"f": b"from", b"t": b"to", b"v": b"via"}


TOO_LONG = frozenset({"<-error: uri too long->", "<--URI is too long-->"})
"""What PJSIP and PJSUA say in place of an address of more than 256 bytes (PJSIP_MAX_URL_SIZE); see `party`."""


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
    sequence: int = 0
    """Of CSeq; 0 where it cannot be read."""


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
    cseq = found.get(b"cseq", b"").split()[:1]
    return SipHead(
        method[0].decode("ascii", "replace").upper() if method else "",
        status,
        found[b"call-id"],
        _tag(found.get(b"from", b"")),
        _tag(found.get(b"to", b"")),
        found.get(b"via", b""),
        twice,
        int(cseq[0]) if cseq and cseq[0].isdigit() and len(cseq[0]) <= 10 else 0,
    )


def read_caller(message: bytes) -> tuple[str, int]:
    """Whom From names, without display name and parameters, and through how many Via the message came."""
    head = _FOLD.sub(b" ", _END.split(message.lstrip(b"\r\n"), maxsplit=1)[0])
    hops, caller = 0, ""
    for name, value in _FIELD.findall(head):
        key = _LONG.get(name.lower(), name.lower())
        if key == b"via":
            hops += 1 + value.count(b",")
        elif key == b"from" and not caller:
            inner = value.partition(b"<")[2].partition(b">")[0] if b"<" in value else value
            caller = inner.partition(b";")[0].strip().decode("utf-8", "replace")[:200]
    return caller, hops


def repeated_bytes(message: bytes) -> int:
    """How long the fields are that an answer to this request repeats (RFC 3261, 8.2.6 and 12.1.1)."""
    head = _FOLD.sub(b" ", _END.split(message.lstrip(b"\r\n"), maxsplit=1)[0])
    return sum(len(line) for line in _REPEATED.findall(head))


def party(message: bytes, name: str) -> str:
    """Who is named in From ("from") or To ("to") of a message, without the header's parameters: `"Alice" <sip:alice@example.org>`; "" where
    the header is missing.

    For where PJSIP has no room for it.
    """
    head = _FOLD.sub(b" ", _END.split(message.lstrip(b"\r\n"), maxsplit=1)[0])
    for key, value in _FIELD.findall(head):
        if _LONG.get(key.lower(), key.lower()) == name.encode("ascii"):
            text: str = value.decode("utf-8", "replace").strip()
            quoted = _QUOTED.match(text)
            address = text.find("<", quoted.end() if quoted else 0)
            end = text.find(">", address) + 1 if address >= 0 else text.find(";")
            return text[:end].rstrip() if end > 0 else text.rstrip(";")
    return ""


def _tag(value: bytes) -> bytes:
    tag = _TAG.search(value, value.rfind(b">") + 1)
    return tag[1] if tag else b""
