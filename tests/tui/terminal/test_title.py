"""The terminal's title: who calls, flashing while it rings, and what it was before at the end."""

import asyncio

from softphone.tui.terminal.title import TerminalTitle
from tests.tui.recorded import answered, call_state
from tests.tui.running import settle, shown


def test_the_title_is_sent_when_it_changes_and_given_back() -> None:
    sent: list[str] = []
    title = TerminalTitle(sent.append)
    title.restore()
    assert sent == []
    for text in ("softphone", "softphone", "Bob\x1b]2;evil\x07 - softphone"):
        title.show(text)
    title.restore()
    assert sent == ["\x1b[22;2t\x1b]2;softphone\x07", "\x1b]2;Bob␛]2;evil␇ - softphone\x07", "\x1b[23;2t"]


def test_a_call_that_rings_flashes_and_rings_the_bell() -> None:
    async def run() -> tuple[set[str], str, int]:
        app = shown()
        bells: list[int] = []
        app.bell = lambda: bells.append(1)  # type: ignore[method-assign]
        async with app.run_test() as pilot:
            await settle(pilot)
            app.take_event(call_state(1, "incoming", direction="incoming"))
            rung = len(bells)
            titles = set()
            for app._frames in range(8):
                titles.add(app._title_text())
            app._frames = 0
            for _ in range(16):
                app._frame()
            rung += len(bells) - rung
            for event in answered(1, direction="incoming"):
                app.take_event(event)
            before = len(bells)
            for _ in range(16):
                app._frame()
            assert len(bells) == before, "an answered call is quiet"
            return titles, app._title_text(), rung

    titles, talking, rung = asyncio.run(run())
    assert titles == {"*** Bob Example is calling ***", "Bob Example is calling - softphone"}
    assert talking == "Bob Example - softphone"
    assert rung == 3, "once at once, then every two seconds"
