"""PJSIP's C symbols, reached through cffi in ABI mode, and the proof that their layout is the one we know.

The wheel `pjsua2-python` links PJSIP statically into one extension module that exports every C function, so a codec can be added without
a compiler. The price is that a wrong struct layout is silent memory corruption; `self_check` reads known values back through the layout
before anything is registered. Layout of PJSIP 2.15 on LP64 (pjmedia/codec.h, frame.h, sdp.h, types.h).
"""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.declarations import CODEC_API, SOUND_API
from softphone.engine.pjsip.errors import AbiError
from softphone.engine.pjsip.status_codes import PJ_SUCCESS

SUPPORTED_VERSION = "2.15"
PJMEDIA_TYPE_AUDIO = 1
PJMEDIA_FRAME_TYPE_AUDIO = 1
MAX_FMTP = 16
"""Parameters that pjmedia_codec_fmtp holds (PJMEDIA_CODEC_MAX_FMTP_CNT)."""
MAX_PARSED_FRAMES = 16
"""Frames that a codec's parse() may return (stream.c, on_rx_rtp)."""

LAYOUT: dict[str, tuple[int, dict[str, int]]] = {
    "pj_str_t": (16, {"ptr": 0, "slen": 8}),
    "pjmedia_codec_info": (32, {"type": 0, "pt": 4, "encoding_name": 8, "clock_rate": 24, "channel_cnt": 28}),
    "pjmedia_codec_fmtp": (520, {"cnt": 0, "param": 8}),
    "pjmedia_codec_param": (1104, {"info": 0, "setting": 40}),
    "pjmedia_codec_param_info": (36, {"max_rx_frame_size": 16, "frm_ptime": 20, "enc_ptime": 24, "pt": 28, "fmt_id": 32}),
    "pjmedia_codec_param_setting": (
        1064,
        {"frm_per_pkt": 0, "flags": 1, "enc_fmtp": 8, "dec_fmtp": 528, "packet_loss": 1048, "complexity": 1052, "cbr": 1056},
    ),
    "pjmedia_frame": (40, {"type": 0, "buf": 8, "size": 16, "timestamp": 24, "bit_info": 32}),
    "pjmedia_aud_dev_info": (412, {"name": 4, "input_count": 68, "driver": 80, "caps": 112, "ext_fmt_cnt": 120}),
    "pjmedia_aud_param": (112, {"rec_id": 4, "clock_rate": 12, "flags": 28, "input_latency_ms": 68, "ec_enabled": 92}),
    "pjmedia_codec": (40, {"codec_data": 16, "factory": 24, "op": 32}),
    "pjmedia_codec_factory": (32, {"factory_data": 16, "op": 24}),
}
"""Sizes and offsets that the struct declarations above must have (bytes, LP64)."""

FLAG_VAD, FLAG_CNG, FLAG_PENH, FLAG_PLC = 1, 2, 4, 8
"""Bits of `setting.flags`: gcc puts the C bit-fields vad, cng, penh, plc straight after frm_per_pkt."""


@dataclass(frozen=True)
class Abi:
    """The foreign-function interface and the opened library."""

    ffi: FFI
    lib: Any

    def text(self, value: Any, limit: int = 1024) -> str:
        """The text of a pj_str_t, at most `limit` bytes of it; bytes outside ASCII become U+FFFD."""
        if value.ptr == self.ffi.NULL or value.slen <= 0:
            return ""
        raw: bytes = self.ffi.buffer(value.ptr, min(value.slen, limit))[:]
        return raw.decode("ascii", "replace")


@cache
def load_abi() -> Abi:
    """Open the extension module of the wheel a second time as a plain library (same handle, same globals)."""
    ffi = FFI()
    ffi.cdef(CODEC_API)
    ffi.cdef(SOUND_API)
    return Abi(ffi, ffi.dlopen(str(find_library())))


def find_library() -> Path:
    """Path of `_pjsua2*.so`. Raises AbiError when the wheel is not installed."""
    spec = importlib.util.find_spec("pjsua2")
    if spec is None or not spec.submodule_search_locations:
        raise AbiError("The Python package pjsua2 is not installed; install pjsua2-python==2.15.1.post1.")
    folder = Path(next(iter(spec.submodule_search_locations)))
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        candidate = folder / f"_pjsua2{suffix}"
        if candidate.exists():
            return candidate
    raise AbiError(f"No _pjsua2 extension module for this Python in {folder}; install pjsua2-python==2.15.1.post1.")


class Probe:
    """What `self_check` reads from the running library. Tests hand in another one to see the refusals."""

    def __init__(self, abi: Abi) -> None:
        self._abi = abi
        endpoint = abi.lib.pjsua_get_pjmedia_endpt()
        if endpoint == abi.ffi.NULL:
            raise AbiError("PJSUA is not initialised yet; call libInit() before the codecs are installed.")
        self._manager = abi.lib.pjmedia_endpt_get_codec_mgr(endpoint)

    def version(self) -> str:
        return bytes(self._abi.ffi.string(self._abi.lib.pj_get_version())).decode("ascii", "replace")

    def default_param(self, codec_id: str) -> bytes:
        """2048 bytes, 0xA5 where PJSIP wrote nothing, with the default pjmedia_codec_param of `codec_id` at the start."""
        ffi, lib = self._abi.ffi, self._abi.lib
        raw = codec_id.encode("ascii")
        name = ffi.new("char[]", raw)
        wanted = ffi.new("pj_str_t *", {"ptr": name, "slen": len(raw)})
        count = ffi.new("unsigned *", 1)
        found = ffi.new("const pjmedia_codec_info *[1]")
        if lib.pjmedia_codec_mgr_find_codecs_by_id(self._manager, wanted, count, found, ffi.NULL) != PJ_SUCCESS:
            raise AbiError(f"PJSIP has no codec {codec_id}, so its memory layout cannot be proven and our own codecs stay off.")
        buffer = ffi.new("uint8_t[2048]", b"\xa5" * 2048)
        if lib.pjmedia_codec_mgr_get_default_param(self._manager, found[0], ffi.cast("pjmedia_codec_param *", buffer)) != PJ_SUCCESS:
            raise AbiError(f"PJSIP gives no defaults for {codec_id}, so its memory layout cannot be proven and our own codecs stay off.")
        return bytes(ffi.buffer(buffer))

    def text_at(self, address: int, length: int) -> bytes:
        """`length` bytes at `address`: the value of a pj_str_t that the library wrote."""
        return bytes(self._abi.ffi.buffer(self._abi.ffi.cast("char *", address), length))


def self_check(abi: Abi, probe: Probe | None = None) -> str:
    """Prove the layout; returns PJSIP's version. Raises AbiError, with nothing registered, when anything differs."""
    if sys.maxsize != 2**63 - 1 or sys.byteorder != "little":
        raise AbiError("Our own codecs know PJSIP's memory layout only on 64-bit little-endian machines; PCMU and PCMA still work.")
    for name, (size, offsets) in LAYOUT.items():
        _expect(f"size of {name}", abi.ffi.sizeof(name), size)
        for field, offset in offsets.items():
            _expect(f"offset of {name}.{field}", abi.ffi.offsetof(name, field), offset)
    probe = probe or Probe(abi)
    version = probe.version()
    if not (version == SUPPORTED_VERSION or version.startswith(SUPPORTED_VERSION + ".")):
        raise AbiError(
            f"PJSIP {version} is installed but our own codecs know only {SUPPORTED_VERSION}.x; install pjsua2-python==2.15.1.post1."
        )
    _check_defaults(abi, probe, "PCMU/8000/1", {"clock_rate": 8000, "channel_cnt": 1, "avg_bps": 64000, "frm_ptime": 10}, 2)
    _check_defaults(abi, probe, "speex/16000/1", {"clock_rate": 16000, "channel_cnt": 1, "frm_ptime": 20}, 1)
    _check_ilbc_mode(abi, probe)
    return version


def _check_defaults(abi: Abi, probe: Probe, codec_id: str, info: dict[str, int], frames_per_packet: int) -> None:
    raw = probe.default_param(codec_id)
    written = len(raw.rstrip(b"\xa5"))
    size = abi.ffi.sizeof("pjmedia_codec_param")
    # The last field of the struct is followed by four bytes of padding that PJSIP clears with the rest.
    _expect(f"bytes that PJSIP wrote for {codec_id}", written, size)
    param = abi.ffi.from_buffer("pjmedia_codec_param *", bytearray(raw))
    for field, value in info.items():
        _expect(f"{field} of {codec_id}", getattr(param.info, field), value)
    _expect(f"frm_per_pkt of {codec_id}", param.setting.frm_per_pkt, frames_per_packet)
    if not param.setting.flags & FLAG_PLC:
        raise AbiError(_refusal(f"plc bit of {codec_id}", 0, 1))


def _check_ilbc_mode(abi: Abi, probe: Probe) -> None:
    param = abi.ffi.from_buffer("pjmedia_codec_param *", bytearray(probe.default_param("iLBC/8000/1")))
    _expect("fmtp count of iLBC", param.setting.dec_fmtp.cnt, 1)
    entry = param.setting.dec_fmtp.param[0]
    as_address: Callable[[Any], int] = lambda pointer: int(abi.ffi.cast("uintptr_t", pointer))  # noqa: E731
    # Lengths first: a wrong layout must not make us follow a wild pointer.
    _expect("length of iLBC's fmtp name", entry.name.slen, 4)
    _expect("length of iLBC's fmtp value", entry.val.slen, 2)
    _expect("iLBC's fmtp name", probe.text_at(as_address(entry.name.ptr), 4), b"mode")
    _expect("iLBC's fmtp value", probe.text_at(as_address(entry.val.ptr), 2), b"30")


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise AbiError(_refusal(what, found, wanted))


def _refusal(what: str, found: object, wanted: object) -> str:
    return (
        f"This PJSIP binary has another memory layout than we know ({what} is {found!r}, not {wanted!r}), so our own codecs stay off "
        "and calls use PCMU/PCMA; install pjsua2-python==2.15.1.post1."
    )
