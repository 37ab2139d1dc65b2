"""Messages between the engine and the codec worker.

One datagram is one message: a header `kind (u8), three zero bytes, stream (u32, little endian)`, then the body.
PCM is int16 little endian, mono, 16 kHz.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from softphone.errors import SoftphoneError

SAMPLE_RATE = 16000

CHUNK_SAMPLES = 320

CHUNK_BYTES = 2 * CHUNK_SAMPLES

MAX_BODY = 6144

MAX_PULL = 3200

MAX_STREAM = 2**32 - 1


class LinkError(SoftphoneError):
    """A message that is none, or a message that cannot be sent; one sentence."""


class Kind(IntEnum):
    OPEN = 1
    PCM = 2
    PAYLOAD = 3
    PULL = 4
    CLOSE = 5
    STOP = 6
    READY = 7
    STATISTICS = 8
    ERROR = 9
    OBSERVE = 20
    OBSERVED = 21
    SAY = 30
    SAID = 31
    TUNE = 40
    KEEP = 50


@dataclass(frozen=True, slots=True)
class Open:
    """Engine -> worker: make an encoder and a decoder for `stream`."""

    stream: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pcm:
    """Engine -> worker: sound to encode. Worker -> engine: decoded sound, the answer to a Pull."""

    stream: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """Engine -> worker: a payload that arrived. Worker -> engine: a payload to send."""

    stream: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pull:
    """Engine -> worker: the playout wants `samples` more samples."""

    stream: int
    samples: int


@dataclass(frozen=True, slots=True)
class Close:
    """Engine -> worker: the stream is over."""

    stream: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Engine -> worker: leave."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker -> engine, once: models are loaded and warm."""

    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Worker -> engine: counters of one stream."""

    stream: int
    counters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observe:
    """Engine -> worker: tell what is sent and spoken on `stream`, or stop that."""

    stream: int
    on: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """Worker -> engine, a few times a second where it was asked for.

    `report`: `tx` [[label, ms], ...] sent, `rx` [[label, ms, state], ...] spoken since the last one, `voice` [bytes sent, cosine or
    None, bytes received, cosine of the user's sound as the far end hears it or None].
    """

    stream: int
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Worker -> engine: `stream` (0: the whole worker) cannot go on, in one sentence."""

    stream: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Say:
    """Engine -> worker: speak typed text. `request`: `id`, `text`; with `path` (stream 0) as WAV files of that name with numbers
    added, else on `stream`, in place of its microphone."""

    stream: int
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """Worker -> engine. `report`: `id`, and `error`, a sentence; or `seconds` until all is said, `doubts`, sentences, and `path`, a file
    that is ready to be played, with `more` if another follows."""

    stream: int
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tune:
    """Engine -> worker, during a stream. `changes`: `settings`, fields of the encoder's settings that change, and `report`, [loss, burst,
    queue_ms, jitter_ms, urgent], what the far end shall know of its packets (`codec.wire.link_report`); `memory`, what earlier calls
    learned: `permit`, whether the far end may keep the voice, and `own`, `mine`, `theirs` as in `Keep`. Any may be missing."""

    stream: int
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Keep:
    """Worker -> engine, now and then during a stream that was told its `memory`: what a later call may begin with. `voices`: `own`, of the
    user (`codec.voice.memory.OwnMemory`); `mine`, what the far end knows of it, and `theirs`, of the far end's (`Remembered`), None where
    nothing is known; `permitted`, whether the far end lets its own be kept."""

    stream: int
    voices: dict[str, Any]


Message = Open | Pcm | Payload | Pull | Close | Stop | Ready | Statistics | Failure | Observe | Observed | Say | Said | Tune | Keep


_HEADER = struct.Struct("<B3sI")

HEADER_BYTES = _HEADER.size

_PULL = struct.Struct("<I")

_PADDING = b"\0\0\0"


def pack(message: Message) -> bytes:
    """One datagram. Raises LinkError when the body is too long or a field is out of range."""
    match message:
        case Open(stream, settings):
            kind, body = Kind.OPEN, _to_json(settings)
        case Pcm(stream, pcm):
            kind, body = Kind.PCM, pcm
        case Payload(stream, payload):
            kind, body = Kind.PAYLOAD, payload
        case Pull(stream, samples):
            if not 0 < samples <= MAX_PULL:
                raise LinkError(f"a pull of {samples} samples is outside 1..{MAX_PULL}")
            kind, body = Kind.PULL, _PULL.pack(samples)
        case Close(stream):
            kind, body = Kind.CLOSE, b""
        case Stop():
            kind, stream, body = Kind.STOP, 0, b""
        case Ready(facts):
            kind, stream, body = Kind.READY, 0, _to_json(facts)
        case Statistics(stream, counters):
            kind, body = Kind.STATISTICS, _to_json(counters)
        case Observe(stream, on):
            kind, body = Kind.OBSERVE, bytes([on])
        case Observed(stream, report):
            kind, body = Kind.OBSERVED, _to_json(report)
        case Say(stream, request):
            kind, body = Kind.SAY, _to_json(request)
        case Said(stream, report):
            kind, body = Kind.SAID, _to_json(report)
        case Tune(stream, changes):
            kind, body = Kind.TUNE, _to_json(changes)
        case Keep(stream, voices):
            kind, body = Kind.KEEP, _to_json(voices)
        case Failure(stream, sentence):
            kind, body = Kind.ERROR, sentence.encode("utf-8", "replace")[:MAX_BODY]
    if len(body) > MAX_BODY:
        raise LinkError(f"a {kind.name} message of {len(body)} bytes is longer than {MAX_BODY}")
    if kind is Kind.PCM and (len(body) % 2 or not body):
        raise LinkError(f"PCM of {len(body)} bytes is not a whole number of 16-bit samples")
    if not 0 <= stream <= MAX_STREAM:
        raise LinkError(f"stream number {stream} does not fit 32 bits")
    return _HEADER.pack(kind, _PADDING, stream) + body


def unpack(datagram: bytes) -> Message:
    """The message in one datagram. Raises LinkError for anything that `pack` could not have made."""
    if len(datagram) < _HEADER.size:
        raise LinkError(f"a message of {len(datagram)} bytes is shorter than its header")
    number, padding, stream = _HEADER.unpack_from(datagram)
    body = datagram[_HEADER.size :]
    if padding != _PADDING:
        raise LinkError("the reserved bytes of a message header are not zero")
    if len(body) > MAX_BODY:
        raise LinkError(f"a message body of {len(body)} bytes is longer than {MAX_BODY}")
    try:
        kind = Kind(number)
    except ValueError:
        raise LinkError(f"message kind {number} is unknown") from None
    match kind:
        case Kind.OPEN:
            return Open(stream, _from_json(body))
        case Kind.PCM:
            if len(body) % 2 or not body:
                raise LinkError(f"PCM of {len(body)} bytes is not a whole number of 16-bit samples")
            return Pcm(stream, body)
        case Kind.PAYLOAD:
            return Payload(stream, body)
        case Kind.PULL:
            if len(body) != _PULL.size:
                raise LinkError(f"a pull has {_PULL.size} bytes, not {len(body)}")
            (samples,) = _PULL.unpack(body)
            if not 0 < samples <= MAX_PULL:
                raise LinkError(f"a pull of {samples} samples is outside 1..{MAX_PULL}")
            return Pull(stream, samples)
        case Kind.CLOSE:
            return Close(stream)
        case Kind.STOP:
            return Stop()
        case Kind.READY:
            return Ready(_from_json(body))
        case Kind.STATISTICS:
            return Statistics(stream, _from_json(body))
        case Kind.OBSERVE:
            if body not in (b"\0", b"\1"):
                raise LinkError("an observe message says neither on nor off")
            return Observe(stream, body == b"\1")
        case Kind.OBSERVED:
            return Observed(stream, _from_json(body))
        case Kind.SAY:
            return Say(stream, _from_json(body))
        case Kind.SAID:
            return Said(stream, _from_json(body))
        case Kind.TUNE:
            return Tune(stream, _from_json(body))
        case Kind.KEEP:
            return Keep(stream, _from_json(body))
        case Kind.ERROR:
            return Failure(stream, body.decode("utf-8", "replace"))


def _to_json(value: dict[str, Any]) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise LinkError(f"the body is not JSON: {error}") from None


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LinkError(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise LinkError(f"the body is a JSON {type(value).__name__}, not an object")
    return value
