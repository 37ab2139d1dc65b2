"""The syntax of vCards: content lines, folded and escaped (RFC 6350, 3; RFC 2426, 2), and the older quoted-printable ones of vCard 2.1."""

from __future__ import annotations

import codecs
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(
    r"(?:(?P<group>[A-Za-z0-9-]+)\.)?(?P<name>[A-Za-z0-9_/-]+)(?P<parameters>(?:;(?:[^\";:]|\"[^\"]*\")*)*):(?P<value>.*)", re.DOTALL
)
_PARAMETER = re.compile(r";((?:[^\";]|\"[^\"]*\")*)")
_PARAMETER_VALUE = re.compile(r"(?:[^\",]|\"[^\"]*\")+")
_QUOTED_PRINTABLE = re.compile(rb"^[^:]*;(?:ENCODING=)?QUOTED-PRINTABLE[;:]", re.IGNORECASE)
_ESCAPES = {"n": "\n", "N": "\n"}
_CARET = {"^n": "\n", "^'": '"', "^^": "^"}
WIDTH = 75
"""Octets of a line, without its end (RFC 6350, 3.2)."""


@dataclass(frozen=True)
class ContentLine:
    """`name` and the keys of `parameters` in upper case; `value` is as it stands in the file, but for quoted-printable."""

    group: str
    name: str
    parameters: dict[str, list[str]]
    value: str

    @property
    def types(self) -> list[str]:
        """What TYPE says, in lower case; in vCard 2.1 also parameters without a name."""
        return [kind.lower() for kind in self.parameters.get("TYPE", [])]


def read_lines(data: bytes) -> Iterator[ContentLine]:
    """The content lines of a file of any of the encodings that phones write; what is no content line is left out. Never raises."""
    for line in _unfolded(_utf8(data)):
        found = _LINE.fullmatch(_decoded(line))
        if found is None:
            continue
        parameters = _parameters(found["parameters"])
        value = found["value"]
        if "quoted-printable" in (encoding.lower() for encoding in parameters.get("ENCODING", [])):
            charset = parameters.get("CHARSET", ["utf-8"])[0]
            value = _decoded(quopri.decodestring(_encoded(value)), charset)
        yield ContentLine((found["group"] or "").lower(), found["name"].upper(), parameters, value)


def unescape(value: str) -> str:
    """The text in a value: backslash escapes undone."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value, flags=re.DOTALL)


def components(value: str) -> list[str]:
    """The parts of a structured value such as N, each unescaped."""
    parts = [""]
    for piece in re.findall(r"\\.|[^\\]|\\$", value, flags=re.DOTALL):
        if piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
    return [unescape(part) for part in parts]


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
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _unfolded(data: bytes) -> Iterator[bytes]:
    # On bytes: some programs fold in the middle of a character.
    current: bytes | None = None
    soft = old = False
    for line in re.split(rb"\r\n|\n|\r", data):
        if current is not None and soft:
            current = current[:-1] + line
        elif current is not None and line[:1] in (b" ", b"\t"):
            # vCard 2.1 folds between words and keeps the space; later versions put one in.
            current += line if old else line[1:]
        else:
            if current is not None:
                yield current
            if line.upper().startswith(b"VERSION:"):
                old = line[8:].strip() == b"2.1"
            current = line
        soft = current.endswith(b"=") and _QUOTED_PRINTABLE.match(current) is not None
    if current is not None:
        yield current


def _decoded(data: bytes, charset: str = "utf-8") -> str:
    for encoding in (charset, "utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


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
