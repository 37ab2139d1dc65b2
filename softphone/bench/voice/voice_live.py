"""`softphone bench voice --live`: the training in real calls: is the live path ever late for it, and is it heard?

Two engines, each with its codec worker, call each other through a network without faults, once with the training and once without. One
side is a speaker who says recordings one after another; the last of them, never heard before, tell how like the speaker it sounds by then.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.learning.hearing import utterance_embedding
from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone.bench.impairment.impairment import NONE
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.markdown import Column, table_of
from softphone.bench.instruments.second_voice import SecondVoice
from softphone.bench.network.conversation import TAIL_S, Conversation, Turn
from softphone.bench.network.lateness import STEP_MS, late_to_listen, late_to_speak
from softphone.bench.network.live_call import CallOutcome, PhonePair
from softphone.bench.systems.own_models import own_models
from softphone.bench.voice.voice_bench import sounding
from softphone.config import Config, Phv
from softphone.control.protocol import CodecCounters
from softphone.errors import SoftphoneError

LEAST_S, LAST_S = 30.0, 20.0
"""What a speaker must say at least, and how much of it at the beginning and at the end is compared."""
LEAD_S, PAUSE_S = 1.0, 0.4


class VoiceLiveError(SoftphoneError):
    """The recordings do not serve, or the call could not be."""


@dataclass(frozen=True)
class LiveRow:
    """One call. late_frames: steps of 20 ms that the codec worker of either phone did not take or give in time, of `frames`;
    worst_step_ms: the longest that encoder or decoder took for one; speech_s: as the encoder counts it; training_share: of a core, over the
    call; voice_bytes: the voice's description with its residual, repeats included; similarity_first, similarity_last: by GE2E, of what was
    said and heard in the first and in the last seconds, similarity2_*: by another encoder; estimate: what the sender itself believes
    (None without training)."""

    speaker: str
    training: bool
    call_s: float
    speech_s: float
    frames: int
    late_frames: int
    worst_step_ms: float
    training_share: float
    training_steps: int
    voice_bytes: int
    similarity_first: float
    similarity_last: float
    similarity2_first: float
    similarity2_last: float
    estimate: float | None


_COLUMNS: tuple[Column, ...] = (
    ("speaker", "speaker", "{}"),
    ("training", "training", "{}"),
    ("call, s", "call_s", "{:.0f}"),
    ("speech, s", "speech_s", "{:.0f}"),
    ("late frames", "late_frames", "{}"),
    ("of", "frames", "{}"),
    ("longest step, ms", "worst_step_ms", "{:.0f}"),
    ("share of a core", "training_share", "{:.2f}"),
    ("steps", "training_steps", "{}"),
    ("bytes of the voice", "voice_bytes", "{}"),
    ("similarity, first", "similarity_first", "{:.3f}"),
    ("last", "similarity_last", "{:.3f}"),
    ("second encoder, first", "similarity2_first", "{:.3f}"),
    ("last ", "similarity2_last", "{:.3f}"),
    ("own estimate", "estimate", "{:.3f}"),
)


def bench(recordings: Sequence[Recording], say: Callable[[str], None], limit: int | None = None) -> list[dict[str, Any]]:
    """A row for each speaker without and with training; limit: of speakers. Raises SoftphoneError, CodecError."""
    speakers: dict[str, list[Recording]] = {}
    for recording in recordings:
        speakers.setdefault(recording.speaker, []).append(recording)
    sounds = {name: {each.name: audio_file.read(each.file) for each in said} for name, said in speakers.items()}
    long = [name for name, said in sounds.items() if sum(map(len, said.values())) >= LEAST_S * SAMPLE_RATE][:limit]
    if not long:
        raise VoiceLiveError(f"no speaker has {LEAST_S:g} s of recordings; name another list with --data")
    outcomes = []
    for training in (False, True):
        with PhonePair(replace(Config(), phv=Phv(learn=training, sound="never")), "x-phv") as pair:
            for name in long:
                talk = _conversation(speakers[name], sounds[name])
                say(f"{name}, {'with' if training else 'without'} training: a call of {talk.seconds:.0f} s")
                began = time.monotonic()
                outcome = pair.talk(talk, sounds[name], NONE, name)
                if outcome.set_up.failure:
                    raise VoiceLiveError(f"there was no call: {outcome.set_up.failure}; run: softphone doctor")
                outcomes.append((name, training, talk, outcome, time.monotonic() - began))
    ear = _Ear()
    rows = [asdict(_row(ear, *each, sounds[each[0]])) for each in outcomes]
    return sorted(rows, key=lambda row: (long.index(row["speaker"]), row["training"]))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    return table_of(_COLUMNS, [{**row, "training": "yes" if row["training"] else "no"} for row in rows])


def _conversation(said: Sequence[Recording], sounds: dict[str, NDArray[np.int16]]) -> Conversation:
    turns, at = [], LEAD_S
    for recording in said:
        seconds = len(sounds[recording.name]) / SAMPLE_RATE
        turns.append(Turn(recording, "a", at, seconds))
        at += seconds + PAUSE_S
    return Conversation(tuple(turns), at + TAIL_S)


class _Ear:
    def __init__(self) -> None:
        self._encoder, self._second = own_models().voice_encoder, SecondVoice()

    def likeness(self, said: NDArray[np.int16], heard: NDArray[np.int16]) -> tuple[float, float]:
        """By GE2E, and by the second encoder."""
        first, other = sounding(said), sounding(heard)
        if not len(other):
            return 0.0, 0.0
        one, two = (utterance_embedding(self._encoder, pcm.astype(np.float32) / np.float32(32768)) for pcm in (first, other))
        return float(one @ two), float(self._second.embed(first) @ self._second.embed(other))


def _row(
    ear: _Ear, name: str, training: bool, talk: Conversation, outcome: CallOutcome, seconds: float, sounds: dict[str, NDArray[np.int16]]
) -> LiveRow:
    heard = dict(zip([turn.recording.name for turn in talk.turns], outcome.heard, strict=True))
    likeness = []
    for turns in (talk.turns, talk.turns[::-1]):
        names: list[str] = []
        while len(names) < len(turns) and sum(len(sounds[each]) for each in names) < LAST_S * SAMPLE_RATE:
            names.append(turns[len(names)].recording.name)
        likeness.append(ear.likeness(*(np.concatenate([of[each] for each in names]) for of in (sounds, heard))))
    last = [each for each in outcome.counters.values() if each is not None]
    codec = [each.codec_counters for each in last]
    speaker = outcome.counters.get("a")
    own = speaker.codec_counters if speaker is not None else CodecCounters()
    frames = 2 * sum(round(each.seconds * 1000 / STEP_MS) for each in last)
    late = sum(late_to_speak(each) + late_to_listen(each) for each in last)
    return LiveRow(
        speaker=name,
        training=training,
        call_s=round(seconds, 1),
        speech_s=round(own.sent_speech_ms / 1000, 1),
        frames=frames,
        late_frames=late,
        worst_step_ms=max((max(each.encoder_longest_ms, each.decoder_longest_ms) for each in codec), default=0),
        training_share=round(own.training_cpu_s / max(speaker.seconds if speaker is not None else seconds, 1.0), 3),
        training_steps=own.training_steps,
        voice_bytes=own.sent_voice_bytes,
        similarity_first=likeness[0][0],
        similarity_last=likeness[1][0],
        similarity2_first=likeness[0][1],
        similarity2_last=likeness[1][1],
        estimate=own.heard_similarity,
    )
