"""Text files of the user's (configuration, passwords, lists), as editors and exports leave them. What is no text gets one clause that says
what it is and what to do."""

from __future__ import annotations

import codecs
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from softphone.errors import SoftphoneError

LARGEST = 1_000_000
"""Bytes of a file that people write by hand."""
_MARKS_AT_LINES = re.compile(r"^\ufeff+", re.MULTILINE)
_BARE_RETURN = re.compile(r"\r(?!\n)")
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class TextFileError(SoftphoneError):
    """Why a file cannot be read: a clause without the file's name, such as "it is a folder"."""


@dataclass(frozen=True)
class TextFile:
    """`text` without byte order marks, its lines ended by LF or CRLF; `mode`: who may read the file (stat, 07777)."""

    text: str
    mode: int


def read(path: Path, limit: int = LARGEST) -> TextFile:
    """Raises TextFileError, and FileNotFoundError where there is none."""
    data, mode = _read(path, limit)
    return TextFile(text_of(data), mode)


def read_bytes(path: Path, limit: int) -> bytes:
    """A file of at most `limit` bytes, never a pipe, which nobody may ever fill. Raises TextFileError, FileNotFoundError."""
    return _read(path, limit)[0]


def text_of(data: bytes) -> str:
    """The text in bytes that should be UTF-8, with a byte order mark or without. Raises TextFileError."""
    for mark, name in _WIDE_MARKS:
        if data.startswith(mark):
            raise TextFileError(f"it is {name} text; save it as UTF-8")
    if b"\0" in data:
        wide = max(data[0::2].count(0), data[1::2].count(0)) > len(data) // 8
        raise TextFileError("it is UTF-16 text; save it as UTF-8" if wide else "it holds zero bytes and is no text; check its name")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TextFileError(f"line {line} is not UTF-8; save it as UTF-8") from None
    return _BARE_RETURN.sub("\n", _MARKS_AT_LINES.sub("", text))


def _read(path: Path, limit: int) -> tuple[bytes, int]:
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode):
                raise TextFileError("it is a folder; name a file")
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISCHR(found.st_mode)):
                raise TextFileError("it is no file but a pipe or a device; name a file")
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise TextFileError("it is a folder; name a file") from None
    except (OSError, ValueError) as error:
        raise TextFileError(str(getattr(error, "strerror", None) or error)) from None
    if len(data) > limit:
        size = f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1000} kB"
        raise TextFileError(f"it is larger than {size}; it may be another file")
    return data, stat.S_IMODE(found.st_mode)
