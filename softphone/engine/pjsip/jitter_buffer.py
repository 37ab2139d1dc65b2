"""PJMEDIA's jitter buffer (pjmedia/jbuf.h), through cffi: it orders frames, follows the network's jitter, and says what is missing.

Not thread-safe: PJMEDIA locks it in the stream, here its owner does.
"""

from __future__ import annotations

from enum import IntEnum

from softphone.engine.pjsip.abi import load_abi
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.status_codes import PJ_SUCCESS

_POOL_BYTES = 64 * 1024
_NAME = b"x-phv sound"


class FrameKind(IntEnum):
    """What `take` gives (pjmedia_jb_frame_type)."""

    MISSING = 0
    NORMAL = 1
    PREFETCHING = 2
    """Frames are here, and are kept until there are enough."""
    EMPTY = 3


class JitterBuffer:
    """Frames of at most `frame_bytes`, each for `frame_ms`, at most `most` of them. Adaptive, and begins without delay.

    Raises CodecSetupError where PJMEDIA refuses.
    """

    def __init__(self, frame_bytes: int, frame_ms: int, most: int) -> None:
        self._abi = abi = load_abi()
        self._memory = abi.ffi.new("char[]", _POOL_BYTES)
        pool = abi.lib.pj_pool_create_on_buf(_NAME, self._memory, _POOL_BYTES)
        self._text = abi.ffi.new("char[]", _NAME)
        name = abi.ffi.new("pj_str_t *", {"ptr": self._text, "slen": len(_NAME)})
        out = abi.ffi.new("pjmedia_jbuf **")
        status = abi.lib.pjmedia_jbuf_create(pool, name, frame_bytes, frame_ms, most, out)
        if status != PJ_SUCCESS:
            raise CodecSetupError(f"PJMEDIA makes no jitter buffer (status {status}).")
        self._buffer = out[0]
        abi.lib.pjmedia_jbuf_set_adaptive(self._buffer, 0, 0, most * 4 // 5)
        self._frame_bytes = frame_bytes
        self._frame = abi.ffi.new("char[]", frame_bytes)
        self._size = abi.ffi.new("size_t *")
        self._kind = abi.ffi.new("char *")
        self._number = abi.ffi.new("int *")
        self._discarded = abi.ffi.new("int *")
        self._info = abi.ffi.new("uint32_t *")
        self._stamp = abi.ffi.new("uint32_t *")

    def put(self, frame: bytes, number: int) -> bool:
        """A frame with its number, which counts frames; False where it came too late or twice."""
        frame = frame[: self._frame_bytes]
        self._abi.lib.pjmedia_jbuf_put_frame3(self._buffer, frame, len(frame), 0, number, 0, self._discarded)
        return not self._discarded[0]

    def take(self) -> tuple[FrameKind, bytes]:
        """What is played next; with bytes only for NORMAL."""
        self._size[0] = self._frame_bytes
        self._abi.lib.pjmedia_jbuf_get_frame3(self._buffer, self._frame, self._size, self._kind, self._info, self._stamp, self._number)
        kind = FrameKind(self._kind[0][0])
        return kind, bytes(self._abi.ffi.buffer(self._frame, self._size[0])) if kind is FrameKind.NORMAL else b""

    @property
    def waiting(self) -> int:
        """Frames that are here."""
        state = self._abi.ffi.new("pjmedia_jb_state *")
        self._abi.lib.pjmedia_jbuf_get_state(self._buffer, state)
        return int(state.size)

    def reset(self) -> None:
        """Forget all frames; numbers begin anywhere."""
        self._abi.lib.pjmedia_jbuf_reset(self._buffer)
