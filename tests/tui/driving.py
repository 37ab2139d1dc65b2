"""Steps of a user at a screen under test, each waited for."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from softphone.control.protocol import Command
from tests.tui.running import screen_text, until
from tests.tui.scripted_engine import ScriptedEngine


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


async def see(pilot: Pilot[int], *texts: str) -> None:
    """All of these are on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot.app) for text in texts), str(texts))  # type: ignore[arg-type]


async def see_no_more(pilot: Pilot[int], text: str) -> None:
    await until(pilot, lambda: text not in screen_text(pilot.app), f"{text} goes")  # type: ignore[arg-type]


async def told(engine: ScriptedEngine, kind: type[Command]) -> Any:
    """The newest command of this kind that the engine was told; waited for beside the application, not in its place."""
    return await asyncio.to_thread(engine.wait_for, kind)


async def write(pilot: Pilot[int], field: str, text: str) -> None:
    """Put `text` into a field of the window that is open, or opens."""
    await until(pilot, lambda: bool(pilot.app.screen.query(field)), field)
    widget = pilot.app.screen.query_one(field)
    assert isinstance(widget, Input | TextArea)
    widget.focus()
    if isinstance(widget, Input):
        widget.value = text
    else:
        widget.text = text
    await pilot.pause()
