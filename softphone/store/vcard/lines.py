"""The syntax of vCards: content lines, folded and escaped (RFC 6350, 3; RFC 2426, 2), and the older quoted-printable ones of vCard 2.1."""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import itertools
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(rb"((?:[^\":]|\"[^\"]*+\"?+)*+):")
_NAME = re.compile(
    r"\s*(?:(?P<group>[A-Za-z0-9-]+)\.)?(?P<name>[A-Za-z0-9_/-]+)\s*(?P<parameters>(?:;(?:[^\";]|\"[^\"]*+\"?+)*+)*+)", re.DOTALL
)
_PARAMETER = re.compile(r";((?:[^\";]|\"[^\"]*\")*)")
_PARAMETER_VALUE = re.compile(r"(?:[^\",]|\"[^\"]*\")+")
_QUOTED_PRINTABLE = re.compile(rb"[^:]*;\s*(?:ENCODING=)?\"?QUOTED-PRINTABLE\"?\s*[;:]", re.IGNORECASE)
_BINARY = re.compile(rb"[^:]*;\s*(?:ENCODING=)?\"?(?:BASE64|B)\"?\s*[;:]", re.IGNORECASE)
_ENCODED_END, _ENCODED_START = re.compile(rb"=[0-9A-F]{2}$", re.IGNORECASE), re.compile(rb"[ \t]=[0-9A-F]?", re.IGNORECASE)
_WIDE_BEGIN = re.compile(rb"B\0E\0G\0I\0N", re.IGNORECASE)
_NEXT_PROPERTY = re.compile(
    rb"(?:BEGIN|END|VERSION|N|FN|NICKNAME|ORG|TITLE|TEL|EMAIL|ADR|URL|NOTE|PHOTO|BDAY|UID|REV|IMPP|X-[A-Z0-9-]+)[;:]", re.IGNORECASE
)
"""What a value of quoted-printable that ends in `=` by mistake must not swallow."""
_BINARY_PROPERTIES = frozenset({"PHOTO", "LOGO", "SOUND", "KEY"})
_HEAD_BYTES = 2000
"""Most bytes in which the head of a line (name and parameters) is looked for, so that photographs cost no time."""
_SAME_CHARSET = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "utf-8", "ascii": "utf-8"}
"""What is declared, and what such files hold."""
_COMPONENT = re.compile(r";|(?:[^\\;]|\\.|\\$)++", re.DOTALL)
_ESCAPES = {"n": "\n", "N": "\n"}
_CARET = {"^n": "\n", "^'": '"', "^^": "^"}
WIDTH = 75
"""Octets of a line, without its end (RFC 6350, 3.2)."""


@dataclass(frozen=True)
class ContentLine:
    """`name` and the keys of `parameters` in upper case; `value` is as it stands in the file, but for quoted-printable. A line that is
    none has no name, and all of it in `value`."""

    group: str
    name: str
    parameters: dict[str, list[str]]
    value: str

    @property
    def types(self) -> list[str]:
        """What TYPE says, in lower case; in vCard 2.1 also parameters without a name."""
        return [kind.lower() for kind in self.parameters.get("TYPE", [])]


def read_lines(data: bytes) -> Iterator[ContentLine]:
    """The content lines of a file of any of the encodings that phones write; what is no content line has the name "". Never raises."""
    for line in _unfolded(_utf8(data)):
        head = _HEAD.match(line[:_HEAD_BYTES])
        found = _NAME.fullmatch(_decoded(head[1])) if head is not None else None
        if found is None or head is None:
            if line.strip(b" \t\0\x1a"):
                yield ContentLine("", "", {}, _decoded(line))
            continue
        parameters = _parameters(found["parameters"])
        value = line[head.end() :]
        name = found["name"].upper()
        encodings = {encoding.lower() for encoding in parameters.get("ENCODING", [])}
        if "quoted-printable" in encodings:
            value = quopri.decodestring(value)
        elif encodings & {"b", "base64"} and name not in _BINARY_PROPERTIES:
            with contextlib.suppress(binascii.Error):
                value = base64.b64decode(value, validate=True)
        charset = parameters.get("CHARSET", ["utf-8"])[0].strip().lower()
        yield ContentLine((found["group"] or "").lower(), name, parameters, _decoded(value, charset))


def unescape(value: str) -> str:
    """The text in a value: backslash escapes undone."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value, flags=re.DOTALL)


def components(value: str) -> list[str]:
    """The parts of a structured value such as N, each unescaped."""
    parts: list[list[str]] = [[]]
    for piece in _COMPONENT.findall(value):
        if piece == ";":
            parts.append([])
        else:
            parts[-1].append(piece)
    return [unescape("".join(part)) for part in parts]


def escape(text: str) -> str:
    """A text as a value."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")


def fold(line: str) -> str:
    """The line as it stands in a file, with its end: no more than 75 octets a line, no character torn."""
    folded = []
    current = ""
    room = WIDTH
    for letter in line:
        size = len(letter.encode())
        if size > room:
            folded.append(current)
            current, room = " ", WIDTH - 1
        current += letter
        room -= size
    return "\r\n".join([*folded, current]) + "\r\n"


def _utf8(data: bytes) -> bytes:
    """By the byte order mark, or else by the zeros around BEGIN."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if data.startswith(mark):
            return data.decode(encoding, "replace").encode("utf-8", "replace")
    wide = _WIDE_BEGIN.search(data[:_HEAD_BYTES])
    if wide is not None:
        return data.decode("utf-16-be" if wide.start() % 2 else "utf-16-le", "replace").encode("utf-8", "replace")
    return data


def _unfolded(data: bytes) -> Iterator[bytes]:
    # On bytes: some programs fold in the middle of a character.
    pieces: list[bytes] = []
    quoted = binary = old = False
    for raw in re.split(rb"\r\n|\n|\r", data):
        # Files that were put together of several have a byte order mark before each card.
        line = raw
        while line.startswith(codecs.BOM_UTF8):
            line = line[len(codecs.BOM_UTF8) :]
        soft = quoted and bool(pieces) and pieces[-1].rstrip(b" \t").endswith(b"=") and _NEXT_PROPERTY.match(line) is None
        if pieces and soft:
            pieces[-1] = pieces[-1].rstrip(b" \t")
            pieces.append(line)
        elif pieces and line[:1] in (b" ", b"\t"):
            # vCard 2.1 folds between words and keeps the space; later versions put one in.
            pieces.append(line if old else line[1:])
        elif pieces and binary and line and b":" not in line:
            pieces.append(line)
        else:
            if pieces:
                yield _joined(pieces, quoted)
            if line.upper().startswith(b"VERSION:"):
                old = line[8:].strip() == b"2.1"
            pieces = [line]
        if len(pieces) < 4:
            head = b"".join(pieces)[:_HEAD_BYTES]
            quoted, binary = _QUOTED_PRINTABLE.match(head) is not None, _BINARY.match(head) is not None
    if pieces:
        yield _joined(pieces, quoted)


def _joined(pieces: list[bytes], quoted: bool) -> bytes:
    """The pieces of one line. Soft line breaks of quoted-printable (RFC 2045, 6.7) keep a blank that follows; but programs that fold the
    lines of a vCard as well put one in, at each break."""
    if not quoted or len(pieces) == 1:
        return b"".join(pieces)
    breaks = [(before, after) for before, after in itertools.pairwise(pieces) if before.endswith(b"=")]
    folded = all(after[:1] in (b" ", b"\t") for _, after in breaks) and (
        len(breaks) > 1 or all(_ENCODED_END.search(before[:-1]) and _ENCODED_START.match(after) for before, after in breaks)
    )
    joined = [pieces[0]]
    for piece in pieces[1:]:
        soft = joined[-1].endswith(b"=")
        if soft:
            joined[-1] = joined[-1][:-1]
        joined.append(piece[1:] if soft and folded else piece)
    return b"".join(joined)


def _decoded(data: bytes, charset: str = "utf-8") -> str:
    for encoding in (_SAME_CHARSET.get(charset, charset), "utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


def _parameters(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in _PARAMETER.findall(text):
        name, equals, values = part.partition("=")
        if not equals:
            # vCard 2.1: a bare value, of an encoding or a type.
            name, values = ("ENCODING" if name.upper() in ("QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT") else "TYPE"), name
        for value in _PARAMETER_VALUE.findall(values):
            plain = re.sub(r"\^[n'^]", lambda caret: _CARET[caret[0]], value.replace('"', ""))
            # RFC 6350 has TYPE="work,voice" too.
            found.setdefault(name.strip().upper(), []).extend(plain.split(",") if name.strip().upper() == "TYPE" else [plain])
    return found
