"""The soak in small: it counts what it does, and does what it says."""

from pathlib import Path

import pytest

from softphone.bench.soak import exercises, run
from softphone.bench.soak.process_figures import is_alive, usage
from softphone.bench.soak.report import report
from softphone.bench.soak.two_phones import TwoPhones
from softphone.config import Codecs, Config

PCMU = Config(codecs=Codecs(("PCMU",)))


def test_a_short_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SETTLE_S", 0.5)
    # The last exercises alone, the others have tests of their own.
    for name in ("network_gone", "flood", "engine_killed"):
        monkeypatch.setattr(exercises, name, lambda _phones: True)
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


def test_a_time_that_is_over_begins_nothing_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "SETTLE_S", 0.0)
    found = run.soak(PCMU, calls=3, at_once=4, faults=1, minutes=1e-9, say=lambda _line: None)
    assert found.stopped_early and not any(one.tried for one in found.exercises)
    assert "ran out" in report(found)
