"""Phones measured beside each other: real ones, few calls."""

import pytest

from softphone.bench.compare.baresip import BaresipPair
from softphone.bench.compare.ours import OurPair
from softphone.bench.compare.pair import BesideError
from softphone.bench.compare.plain import PlainPair
from softphone.bench.compare.run import Pace, measure, report

pytestmark = pytest.mark.alone


def test_each_phone_calls_its_like_and_is_timed() -> None:
    said: list[str] = []
    paces = measure([OurPair("PCMU"), PlainPair(), BaresipPair()], 12, said.append)
    assert said == ["10 of 12 calls each", "12 of 12 calls each"]
    for pace in paces:
        assert pace.tried == len(pace.set_up_s) == len(pace.cycle_s) == 12
        assert all(0 < set_up < cycle for set_up, cycle in zip(pace.set_up_s, pace.cycle_s, strict=True))
    assert [line.split("|")[1].strip() for line in report(paces).splitlines()[2:]] == ["softphone, PCMU", "PJSUA2 alone", "baresip"]


def test_ratios_are_to_ours_and_what_failed_is_counted() -> None:
    ours, other = Pace("ours", 2, [0.010, 0.020], [0.020, 0.040]), Pace("other", 3, [0.005, 0.005], [0.010, 0.010])
    assert report([ours, other]).splitlines()[2:] == [
        "| ours | 2 of 2 | 15.0 | 10.0 | 1.00 | 2000 | 1.00 |",
        "| other | 2 of 3 | 5.0 | 5.0 | 0.33 | 6000 | 3.00 |",
    ]


def test_a_phone_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BesideError, match="apt-get install baresip-core"), BaresipPair():
        pass
