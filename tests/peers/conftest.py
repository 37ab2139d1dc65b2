"""Fixtures of the tests with other programs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.phones.watched import Watched


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    with ExitStack() as running:

        def make(name: str, *codecs: str) -> Watched:
            watched = Watched(tmp_path / name, *codecs)
            running.enter_context(watched.engine)
            return watched

        yield make
