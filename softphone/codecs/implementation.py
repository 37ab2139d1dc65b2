"""How a codec encodes and decodes: a `CodecDescriptor` that PJMEDIA is given once, and a `CodecInstance` per call.

In the manner of baresip's `struct aucodec` and aiortc's `codecs/base.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from softphone.codecs.stream import StreamOpener

if TYPE_CHECKING:
    from softphone.config import Config


@dataclass(frozen=True)
class ParsedFrame:
    """One slot that a payload fills in PJMEDIA's jitter buffer."""

    data: bytes
    """What `decode` gets back when the slot is played; at most `CodecDescriptor.max_frame_bytes`."""
    timestamp: int
    """RTP timestamp of the slot. PJMEDIA ignores it for Opus and counts on from the packet's own (stream.c, on_rx_rtp)."""
    samples: int = 0
    """Length of the slot in samples of the clock rate, where it may change during a call (Opus); 0 where it never does."""
    changed: bool = False
    """From here on slots have another length: PJMEDIA empties its jitter buffer and counts in the new one."""


class CodecInstance(Protocol):
    """The codec of one call. PCM is 16-bit signed, native byte order, interleaved.

    `encode` runs on PJMEDIA's clock thread, `parse` on a network thread, `decode` and `recover` on the clock thread or that of the sound
    device: an instance guards what these share. Whatever is raised costs the call one frame, never the process.
    """

    encode_ms: int
    """PCM per call of `encode`, in ms."""

    def encode(self, pcm: bytes) -> bytes | None:
        """One payload, or None when nothing is to be sent now (PJSIP's RTP clock goes on, its sequence number does not)."""

    def parse(self, payload: bytes, timestamp: int) -> list[ParsedFrame]:
        """Called in the moment a packet arrives. At most 16 frames; an empty list drops the packet."""

    def decode(self, frame: bytes, samples: int) -> bytes:
        """PCM of one slot, at most `samples` samples."""

    def recover(self, samples: int) -> bytes:
        """PCM for a slot that is missing, late or not needed: PJMEDIA does not say which. At most `samples` samples."""

    def close(self) -> None:
        """The media of the call ended; no other method is called afterwards."""


@dataclass(frozen=True)
class CodecSetup:
    """What a codec is made of."""

    config: Config
    open_stream: StreamOpener | None = None
    """The codec worker, for codecs that need it."""
    fmtp: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the codec worker's model."""


@dataclass(frozen=True)
class OpenRequest:
    """What SDP negotiated, handed to `CodecDescriptor.open`."""

    fmtp_local: Mapping[str, str]
    fmtp_remote: Mapping[str, str]
    clock_rate: int
    """Samples per second and channel that PJMEDIA will feed and expect."""
    channels: int
    packet_ms: int
    """The peer's `a=ptime`, or else the descriptor's own packet time."""


@dataclass(frozen=True)
class CodecDescriptor:
    """A codec as it is offered in SDP and announced to PJMEDIA."""

    encoding_name: str
    """Name in `a=rtpmap`."""
    clock_rate: int
    """RTP clock in `a=rtpmap`, Hz."""
    channels: int
    """Channels in `a=rtpmap`."""
    frame_ms: int
    """Length of a jitter-buffer slot, and of one `decode` or `recover`."""
    frames_per_packet: int
    average_bps: int
    max_bps: int
    max_frame_bytes: int
    """Longest payload sent, and longest `ParsedFrame.data`."""
    open: Callable[[OpenRequest], CodecInstance]
    default_fmtp: Mapping[str, str] = field(default_factory=dict)
    """Our own fmtp parameters; together under 150 characters, or PJSIP makes no SDP at all (endpoint.c, MAX_FMTP_STR_LEN)."""
    payload_type: int = 96
    """A wish: PJSIP numbers dynamic payload types itself, by priority."""

    @property
    def codec_id(self) -> str:
        """Name by which PJSIP knows the codec: `encoding_name/clock_rate/channels`."""
        return f"{self.encoding_name}/{self.clock_rate}/{self.channels}"

    @property
    def rtpmap(self) -> str:
        """Value of `a=rtpmap` after the payload type (RFC 8866 section 6.6)."""
        return f"{self.encoding_name}/{self.clock_rate}" + (f"/{self.channels}" if self.channels > 1 else "")
