"""PJMEDIA's session descriptions as text, of any length.

PJSUA2 prints them into 1024 bytes and hands over an empty string where that is too little (PJSUA2_MAX_SDP_BUF_LEN, call.cpp); the
pointer beside that string is always right.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.limits import MAX_BYTES
from softphone.engine.pjsip.abi import find_library

_DECLARATIONS = "int pjmedia_sdp_print(const void *sdp, char *buffer, size_t size);"


@cache
def _library() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


def text_of(session: Any) -> str:
    """The text of a pjsua2.SdpSession inside the callback that it was given to; "" where it holds none, or one larger than a datagram."""
    if not session.pjSdpSession:
        return ""
    ffi, library = _library()
    buffer = ffi.new("char[]", MAX_BYTES)
    size = int(library.pjmedia_sdp_print(ffi.cast("void *", int(session.pjSdpSession)), buffer, MAX_BYTES))
    return bytes(ffi.buffer(buffer, size)).decode("utf-8", "surrogateescape") if size > 0 else ""
