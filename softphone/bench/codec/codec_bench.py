"""`softphone bench codec`: the same recordings through each codec, measured in words understood.

Rates are over the seconds in which somebody speaks (`speech.speech_seconds`), for every system alike; the IP rate counts 40 bytes of IPv4,
UDP and RTP headers a packet. Processor time is of one core. The phone error is that of the codec's own recogniser against the dictionary,
over the recordings whose words are all in it: codecs that recognise nothing have none. The delay is what no faster machine takes away:
the packet that must be full before it can leave, and by how much the loudness of what is heard lags that of what was said.
"""

from collections.abc import Sequence
from pathlib import Path

from codec.units.errors import CodecError
from softphone.bench.codec.result import Result
from softphone.bench.codec.rows import Row, remark, row
from softphone.bench.codec.workbench import CLEAN, Condition, Say, Task, Workbench, measure_all
from softphone.bench.instruments.judge import Judge
from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems import OPTIONAL, SYSTEMS
from softphone.errors import SoftphoneError


class BenchError(SoftphoneError):
    """The requested measurement is not possible; one sentence."""


def choose(names: Sequence[str] | None, bench: Workbench, say: Say) -> list[str]:
    """The systems to measure, "original" first; of the default ones those that work here, and a word about each that does not.

    Raises:
        BenchError: a name that is unknown.
        SoftphoneError, CodecError: a system that was asked for is not installed.
    """
    if names and (unknown := [name for name in names if name not in SYSTEMS]):
        raise BenchError(f"there is no system {unknown[0]!r}; there are {', '.join(SYSTEMS)}")
    chosen = []
    for name in dict.fromkeys(["original", *(names or (name for name in SYSTEMS if name not in OPTIONAL))]):
        try:
            bench.system(name)
        except (SoftphoneError, CodecError) as error:
            if names:
                raise
            say(f"{name} is left out: {error}")
            continue
        chosen.append(name)
    return chosen


def bench(
    recordings: Sequence[Recording],
    names: Sequence[str] | None,
    progress: Say,
    *,
    conditions: Sequence[Condition] = (CLEAN,),
    keep: Path | None = None,
    jobs: int = 1,
    judge: Judge | None = None,
) -> list[Row]:
    """One row for each system in `names` (None: all that work here) and each condition.

    keep: folder for results, from which a run that was broken off goes on; jobs: processes; judge: in place of the instruments, in this
    process only. Raises SoftphoneError, CodecError where something is missing.
    """
    here = Workbench(keep, judge)
    systems = choose(names, here, progress)
    tasks = [Task(name, recording, condition) for name in systems for condition in conditions for recording in recordings]
    results = measure_all(here, tasks, keep, jobs, progress)
    rows, at = [], 0
    for name in systems:
        for condition in conditions:
            part: list[Result] = results[at : at + len(recordings)]
            at += len(recordings)
            rows.append(row(name + condition.suffix, recordings, part, here.system(name).hold_ms))
            if (said := remark(name + condition.suffix, part)) is not None:
                progress(said)
    return rows
