"""`softphone bench voice`: how like each speaker the far end sounds, against the seconds of speech and the bytes spent on the voice.

Of each speaker the last recordings are kept for listening; the others are one call, in which the voice is described and trained. What the
far end knows after so many seconds is then given to a fresh decoder, which speaks the kept recordings: with all of it, and with the
embedding alone.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec import audio_file
from codec.voice import Voice
from codec.voice_hearing import Hearing, utterance_embedding
from codec.voice_rehearsal import STEP, Known, lessons_of, listen, rehearse
from codec.voice_trainer import TrainingRoom
from softphone.bench.manifest import Recording
from softphone.bench.second_voice import SecondVoice
from softphone.bench.systems.own_models import own_models
from softphone.bench.workbench import Say
from softphone.errors import SoftphoneError

MARKS = (3.0, 10.0, 30.0, 60.0)
"""Seconds of speech, as the encoder counts them."""
LEAST_HEARD_S, HEARD_SHARE = 6.0, 0.2
"""Kept for listening: this share of a speaker's recordings, and so much at least."""
LEAST_S = 9.0
SHARE = 0.25
"""Of a core, for the training."""
PAUSE = 8000
PREFIXES = (8, 16, 32, 64)
CROWD = 20
"""A speaker is to be found among so many."""
_RATE = 16000


class VoiceBenchError(SoftphoneError):
    """The recordings do not serve."""


@dataclass(frozen=True)
class VoiceRow:
    """One speaker after so many seconds of speech; `_embedding_only`: without the training. similarity: cosine of the GE2E embeddings of
    the kept recordings as said and as heard; similarity2: of another encoder's; mel_distance: as in `codec.voice_hearing`; found: whether
    what is heard is likest, by GE2E, to this speaker's recordings from the call among CROWD; real: the similarity of the kept recordings
    to those from the call, both true; training_s: processor time; heard_s: length of the kept recordings."""

    speaker: str
    seconds: float
    bytes: float
    similarity: float
    similarity_embedding_only: float
    similarity2: float
    similarity2_embedding_only: float
    mel_distance: float
    mel_distance_embedding_only: float
    found: bool
    found_embedding_only: bool
    real: float
    real2: float
    training_s: float
    heard_s: float


@dataclass(frozen=True)
class VoiceFigures:
    """prefix_cosines: mean cosine of the first bytes of a description to the full embedding, over the speakers."""

    rows: list[VoiceRow]
    prefix_cosines: dict[int, float]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"rows": [asdict(row) for row in self.rows], "prefix_cosines": {str(size): x for size, x in self.prefix_cosines.items()}}


@dataclass(frozen=True)
class _Speaker:
    name: str
    call: NDArray[np.int16]
    kept: NDArray[np.int16]


@dataclass(frozen=True)
class _Heard:
    vector: NDArray[np.float32]
    vector2: NDArray[np.float32]
    mel: float


class VoiceBench:
    """The instruments. Raises ModelError, SecondVoiceError."""

    def __init__(self) -> None:
        self._models, self._room, self._second = own_models(), TrainingRoom.load(), SecondVoice()

    def bench(self, recordings: Sequence[Recording], say: Say, limit: int | None = None) -> VoiceFigures:
        """limit: of speakers. Raises SoftphoneError, CodecError."""
        speakers = _speakers(recordings)[:limit]
        enrolled = {each.name: self._embed(each.call) for each in speakers}
        rows: list[VoiceRow] = []
        for place, each in enumerate(speakers, 1):
            new = self._rows(each, enrolled)
            if not new:
                say(f"{place} of {len(speakers)}: {each.name} says too little")
                continue
            rows += new
            last = new[-1]
            say(
                f"{place} of {len(speakers)}: {each.name} after {last.seconds:g} s: similarity {last.similarity_embedding_only:.3f} "
                f"-> {last.similarity:.3f}, mel {last.mel_distance_embedding_only:.3f} -> {last.mel_distance:.3f}"
            )
        if not rows:
            raise VoiceBenchError("no speaker speaks for three seconds; name another list with --data")
        return VoiceFigures(rows, self._prefixes(list(enrolled.values())))

    def _embed(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """GE2E of the stretches that are not digital silence."""
        return utterance_embedding(self._models.voice_encoder, _sounding(pcm).astype(np.float32) / np.float32(32768))

    def _rows(self, speaker: _Speaker, enrolled: dict[str, NDArray[np.float32]]) -> list[VoiceRow]:
        payloads, stretches = lessons_of(self._models, speaker.kept)
        if not stretches:
            raise VoiceBenchError(
                f"nobody speaks in the recordings of {speaker.name} that were kept for listening; leave them out of --data"
            )
        hearing = Hearing(self._room.far_end, self._room.code, self._models.voice_encoder, stretches)
        true, true2 = self._embed(speaker.kept), self._second.embed(_sounding(speaker.kept))
        real2 = float(true2 @ self._second.embed(_sounding(speaker.call)))
        crowd = _crowd(speaker.name, enrolled)
        rows = []
        for known in rehearse(self._models, self._room, speaker.call, MARKS, SHARE):
            alone = self._hear(known, {}, payloads, hearing)
            full = self._hear(known, known.pieces[1], payloads, hearing) if known.coordinates.any() else alone
            rows.append(
                VoiceRow(
                    speaker=speaker.name,
                    seconds=known.seconds,
                    bytes=round(known.size, 1),
                    similarity=float(full.vector @ true),
                    similarity_embedding_only=float(alone.vector @ true),
                    similarity2=float(full.vector2 @ true2),
                    similarity2_embedding_only=float(alone.vector2 @ true2),
                    mel_distance=full.mel,
                    mel_distance_embedding_only=alone.mel,
                    found=_likest(full.vector, crowd) == speaker.name,
                    found_embedding_only=_likest(alone.vector, crowd) == speaker.name,
                    real=float(true @ enrolled[speaker.name]),
                    real2=real2,
                    training_s=round(known.training_s, 2),
                    heard_s=round(len(_sounding(speaker.kept)) / _RATE, 1),
                )
            )
        return rows

    def _hear(self, known: Known, residual: dict[int, bytes], payloads: Sequence[tuple[int, bytes]], hearing: Hearing) -> _Heard:
        pcm = listen(self._models, payloads, known.pieces[0], residual)
        coordinates = known.coordinates if residual else np.zeros_like(known.coordinates)
        mel = hearing.hear(known.voice, coordinates).mel_distance
        return _Heard(self._embed(pcm), self._second.embed(_sounding(pcm)), mel)

    def _prefixes(self, embeddings: list[NDArray[np.float32]]) -> dict[int, float]:
        code = self._models.voice_code
        found = {}
        for size in PREFIXES:
            total = 0.0
            for embedding in embeddings:
                pieces = dict(enumerate(code.encode(Voice(embedding, 150.0))[: size // 4]))
                total += float(code.decode(pieces, 150.0).embedding @ embedding)
            found[size] = total / len(embeddings)
        return found


def _speakers(recordings: Sequence[Recording]) -> list[_Speaker]:
    found = []
    groups: dict[str, list[Recording]] = {}
    for recording in recordings:
        groups.setdefault(recording.speaker, []).append(recording)
    for name, group in groups.items():
        sounds = [audio_file.read(each.file) for each in group]
        total = sum(map(len, sounds)) / _RATE
        if total < LEAST_S:
            continue
        if len(sounds) == 1:
            middle = int(len(sounds[0]) * (1 - max(HEARD_SHARE, LEAST_HEARD_S / total)))
            sounds = [sounds[0][:middle], sounds[0][middle:]]
        kept: list[NDArray[np.int16]] = []
        while len(sounds) > 1 and sum(map(len, kept)) / _RATE < max(LEAST_HEARD_S, HEARD_SHARE * total):
            kept.insert(0, sounds.pop())
        found.append(_Speaker(name, _one_after_the_other(sounds), _one_after_the_other(kept)))
    if not found:
        raise VoiceBenchError(f"no speaker has {LEAST_S:g} s of recordings; name another list with --data")
    return found


def _one_after_the_other(sounds: Sequence[NDArray[np.int16]]) -> NDArray[np.int16]:
    pause = np.zeros(PAUSE, np.int16)
    return np.concatenate([part for sound in sounds for part in (sound, pause)])


def _sounding(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    frames = pcm[: len(pcm) // STEP * STEP].reshape(-1, STEP)
    return np.asarray(frames[np.abs(frames).max(1, initial=0) > 0].ravel())


def _crowd(name: str, enrolled: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The speaker and up to CROWD - 1 others, evenly spread over the list, the same in every run."""
    others = [other for other in enrolled if other != name]
    step = max(1.0, len(others) / (CROWD - 1))
    chosen = {others[int(place * step)] for place in range(min(CROWD - 1, len(others)))}
    return {each: vector for each, vector in enrolled.items() if each in chosen or each == name}


def _likest(vector: NDArray[np.float32], crowd: dict[str, NDArray[np.float32]]) -> str:
    return max(crowd, key=lambda name: float(crowd[name] @ vector))
