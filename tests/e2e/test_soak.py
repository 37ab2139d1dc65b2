"""The soak in small: it counts what it does, and does what it says."""

import time
from pathlib import Path

import pytest

from softphone.bench.soak import exercises, registrar, run, wall_clock
from softphone.bench.soak.process_figures import Usage, is_alive, usage
from softphone.bench.soak.report import report
from softphone.bench.soak.two_phones import TwoPhones
from softphone.config import Codecs, Config

PCMU = Config(codecs=Codecs(("PCMU",)))


def test_a_short_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SETTLE_S", 0.5)
    # The last exercises alone, the others have tests of their own.
    for name in ("network_gone", "flood", "engine_killed"):
        monkeypatch.setattr(exercises, name, lambda _phones: True)
    for name in ("_registrar", "_clock"):
        monkeypatch.setattr(run, name, lambda *_: None)
    said: list[str] = []
    found = run.soak(PCMU, calls=4, at_once=5, faults=1, minutes=5, say=said.append)
    counts = {one.name: (one.recovered, one.tried) for one in found.exercises}
    assert counts["calls in a row"] == (4, 4) and counts["5 calls at once"] == (5, 5) and counts["disk full during calls"] == (1, 1)
    assert found.history_rows >= 8 and found.history_open == 0 and found.left_over == 0
    assert set(found.before) == set(found.after) == {"engine that calls", "engine that is called"}
    text = report(found)
    assert "| calls in a row | 4 | 4 |" in text and "0 of 4 calls in a row are missing" in text
    assert found.as_json()["exercises"][0]["tried"] == 4 and said[-1].endswith("1 of 1")


def test_an_engine_that_is_killed_and_one_that_is_flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises, "FLOOD", 300)
    with TwoPhones(PCMU) as phones:
        assert exercises.engine_killed(phones)
        assert exercises.flood(phones)
        pid = phones.b.engine.pid
        figures = usage(pid)
        assert figures is not None and figures.resident > 10_000_000 and figures.files > 5 and figures.threads > 2
    assert not is_alive(pid) and usage(pid) is None


def test_a_registrar_that_is_killed_and_a_clock_that_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises, "GONE_S", 1.0)
    monkeypatch.setattr(exercises, "JUMPS_S", (3600, -3600))
    found, said = run.Soak(), list[str]()
    deadline = time.monotonic() + 300
    run._registrar(found, PCMU, 1, deadline, said.append)
    run._clock(found, PCMU, 1, deadline, said.append)
    assert not found.not_tried
    assert [(one.tried, one.recovered) for one in found.exercises] == [(1, 1), (1, 1)], said


def test_what_is_not_installed_is_said_and_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrar, "program", lambda: None)
    monkeypatch.setattr(wall_clock, "library", lambda: None)
    found = run.Soak([run.Exercise("calls in a row")])
    run._registrar(found, PCMU, 1, time.monotonic() + 9, print)
    run._clock(found, PCMU, 1, time.monotonic() + 9, print)
    assert [one.tried for one in found.exercises] == [0, 0, 0]
    assert "Not tried: kamailio is not installed (apt-get install kamailio)." in report(found)


def test_calls_with_speech_are_compared_by_halves() -> None:
    def used(call: int) -> dict[str, Usage]:
        return {"worker": Usage(500_000_000 + 1_000_000 * call, 5, 3, 2.0 * call + max(0, call - 5))}

    text = report(run.Soak([run.Exercise("calls in a row")], speech=[used(call) for call in range(1, 11)]))
    assert "| worker | 502 / 506 / 510 | 2.2 / 3.0 | 5 / 5 / 5 | 3 / 3 / 3 |" in text


def test_a_time_that_is_over_begins_nothing_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "SETTLE_S", 0.0)
    found = run.soak(PCMU, calls=3, at_once=4, faults=1, minutes=1e-9, say=lambda _line: None)
    assert found.stopped_early and not any(one.tried for one in found.exercises)
    assert "ran out" in report(found)
