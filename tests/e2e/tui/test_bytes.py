"""What the screen sends to a real terminal: few bytes, and all that is needed."""

import time
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest

from softphone.config import Audio, Config, Network, Screen
from tests.e2e.tui.ui import Ui
from tests.tui.scripted_engine import ScriptedEngine
from tests.tui.talking_engine import TalkingEngine

MakeUi = Callable[..., Ui]
SECONDS = 6.0
SIGNS = {"c": "No contacts", "o": "Direct calls", "l": "all calls", "?": "Keys are single", "e": "No messages"}
QUIET = {"network": Network(bind="127.0.0.1"), "audio": Audio(input="null", output="null")}


def socket_of(folder: Path) -> Path:
    """Where the phone of `make_ui("alice")` looks for an engine before it starts one."""
    return folder / "ui-alice" / "run" / "softphone" / "engine.sock"


def seen(ui: Ui) -> list[list[tuple[str, ...]]]:
    """Letters and colours in each cell; the foreground of a blank is not seen."""
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(ui.coloured_screen().rstrip("\n").replace("\n", "\r\n"))
    # tmux leaves out the blanks at the end of a line.
    rows = [[screen.buffer[y][x] for x in range(len(screen.display[y].rstrip()))] for y in range(24)]
    return [[(cell.data, cell.bg, *(() if cell.data == " " else (cell.fg, str(cell.bold)))) for cell in row] for row in rows]


def bytes_per_s(ui: Ui, file: Path) -> float:
    file.touch()
    ui.record_bytes(file)
    time.sleep(0.5)
    before, began = file.stat().st_size, time.monotonic()
    time.sleep(SECONDS)
    return (file.stat().st_size - before) / (time.monotonic() - began)


@pytest.mark.parametrize(("slow", "floor"), [(False, 1500), (True, 125)])
def test_a_call_costs_few_bytes(tmp_path: Path, slow: bool, floor: int) -> None:
    ui = Ui(tmp_path / "ui-alice", columns=80, lines=24, config=Config(screen=Screen(slow=slow), **QUIET))  # type: ignore[arg-type]
    socket_of(tmp_path).parent.mkdir(mode=0o700)
    engine = TalkingEngine(socket_of(tmp_path))
    try:
        with ui:
            shown = ui.wait("talking 00:0[3-9]|talking 00:1")
            assert ("▮" in shown) != slow, shown
            assert bytes_per_s(ui, tmp_path / "bytes") < floor
            colours = ui.coloured_screen()
            assert not slow or ("38;2" not in colours and "38;5" not in colours)
    finally:
        engine.stop()


def test_what_was_left_out_is_there_already(tmp_path: Path) -> None:
    """After all screens were shown over each other, redrawing everything changes nothing."""
    ui = Ui(tmp_path / "ui-alice", columns=80, lines=24, config=Config(**QUIET))  # type: ignore[arg-type]
    socket_of(tmp_path).parent.mkdir(mode=0o700)
    engine = ScriptedEngine(socket_of(tmp_path))
    try:
        with ui:
            ui.wait("Ready")
            for key, sign in SIGNS.items():
                ui.press(key)
                ui.wait(sign)
            for _ in range(5):
                ui.press("Escape")
            ui.wait("Ready")
            time.sleep(1)
            before = seen(ui)
            nothing = bytes_per_s(ui, tmp_path / "idle")
            ui.press("C-l")
            time.sleep(1)
            assert seen(ui) == before
            assert nothing == 0, "where nothing happens nothing is sent"
    finally:
        engine.stop()
