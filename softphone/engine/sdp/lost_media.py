"""A call that lost its media: what PJSUA 2.15.1 asserts of it is an error instead.

Requests of a far end in an unusual order (UPDATE before the answer, and again) can leave a call without media. An offer in it has no
address for the origin line, which `pjmedia_endpt_create_base_sdp` asserts (endpoint.c), and an agreed description has more media lines
than the call has media, which `pjsua_media_channel_update` asserts (pjsua_media.c). Both are led through here and fail, which PJSUA
expects of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pjsua2 as pj
from cffi import FFI

from softphone.engine.limits import MAX_BYTES
from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.status_codes import PJ_EAFNOTSUP, PJ_EINVALIDOP
from softphone.engine.sip.call_table import Detour

"""pj/errno.h."""
_CREATE, _UPDATE = "pjmedia_endpt_create_base_sdp", "pjsua_media_channel_update"
_FAMILIES = (2, 10)
"""AF_INET and AF_INET6 (Linux)."""


@cache
def _interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(
        f"int {_CREATE}(void *endpoint, void *pool, const void *name, const void *origin, void **made);"
        f"int {_UPDATE}(int call, const void *local, const void *remote);"
        "int pjmedia_sdp_print(const void *sdp, char *buffer, size_t size);"
    )
    return ffi, ffi.dlopen(str(find_library()))


class LostMedia:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self) -> None:
        self._ffi, self._lib = _interface()
        create = "int(void *, void *, const void *, const void *, void **)"
        self._create = Detour(self._ffi, self._lib, _CREATE, create, self._create_description)
        self._update = Detour(self._ffi, self._lib, _UPDATE, "int(int, const void *, const void *)", self._update_media)

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        self._create.install()
        self._update.install()

    def uninstall(self) -> None:
        self._create.remove()
        self._update.remove()

    def _create_description(self, endpoint: Any, pool: Any, name: Any, origin: Any, made: Any) -> int:
        if not origin or self._ffi.cast("uint16_t *", origin)[0] not in _FAMILIES:
            return PJ_EAFNOTSUP
        return int(self._create.original(endpoint, pool, name, origin, made))

    def _update_media(self, number: int, local: Any, remote: Any) -> int:
        if self._known_lines(number) < self._audio_lines(local):
            return PJ_EINVALIDOP
        return int(self._update.original(number, local, remote))

    def _known_lines(self, number: int) -> int:
        """Media lines of the call up to its last audio line: PJSUA lists no lines of other media."""
        call = pj.Call.lookup(number)
        try:
            return 0 if call is None else max((media.index + 1 for media in call.getInfo().provMedia), default=0)
        except pj.Error:
            return 0

    def _audio_lines(self, description: Any) -> int:
        """Media lines of a description up to its last audio line, at least one where there are lines at all."""
        buffer = self._ffi.new("char[]", MAX_BYTES)
        size = int(self._lib.pjmedia_sdp_print(description, buffer, MAX_BYTES))
        lines = [line for line in bytes(self._ffi.buffer(buffer, max(0, size))).splitlines() if line.startswith(b"m=")]
        return max((number for number, line in enumerate(lines, 1) if line.startswith(b"m=audio ")), default=min(1, len(lines)))
