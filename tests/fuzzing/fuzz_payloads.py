"""Fuzzes reader and decoder of payloads: `python -m tests.fuzzing.fuzz_payloads --seconds 600`.

CI runs it for seconds (test_fuzz_payloads.py).
Real payloads are bent, cut, joined and mixed with packets made up of anything the format can say; nothing may escape but PayloadError,
hang, or grow. What fails is written to tests/fuzzing/corpus/ as `crash-*.hex`; everything there is tried first in each run.
"""

import argparse
import hashlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from codec.decoder import Decoder
from codec.models import Models
from codec.units.errors import PayloadError
from codec.units.limits import MAX_REDUNDANCY
from codec.units.phones import PHONES, VOWELS
from codec.wire.detail_contexts import DETAIL_CODES
from codec.wire.link_report import LinkReport
from codec.wire.packet import MAX_EXTENSIONS, MAX_PAYLOAD, Extension, Packet, VoicePiece, parse, serialize
from codec.wire.sound import MAX_COPY, MAX_TOKENS, SoundPayload, SoundReport, is_sound, parse_sound, serialize_sound
from codec.wire.tables import MAX_GROUP_TOKENS, Entropy
from codec.wire.token import LEVELS, MAX_GLIDE, MAX_TICKS, PITCHES, WireToken, segment_count
from softphone.engine.phv.receiver_report import TransitTimes
from softphone.engine.phv.sound.half import SoundHalf
from softphone.engine.phv.sound.join import SILENT
from softphone.engine.phv.sound.level import LEVELS as LEVELS_OF_SOUND
from softphone.engine.phv.sound.sender import SoundSender
from tests.places import DEMO_AUDIO

CORPUS = Path(__file__).resolve().parent / "corpus"
PULL_SAMPLES = 320
PULL_EACH = 12
SLOWEST_S = 5.0
"""Of one payload, or one pull, on a loaded machine."""
LONGEST_SOUND_MS = 6000
MAX_STATE = 4000
"""Tokens and marks that a decoder may hold."""


def kept() -> list[bytes]:
    """The payloads of the corpus: one hex string a file."""
    return [bytes.fromhex(path.read_text()) for path in sorted(CORPUS.glob("*.hex"))]


def seeds(entropy: Entropy) -> list[bytes]:
    """The corpus, and packets that use every part of the format."""
    made = Maker(random.Random(5), entropy)
    return kept() + [made.payload() for _ in range(60)]


def sound_seeds(entropy: Entropy) -> list[bytes]:
    """Payloads of sound that use every part of the format, with real Opus."""
    rng, made, sender = random.Random(6), Maker(random.Random(7), entropy), SoundSender()
    found: list[bytes] = []
    earlier: list[tuple[int, bytes]] = []
    for tick in range(240):
        packet = sender.take(rng.randbytes(640), tick, rng.choice(LEVELS_OF_SOUND), 0.1)
        if packet is None:
            continue
        tokens = made.payload()
        copies = tuple((packet[0] - at, copied) for at, copied in earlier[-rng.randrange(1, 5) :] if len(copied) <= MAX_COPY)
        while sum(len(copied) for _, copied in copies) + len(packet[1]) > MAX_PAYLOAD - MAX_TOKENS - 50:
            copies = copies[1:]
        report = SoundReport(LinkReport(rng.random(), 2 * rng.random(), 500 * rng.random(), 40), rng.choice((0.0, 12_000.0, 1e7)))
        found.append(
            serialize_sound(
                SoundPayload(
                    packet[0] % 256,
                    packet[1],
                    tokens if len(tokens) <= MAX_TOKENS and rng.random() < 0.5 else b"",
                    report if rng.random() < 0.5 else None,
                    rng.random() < 0.2,
                    copies=copies,
                    words=rng.random() < 0.2,
                )
            )
        )
        earlier.append(packet)
    return [*found, serialize_sound(SoundPayload(7, report=report)), serialize_sound(SoundPayload(9, padding=27))]


class Maker:
    """Packets that the format can say, sensible or not."""

    def __init__(self, rng: random.Random, entropy: Entropy) -> None:
        self._rng, self._entropy = rng, entropy

    def token(self, stages: int) -> WireToken:
        rng = self._rng
        phone, ticks = rng.randrange(len(PHONES)), rng.choice((1, 2, 3, 5, 8, MAX_TICKS))
        details = tuple(tuple(rng.randrange(DETAIL_CODES) for _ in range(stages)) for _ in range(segment_count(phone, ticks)))
        if phone not in VOWELS:
            return WireToken(phone, ticks, details=details if stages else ())
        pitch = rng.choice((None, rng.randrange(PITCHES)))
        glide = 0 if pitch is None else rng.randint(-MAX_GLIDE, MAX_GLIDE)
        return WireToken(phone, ticks, pitch, glide, rng.randrange(LEVELS), details if stages else ())

    def group(self) -> tuple[WireToken, ...]:
        stages = self._rng.choice((0, 0, 1, 2))
        return tuple(self.token(stages) for _ in range(self._rng.choice((0, 1, 2, 4, MAX_GROUP_TOKENS))))

    def payload(self) -> bytes:
        rng = self._rng
        while True:
            packet = Packet(
                rng.randrange(256),
                tuple(self.group() for _ in range(rng.choice((1, 1, 2, 3, 5, MAX_REDUNDANCY + 1)))),
                rng.random() < 0.5,
                rng.random() < 0.3,
                VoicePiece(rng.randrange(8), rng.randrange(32), rng.randbytes(4)) if rng.random() < 0.5 else None,
                tuple(
                    Extension(rng.choice((0, 1, 2, 3, 255)), rng.randbytes(rng.choice((0, 1, 4, 7, 255))))
                    for _ in range(rng.choice((0, 0, 1, 2, MAX_EXTENSIONS)))
                ),
                rng.random() < 0.05,
            )
            try:
                return serialize(packet, self._entropy)
            except ValueError:  # longer than a payload may be
                continue


def mutations(rng: random.Random, sources: list[bytes]) -> Iterator[bytes]:
    """Without end."""
    while True:
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice((0, 1, 1, 2, 4, 16))):
            at = rng.randrange(len(data) + 1)
            match rng.randrange(6):
                case 0 if at < len(data):
                    data[at] ^= 1 << rng.randrange(8)
                case 1 if at < len(data):
                    data[at] = rng.choice((0, 1, 127, 128, 255))
                case 2:
                    data[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
                case 3:
                    del data[at : at + rng.choice((1, 2, 8))]
                case 4:
                    data[at:] = rng.choice(sources)[at:]
                case _:
                    data[at:] = bytes([rng.choice((0, 255))]) * rng.choice((0, 4, 64, MAX_PAYLOAD))
        yield bytes(data[: MAX_PAYLOAD + 2])


class Fuzz:
    """One run against one decoder, which lives through all of it as in a call."""

    def __init__(self, models: Models, seed: int) -> None:
        self._models = models
        self._rng = random.Random(seed)
        self._decoder = Decoder(models)
        self.payloads = self.refused = self.pulls = 0
        self._sound = SoundHalf("auto", 24_000, 0, TransitTimes(), lambda: True, Counter())
        self._sound.begin(None)

    def run(self, seconds: float) -> None:
        """Raises AssertionError, or whatever escapes, with the payload kept in the corpus."""
        sources = [*seeds(self._models.entropy), *sound_seeds(self._models.entropy)]
        maker = Maker(self._rng, self._models.entropy)
        for payload in sources:
            self.feed(payload)
        end = time.monotonic() + seconds
        for payload in mutations(self._rng, sources):
            self.feed(payload)
            if self._rng.random() < 0.3:
                self.feed(maker.payload())
            if self.payloads % PULL_EACH == 0:
                self.pull(payload)
            if time.monotonic() > end:
                return

    def feed(self, payload: bytes) -> None:
        self.payloads += 1
        with _kept_if_wrong(payload, f"a payload of {len(payload)} bytes"):
            try:
                if is_sound(payload):
                    sound = parse_sound(payload)
                    assert serialize_sound(sound) == payload
                    payload = self._sound.receive(payload, self._rng.randrange(2**32))
                    assert payload == sound.tokens or not payload
                packet = parse(payload, self._models.entropy)
                assert packet.more or serialize(packet, self._models.entropy) == payload
                assert sum(len(group) for group in packet.groups) <= (MAX_REDUNDANCY + 1) * MAX_GROUP_TOKENS
                self._decoder.receive(payload)
            except PayloadError as error:
                self.refused += 1
                assert str(error).endswith("."), "a sentence"

    def pull(self, last: bytes) -> None:
        self.pulls += 1
        with _kept_if_wrong(last, "20 ms of sound"):
            sound = self._decoder.pull(PULL_SAMPLES)
            at = SILENT if self._decoder.said_at is None else self._decoder.said_at % 256
            assert len(self._sound.play(sound.tobytes(), at)) == 2 * PULL_SAMPLES
            assert self._sound.waiting_ms <= LONGEST_SOUND_MS, "the sound that waits is bounded"
            for _ in range(3):
                self._sound.send(self._rng.randbytes(640), self.pulls)
                sent = self._sound.payload(lambda: None)
                assert sent is None or parse_sound(sent)
            assert sound.dtype == np.int16 and sound.shape == (PULL_SAMPLES,)
            assert self._decoder.statistics.waiting_ms <= 60_000, "the queue is bounded"
            assert len(self._decoder.spoken) <= MAX_STATE


@contextmanager
def _kept_if_wrong(payload: bytes, what: str) -> Iterator[None]:
    """What raises or takes too long is kept with the payload that did it."""
    began = time.thread_time()
    try:
        yield
        assert (took := time.thread_time() - began) <= SLOWEST_S, f"{what} took {took:.1f} s"
    except BaseException:
        keep(payload)
        raise


def keep(payload: bytes) -> None:
    """Into the corpus, to be tried in every later run."""
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"crash-{hashlib.sha256(payload).hexdigest()[:12]}.hex").write_text(payload.hex() + "\n")


def gather(count: int = 40) -> None:
    """Fill the corpus with payloads of the bundled recording, of several settings, and their usual lengths."""
    from codec.encoder import Encoder  # noqa: PLC0415
    from codec.units import audio_file  # noqa: PLC0415 - only where the corpus is made
    from codec.wire.settings import EncoderSettings  # noqa: PLC0415

    models = Models.load()
    pcm = audio_file.read(DEMO_AUDIO / "demo.flac")
    CORPUS.mkdir(exist_ok=True)
    for name, settings in {
        "default": EncoderSettings(),
        "plain": EncoderSettings(redundancy=0, detail=0, voice=False),
        "deep": EncoderSettings(redundancy=6, repeated_detail=2),
        "slow": EncoderSettings(interval_ms=640, detail=1, repeated_detail=1),
    }.items():
        encoder = Encoder(models, settings)
        sent = [payload for at in range(0, len(pcm), 320) for payload in encoder.encode(pcm[at : at + 320])]
        for place, payload in enumerate(sent[:: max(1, len(sent) // (count // 4))][: count // 4]):
            (CORPUS / f"{name}-{place:02}.hex").write_text(payload.hex() + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--gather", action="store_true", help="write real payloads into the corpus instead, after a change of the format")
    options = parser.parse_args()
    if options.gather:
        gather()
        return
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}")
    fuzz = Fuzz(Models.load(), seed)
    fuzz.run(options.seconds)
    print(f"{fuzz.payloads} payloads, {fuzz.refused} refused, {fuzz.pulls} pulls of 20 ms")


if __name__ == "__main__":
    main()
