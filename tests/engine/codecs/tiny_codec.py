"""A whole codec for calls in one file: the upper half of each sample, 64 kbit/s.

`python -m tests.engine.codecs.tiny_codec` is an engine that has it.
"""

import sys

from softphone import codecs
from softphone.codecs.codec import CallCodec
from softphone.codecs.implementation import CodecDescriptor, CodecSetup, OpenRequest, ParsedFrame

TINY = CallCodec(
    name="x-tiny",
    clock_rate=8000,
    label="Tiny",
    summary="for tests",
    look_ahead_ms=1.0,
    implementation="tests.engine.codecs.tiny_codec:tiny_codec",
)
FRAME_MS = 20
FRAME_BYTES = TINY.clock_rate * FRAME_MS // 1000


class TinyInstance:
    """The codec of one call."""

    encode_ms = FRAME_MS

    def __init__(self, _request: OpenRequest) -> None:
        self._last = bytes(2 * FRAME_BYTES)

    def encode(self, pcm: bytes) -> bytes | None:
        return pcm[1::2]

    def parse(self, payload: bytes, timestamp: int) -> list[ParsedFrame]:
        return [ParsedFrame(payload[:FRAME_BYTES], timestamp)]

    def decode(self, frame: bytes, samples: int) -> bytes:
        self._last = b"".join(bytes((0, upper)) for upper in frame)[: 2 * samples]
        return self._last

    def recover(self, samples: int) -> bytes:
        return self._last[: 2 * samples]

    def close(self) -> None:
        self._last = b""


def tiny_codec(_setup: CodecSetup) -> CodecDescriptor:
    return CodecDescriptor(
        encoding_name=TINY.name,
        clock_rate=TINY.clock_rate,
        channels=TINY.channels,
        frame_ms=FRAME_MS,
        frames_per_packet=1,
        average_bps=64000,
        max_bps=64000,
        max_frame_bytes=FRAME_BYTES,
        open=TinyInstance,
    )


if __name__ == "__main__":
    # The one line of softphone/codecs/__init__.py.
    codecs.CODECS = (*codecs.CODECS, TINY)
    from softphone.engine.main import main

    sys.exit(main())
