"""Typed text spoken: tokens as a microphone would have given them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codec.text.melody import Item, Prosody, TextProsody
from codec.text.pronounce import Pronouncer
from codec.text.reading import SaidWord, read
from codec.text.words import MARKS
from codec.units.phones import SILENCE, UNVOICED
from codec.units.rates import FRAME_MS
from codec.units.token import Token
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from codec.wire.token import MAX_TICKS, TICK_FRAMES

if TYPE_CHECKING:
    pass

VOWEL_DB = -24.0
"""Mean level of the vowels, dB relative to full scale: that of ordinary recordings."""

MELODY = 1.25
"""The network says the likeliest melody, which is flatter than anybody's: its rises and falls are made so much larger."""

RATE = 0.1
"""Log duration above the usual: a tenth slower, as the network says the median length, and people are mostly slower than that."""

PAUSES_MS = {",": (120, 280), ";": (200, 400), ".": (350, 640), "?": (350, 640), "!": (350, 640)}
"""Shortest and longest pause after each mark; between them the network decides."""

ASKED_SEMITONES = 5.0
"""A question that wants yes or no rises so far from its last stressed vowel on: people who read books aloud, from whom the network learned,
hardly ask any."""

QUESTION_WORDS = frozenset("who whose whom what which when where why how".split())


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
