"""What two phones say to each other in a benchmark: recordings in turns, as people talk."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone.bench.impairment.gateway import Side
from softphone.bench.instruments.manifest import Recording

LEAD_S = 0.5
PAUSE_S = 1.5
"""Between one's last sound and the other's first: time for the last packet of the one."""
SHORT_PAUSE_S = 0.6
"""The same where a link changes during the call: what comes late is still heard, and little time has nothing in it."""
TAIL_S = 4.0
"""After the last word: for what is late, and for the codec to give out its last."""


@dataclass(frozen=True)
class Turn:
    """One recording, said by one side from `start_s` on."""

    recording: Recording
    side: Side
    start_s: float
    seconds: float


@dataclass(frozen=True)
class Conversation:
    """Turns in their order, none at the same time as another; `seconds` is the whole with its silence."""

    turns: tuple[Turn, ...]
    seconds: float

    def said_by(self, side: Side, sounds: Mapping[str, NDArray[np.int16]]) -> NDArray[np.int16]:
        """What this side's microphone hears: (samples,) int16 at 16 kHz, silent while the other one talks. sounds: by name."""
        pcm = np.zeros(round(self.seconds * SAMPLE_RATE), np.int16)
        for turn in self.turns:
            if turn.side == side:
                at = round(turn.start_s * SAMPLE_RATE)
                pcm[at : at + len(sounds[turn.recording.name])] = sounds[turn.recording.name]
        return pcm

    def until_s(self, turn: Turn) -> float:
        """Until when what the other side hears is taken for this turn: the same side's next one, or the end."""
        later = (other.start_s for other in self.turns if other.side == turn.side and other.start_s > turn.start_s)
        return min(later, default=self.seconds)


def conversations(recordings: Sequence[Recording], seconds: Mapping[str, float]) -> list[Conversation]:
    """Each speaker's recordings against another's, in turns; a speaker without a partner talks to one who is silent.

    seconds: of each recording, by name. Each side of a call has one voice, because a codec may learn it.
    """
    by_speaker: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        by_speaker[recording.speaker].append(recording)
    # Those with equally much to say talk to each other, so that little time is one-sided.
    lists = sorted(by_speaker.values(), key=lambda said: (-len(said), said[0].speaker))
    return [_in_turns(lists[n], lists[n + 1] if n + 1 < len(lists) else [], seconds) for n in range(0, len(lists), 2)]


def fill(conversation: Conversation, seconds: float, first: int = 0) -> Conversation:
    """The same turns again and again, from number `first` on, with short pauses, until this long has been talked."""
    first %= len(conversation.turns)
    turns: list[Turn] = []
    at = LEAD_S
    while at < seconds:
        for turn in (*conversation.turns[first:], *conversation.turns[:first]):
            if at < seconds:
                turns.append(Turn(turn.recording, turn.side, at, turn.seconds))
                at += turn.seconds + SHORT_PAUSE_S
    return Conversation(tuple(turns), at - SHORT_PAUSE_S + TAIL_S)


def _in_turns(first: list[Recording], second: list[Recording], seconds: Mapping[str, float]) -> Conversation:
    turns: list[Turn] = []
    at = LEAD_S
    for place in range(max(len(first), len(second))):
        sides: tuple[tuple[Side, list[Recording]], ...] = (("a", first), ("b", second))
        for side, said in sides:
            if place < len(said):
                turns.append(Turn(said[place], side, at, seconds[said[place].name]))
                at += seconds[said[place].name] + PAUSE_S
    return Conversation(tuple(turns), at - PAUSE_S + TAIL_S)
