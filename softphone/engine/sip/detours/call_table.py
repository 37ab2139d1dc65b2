"""Where one C function of the wheel calls another: the slot of its table of calls (ELF, .got.plt), which can be made to hold another.

PJSIP has no callback between the socket and its parser for UDP, so what its parser cannot take can be kept out only there. The wheel is
one shared object whose functions call each other through this table, which stays writable (it is linked without `-z now`).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.errors import AbiError

_DYNAMIC, _LOAD, _RELRO = 2, 1, 0x6474E552
_STRTAB, _SYMTAB, _PLTRELSZ, _JMPREL = 5, 6, 2, 23
_JUMP_SLOT = 7
"""R_X86_64_JUMP_SLOT (System V ABI, AMD64 supplement, 4.4)."""


def find_slot(library: Path, function: str) -> tuple[int, int]:
    """Where the slot of this function is, and the function itself, both counted from where the library is loaded. Raises AbiError."""
    try:
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
            return _find(image, function.encode())
    except (OSError, struct.error, IndexError, StopIteration) as error:
        raise AbiError(f"the table of calls of {library.name} cannot be read ({type(error).__name__})") from None


def _find(image: Any, function: bytes) -> tuple[int, int]:
    if image[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", image, 18)[0] != 62:
        raise AbiError("the PJSIP library is not made for x86-64, so messages are looked at only after PJSIP has parsed them")
    headers_at, size, count = struct.unpack_from("<Q", image, 32)[0], *struct.unpack_from("<HH", image, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", image, headers_at + number * size) for number in range(count)]
    loads = [(at, offset, stored) for kind, _, offset, at, _, stored, _, _ in headers if kind == _LOAD]

    def offset_of(address: int) -> int:
        return next(int(address - at + offset) for at, offset, stored in loads if at <= address < at + stored)

    dynamic = next(header for header in headers if header[0] == _DYNAMIC)
    entries = dict(struct.unpack_from("<qQ", image, dynamic[2] + place) for place in range(0, dynamic[5], 16))
    relocations, symbols, names = offset_of(entries[_JMPREL]), offset_of(entries[_SYMTAB]), offset_of(entries[_STRTAB])
    for place in range(relocations, relocations + entries[_PLTRELSZ], 24):
        slot, information, _ = struct.unpack_from("<QQq", image, place)
        name_at, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", image, symbols + 24 * (information >> 32))
        if information & 0xFFFFFFFF == _JUMP_SLOT and image[names + name_at : names + name_at + len(function) + 1] == function + b"\0":
            if any(kind == _RELRO and at <= slot < at + room for kind, _, _, at, _, _, room, _ in headers):
                raise AbiError("the PJSIP library's table of calls is read-only")
            return slot, value
    raise AbiError(f"the PJSIP library does not call {function.decode()} through its table")


class Detour:
    """Redirects PJSIP's calls of one of its functions to one of ours. Keep the object until after `libDestroy()`."""

    def __init__(self, ffi: Any, library: Any, function: str, signature: str, through: Callable[..., Any]) -> None:
        """signature: as for `ffi.callback`. `through` may call `original`, and must not raise."""
        self._ffi, self._library, self._function = ffi, library, function
        self._callback = ffi.callback(signature, through)
        self._slot: Any = None
        self.original: Any = ffi.addressof(library, function)

    def install(self) -> None:
        """Raises AbiError."""
        slot, value = find_slot(find_library(), self._function)
        base = int(self._ffi.cast("uintptr_t", self.original)) - value
        if base % mmap.PAGESIZE:
            raise AbiError("the PJSIP library is loaded elsewhere than its table of calls says")
        self._slot = self._ffi.cast("uintptr_t *", base + slot)
        self._slot[0] = int(self._ffi.cast("uintptr_t", self._callback))

    def remove(self) -> None:
        """Restore PJSIP's own function."""
        if self._slot is not None:
            self._slot[0] = int(self._ffi.cast("uintptr_t", self.original))
            self._slot = None

    @property
    def installed(self) -> bool:
        return self._slot is not None
