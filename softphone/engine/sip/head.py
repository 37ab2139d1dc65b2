"""The head of a SIP message, read from its bytes as PJSIP reads them: header fields, and the few by which a message is known.

The one place that knows folded lines (RFC 3261, 7.3.1), the compact names of headers (7.3.3) and where the body begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_LINE = re.compile(rb"\r?\n")
_NAME = re.compile(rb"([A-Za-z0-9!%*_+`'~.-]+)[ \t]*:")
_TAG = re.compile(rb";[ \t]*tag[ \t]*=[ \t]*([^;,\s>]+)", re.IGNORECASE)
_QUOTED = re.compile(r'[ \t]*"(?:[^"\\]|\\.)*"')
_COMPACT = {
    b"i": b"call-id", b"m": b"contact", b"e": b"content-encoding", b"l": b"content-length", b"c": b"content-type", b"o": b"event",
    b"f": b"from", b"s": b"subject", b"k": b"supported", b"t": b"to", b"v": b"via",
}  # fmt: skip
_ONCE = frozenset({b"call-id", b"from", b"to", b"cseq"})
_REPEATED = frozenset({b"via", b"from", b"to", b"call-id", b"cseq", b"record-route"})
_MOST_DIGITS = 9
TOO_LONG = frozenset({"<-error: uri too long->", "<--URI is too long-->"})
"""What PJSIP and PJSUA say in place of an address of more than 256 bytes (PJSIP_MAX_URL_SIZE); see `party`."""


def split_message(message: bytes) -> tuple[bytes, list[bytes], bytes]:
    """(head as it is, its lines with folded ones joined, body)."""
    head, *rest = _END.split(message.lstrip(b"\r\n"), maxsplit=1)
    return head, _LINE.split(_FOLD.sub(b" ", head)), rest[0] if rest else b""


def field_name(line: bytes) -> bytes:
    """The name of a header line, in lower case and in full; empty where it has none."""
    named = _NAME.match(line)
    name = named[1].lower() if named else b""
    return _COMPACT.get(name, name)


def read_fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """(name in lower case and in full, value) of header lines; a line without a name is left out."""
    return [(name, line.partition(b":")[2].strip()) for line in lines if (name := field_name(line))]


class Head:
    """First line, header fields and body of a message. What is no UTF-8 in a value comes back as U+FFFD."""

    def __init__(self, message: bytes | str) -> None:
        raw = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
        _, lines, self.body = split_message(raw)
        self.first = lines[0].decode("utf-8", "replace")
        self.raw = read_fields(lines[1:])

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        words = self.first.split(None, 2)
        return int(words[1]) if len(words) > 1 and words[0].upper() == "SIP/2.0" and re.fullmatch("[1-6][0-9]{2}", words[1]) else 0

    @property
    def cseq_method(self) -> str:
        """The method that CSeq names; empty where it is malformed."""
        words = self.get("cseq").split()
        return words[1] if len(words) == 2 and words[0].isdigit() else ""

    @property
    def to_tag(self) -> str:
        """The tag in To, which a request has only inside a dialog (RFC 3261, 12.2.1.1)."""
        return _tag(self.value("to")).decode("utf-8", "replace")

    def value(self, name: str) -> bytes:
        """The first value of a field, as bytes; empty where it is missing."""
        return next((value for key, value in self.raw if key == name.encode("ascii")), b"")

    def get(self, name: str) -> str:
        """The first value of a field; empty where it is missing."""
        return self.value(name).decode("utf-8", "replace")

    def all(self, name: str) -> list[str]:
        """All values of a field, in order."""
        return [value.decode("utf-8", "replace") for key, value in self.raw if key == name.encode("ascii")]

    def token(self, name: str) -> str:
        """The first value without its parameters, in lower case: `Event`, `Content-Type`, `Subscription-State`."""
        return self.get(name).partition(";")[0].strip().lower()

    def parameter(self, name: str, parameter: str) -> str:
        """A parameter of the first value, in lower case; empty where it is missing."""
        for part in self.get(name).split(";")[1:]:
            key, _, value = part.partition("=")
            if key.strip().lower() == parameter:
                return value.strip().lower()
        return ""

    def number(self, name: str) -> int | None:
        """The number with which the first value begins, such as `Expires` or `Retry-After`; None where there is none."""
        digits = re.match(r"[0-9]+", self.get(name))
        return int(digits[0]) if digits and len(digits[0]) <= _MOST_DIGITS else None


@dataclass(frozen=True, slots=True)
class SipHead:
    """What a message is known by. `method` of a request or of the one that a response answers (CSeq); `status` 0 for a request; `branch` is
    the whole top Via; `twice`: a field that must be there once stands there again (RFC 3261, 7.3.1), and who reads which is anybody's
    guess."""

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
    _, lines, _ = split_message(message)
    fields = read_fields(lines[1:])
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        found.setdefault(name, value)
    if not found.get(b"call-id"):
        return None
    names = [name for name, _ in fields if name in _ONCE]
    first = lines[0].split()
    is_response = bool(first) and first[0].upper() == b"SIP/2.0"
    status = int(first[1]) if is_response and len(first) > 1 and first[1].isdigit() and len(first[1]) == 3 else 0
    cseq = found.get(b"cseq", b"").split()
    method = cseq[-1:] if is_response else first[:1]
    return SipHead(
        method[0].decode("ascii", "replace").upper() if method else "",
        status,
        found[b"call-id"],
        _tag(found.get(b"from", b"")),
        _tag(found.get(b"to", b"")),
        found.get(b"via", b""),
        len(names) != len(set(names)),
        int(cseq[0]) if cseq and cseq[0].isdigit() and len(cseq[0]) <= 10 else 0,
    )


def read_caller(message: bytes) -> tuple[str, int]:
    """The URI in From, without parameters, and the number of Via entries."""
    head = Head(message)
    return address(head.get("from"))[:200], sum(1 + value.count(",") for value in head.all("via"))


def repeated_bytes(message: bytes) -> int:
    """How long the fields are that an answer to this request repeats (RFC 3261, 8.2.6 and 12.1.1)."""
    return sum(len(line) for line in split_message(message)[1][1:] if field_name(line) in _REPEATED)


def address(value: str) -> str:
    """The URI in the value of From, To or Contact, without its parameters."""
    quoted = _QUOTED.match(value)
    rest = value[quoted.end() :] if quoted else value
    inner = rest.partition("<")[2].partition(">")[0] if "<" in rest else rest
    return inner.partition(";")[0].strip()


def party(message: bytes, name: str) -> str:
    """The party in From ("from") or To ("to") of a message, without the header's parameters: `"Alice" <sip:alice@example.org>`; "" if the
    header is missing.

    For where PJSIP has no room for it.
    """
    text = Head(message).get(name)
    quoted = _QUOTED.match(text)
    start = text.find("<", quoted.end() if quoted else 0)
    end = text.find(">", start) + 1 if start >= 0 else text.find(";")
    return text[:end].rstrip() if end > 0 else text.rstrip(";")


def _tag(value: bytes) -> bytes:
    tag = _TAG.search(value, value.rfind(b">") + 1)
    return tag[1] if tag else b""
