"""Typed text spoken: tokens as a microphone would have given them, payloads of them, or sound in a given voice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.describe.pitch import track
from codec.describe.prosody import DEFAULT_MEAN_F0, frame_levels, mean_f0
from codec.describe.typed import TypedSpeech
from codec.models import weights_directory
from codec.recognise.speech_gate import AUDIBLE_DB
from codec.text.melody import Item, Prosody, TextProsody
from codec.text.pronounce import Pronouncer
from codec.text.reading import SaidWord, read
from codec.text.words import MARKS
from codec.units.errors import TextError
from codec.units.phones import SILENCE, UNVOICED
from codec.units.token import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, Token
from codec.units.weights import load_weights
from codec.voice.embedding import Voice
from codec.wire.packet import VOICE_PIECE_BYTES, serialize
from codec.wire.packetiser import Packetiser
from codec.wire.settings import EncoderSettings
from codec.wire.token import MAX_TICKS, TICK_FRAMES, TICK_MS, to_wire

if TYPE_CHECKING:
    from codec.models import Models

VOWEL_DB = -24.0
"""Mean level of the vowels, dB relative to full scale: that of ordinary recordings."""

MELODY = 1.25
"""The network says the likeliest melody, which is flatter than anybody's: its rises and falls are made so much larger."""

RATE = 0.1
"""Log duration above the usual: a tenth slower, as the network says the median length, and people are mostly slower than that."""

PAUSES_MS = {",": (120, 280), ";": (200, 400), ".": (350, 640), "?": (350, 640), "!": (350, 640)}
"""Shortest and longest pause after each mark; between them the network decides."""

LEAST_SPEECH_S = 0.8
SPEECH_RANGE_DB = 35.0
"""Of a recording, what is not so much quieter than its loudest frame is taken for speech."""

ASKED_SEMITONES = 5.0
"""A question that wants yes or no rises so far from its last stressed vowel on: people who read books aloud, from whom the network learned,
hardly ask any."""

QUESTION_WORDS = frozenset("who whose whom what which when where why how".split())

_STEP_SAMPLES = 320
_TAIL_STEPS = 75


@dataclass(frozen=True, slots=True)
class SpokenText:
    """tokens: semitones relative to the speaker's mean F0, pauses as silence; doubts: sentences on what was guessed or left out."""

    tokens: tuple[Token, ...]
    doubts: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return sum(token.frames for token in self.tokens) * FRAME_MS / 1000


class TextSpeaker:
    """Text to tokens. One for the whole process; `speak` is the only thing it does, a few hundredths of a second each."""

    def __init__(self, pronouncer: Pronouncer, prosody: TextProsody) -> None:
        self._pronouncer = pronouncer
        self._prosody = prosody

    @classmethod
    def load(cls, directory: Path | None = None) -> TextSpeaker:
        """Weights from `directory`, by default the shipped ones. Raises ModelError."""
        tensors, _ = load_weights((directory or weights_directory()) / "text_prosody.safetensors")
        return cls(Pronouncer(), TextProsody.from_weights(tensors))

    def speak(self, text: str) -> SpokenText:
        """Raises TextError where nothing can be spoken, ModelError where a package is missing."""
        reading = read(text, self._pronouncer)
        return SpokenText(tuple(_tokens(reading.words, self._prosody.predict(reading.words, RATE))), reading.doubts)


def _tokens(words: Sequence[SaidWord], said: Sequence[tuple[Item, Prosody]]) -> Iterator[Token]:
    """Durations are rounded to the ticks of the wire so that the rounding does not add up."""
    exact = 0.0
    at = 0
    rises = _rises(words, said)
    for place, (item, prosody) in enumerate(said):
        frames = prosody.frames
        if item.phone == SILENCE:
            shortest, longest = PAUSES_MS[words[item.word].mark or ","]
            frames = min(max(frames, shortest / FRAME_MS), longest / FRAME_MS)
        exact += frames
        ticks = min(max(1, round(exact / TICK_FRAMES) - at), MAX_TICKS)
        at += ticks
        exact = max(exact, (at - 0.5) * TICK_FRAMES)
        low, high = (MELODY * height for height in prosody.semitones)
        if place >= rises.get(item.word, len(said)):
            low, high = (low if place == rises[item.word] else low + ASKED_SEMITONES), high + ASKED_SEMITONES
        yield Token(
            item.phone,
            ticks * TICK_FRAMES,
            None if item.phone in UNVOICED else (low, high),
            -96.0 if item.phone == SILENCE else min(0.0, VOWEL_DB + prosody.level_db),
        )


def _rises(words: Sequence[SaidWord], said: Sequence[tuple[Item, Prosody]]) -> dict[int, int]:
    """Last words of questions that want yes or no -> place in `said` of the vowel from which the voice rises."""
    rises: dict[int, int] = {}
    first = 0
    for number, word in enumerate(words):
        if word.mark not in MARKS[2:]:
            continue
        if word.mark == "?" and words[first].text not in QUESTION_WORDS:
            vowels = [place for place, (item, _) in enumerate(said) if item.word == number and item.stress >= 0]
            stressed = [place for place in vowels if said[place][0].stress == 1]
            if vowels:
                rises[number] = (stressed or vowels)[-1]
        first = number + 1
    return rises


def payloads(spoken: SpokenText, models: Models, mean_f0: float, settings: EncoderSettings | None = None) -> list[tuple[int, bytes]]:
    """What a call would send: (time in ms, payload). The voice is not described in them. mean_f0: Hz."""
    settings = settings or EncoderSettings()
    typed, packets = TypedSpeech(), Packetiser()
    typed.add([to_wire(token, mean_f0) for token in spoken.tokens])
    sent: list[tuple[int, bytes]] = []
    now = 0

    def send() -> None:
        sent.append((now * TICK_MS, serialize(packets.packet(now, settings, None), models.entropy)))

    while typed.active:
        for start, token in typed.due(now):
            if token is None:
                packets.end()
                if packets.waiting:
                    send()
                continue
            if packets.full:
                send()
            packets.add(start, token)
        if packets.due(now, settings):
            send()
        now += 1
    return sent


def to_pcm(spoken: SpokenText, models: Models, voice: Voice) -> NDArray[np.int16]:
    """The text as the far end would hear it from a speaker whose voice it knows: (samples,) int16 at 16 kHz."""
    decoder = Decoder(models)
    decoder.meet(voice)
    waiting = payloads(spoken, models, voice.mean_f0, EncoderSettings(redundancy=0))[::-1]
    blocks = []
    steps = math.ceil(spoken.seconds * SAMPLE_RATE / _STEP_SAMPLES) + _TAIL_STEPS
    for step in range(steps):
        while waiting and waiting[-1][0] <= step * TICK_MS:
            decoder.receive(waiting.pop()[1])
        blocks.append(decoder.pull(_STEP_SAMPLES))
    pcm = np.concatenate(blocks)
    heard = np.flatnonzero(pcm)
    return pcm[heard[0] : heard[-1] + 1] if len(heard) else pcm[:0]


def voice_of(pcm: NDArray[np.int16], models: Models) -> Voice:
    """The voice in a recording of one speaker: (samples,) int16 at 16 kHz. Raises TextError where too little speech is in it."""
    levels = frame_levels(pcm)
    loud = levels > max(AUDIBLE_DB, float(levels.max(initial=-96.0)) - SPEECH_RANGE_DB)
    speech = pcm[: len(levels) * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[loud].ravel()
    if len(speech) < LEAST_SPEECH_S * SAMPLE_RATE:
        raise TextError(
            f"The recording holds {len(speech) / SAMPLE_RATE:.1f} s of speech, and a voice is known from {LEAST_SPEECH_S:g} s on: "
            "record somebody who says a few sentences."
        )
    embedding = models.voice_encoder.embed_windows(speech.astype(np.float32) / np.float32(32768)).mean(axis=0)
    return Voice(np.asarray(embedding / np.linalg.norm(embedding), dtype=np.float32), mean_f0(track(pcm).f0))


def voice_from_code(code: str, models: Models) -> Voice:
    """A voice from its description in hex digits, as `voice_to_code` writes it; a shorter one is coarser. Raises TextError."""
    size = VOICE_PIECE_BYTES
    try:
        data = bytes.fromhex(code)
    except ValueError:
        data = b""
    if not data or len(data) % size or len(data) > size * models.voice_code.pieces:
        longest = 2 * size * models.voice_code.pieces
        raise TextError(
            f"A voice code has {2 * size} to {longest} hex digits in steps of {2 * size}; "
            f'`softphone codec say` prints one with --voice. This is none: "{code[:80]}".'
        )
    return models.voice_code.decode({at // size: data[at : at + size] for at in range(0, len(data), size)}, DEFAULT_MEAN_F0)


def voice_to_code(voice: Voice, models: Models) -> str:
    """All pieces of a voice's description, in hex."""
    return b"".join(models.voice_code.encode(voice)).hex()


def neutral_voice(models: Models) -> Voice:
    """Nobody in particular."""
    return Voice(models.voice_code.neutral, DEFAULT_MEAN_F0)
