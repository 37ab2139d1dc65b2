"""Messages between the engine and the codec worker: msgspec structs, one datagram of msgpack each.

A datagram is an array: the name of the message, then its fields in order. PCM is int16 little endian, mono, `SAMPLE_RATE`.
Messages check themselves when they are made and when they are read; what is wrong with one is a LinkError.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from codec.units.errors import CodecError
from codec.units.rates import CHUNK_SAMPLES
from codec.wire.link_report import LinkReport
from codec.wire.settings import EncoderSettings
from softphone.errors import SoftphoneError
from softphone.link.counters import CodecCounters, WorkerFacts

CHUNK_BYTES = 2 * CHUNK_SAMPLES
"""20 ms of PCM."""
MAX_DATAGRAM = 6144
MAX_PULL = 3200
MAX_STREAM = 2**32 - 1
MAX_SENTENCE = 1000

StreamNumber = Annotated[int, Meta(ge=0, le=MAX_STREAM)]
"""0 where a message is about the whole worker."""


class LinkError(SoftphoneError):
    """A datagram that is no message, or a message that cannot be sent; one sentence."""


class _Part(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A part of a message."""


class StreamStatistics(CodecCounters, frozen=True, forbid_unknown_fields=True):
    """The counters, and the newest of the reports that they count."""

    link_report: LinkReport | None = None


class SentPhone(_Part, frozen=True):
    """An ARPAbet label and its duration. doubtful: sent as it was heard, as the sound confirms no word there though the stream
    waits for words."""

    label: str
    duration_ms: int
    doubtful: bool = False


class HeardPhone(_Part, frozen=True):
    """See `codec.playout.schedule.SpokenPhone`."""

    label: str
    duration_ms: int
    state: Literal["received", "recovered", "lost"]


class VoiceProgress(_Part, frozen=True):
    """Bytes of the user's voice sent, and the cosine of what a listener who got all of them knows to the best estimate; bytes of the far
    end's received; the cosine of the user's sound to how the remote party hears it. None while unknown."""

    sent_bytes: int = 0
    sent_similarity: float | None = None
    received_bytes: int = 0
    heard_similarity: float | None = None


class OwnVoice(Struct, frozen=True):
    """The user's own voice: `codec.voice.memory.OwnMemory` with its numbers as base64 of float16.
    The files in which voices are kept have it in the same form."""

    embedding: str
    coordinates: str
    mean_f0: float
    seconds: float
    basis: int = -1


class KnownVoice(Struct, frozen=True):
    """What one end knows of the other's voice: `codec.voice.memory.Remembered` with its pieces in hex digits, by their index."""

    pieces: dict[str, str]
    residual: dict[str, str]
    basis: int = 0


class Memory(_Part, frozen=True):
    """What earlier calls learned. permit: whether the remote party may keep the user's voice; mine: what it is believed to know of that;
    theirs: what is remembered of its own."""

    permit: bool = False
    own: OwnVoice | None = None
    mine: KnownVoice | None = None
    theirs: KnownVoice | None = None


class PathQuality(_Part, frozen=True):
    """What the far end is to be told of its packets. urgent: with a packet of its own where none is due."""

    report: LinkReport
    urgent: bool = False


class _Message(Struct, frozen=True, array_like=True, tag=True, forbid_unknown_fields=True):
    pass


class _OfStream(_Message, frozen=True):
    stream: StreamNumber

    def __post_init__(self) -> None:
        if not 0 <= self.stream <= MAX_STREAM:
            raise LinkError(f"stream number {self.stream} does not fit 32 bits")


class Open(_OfStream, frozen=True):
    """Engine -> worker: make an encoder and a decoder for `stream`. learn: train during the call how to describe the user's voice."""

    settings: EncoderSettings
    learn: bool = True


class Pcm(_OfStream, frozen=True):
    """Engine -> worker: sound to encode. Worker -> engine: decoded sound, the answer to a Pull; ticks: when each 20 ms of it was said, by
    the far end's clock modulo 256, -1 where nothing is said."""

    pcm: bytes
    ticks: list[int] = []

    def __post_init__(self) -> None:
        _OfStream.__post_init__(self)
        if len(self.pcm) % 2 or not self.pcm:
            raise LinkError(f"PCM of {len(self.pcm)} bytes is not a whole number of 16-bit samples")


class Payload(_OfStream, frozen=True):
    """Engine -> worker: a payload that arrived. Worker -> engine: a payload to send."""

    payload: bytes


class Pull(_OfStream, frozen=True):
    """Engine -> worker: the playout wants `samples` more samples. heard: False where sound is heard in their place; then they are silent,
    and only their ticks are of use. since: where it is not -1, what was said before this tick, modulo 256, was heard already."""

    samples: int
    heard: bool = True
    since: Annotated[int, Meta(ge=-1, le=255)] = -1

    def __post_init__(self) -> None:
        _OfStream.__post_init__(self)
        if not 0 < self.samples <= MAX_PULL:
            raise LinkError(f"a pull of {self.samples} samples is outside 1..{MAX_PULL}")


class Close(_OfStream, frozen=True):
    """Engine -> worker: the stream is over."""


class Stop(_Message, frozen=True):
    """Engine -> worker: leave."""


class Ready(_Message, frozen=True):
    """Worker -> engine, once: models are loaded and warm."""

    facts: WorkerFacts


class Statistics(_OfStream, frozen=True):
    """Worker -> engine, each second."""

    counters: StreamStatistics


class Observe(_OfStream, frozen=True):
    """Engine -> worker: report what is sent and spoken on `stream`, or stop that. words: also the words that it probably is."""

    on: bool
    words: bool = False


class Observed(_OfStream, frozen=True):
    """Worker -> engine, a few times a second where it was asked for: phones sent and spoken since the last one. said, heard: words of
    what was sent and spoken, once a stretch of speech is over."""

    sent: list[SentPhone]
    spoken: list[HeardPhone]
    voice: VoiceProgress
    said: str = ""
    heard: str = ""


class Failure(_OfStream, frozen=True):
    """Worker -> engine: `stream` (0: the whole worker) cannot go on, in one sentence."""

    sentence: str


class Say(_OfStream, frozen=True):
    """Engine -> worker: speak typed text on `stream`, in place of its microphone; with `path` (stream 0) as WAV files of that name with
    numbers added. id: returned in the answers."""

    id: int
    text: str
    path: str | None = None


class Said(_OfStream, frozen=True):
    """Worker -> engine: the text of this `id` will have been spoken in so many seconds; doubts: sentences about how words are pronounced;
    path: a file that is ready to be played, with `more` if another follows."""

    id: int
    seconds: float
    doubts: list[str]
    path: str | None = None
    more: bool = False


class NotSaid(_OfStream, frozen=True):
    """Worker -> engine: the text of this `id` cannot be spoken, in one sentence."""

    id: int
    sentence: str


class Tune(_OfStream, frozen=True):
    """Engine -> worker, during a stream: what changes; None leaves a thing as it is. rest: whether the encoder may rest, because sound
    goes and nothing says that it will end soon; what it has missed it makes up for when that ends."""

    settings: EncoderSettings | None = None
    report: PathQuality | None = None
    memory: Memory | None = None
    rest: bool | None = None


class Keep(_OfStream, frozen=True):
    """Worker -> engine, now and then during a stream that was told its `Memory`: what a later call may begin with; None where nothing is
    known. permitted: whether the remote party lets its own voice be kept."""

    own: OwnVoice | None
    mine: KnownVoice | None
    theirs: KnownVoice | None
    permitted: bool


Message = (
    Open | Pcm | Payload | Pull | Close | Stop | Ready | Statistics | Failure | Observe | Observed | Say | Said | NotSaid | Tune | Keep
)

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def pack(message: Message) -> bytes:
    """One datagram. Raises LinkError for a message that is too long or holds text that is no Unicode."""
    if isinstance(message, Failure):
        message = Failure(message.stream, message.sentence.encode("utf-8", "replace").decode()[:MAX_SENTENCE])
    try:
        datagram = _ENCODER.encode(message)
    except UnicodeEncodeError as error:
        raise LinkError(f"a {type(message).__name__} message holds text that is no Unicode ({error.reason})") from None
    if len(datagram) > MAX_DATAGRAM:
        raise LinkError(f"a {type(message).__name__} message of {len(datagram)} bytes is longer than {MAX_DATAGRAM}")
    return datagram


def unpack(datagram: bytes) -> Message:
    """The message in one datagram. Raises LinkError for anything that `pack` cannot have made."""
    if len(datagram) > MAX_DATAGRAM:
        raise LinkError(f"a datagram of {len(datagram)} bytes is longer than {MAX_DATAGRAM}")
    try:
        return _DECODER.decode(datagram)
    except (msgspec.MsgspecError, CodecError, RecursionError, UnicodeDecodeError) as error:
        raise LinkError(f"a datagram of {len(datagram)} bytes is no message of the link: {' '.join(str(error).split())}") from None
