"""PJMEDIA's WSOLA (pjmedia/wsola.h) through cffi: makes speech shorter without a change of pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softphone.engine.pjsip.abi import load_abi
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.status_codes import PJ_SUCCESS

_POOL_BYTES = 64 * 1024


class Wsola:
    """For one stream of mono sound. Raises CodecSetupError where PJMEDIA refuses."""

    def __init__(self, clock_rate: int, samples_per_frame: int) -> None:
        self._abi = abi = load_abi()
        self._memory = abi.ffi.new("char[]", _POOL_BYTES)
        pool = abi.lib.pj_pool_create_on_buf(b"wsola", self._memory, _POOL_BYTES)
        out = abi.ffi.new("pjmedia_wsola **")
        status = abi.lib.pjmedia_wsola_create(pool, clock_rate, samples_per_frame, 1, 0, out)
        if status != PJ_SUCCESS:
            raise CodecSetupError(f"PJMEDIA makes no WSOLA (status {status}).")
        self._wsola = out[0]
        self._erased = abi.ffi.new("unsigned *")

    def shorten(self, pcm: NDArray[np.int16], samples: int) -> NDArray[np.int16]:
        """pcm (n,) without some samples near its beginning, at least so many and 13 ms; as it was where it is too short for that."""
        if samples <= 0:
            return pcm
        copy = self._abi.ffi.new("int16_t[]", len(pcm))
        self._abi.ffi.memmove(copy, np.ascontiguousarray(pcm), 2 * len(pcm))
        self._erased[0] = samples
        status = self._abi.lib.pjmedia_wsola_discard(self._wsola, copy, len(pcm), self._abi.ffi.NULL, 0, self._erased)
        if status != PJ_SUCCESS or not 0 < self._erased[0] < len(pcm):
            return pcm
        return np.frombuffer(self._abi.ffi.buffer(copy, 2 * (len(pcm) - self._erased[0])), np.int16).copy()
