"""The session description in a multipart body (RFC 5621; RFC 2046, 5.1), so that PJSIP's own reader of such bodies has nothing to do."""

from __future__ import annotations

import binascii
import quopri
import re

from softphone.engine.limits import BODY_PARTS

_BOUNDARY = re.compile(rb';[ \t]*boundary[ \t]*=[ \t]*(?:"([^"\r\n]{1,70})"|([^";,\s]{1,70}))', re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"^(?:content-type|c)[ \t]*:[ \t]*([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_ENCODING = re.compile(rb"^content-transfer-encoding[ \t]*:[ \t]*([^\s;]+)", re.IGNORECASE | re.MULTILINE)
_DEEPEST = 2
SDP = b"application/sdp"


def is_multipart(content_type: bytes) -> bool:
    return content_type.lstrip().lower().startswith(b"multipart")


def media_type(content_type: bytes) -> bytes:
    """Without parameters, in lower case."""
    return content_type.partition(b";")[0].strip().lower()


def session_description(content_type: bytes, body: bytes, depth: int = 0) -> bytes | None:
    """The first part that is an SDP; None if there is none, or if the parts cannot be separated."""
    named = _BOUNDARY.search(content_type)
    if named is None or depth > _DEEPEST:
        return None
    boundary = re.escape(named[1] or named[2])
    pieces = re.split(rb"(?:^|\r?\n)--" + boundary + rb"(--)?[ \t]*(?:\r?\n|$)", body, maxsplit=BODY_PARTS)
    # Text before the first and after the last delimiter belongs to no part.
    for piece, closing in zip(pieces[2::2], pieces[1::2], strict=False):
        if closing:
            break
        if piece.startswith((b"\r\n", b"\n")):
            head, content = b"", piece
        else:
            head, *rest = re.split(rb"\r?\n\r?\n", piece, maxsplit=1)
            content = rest[0] if rest else b""
        found = _CONTENT_TYPE.search(head)
        kind = found[1] if found else b"text/plain"
        if is_multipart(kind):
            inner = session_description(kind, content, depth + 1)
            if inner is not None:
                return inner
        elif media_type(kind) == SDP:
            encoding = _ENCODING.search(head)
            decoded = _decoded(encoding[1].lower() if encoding else b"", content)
            if decoded is not None:
                return decoded
    return None


def _decoded(encoding: bytes, content: bytes) -> bytes | None:
    """RFC 2045, 6; None where the encoding is unknown. Never longer."""
    if encoding in (b"", b"binary", b"8bit", b"7bit"):
        return content
    if encoding == b"quoted-printable":
        return quopri.decodestring(content)
    try:
        return binascii.a2b_base64(content) if encoding == b"base64" else None
    except ValueError:
        return None
