"""`softphone bench soak`: the exercises in a row, bounded in number and time, and what they did to memory and files."""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from softphone.bench.soak import exercises, registrar, wall_clock
from softphone.bench.soak.process_figures import Usage, is_alive, usage
from softphone.bench.soak.registrar import Registrar
from softphone.bench.soak.speech_calls import SPOKEN_S, processes, speech_calls
from softphone.bench.soak.two_phones import TwoPhones
from softphone.config import Codecs, Config
from softphone.control.protocol import ControlError

SETTLE_S = 35.0
"""After the calls, before memory and files are looked at: transactions are kept for 32 s (RFC 3261, timers H and J)."""
WARM_UP_SHARE = 0.5
"""Of the calls in a row, before memory is looked at for the first time: pools grow to the size that they keep."""


@dataclass
class Exercise:
    """recovered: how many of `tried` came out of it as they should; seconds: of all."""

    name: str
    tried: int = 0
    recovered: int = 0
    seconds: float = 0.0


@dataclass
class Soak:
    """before, after: of each process by name, around the calls in a row after the warm-up, of which there were `calls_between`.

    history_lost: calls that were set up but are not in the database; left_over: processes that outlived their phones.
    """

    exercises: list[Exercise] = field(default_factory=list)
    before: dict[str, Usage] = field(default_factory=dict)
    after: dict[str, Usage] = field(default_factory=dict)
    calls_between: int = 0
    seconds_between: float = 0.0
    history_rows: int = 0
    history_open: int = 0
    calls_made: int = 0
    left_over: int = 0
    stopped_early: bool = False
    speech: list[dict[str, Usage]] = field(default_factory=list)
    """What was used by the end of each call with speech."""
    not_tried: list[str] = field(default_factory=list)
    """What is missing for exercises that could not be tried, in sentences."""

    def as_json(self) -> dict[str, Any]:
        return {
            **{key: value for key, value in vars(self).items() if isinstance(value, int | float | bool)},
            "exercises": [vars(one) for one in self.exercises],
            "not_tried": self.not_tried,
            "speech": [{name: vars(figures) for name, figures in call.items()} for call in self.speech],
            **{when: {name: vars(figures) for name, figures in getattr(self, when).items()} for when in ("before", "after")},
        }


def soak(config: Config, calls: int, at_once: int, faults: int, minutes: float, say: Callable[[str], None], speech: int = 0) -> Soak:
    """speech: calls in which somebody speaks. Raises SoftphoneError when the phones do not start; what goes wrong later is a figure."""
    found = Soak()
    deadline = time.monotonic() + 60 * minutes
    pids: set[int] = set()
    with TwoPhones(config) as phones:
        _row(found, phones, calls, deadline, say)
        if speech and "x-phv" in config.codecs.order:
            each = Exercise(f"calls with {SPOKEN_S:.0f} s of speech on our codec")
            found.exercises.append(each)
            found.speech = speech_calls(phones, speech, lambda call: _try(each, 1, call, deadline, say))
        each = Exercise(f"{at_once} calls at once")
        _try(each, at_once, lambda: exercises.calls_at_once(config, at_once), deadline, say)
        found.exercises.append(each)
        for name, exercise in (
            *([("codec worker killed in a call", exercises.worker_killed)] if "x-phv" in config.codecs.order else []),
            ("engine killed in a call", exercises.engine_killed),
            (f"network gone for {exercises.GONE_S:.0f} s in a call", exercises.network_gone),
            ("disk full during calls", exercises.disk_full),
            (f"flood of {exercises.FLOOD} requests in a call", exercises.flood),
        ):
            each = Exercise(name)
            found.exercises.append(each)
            for _ in range(faults):
                _try(each, 1, lambda exercise=exercise: int(exercise(phones)), deadline, say)  # type: ignore[misc]
        _registrar(found, config, faults, deadline, say)
        _clock(found, config, faults, deadline, say)
        found.stopped_early = time.monotonic() > deadline
        pids |= _pids(phones)
        found.calls_made = found.exercises[0].recovered
        database = phones.folder / "data" / "softphone" / "phone.db"
        phones.a.engine.stop()
        phones.b.engine.stop()
        with closing(sqlite3.connect(database)) as connection:
            found.history_rows = int(connection.execute("SELECT count(*) FROM calls").fetchone()[0])
            found.history_open = int(connection.execute("SELECT count(*) FROM calls WHERE outcome = 'open'").fetchone()[0])
    found.left_over = sum(is_alive(pid) for pid in pids)
    return found


def _registrar(found: Soak, config: Config, faults: int, deadline: float, say: Callable[[str], None]) -> None:
    each = Exercise("registrar killed in a call and started again")
    found.exercises.append(each)
    if registrar.program() is None:
        found.not_tried.append(registrar.NEEDED)
    if registrar.program() is None or time.monotonic() > deadline:
        return
    with (
        tempfile.TemporaryDirectory(prefix="softphone-registrar-") as folder,
        Registrar(Path(folder) / "kamailio") as server,
        TwoPhones(replace(config, codecs=Codecs(("PCMU",))), server) as phones,
    ):
        for _ in range(faults):
            _try(each, 1, lambda: int(exercises.registrar_killed(phones, server)), deadline, say)


def _clock(found: Soak, config: Config, faults: int, deadline: float, say: Callable[[str], None]) -> None:
    each = Exercise(f"clock jumps {len(exercises.JUMPS_S)} times in a call")
    found.exercises.append(each)
    if wall_clock.library() is None:
        found.not_tried.append(wall_clock.NEEDED)
    if wall_clock.library() is None or time.monotonic() > deadline:
        return
    with wall_clock.fake_clock() as clock, TwoPhones(config) as phones:
        for _ in range(faults):
            _try(each, 1, lambda: int(exercises.clock_jumps(phones, clock)), deadline, say)


def _row(found: Soak, phones: TwoPhones, calls: int, deadline: float, say: Callable[[str], None]) -> None:
    each = Exercise("calls in a row")
    found.exercises.append(each)
    warm = round(WARM_UP_SHARE * calls)
    for number in range(calls):
        if number == warm:
            time.sleep(SETTLE_S)
            found.before, began = _usages(phones), time.monotonic()
        _try(each, 1, lambda: int(exercises.calls_in_a_row(phones)), deadline, say)
    found.calls_between, found.seconds_between = each.tried - warm, time.monotonic() - began
    time.sleep(SETTLE_S)
    found.after = _usages(phones)


def _try(each: Exercise, count: int, exercise: Callable[[], int], deadline: float, say: Callable[[str], None]) -> None:
    if time.monotonic() > deadline:
        return
    began = time.monotonic()
    try:
        each.recovered += exercise()
    except ControlError as error:
        say(f"{each.name}: {error}")
    each.tried += count
    each.seconds += time.monotonic() - began
    say(f"{each.name}: {each.recovered} of {each.tried}")


def _pids(phones: TwoPhones) -> set[int]:
    found = {phones.a.engine.pid, phones.b.engine.pid}
    for phone in (phones.a, phones.b):
        try:
            found.add(phone.worker)
        except ControlError:
            continue
    return found - {0}


def _usages(phones: TwoPhones) -> dict[str, Usage]:
    return {name: figures for name, pid in processes(phones).items() if pid and (figures := usage(pid)) is not None}
