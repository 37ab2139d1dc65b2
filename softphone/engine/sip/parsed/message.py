"""A SIP message as PJSIP has parsed it, before any layer of PJSIP works on it: its body and its headers may be changed here.

Layout of PJSIP 2.15 on LP64 (sip_msg.h), which media/abi.py proves to be the version that is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library

_DECLARATIONS = """
typedef struct { char *ptr; long slen; } pj_str_t;
typedef struct pjsip_hdr { struct pjsip_hdr *prev; struct pjsip_hdr *next; int type; pj_str_t name; pj_str_t sname; void *vptr; } pjsip_hdr;
typedef struct { void *prev; void *next; pj_str_t name; pj_str_t value; } pjsip_param;
typedef struct {
    struct { pj_str_t type; pj_str_t subtype; pjsip_param param; } content_type;
    char *data; unsigned len; void *print_body; void *clone_data;
} pjsip_msg_body;
typedef struct { int type; char line[32]; pjsip_hdr hdr; pjsip_msg_body *body; } pjsip_msg;
void *pj_pool_alloc(void *pool, size_t size);
void pj_list_erase(void *node);
pjsip_hdr *pjsip_generic_string_hdr_create(void *pool, const pj_str_t *name, const pj_str_t *value);
"""
_MESSAGE_BYTES, _HEADERS_AT, _BODY_AT = 112, 40, 104
_MOST_HEADERS = 1024


@cache
def _library() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS, packed=False)
    return ffi, ffi.dlopen(str(find_library()))


class ParsedMessage:
    """`message` and `pool` are addresses of the pjsip_msg and of its pool; both live as long as the callback that they were given to."""

    def __init__(self, message: int, pool: int) -> None:
        self._ffi, self._lib = _library()
        self._message = self._ffi.cast("pjsip_msg *", message)
        self._pool = self._ffi.cast("void *", pool)

    @property
    def content_type(self) -> str:
        """Content type such as application/sdp, in lower case, without parameters; "" without a body."""
        body = self._message.body
        return "" if not body else f"{self._text(body.content_type.type)}/{self._text(body.content_type.subtype)}".lower()

    @property
    def body(self) -> bytes:
        """Empty where there is none."""
        body = self._message.body
        return bytes(self._ffi.buffer(body.data, body.len)) if body and body.data and body.len else b""

    def set_body(self, text: bytes) -> None:
        """Replace the body by one of the same type; empty removes it."""
        if not text:
            self._message.body = self._ffi.NULL
            return
        data = self._ffi.cast("char *", self._lib.pj_pool_alloc(self._pool, len(text) + 1))
        # PJSIP's scanner reads one byte past the end.
        self._ffi.memmove(data, text + b"\0", len(text) + 1)
        self._message.body.data, self._message.body.len = data, len(text)

    def remove(self, name: str, which: set[int]) -> None:
        """Remove the headers of this name at these indices among headers of that name."""
        found = [header for header in self._headers() if self._text(header.name).lower() == name.lower()]
        for place in which:
            self._lib.pj_list_erase(found[place])

    def count(self, name: str) -> int:
        return sum(self._text(header.name).lower() == name.lower() for header in self._headers())

    def _headers(self) -> Iterator[Any]:
        head = self._ffi.addressof(self._message, "hdr")
        header = head.next
        for _ in range(_MOST_HEADERS):
            if header == head or not header:
                return
            yield header
            header = header.next

    def _text(self, value: Any) -> str:
        return bytes(self._ffi.buffer(value.ptr, value.slen)).decode("utf-8", "replace") if value.ptr and 0 < value.slen < 1 << 16 else ""


def extra_headers(headers: dict[str, str], pool: int) -> tuple[int, Any]:
    """(address of a list of headers for pjsip_endpt_respond_stateless, what must be kept until it returns)."""
    ffi, lib = _library()
    head = ffi.new("pjsip_hdr *")
    kept: list[Any] = [head]
    chain = [head]
    for name, value in headers.items():
        texts = [ffi.new("char[]", text.encode("utf-8")) for text in (name, value)]
        strings = [ffi.new("pj_str_t *", {"ptr": text, "slen": len(text) - 1}) for text in texts]
        chain.append(lib.pjsip_generic_string_hdr_create(ffi.cast("void *", pool), *strings))
        kept += [*texts, *strings]
    for before, after in zip(chain, [*chain[1:], head], strict=True):
        before.next, after.prev = after, before
    return int(ffi.cast("uintptr_t", head)), kept
