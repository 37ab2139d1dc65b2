"""Recordings through systems, in one process or in several."""

import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone.bench.codec.result import Result, Store
from softphone.bench.instruments.delay import find_lag
from softphone.bench.instruments.judge import VERSION as JUDGE_VERSION
from softphone.bench.instruments.judge import Instruments, Judge
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.noise import Noise
from softphone.bench.instruments.pitch import PitchLikeness, compare
from softphone.bench.instruments.speech import speech_seconds
from softphone.bench.systems import PARTS, SYSTEMS
from softphone.bench.systems.system import System
from softphone.errors import SoftphoneError

EARLIEST_MS, LATEST_MS = -100.0, 2500.0
_LEAST_LIKENESS = 0.5


class WorkbenchError(SoftphoneError):
    """A process of the benchmark died."""


@dataclass(frozen=True)
class Condition:
    """Noise under the recordings: its ratio in dB, None for none; its folder, None for pink noise."""

    snr_db: float | None = None
    noise: Path | None = None

    @property
    def suffix(self) -> str:
        """Added to the name of a system."""
        return "" if self.snr_db is None else f"@{self.snr_db:g}dB"


CLEAN = Condition()


@dataclass(frozen=True)
class Task:
    """One recording through one system."""

    system: str
    recording: Recording
    condition: Condition = CLEAN


class Workbench:
    """Systems and instruments of one process, each loaded when it is first needed."""

    def __init__(self, keep: Path | None = None, judge: Judge | None = None) -> None:
        """keep: folder for results; judge: in place of the instruments."""
        self._store = None if keep is None else Store(keep)
        self._judge = judge
        self._systems: dict[str, System] = {}
        self._noise: dict[Path | None, Noise] = {}
        self._read = lru_cache(maxsize=1)(audio_file.read)

    def system(self, name: str) -> System:
        """By its name in SYSTEMS or PARTS. Raises SoftphoneError, CodecError where something is missing."""
        if name not in self._systems:
            self._systems[name] = (SYSTEMS | PARTS)[name]()
        return self._systems[name]

    def measure(self, task: Task) -> Result:
        """The kept result, or a new one. Raises SoftphoneError, CodecError."""
        clean, system = self._read(task.recording.file), self.system(task.system)
        sent = self._with_noise(clean, task)
        parts = (system.fingerprint, JUDGE_VERSION, str(task.recording.phones), clean.tobytes(), sent.tobytes())
        key = hashlib.sha256(b"\0".join(part if isinstance(part, bytes) else part.encode() for part in parts)).hexdigest()[:24]
        folder = task.system + task.condition.suffix
        if self._store is not None and (kept := self._store.get(folder, task.recording.name, key)) is not None:
            return kept
        result, heard = self._measure(system, task.recording, clean, sent)
        if self._store is not None:
            self._store.put(folder, task.recording.name, key, result, heard)
        return result

    def _with_noise(self, clean: NDArray[np.int16], task: Task) -> NDArray[np.int16]:
        if task.condition.snr_db is None:
            return clean
        folder = task.condition.noise
        if folder not in self._noise:
            self._noise[folder] = Noise(folder)
        return self._noise[folder].under(clean, task.recording.name, task.condition.snr_db)

    def _measure(
        self, system: System, recording: Recording, clean: NDArray[np.int16], sent: NDArray[np.int16]
    ) -> tuple[Result, NDArray[np.int16]]:
        if self._judge is None:
            self._judge = Instruments()
        passed = system.pass_through(sent, recording)
        verdict = self._judge.judge(clean, passed.pcm)
        lag = None if system.hold_ms is None else find_lag(sent, passed.pcm, SAMPLE_RATE, EARLIEST_MS, LATEST_MS)
        late = lag.ms if lag is not None and lag.likeness >= _LEAST_LIKENESS else None
        pitch = PitchLikeness(None, None) if late is None else compare(clean, passed.pcm, late)
        result = Result(
            seconds=len(clean) / SAMPLE_RATE,
            speech_s=speech_seconds(clean, SAMPLE_RATE),
            heard=verdict.heard,
            heard2=verdict.heard2,
            similarity=verdict.similarity,
            similarity2=verdict.similarity2,
            dnsmos=verdict.dnsmos,
            lag_ms=late,
            f0_correlation=pitch.correlation,
            voicing_error=pitch.voicing_error,
            payload_bytes=passed.payload_bytes,
            packets=passed.packets,
            encode_s=passed.encode_s,
            decode_s=passed.decode_s,
            phones=passed.phones,
            phone_to_packet_ms=passed.phone_to_packet_ms,
            phone_ms=passed.phone_ms,
        )
        return result, passed.pcm


Say = Callable[[str], None]
"""Takes a line for people."""


def measure_all(bench: Workbench, tasks: Sequence[Task], keep: Path | None, jobs: int, say: Say) -> list[Result]:
    """The results in the order of the tasks. jobs: processes; 1 is this one. Raises SoftphoneError, CodecError."""
    results: list[Result | None] = [None] * len(tasks)
    began = time.monotonic()
    for done, (index, result) in enumerate(_in_any_order(bench, tasks, keep, jobs), 1):
        results[index] = result
        task, left = tasks[index], (time.monotonic() - began) / done * (len(tasks) - done)
        say(f"{done} of {len(tasks)}: {task.system}{task.condition.suffix} {task.recording.name}, {left / 60:.0f} min left")
    return [result for result in results if result is not None]


def _in_any_order(bench: Workbench, tasks: Sequence[Task], keep: Path | None, jobs: int) -> Iterator[tuple[int, Result]]:
    if jobs == 1:
        yield from ((index, bench.measure(task)) for index, task in enumerate(tasks))
        return
    # Spawned, not forked: the networks' libraries have threads that a fork would leave behind.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin, (keep,)) as pool:
        waiting = {pool.submit(_measure_here, task): index for index, task in enumerate(tasks)}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            raise WorkbenchError("a process of the benchmark died, perhaps for want of memory; use fewer with --jobs") from None
        finally:
            pool.shutdown(cancel_futures=True)


_here: list[Workbench] = []
"""The workbench of a spawned process."""


def _begin(keep: Path | None) -> None:
    _here.append(Workbench(keep))


def _measure_here(task: Task) -> Result:
    return _here[0].measure(task)
