"""The boundary between PJMEDIA's clock and whatever makes and speaks our payloads.

The engine process implements `CodecStream` over a socket to the codec worker. Every method is called on a real-time thread of PJMEDIA,
so none may block, wait for another process, or do work that grows with the length of the call.
"""

from collections.abc import Callable, Mapping
from typing import Protocol


class CodecStream(Protocol):
    """One call's way in and out of our codec. PCM is 16-bit signed little-endian, 16 kHz, mono.

    Threads: `put_pcm` and `take_payload` come from the clock thread, `take_pcm` from the clock thread too (another one with some sound
    devices), `put_payload` from a network thread, `close` from any. An implementation guards its own state.
    """

    def put_pcm(self, pcm: bytes) -> None:
        """Take 20 ms of microphone sound (640 bytes). Full queues drop their oldest content."""

    def take_payload(self) -> bytes | None:
        """The oldest payload that waits to be sent, or None. Called once after every `put_pcm`, so at most 50 payloads a second leave."""

    def put_payload(self, payload: bytes, timestamp: int) -> None:
        """Take one payload and its RTP timestamp in the moment it arrived, before any jitter buffer; order and completeness are as the
        network left them."""

    def take_pcm(self, samples: int) -> bytes:
        """Exactly 2 * `samples` bytes to be played now; silence where there is nothing to say."""

    def close(self) -> None:
        """The call's media ended. Called once; no other method is called afterwards."""


StreamOpener = Callable[[Mapping[str, str]], CodecStream]
"""Makes the stream of one call from the peer's fmtp parameters (as in the negotiated SDP). Raises an error to refuse."""
