"""libopus through cffi in ABI mode: the encoder, the decoder and the packet questions that RFC 7587 needs.

The library is the one that `opuslib-next-bundled` carries; that package's own wrapper knows no packet loss concealment with FEC for
packets longer than 20 ms and leaves most controls out. Constants from opus_defines.h.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.errors import CodecSetupError

OPUS_APPLICATION_VOIP = 2048
SET_BITRATE = 4002
SET_MAX_BANDWIDTH = 4004
SET_VBR = 4006
SET_COMPLEXITY = 4010
SET_INBAND_FEC = 4012
SET_PACKET_LOSS_PERC = 4014
SET_DTX = 4016
SET_SIGNAL = 4024
SIGNAL_VOICE = 3001
BANDWIDTHS = {8000: 1101, 12000: 1102, 16000: 1103, 24000: 1104, 48000: 1105}
"""Sampling rate in Hz -> widest bandwidth it can carry (NB, MB, WB, SWB, FB)."""
MAX_PACKET = 1275
"""Longest frame in bytes (RFC 6716 section 3.2.1)."""

_CDEF = """
typedef struct OpusEncoder OpusEncoder;
typedef struct OpusDecoder OpusDecoder;
OpusEncoder *opus_encoder_create(int32_t Fs, int channels, int application, int *error);
int opus_encoder_ctl(OpusEncoder *st, int request, ...);
int32_t opus_encode(OpusEncoder *st, const int16_t *pcm, int frame_size, unsigned char *data, int32_t max_data_bytes);
void opus_encoder_destroy(OpusEncoder *st);
OpusDecoder *opus_decoder_create(int32_t Fs, int channels, int *error);
int opus_decode(OpusDecoder *st, const unsigned char *data, int32_t len, int16_t *pcm, int frame_size, int decode_fec);
void opus_decoder_destroy(OpusDecoder *st);
int opus_packet_get_nb_samples(const unsigned char *packet, int32_t len, int32_t Fs);
const char *opus_strerror(int error);
const char *opus_get_version_string(void);
"""


@cache
def _load() -> tuple[FFI, Any]:
    spec = importlib.util.find_spec("opuslib_next")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in sorted(Path(folder).glob("_native/libopus.so*")):
            ffi = FFI()
            ffi.cdef(_CDEF)
            return ffi, ffi.dlopen(str(path))
    raise CodecSetupError("libopus was not found, so Opus is not offered; install opuslib-next-bundled.")


def version() -> str:
    """What the library calls itself, at times `libopus unknown`. Raises CodecSetupError when there is no libopus."""
    ffi, lib = _load()
    return bytes(ffi.string(lib.opus_get_version_string())).decode("ascii", "replace")


def packet_samples(packet: bytes, clock_rate: int) -> int:
    """Samples per channel that a packet decodes to. Raises CodecSetupError when it is no Opus packet."""
    _ffi, lib = _load()
    return _checked(int(lib.opus_packet_get_nb_samples(packet, len(packet), clock_rate)), "The packet is not Opus")


class Encoder:
    """One mono encoder for speech. Not thread-safe."""

    def __init__(self, clock_rate: int) -> None:
        self._ffi, self._lib = _load()
        error = self._ffi.new("int *")
        state = self._lib.opus_encoder_create(clock_rate, 1, OPUS_APPLICATION_VOIP, error)
        _checked(error[0], "The Opus encoder cannot be made")
        self._state = self._ffi.gc(state, self._lib.opus_encoder_destroy)
        self._out = self._ffi.new("unsigned char[]", MAX_PACKET)
        self.control(SET_SIGNAL, SIGNAL_VOICE)

    def control(self, request: int, value: int) -> None:
        """One `OPUS_SET_...` of opus_defines.h. Raises CodecSetupError on a value libopus refuses."""
        status = self._lib.opus_encoder_ctl(self._state, request, self._ffi.cast("int32_t", value))
        _checked(status, f"Opus refuses the value {value} for control {request}")

    def encode(self, pcm: bytes) -> bytes:
        """One packet; of one or two bytes when DTX has nothing to send (RFC 6716 section 2.1.9)."""
        size = self._lib.opus_encode(self._state, self._ffi.from_buffer("int16_t[]", pcm), len(pcm) // 2, self._out, MAX_PACKET)
        return bytes(self._ffi.buffer(self._out, _checked(size, "Opus cannot encode the sound")))


class Decoder:
    """One mono decoder. Not thread-safe."""

    def __init__(self, clock_rate: int) -> None:
        self._ffi, self._lib = _load()
        error = self._ffi.new("int *")
        state = self._lib.opus_decoder_create(clock_rate, 1, error)
        _checked(error[0], "The Opus decoder cannot be made")
        self._state = self._ffi.gc(state, self._lib.opus_decoder_destroy)
        self._room = clock_rate * 120 // 1000
        self._out = self._ffi.new("int16_t[]", self._room)

    def decode(self, packet: bytes) -> bytes:
        """PCM of a packet that arrived."""
        return self._decode(packet, self._room, 0)

    def recover(self, following: bytes, samples: int) -> bytes:
        """PCM of `samples` lost samples out of the redundancy in the packet that follows them (in-band FEC; without it, concealment)."""
        return self._decode(following, min(samples, self._room), 1)

    def conceal(self, samples: int) -> bytes:
        """PCM of `samples` lost samples, made up."""
        return self._decode(None, min(samples, self._room), 0)

    def _decode(self, packet: bytes | None, samples: int, fec: int) -> bytes:
        data = self._ffi.NULL if packet is None else packet
        count = self._lib.opus_decode(self._state, data, len(packet or b""), self._out, samples, fec)
        return bytes(self._ffi.buffer(self._out, 2 * _checked(count, "Opus cannot decode the packet")))


def _checked(status: int, what: str) -> int:
    if status < 0:
        ffi, lib = _load()
        raise CodecSetupError(f"{what}: {bytes(ffi.string(lib.opus_strerror(status))).decode('ascii', 'replace')}.")
    return status
