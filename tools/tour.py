"""Redraws the pictures of docs/tour.md: `PYTHONPATH=. python tools/tour.py [NAME...]`.

Each is the phone itself, with recorded events in place of an engine.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.screen import Screen

os.environ |= {"TZ": "UTC", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": "/home/alice/.config"}
os.environ.pop("NO_COLOR", None)
time.tzset()

from softphone.control.protocol import AnyEvent  # noqa: E402 - the environment comes first
from softphone.store.store import Store  # noqa: E402
from softphone.tui.people.contacts import ContactsScreen  # noqa: E402
from softphone.tui.people.history import HistoryScreen  # noqa: E402
from softphone.tui.people.messages import MessagesScreen  # noqa: E402
from softphone.tui.settings.screen import SettingsScreen  # noqa: E402
from softphone.tui.settings.setup import SetupScreen  # noqa: E402
from tests.tui.book import NOW, answer, filled_store  # noqa: E402
from tests.tui.recorded import answered, call_state, media, seconds, talk  # noqa: E402
from tests.tui.running import memory_store, settle, shown  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tour"
SIZE = (100, 30)
BARESIP = "<sip:desk@192.0.2.9>"


@dataclass(frozen=True)
class Picture:
    """`events` led to the state, `screen` lies over the phone (None: nothing), and `keys` are pressed there."""

    name: str
    events: Iterable[AnyEvent] = ()
    screen: Callable[[], Screen[Any]] | None = None
    keys: tuple[str, ...] = ()
    store: Callable[[], Store] = filled_store
    theme: str = ""
    size: tuple[int, int] = field(default=SIZE)


PICTURES = (
    Picture("1-account", screen=SetupScreen, keys=("tab", *"alice@example.org"), store=memory_store),
    Picture("2-sound", screen=SetupScreen, keys=("f4",), store=memory_store),
    Picture("3-voice", screen=SetupScreen, keys=("f4", "f4", "space"), store=memory_store),
    Picture("4-phone"),
    Picture("5-contacts", screen=ContactsScreen, keys=("j",)),
    Picture("6-dial", keys=("d", "a", "l")),
    Picture("7-ringing", events=[call_state(1, "incoming", direction="incoming")]),
    Picture("8-talking", events=[*answered(1), *talk(1)]),
    Picture("9-bad-network", events=[*answered(1), *talk(1, lossy_from=60)], theme="softphone-light"),
    Picture("10-opus", events=[*answered(1, BARESIP), media(1, "opus"), *seconds(1, codec="opus")]),
    Picture("11-type", events=[*answered(1), *talk(1)], keys=("i", *"I cannot talk now")),
    Picture("12-messages", screen=lambda: MessagesScreen(now=lambda: NOW), keys=("enter",)),
    Picture("13-calls", screen=lambda: HistoryScreen(lambda: NOW)),
    Picture("14-settings", screen=SettingsScreen, keys=("G",)),
    Picture("15-help", keys=("question_mark",)),
)


async def draw(picture: Picture) -> None:
    """Write one SVG file."""
    app = shown(picture.events, store=picture.store())
    app.session.ask = answer  # type: ignore[method-assign]
    async with app.run_test(size=picture.size) as pilot:
        app.cursor_blink = False  # type: ignore[attr-defined]
        if picture.theme:
            app.theme = picture.theme
        if picture.screen is not None:
            await app.push_screen(picture.screen())
        await settle(pilot)
        for key in picture.keys:
            await pilot.press({" ": "space", "@": "at", ".": "full_stop"}.get(key, key))
            await pilot.pause()
        for _ in range(3):
            await settle(pilot)
        path = FOLDER / f"{picture.name}.svg"
        # Textual names a font in the web; without it the viewer's own monospaced font is used.
        drawn = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="softphone"), flags=re.DOTALL)
        path.write_text("".join(f"{line.rstrip()}\n" for line in drawn.splitlines() if line.strip()))
        print(path)


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        if not sys.argv[1:] or picture.name in sys.argv[1:]:
            await draw(picture)


if __name__ == "__main__":
    asyncio.run(main())
