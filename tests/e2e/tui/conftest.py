"""Phones in real terminals, stopped after the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.tui.ui import Ui


@pytest.fixture
def make_ui(tmp_path: Path) -> Iterator[Callable[..., Ui]]:
    """`make_ui(name, **described)`: a phone in a terminal, started."""
    with ExitStack() as running:

        def make(name: str, **described: Any) -> Ui:
            ui = Ui(tmp_path / f"ui-{name}", **described)
            running.enter_context(ui)
            return ui

        yield make
