"""The fuzz target for a few seconds; `python -m tests.fuzzing.fuzz_payloads --seconds 600` looks longer."""

import tracemalloc
from typing import Any

import pytest

from tests.fuzzing.fuzz_payloads import Fuzz, kept
from tests.scripted_speech import models_for

SECONDS = 6.0


@pytest.fixture(scope="module")
def models() -> Any:
    return models_for([])


def test_nothing_that_comes_crashes_hangs_or_grows(models: Any) -> None:
    fuzz = Fuzz(models, seed=2026)
    fuzz.run(SECONDS)
    assert fuzz.payloads > 100
    assert 0.2 < fuzz.refused / fuzz.payloads < 0.95, "both what can be read and what cannot is tried"
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fuzz.run(SECONDS / 3)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 3_000_000


def test_the_corpus_is_there() -> None:
    assert len(kept()) >= 30
    assert all(len(payload) <= 1026 for payload in kept())
