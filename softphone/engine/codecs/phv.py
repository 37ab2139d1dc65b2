"""Our codec `x-phv/16000` as PJMEDIA sees it: PCM goes into a CodecStream, payloads come out of it whenever they are ready, and back.

PJMEDIA's jitter buffer adds no delay here. A payload goes to the stream in `parse`, in the moment it arrives; sound is pulled from the
stream at playout, 20 ms at a time, whatever slot PJMEDIA believes to play. What the jitter buffer holds is not sound but *credit*: the
right to be called. PJMEDIA asks a codec for sound only while it has frames, plus 12 calls of `recover` (240 ms) after each one, and then
plays zeros; so `parse` fills a slot every 120 ms up to 1.44 s ahead of the play position, PJMEDIA calls `recover` for the empty slots
between, and the tail of a word is still pulled 1.6 s after the last packet. `PlayCredit` has the details.
"""

import struct
import threading
import time
from collections.abc import Mapping

from codec.units.rates import SAMPLE_RATE
from softphone.codecs import PHV
from softphone.codecs.implementation import CodecDescriptor, CodecSetup, OpenRequest, ParsedFrame
from softphone.codecs.stream import CodecStream, StreamOpener
from softphone.engine.pjsip.errors import CodecSetupError

FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
MAX_PAYLOAD = 500
"""Longest payload in bytes; one packet of ours has some dozens."""


MAX_FRAMES_PER_PACKET = 16
"""More is not clean in PJMEDIA ; SDP says the true packet time (engine/sdp/attributes.py)."""


class PlayCredit:
    """Decides which jitter-buffer slots a packet fills, so that PJMEDIA goes on asking for sound.

    Facts of PJMEDIA 2.15.1 on which this rests (stream.c, jbuf.c): a slot number is timestamp / 320 and the codec chooses the timestamps;
    an empty slot before a filled one costs a `recover`; at most 12 of these in a row (`PJMEDIA_MAX_PLC_DURATION_MSEC`), counted from the
    last filled slot; a frame for a slot that is filled or gone is dropped and its packet counted as discarded; discarding for latency takes
    out at most one slot in ten, after which two gaps run together: hence a frame every 6 slots, not every 13. `MediaConfig.jbMax` must hold
    the horizon (1.5 s); where it does not, the oldest slots fall out and the credit is shorter, but no sound is lost with them.
    """

    SPACING = 6
    MAX_FRAMES = 12
    HORIZON = SPACING * MAX_FRAMES
    STALL_S = 0.1

    def __init__(self) -> None:
        self._position = 0
        self._last_filled = 0
        self._last_pull = float("-inf")

    def fill(self, now: float) -> list[int]:
        """Slots to fill for a packet that arrived at `now` (monotonic seconds)."""
        if now - self._last_pull > self.STALL_S:
            # Nobody asked for a while: the buffer ran dry, was reset, or has not started. Whatever we filled is gone or stays ahead of us.
            self._position = max(self._position, self._last_filled)
        first = self._last_filled + self.SPACING if self._last_filled > self._position else self._position + 1
        slots = list(range(first, self._position + self.HORIZON + 1, self.SPACING))[: self.MAX_FRAMES]
        if slots:
            self._last_filled = slots[-1]
        return slots

    def played(self, slot: int | None, now: float) -> None:
        """PJMEDIA asked for sound: for the filled slot `slot`, or for None, an empty one."""
        self._position = slot if slot is not None else self._position + 1
        self._last_pull = now


class PhvInstance:
    """One call's codec. Holds no audio; see the module's text for the threads and the credit."""

    encode_ms = FRAME_MS

    def __init__(self, stream: CodecStream) -> None:
        self._stream = stream
        self._credit = PlayCredit()
        self._lock = threading.Lock()

    def encode(self, pcm: bytes) -> bytes | None:
        self._stream.put_pcm(pcm)
        return self._stream.take_payload()

    def parse(self, payload: bytes, timestamp: int) -> list[ParsedFrame]:
        self._stream.put_payload(payload, timestamp)
        with self._lock:
            slots = self._credit.fill(time.monotonic())
        return [ParsedFrame(struct.pack("<Q", slot), slot * FRAME_SAMPLES) for slot in slots]

    def decode(self, frame: bytes, samples: int) -> bytes:
        (slot,) = struct.unpack("<Q", frame)
        return self._play(slot, samples)

    def recover(self, samples: int) -> bytes:
        return self._play(None, samples)

    def close(self) -> None:
        self._stream.close()

    def _play(self, slot: int | None, samples: int) -> bytes:
        with self._lock:
            self._credit.played(slot, time.monotonic())
        return self._stream.take_pcm(min(samples, FRAME_SAMPLES))


def phv_descriptor(opener: StreamOpener, fmtp: Mapping[str, str], average_bps: int = 600, packet_ms: int = 160) -> CodecDescriptor:
    """Descriptor of `x-phv/16000`.

    `fmtp` must hold `version`, `inventory` and `model` (see softphone/codecs/phv.py). `packet_ms` is what SDP says as ptime; PJMEDIA still
    calls `encode` every 20 ms, because the instance sets the packet time back when it is opened, and the stream decides when a payload
    leaves.
    """

    def open_instance(request: OpenRequest) -> PhvInstance:
        return PhvInstance(opener(request.fmtp_remote))

    return CodecDescriptor(
        encoding_name=PHV.name,
        clock_rate=PHV.clock_rate,
        channels=PHV.channels,
        frame_ms=FRAME_MS,
        frames_per_packet=min(packet_ms // FRAME_MS, MAX_FRAMES_PER_PACKET),
        average_bps=average_bps,
        max_bps=8 * average_bps,
        max_frame_bytes=MAX_PAYLOAD,
        open=open_instance,
        default_fmtp=dict(fmtp),
    )


def phv_codec(setup: CodecSetup) -> CodecDescriptor:
    """x-phv as the codec worker has it. Raises CodecSetupError without a worker."""
    if setup.open_stream is None:
        raise CodecSetupError("x-phv needs the codec worker, which is not ready.")
    return phv_descriptor(setup.open_stream, setup.fmtp, packet_ms=setup.config.phv.interval_ms)
