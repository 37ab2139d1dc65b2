"""Opus in RTP (RFC 7587) for PJMEDIA, tuned for slow links: mono, 16 kHz, long packets, low rate.

PJMEDIA's jitter buffer holds slots of 20 ms, whatever the packet time: a 60 ms packet fills three, the packets themselves wait in the
instance. So a loss costs PJMEDIA the right number of `recover` calls, playout stays at 20 ms, and a lost packet can be restored from the
redundancy in the next one, because that one is here already when its predecessor is missed. Peers that send 2.5, 5, 10 or 30 ms make
slots shorter, which PJMEDIA supports for the name "opus" alone.

PJMEDIA runs the codec at min(our sprop-maxcapturerate, the peer's maxplaybackrate) and asks the factory with that rate, not with the 48000
of the rtpmap (stream_info.c, get_opus_channels_and_clock_rate).
"""

import math
import struct
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from softphone.codecs import OPUS
from softphone.codecs.fmtp import FmtpError, flag, integer
from softphone.codecs.implementation import CodecDescriptor, CodecSetup, OpenRequest, ParsedFrame
from softphone.engine.codecs import libopus
from softphone.engine.pjsip.errors import CodecSetupError

RTP_CLOCK = OPUS.clock_rate
SLOT_MS = 20
PACKET_MS = (20, 40, 60, 80, 100, 120)
STORED_PACKETS = 64


@dataclass(frozen=True)
class OpusSettings:
    """What the user may set. Raises CodecSetupError on a value out of range, naming it."""

    bit_rate: int = 9000
    """Bit/s of the payload, 6000 to 128000; also what we ask of the peer (maxaveragebitrate)."""
    packet_ms: int = 60
    """20, 40, 60, 80, 100 or 120."""
    fec: bool = True
    """In-band forward error correction, if the peer wants it (useinbandfec). libopus adds it only where the rate has room: measured with
    60 ms packets at 30 % expected loss, from 16000 bit/s on (a lost packet is then restored to -14 dB), not at 12000."""
    expected_loss_percent: int = 30
    """0 to 100; the more, the more of the rate goes into redundancy."""
    dtx: bool = True
    """Send nothing in silence, if the peer wants it (usedtx)."""
    complexity: int = 8
    """0 to 10."""
    bandwidth_hz: int = 16000
    """Sampling rate of what is sent and asked for: 8000, 12000 or 16000."""

    def __post_init__(self) -> None:
        for name, low, high in (("bit_rate", 6000, 128000), ("expected_loss_percent", 0, 100), ("complexity", 0, 10)):
            if not low <= getattr(self, name) <= high:
                raise CodecSetupError(f"Opus {name} is {getattr(self, name)}; it must be from {low} to {high}.")
        if self.packet_ms not in PACKET_MS:
            raise CodecSetupError(f"Opus packet_ms is {self.packet_ms}; it must be one of {', '.join(map(str, PACKET_MS))}.")
        if self.bandwidth_hz not in (8000, 12000, 16000):
            raise CodecSetupError(f"Opus bandwidth_hz is {self.bandwidth_hz}; it must be 8000, 12000 or 16000.")

    @property
    def fmtp(self) -> dict[str, str]:
        """Our parameters of RFC 7587 section 6.1. stereo=0 is said aloud, or PJSIP takes the 2 of the rtpmap for us."""
        return {
            "maxplaybackrate": str(self.bandwidth_hz),
            "sprop-maxcapturerate": str(self.bandwidth_hz),
            "maxaveragebitrate": str(self.bit_rate),
            "stereo": "0",
            "sprop-stereo": "0",
            "useinbandfec": str(int(self.fec)),
            "usedtx": str(int(self.dtx)),
        }


@dataclass(frozen=True)
class SendParameters:
    """What we may send to this peer."""

    bit_rate: int
    packet_ms: int
    fec: bool
    dtx: bool
    cbr: bool


def send_parameters(settings: OpusSettings, fmtp_remote: Mapping[str, str], peer_ptime_ms: int) -> SendParameters:
    """Our settings within the peer's wishes (RFC 7587 section 6.1). A malformed wish is treated as absent: the call matters more.

    A peer's ptime lengthens our packets and never shortens them: every decoder takes up to 120 ms (RFC 7587 section 4.2), and short packets
    cost more in headers than in speech. Where there is no ptime, `peer_ptime_ms` is our own packet time.
    """

    def wish(name: str, low: int, high: int, default: int) -> int:
        try:
            return integer(fmtp_remote, name, low, high, default)
        except FmtpError:
            return default

    def wanted(name: str) -> bool:
        try:
            return flag(fmtp_remote, name)
        except FmtpError:
            return False

    longest = max((ms for ms in PACKET_MS if ms <= peer_ptime_ms), default=PACKET_MS[0])
    return SendParameters(
        bit_rate=min(settings.bit_rate, wish("maxaveragebitrate", 6000, 510000, settings.bit_rate)),
        packet_ms=max(settings.packet_ms, longest),
        fec=settings.fec and wanted("useinbandfec"),
        dtx=settings.dtx and wanted("usedtx"),
        cbr=wanted("cbr"),
    )


class OpusInstance:
    """One call's Opus. The lock guards the decoder's side, which two threads share; the encoder has one thread."""

    def __init__(self, settings: OpusSettings, request: OpenRequest) -> None:
        if request.clock_rate not in libopus.BANDWIDTHS or request.channels != 1:
            raise CodecSetupError(f"Opus cannot run at {request.clock_rate} Hz with {request.channels} channels.")
        send = send_parameters(settings, request.fmtp_remote, request.packet_ms)
        self.encode_ms = send.packet_ms
        self._rate = request.clock_rate
        self._dtx = send.dtx
        self._encoder = libopus.Encoder(self._rate)
        for control, value in (
            (libopus.SET_BITRATE, send.bit_rate),
            (libopus.SET_MAX_BANDWIDTH, libopus.BANDWIDTHS[self._rate]),
            (libopus.SET_VBR, int(not send.cbr)),
            (libopus.SET_COMPLEXITY, settings.complexity),
            (libopus.SET_INBAND_FEC, int(send.fec)),
            (libopus.SET_PACKET_LOSS_PERC, settings.expected_loss_percent),
            (libopus.SET_DTX, int(send.dtx)),
        ):
            self._encoder.control(control, value)
        self._lock = threading.Lock()
        self._decoder = libopus.Decoder(self._rate)
        self._packets = OrderedDict[int, bytes]()
        self._slot_samples = self._rate * SLOT_MS // 1000
        self._expected: int | None = None
        self._current: int | None = None
        self._pcm = b""
        self._pcm_from = 0

    def encode(self, pcm: bytes) -> bytes | None:
        packet = self._encoder.encode(pcm)
        return None if self._dtx and len(packet) <= 2 else packet

    def parse(self, payload: bytes, timestamp: int) -> list[ParsedFrame]:
        samples = libopus.packet_samples(payload, self._rate)
        timestamp &= 0xFFFFFFFF
        slot = math.gcd(samples, self._rate * SLOT_MS // 1000)
        with self._lock:
            changed = slot != self._slot_samples
            self._slot_samples = slot
            self._packets[timestamp] = payload
            while len(self._packets) > STORED_PACKETS:
                self._packets.popitem(last=False)
        return [
            ParsedFrame(struct.pack("<IB", timestamp, part), timestamp + part * self._ticks(slot), slot, changed and part == 0)
            for part in range(samples // slot)
        ]

    def decode(self, frame: bytes, samples: int) -> bytes:
        timestamp, part = struct.unpack("<IB", frame)
        with self._lock:
            if self._current != timestamp:
                packet = self._packets.pop(timestamp, None)
                if packet is None:
                    return self._decoder.conceal(min(self._slot_samples, samples))
                self._keep(timestamp, self._decoder.decode(packet))
            return self._part(timestamp + part * self._ticks(self._slot_samples))

    def recover(self, samples: int) -> bytes:
        with self._lock:
            wanted = min(self._slot_samples, samples)
            if self._expected is None:
                return bytes(2 * wanted)
            if self._holds(self._expected):
                return self._part(self._expected)
            gap = self._gap(self._expected)
            if gap is None:
                # Nothing later is here: the buffer ran dry, and RTP time stands still.
                return self._decoder.conceal(wanted)
            following, missing = gap
            if missing <= libopus.packet_samples(following, self._rate):
                self._keep(self._expected, self._decoder.recover(following, missing))
                return self._part(self._expected)
            self._expected = (self._expected + self._ticks(wanted)) & 0xFFFFFFFF
            return self._decoder.conceal(wanted)

    def close(self) -> None:
        with self._lock:
            self._packets.clear()

    def _keep(self, timestamp: int, pcm: bytes) -> None:
        self._current, self._pcm, self._pcm_from = timestamp, pcm, timestamp
        late = [ts for ts in self._packets if self._distance(timestamp, ts) <= 0]
        for ts in late:
            del self._packets[ts]

    def _holds(self, timestamp: int) -> bool:
        return 0 <= self._distance(self._pcm_from, timestamp) < self._ticks(len(self._pcm) // 2)

    def _part(self, timestamp: int) -> bytes:
        """The slot at `timestamp` out of what is decoded."""
        begin = 2 * (self._distance(self._pcm_from, timestamp) * self._rate // RTP_CLOCK)
        self._expected = (timestamp + self._ticks(self._slot_samples)) & 0xFFFFFFFF
        return self._pcm[begin : begin + 2 * self._slot_samples]

    def _gap(self, expected: int) -> tuple[bytes, int] | None:
        """The next packet that is here, and how many samples are missing before it; None when none is, or nothing is missing."""
        ahead = [(self._distance(expected, ts), packet) for ts, packet in self._packets.items()]
        distance, packet = min(((d, p) for d, p in ahead if d >= 0), default=(0, b""))
        return (packet, distance * self._rate // RTP_CLOCK) if distance else None

    def _ticks(self, samples: int) -> int:
        return samples * RTP_CLOCK // self._rate

    @staticmethod
    def _distance(earlier: int, later: int) -> int:
        """RTP ticks from one timestamp to another, negative when the second is older (32 bits, RFC 3550 section 5.1)."""
        return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def opus_descriptor(settings: OpusSettings | None = None) -> CodecDescriptor:
    """Descriptor of `opus/48000/2`. Raises CodecSetupError when libopus is not installed."""
    chosen = settings or OpusSettings()
    libopus.version()
    return CodecDescriptor(
        encoding_name=OPUS.name,
        clock_rate=OPUS.clock_rate,
        channels=OPUS.channels,
        frame_ms=SLOT_MS,
        frames_per_packet=chosen.packet_ms // SLOT_MS,
        average_bps=chosen.bit_rate,
        max_bps=2 * chosen.bit_rate,
        max_frame_bytes=libopus.MAX_PACKET,
        open=lambda request: OpusInstance(chosen, request),
        default_fmtp=chosen.fmtp,
        payload_type=97,
    )


def opus_codec(setup: CodecSetup) -> CodecDescriptor:
    """Opus as the settings want it. Raises CodecSetupError when libopus is not installed."""
    chosen = setup.config.opus
    return opus_descriptor(
        OpusSettings(
            bit_rate=chosen.bitrate,
            packet_ms=chosen.ptime_ms,
            fec=chosen.fec,
            expected_loss_percent=chosen.expected_loss_percent,
            dtx=chosen.dtx,
        )
    )
