"""The text fuzzers for a moment each; `python -m tests.fuzzing.fuzz_texts --seconds 600` looks longer."""

from dataclasses import replace

import pytest

from tests.fuzzing.fuzz_texts import TextFuzz, kept
from tests.fuzzing.targets import TARGETS

SECONDS = 1.0


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused_with_a_sentence(name: str) -> None:
    fuzz = TextFuzz(name, seed=2026)
    fuzz.run(SECONDS)
    assert fuzz.inputs > len(TARGETS[name].seeds) + len(kept(name)) + 20
    if TARGETS[name].refusal:
        assert 0.1 < fuzz.refused / fuzz.inputs < 0.98, "both what can be read and what cannot is tried"


def test_a_fuzzer_sees_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bytes] = []
    monkeypatch.setattr("tests.fuzzing.fuzz_texts.keep", lambda _name, data: found.append(data))

    def broken(_data: bytes) -> None:
        raise ValueError

    monkeypatch.setitem(TARGETS, "fmtp", replace(TARGETS["fmtp"], feed=broken))
    with pytest.raises(ValueError):
        TextFuzz("fmtp", seed=1).run(1)
    assert found
