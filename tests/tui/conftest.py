"""Screens are compared with pictures (SVG) of themselves; `pytest --snapshot-update` takes new ones: look at them before you keep them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_textual_snapshot import SVGImageExtension
from textual.widgets import Input, TextArea

from tests.tui.scripted_engine import ScriptedEngine

# pytest-textual-snapshot sets the name that syrupy had before version 5; without this the pictures would end in .raw.
SVGImageExtension.file_extension = "svg"


@pytest.fixture(autouse=True)
def _still_cursors(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine half a second passes before a picture is taken, and the cursor would be gone."""
    for kind in (Input, TextArea):
        monkeypatch.setattr(vars(kind)["cursor_blink"], "_default", False)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ScriptedEngine]:
    """Listens at `engine.sock` in the test's folder."""
    found = ScriptedEngine(tmp_path / "engine.sock")
    yield found
    found.stop()
