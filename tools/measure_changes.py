"""Measures what changes between sound and tokens in one call cost: words that are lost or come twice.

`python -m tools.measure_changes --data LIST --limit 20`: each recording is heard as sound alone, as tokens alone, and with changes in
mid-word each two seconds or so, by the codec and the parts of a call, without a clock. Where sound ends, what went in the last 0.7 s is
lost, as on a link that breaks; the encoder rested until half of that was over.

By the clock: the words of the text are aligned with the sound, and each 20 ms that is heard is known by the sender's time. A word is lost
of which less than half is heard, and comes twice where most of it is. By ear: a word is lost by a change where a recogniser of speech
heard it in both of the others; one that comes twice is a word that it heard twice in a row, and neither in the others nor in the text.
Quick tokens are not understood alike twice, so that more words seem lost by ear.
"""

import argparse
import itertools
import random
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import STEP_SAMPLES, Encoder
from codec.models import Models
from codec.recognise.network import PosteriorStream
from codec.recognise.recogniser import Recogniser
from codec.recognise.rest import Rest
from codec.recognise.spelling import Spelling
from codec.recognise.word_alignment import align_words
from codec.units import audio_file
from codec.wire.packet import TIME_MODULO
from codec.wire.settings import EncoderSettings
from softphone.bench.instruments.asr import Asr
from softphone.bench.instruments.manifest import Recording, read_manifest
from softphone.bench.instruments.wer import normalise
from softphone.bench.network.network_judge import words_right
from softphone.bench.systems.own_models import own_models
from softphone.engine.phv.receiver_report import SMALL_BYTES
from softphone.engine.phv.sound.join import SILENT, SoundJoin
from softphone.engine.phv.sound.level import LEVELS
from softphone.engine.phv.sound.player import SoundFrame, SoundPlayer
from softphone.engine.phv.sound.sender import SoundSender
from softphone.engine.phv.stream import LOST_GROUPS, LOST_S, QUICK_S, RELEASE_S

LOST_TICKS = 35
SHORTEST, LONGEST = 60, 140
"""Ticks between changes."""
TAIL_TICKS = 150
QUICK_TICKS, LOST_FOR_TICKS, RELEASE_TICKS = round(50 * QUICK_S), round(50 * LOST_S), round(50 * RELEASE_S)
LEAST_HEARD, MOST_AGAIN = 0.5, 0.8
"""Shares of a word's ticks."""


class ClockedJoin(SoundJoin):
    """Counts how often each tick of the sender's clock is heard. now: that clock, to be set before each `next`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.heard: Counter[int] = Counter()

    def _count(self, tick: int) -> None:
        self.heard[self.now - (self.now - tick) % TIME_MODULO] += 1

    def _heard(self, sound: SoundFrame) -> None:
        super()._heard(sound)
        self._count(sound.tick)

    def _tokens(self, tokens: bytes, at: int) -> bytes:
        said = super()._tokens(tokens, at)
        if at != SILENT and said is tokens:
            self._count(at)
        return said

    def by_clock(self, words: list[tuple[int, int]]) -> tuple[int, int]:
        """(first tick, end) of words -> how many are lost, and how many come twice."""
        lost = twice = 0
        for start, end in words:
            times = [self.heard[tick] for tick in range(start, end)]
            lost += sum(map(bool, times)) < LEAST_HEARD * len(times)
            twice += sum(count > 1 for count in times) > MOST_AGAIN * len(times)
        return lost, twice


def times(recogniser: Recogniser, spelling: Spelling, pcm: NDArray[np.int16], text: str) -> list[tuple[int, int]]:
    """First tick and end of each word of the text."""
    stream = PosteriorStream(recogniser.network)
    posteriors = np.concatenate([stream.push(pcm), stream.flush()])
    spelled = [spelling(word) for word in normalise(text).split()]
    return [(word.start, word.end) for word in align_words(posteriors, recogniser.log_prior, spelled, True)]


def modes(kind: str, ticks: int, rng: random.Random) -> list[bool]:
    """For each tick whether sound goes."""
    if kind != "changes":
        return [kind == "sound"] * ticks
    found: list[bool] = []
    sound = rng.random() < 0.5
    while len(found) < ticks:
        found += [sound] * rng.randrange(SHORTEST, LONGEST)
        sound = not sound
    return found[:ticks]


def heard(models: Models, pcm: NDArray[np.int16], sounds: list[bool], lost: int, slow: bool) -> tuple[NDArray[np.int16], ClockedJoin]:
    """What the far end hears, and what joined it. slow: tokens wait for their words after a change, too."""
    encoder, decoder = Encoder(models), Decoder(models)
    ended = began = -QUICK_TICKS  # the ticks at which sound ended and began
    sender, player, join = SoundSender(), SoundPlayer(), ClockedJoin()
    blocks = []
    pcm = np.concatenate((pcm, np.zeros(TAIL_TICKS * STEP_SAMPLES, np.int16)))
    for tick, sound in enumerate([*sounds, *[sounds[-1]] * TAIL_TICKS]):
        step = pcm[tick * STEP_SAMPLES : (tick + 1) * STEP_SAMPLES]
        ending = sound and not all(sounds[tick : tick + lost] or [True])
        noticed = sound and not all(sounds[tick : tick + max(1, lost // 2)] or [True])
        encoder.may_rest = Rest.ALWAYS if sound and not noticed and all(sounds[max(0, tick - 50) : tick]) else Rest.NEVER
        ended, began = (tick, began) if sound else (ended, tick)
        wait = tick - began > RELEASE_TICKS if sound else slow or tick - ended >= QUICK_TICKS
        encoder.settings = EncoderSettings(wait=wait, redundancy=LOST_GROUPS if not sound and tick - ended < LOST_FOR_TICKS else 1)
        for payload in encoder.encode(step):
            if not ending:
                decoder.receive(payload)
                if len(payload) > SMALL_BYTES:
                    join.expect(payload[0], alone=not sound)
        if not sound:
            sender.stop()
        elif (packet := sender.take(step.tobytes(), tick, LEVELS[-1], 0.0)) is not None and not ending:
            player.put(packet[0] % TIME_MODULO, packet[1])
        if join.wants_tokens and join.heard_until is not None:
            decoder.skip(join.heard_until)
        if join.holds_tokens:
            tokens, at = bytes(2 * STEP_SAMPLES), SILENT
        else:
            tokens = decoder.pull(STEP_SAMPLES, heard=join.wants_tokens).tobytes()
            at = SILENT if decoder.said_at is None else decoder.said_at % TIME_MODULO
        join.now = tick
        blocks.append(np.frombuffer(join.next(tokens, at, player.take()), np.int16))
    return np.concatenate(blocks), join


def too_many(text: str, *others: str) -> int:
    """Words that stand twice in a row here and in none of the others."""
    words = normalise(text).split()
    pairs = {(word, word) for word, following in itertools.pairwise(words) if word == following}
    for other in others:
        said = normalise(other).split()
        pairs -= set(itertools.pairwise(said))
    return len(pairs)


def main() -> None:
    """Prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument(
        "--lost", type=int, default=LOST_TICKS, help="ticks of 20 ms that are lost before sound ends; 0: a change by choice"
    )
    parser.add_argument("--slow", action="store_true", help="the path is slow from then on, so that tokens wait for their words at once")
    parser.add_argument("--keep", type=Path, help="a folder for what was heard")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models, ear, rng, spelling = own_models(words=True), Asr(), random.Random(1), Spelling()
    recogniser = models.recogniser
    assert isinstance(recogniser, Recogniser)
    changes = lost = twice = words = 0
    clocked = Counter[str]()
    recordings: list[Recording] = read_manifest(arguments.data, arguments.limit)
    wrong = dict.fromkeys(("sound", "tokens", "changes"), 0)
    for recording in recordings:
        pcm = audio_file.read(recording.file)
        understood = {}
        for kind in wrong:
            sounds = modes(kind, len(pcm) // STEP_SAMPLES, rng)
            with torch.inference_mode():
                sound, join = heard(models, pcm, sounds, arguments.lost, arguments.slow)
            if arguments.keep is not None:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                audio_file.write(arguments.keep / f"{recording.name}-{kind}.flac", sound)
            understood[kind] = ear.transcribe(sound)
            wrong[kind] += words_right(recording, understood[kind]).count(False)
            if kind == "changes":
                changes += sum(before != after for before, after in itertools.pairwise(sounds))
                with torch.inference_mode():
                    spoken = times(recogniser, spelling, pcm, recording.text)
                clocked.update(dict(zip(("lost", "twice"), join.by_clock(spoken), strict=True)))
        right = [words_right(recording, understood[kind]) for kind in ("sound", "tokens", "changes")]
        words += len(right[0])
        here = sum(a and b and not c for a, b, c in zip(*right, strict=True))
        again = too_many(understood["changes"], recording.text, understood["sound"], understood["tokens"])
        lost, twice = lost + here, twice + again
        print(f"{recording.name}: {here} lost, {again} twice; {understood['changes']}", flush=True)
    shares = ", ".join(f"{kind} {count / words:.1%}" for kind, count in wrong.items())
    print(f"{changes} changes; by the clock {clocked['lost']} words lost, {clocked['twice']} twice")
    print(f"by ear {lost} lost, {twice} twice, {100 * (lost + twice) / max(1, changes):.0f} in 100 changes")
    print(f"words not understood, of {words}: {shares}")


if __name__ == "__main__":
    main()
