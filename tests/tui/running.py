"""The application under test: fed with a recorded state, or connected to a scripted engine."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from softphone.config import Config
from softphone.control.protocol import AnyEvent
from softphone.store.sqlite.database import Database
from softphone.store.store import Store
from softphone.tui.app import PhoneApp
from softphone.tui.state.phone_state import EVERYTHING
from tests.tui import recorded

PATIENCE_S = 30.0


def memory_store() -> Store:
    return Store(Database.in_memory(""))


def shown(events: Iterable[AnyEvent] = (), config: Config | None = None, store: Store | None = None) -> PhoneApp:
    """An application that shows the state after `events`, with its clock standing still; it speaks to no engine."""
    app = PhoneApp(config or Config(), connect=False, store=store or memory_store(), clock=lambda: recorded.NOW)
    app.state.apply_status(recorded.status())
    for event in events:
        app.state.apply(event)
    app.state.notices.clear()
    return app


async def settle(pilot: Pilot[int]) -> None:
    """Everything that follows from the last key or event is drawn."""
    app = pilot.app
    assert isinstance(app, PhoneApp)
    await until(pilot, lambda: app.keys_done, "the last key")
    app.changed(EVERYTHING)
    for _ in range(3):
        await pilot.pause()


async def until(pilot: Pilot[int], check: Callable[[], bool], what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < deadline, f"did not come about: {what}; focus on {pilot.app.focused!r}\n{screen_text(pilot.app)}"  # type: ignore[arg-type]
        await pilot.pause(0.02)


@asynccontextmanager
async def connected(
    socket: Path,
    config: Config | None = None,
    size: tuple[int, int] = (80, 24),
    store: Store | None = None,
    config_file: Path | None = None,
) -> AsyncIterator[Pilot[int]]:
    """The application, attached to the engine at `socket`."""
    app = PhoneApp(config or Config(), socket=socket, store=store or memory_store(), config_file=config_file)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.engine.state == "ready", "engine ready")
        yield pilot


def screen_text(app: PhoneApp) -> str:
    """What the screen shows, a line a row."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
