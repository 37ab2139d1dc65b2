"""`softphone bench voice`: how like each speaker the voice sounds that is heard, against the seconds of speech and its bytes.

Of each speaker the last recordings are kept for listening; the others are one call, in which the voice is described and trained. What the
far end knows after so many seconds is then given to a fresh decoder, which speaks the kept recordings: with all of it, and with the
embedding alone.
"""

import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.learning.far_end import Stretch
from codec.learning.hearing import Hearing, utterance_embedding
from codec.learning.trainer import ListenerNetworks
from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from codec.voice.embedding import Voice
from softphone.bench.codec.workbench import Say
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.second_voice import SecondVoice
from softphone.bench.systems.fingerprint import fingerprint
from softphone.bench.systems.own_models import own_models
from softphone.bench.voice.rehearsal import STEP, Known, lessons_of, listen, rehearse
from softphone.bench.voice.voice_rows import KeptRows, VoiceFigures, VoiceRow
from softphone.errors import SoftphoneError

MARKS = (3.0, 10.0, 30.0, 60.0)
"""Seconds of speech, as the encoder counts them."""
LEAST_HEARD_S, HEARD_SHARE, MOST_HEARD_S = 6.0, 0.2, 20.0
"""Kept for listening: this share of a speaker's recordings, so much at least and about so much at most."""
LEAST_S = 9.0
SHARE = 0.25
"""Of a core, for the training."""
PAUSE = 8000
LOUD, SILENCE, AROUND = 90, 10 ** (-35 / 20), 4
"""Where a sound is 35 dB below its loudest tenth, and not within 80 ms of louder sound, nobody speaks."""
PREFIXES = (8, 16, 32, 64)
CROWD = 20
"""Speakers among which the right one is to be identified."""


class VoiceBenchError(SoftphoneError):
    """The recordings do not serve."""


@dataclass(frozen=True)
class _Speaker:
    name: str
    call: NDArray[np.int16]
    kept: NDArray[np.int16]


_Task = tuple[_Speaker, dict[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class _Heard:
    vector: NDArray[np.float32]
    vector2: NDArray[np.float32]
    mel: float


class VoiceBench:
    """The instruments. Raises ModelError, SecondVoiceError."""

    def __init__(self) -> None:
        self._models, self._networks, self._second = own_models(), ListenerNetworks.load(), SecondVoice()

    def bench(
        self, recordings: Sequence[Recording], say: Say, limit: int | None = None, keep: Path | None = None, jobs: int = 1
    ) -> VoiceFigures:
        """limit: of speakers; keep: folder of what was measured already, as it comes; jobs: processes. Raises SoftphoneError,
        CodecError."""
        speakers = _speakers(recordings)[:limit]
        enrolled = {each.name: self._embed(each.call) for each in speakers}
        kept = KeptRows(keep)
        tasks = [(each, _crowd(each.name, enrolled)) for each in speakers]
        found = {each.name: rows for each, crowd in tasks if (rows := kept.get(each.name, _key(each, crowd))) is not None}
        missing = [task for task in tasks if task[0].name not in found]
        for speaker, crowd, rows in self._measured(missing, jobs):
            found[speaker.name] = rows
            kept.put(speaker.name, _key(speaker, crowd), rows)
            say(_told(len(found), len(speakers), speaker.name, rows))
        everything = [row for each in speakers for row in found[each.name]]
        if not everything:
            raise VoiceBenchError("no speaker speaks for three seconds; name another list with --data")
        return VoiceFigures(everything, self._prefixes(list(enrolled.values())))

    def _measured(self, tasks: Sequence[_Task], jobs: int) -> Iterator[tuple[_Speaker, dict[str, NDArray[np.float32]], list[VoiceRow]]]:
        if jobs == 1:
            for speaker, crowd in tasks:
                yield speaker, crowd, self.rows(speaker, crowd)
            return
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            waiting = {pool.submit(_rows_of, *task): task for task in tasks}
            try:
                for future in as_completed(waiting):
                    yield *waiting[future], future.result()
            except BrokenProcessPool:
                raise VoiceBenchError("a process of the benchmark died, perhaps for want of memory; use fewer --jobs") from None
            finally:
                pool.shutdown(cancel_futures=True)

    def _embed(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """GE2E of the stretches in which somebody speaks."""
        return utterance_embedding(self._models.voice_encoder, sounding(pcm).astype(np.float32) / np.float32(32768))

    def rows(self, speaker: _Speaker, crowd: dict[str, NDArray[np.float32]]) -> list[VoiceRow]:
        """Of one speaker; none who says too little. crowd: embeddings by name, the speaker's own among them."""
        payloads, stretches = lessons_of(self._models, speaker.kept)
        if not stretches:
            raise VoiceBenchError(
                f"nobody speaks in the recordings of {speaker.name} that were kept for listening; leave them out of --data"
            )
        kept = dict(enumerate(stretches))
        hearing = Hearing(self._networks.far_end, self._networks.code, self._models.voice_encoder)
        true, true2 = self._embed(speaker.kept), self._second.embed(sounding(speaker.kept))
        real2 = float(true2 @ self._second.embed(sounding(speaker.call)))
        rows = []
        for known in rehearse(self._models, self._networks, speaker.call, MARKS, SHARE):
            alone = self._hear(known, {}, payloads, hearing, kept)
            full = self._hear(known, known.pieces[1], payloads, hearing, kept) if known.coordinates.any() else alone
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
                    real=float(true @ crowd[speaker.name]),
                    real2=real2,
                    training_s=round(known.training_s, 2),
                    heard_s=round(len(sounding(speaker.kept)) / SAMPLE_RATE, 1),
                )
            )
        return rows

    def _hear(
        self, known: Known, residual: dict[int, bytes], payloads: Sequence[tuple[int, bytes]], hearing: Hearing, kept: dict[int, Stretch]
    ) -> _Heard:
        pcm = listen(self._models, payloads, known.pieces[0], residual)
        coordinates = known.coordinates if residual else np.zeros_like(known.coordinates)
        mel = hearing.hear(kept, known.voice, coordinates).mel_distance
        return _Heard(self._embed(pcm), self._second.embed(sounding(pcm)), mel)

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


@cache
def _bench_of_this_process() -> VoiceBench:
    return VoiceBench()


def _rows_of(speaker: _Speaker, crowd: dict[str, NDArray[np.float32]]) -> list[VoiceRow]:
    return _bench_of_this_process().rows(speaker, crowd)


def _key(speaker: _Speaker, crowd: dict[str, NDArray[np.float32]]) -> str:
    parts = [fingerprint(), hashlib.sha256(Path(__file__).read_bytes()).hexdigest(), *sorted(crowd)]
    parts += [hashlib.sha256(pcm.tobytes()).hexdigest() for pcm in (speaker.call, speaker.kept)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _told(place: int, speakers: int, name: str, rows: list[VoiceRow]) -> str:
    if not rows:
        return f"{place} of {speakers}: {name} says too little"
    last = rows[-1]
    return (
        f"{place} of {speakers}: {name} after {last.seconds:g} s: "
        f"similarity {last.similarity_embedding_only:.3f} -> {last.similarity:.3f}, "
        f"mel {last.mel_distance_embedding_only:.3f} -> {last.mel_distance:.3f}"
    )


def _speakers(recordings: Sequence[Recording]) -> list[_Speaker]:
    found = []
    groups: dict[str, list[Recording]] = {}
    for recording in recordings:
        groups.setdefault(recording.speaker, []).append(recording)
    for name, group in groups.items():
        sounds = [audio_file.read(each.file) for each in group]
        total = sum(map(len, sounds)) / SAMPLE_RATE
        if total < LEAST_S:
            continue
        if len(sounds) == 1:
            middle = int(len(sounds[0]) * (1 - max(HEARD_SHARE, LEAST_HEARD_S / total)))
            sounds = [sounds[0][:middle], sounds[0][middle:]]
        kept: list[NDArray[np.int16]] = []
        while len(sounds) > 1 and sum(map(len, kept)) / SAMPLE_RATE < min(max(LEAST_HEARD_S, HEARD_SHARE * total), MOST_HEARD_S):
            kept.insert(0, sounds.pop())
        found.append(_Speaker(name, _one_after_the_other(sounds), _one_after_the_other(kept)))
    if not found:
        raise VoiceBenchError(f"no speaker has {LEAST_S:g} s of recordings; name another list with --data")
    return found


def _one_after_the_other(sounds: Sequence[NDArray[np.int16]]) -> NDArray[np.int16]:
    pause = np.zeros(PAUSE, np.int16)
    return np.concatenate([part for sound in sounds for part in (sound, pause)])


def sounding(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Without its pauses, as resemblyzer embeds: those of a recording are noise, those of the far end silence, and neither is a voice."""
    frames = pcm[: len(pcm) // STEP * STEP].reshape(-1, STEP)
    level = np.sqrt(np.square(frames.astype(np.float32)).mean(1))
    loud = level > max(1.0, float(np.percentile(level[level > 0], LOUD)) * SILENCE) if level.any() else level > 0
    near = np.convolve(loud, np.ones(2 * AROUND + 1), "same") > 0.5
    return np.asarray(frames[near].ravel())


def _crowd(name: str, enrolled: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The speaker and up to CROWD - 1 others, evenly spread over the list, the same in every run."""
    others = [other for other in enrolled if other != name]
    step = max(1.0, len(others) / (CROWD - 1))
    chosen = {others[int(place * step)] for place in range(min(CROWD - 1, len(others)))}
    return {each: vector for each, vector in enrolled.items() if each in chosen or each == name}


def _likest(vector: NDArray[np.float32], crowd: dict[str, NDArray[np.float32]]) -> str:
    return max(crowd, key=lambda name: float(crowd[name] @ vector))
