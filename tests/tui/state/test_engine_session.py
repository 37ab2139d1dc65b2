"""The way to the engine: attached to a running one, lost, found again, left with its calls or without."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from softphone.control import protocol
from softphone.control.protocol import AnyEvent, ControlError, Engine, EventName, Log, PhoneStatus
from softphone.tui.state import engine_session
from softphone.tui.state.engine_session import EngineSession
from tests.tui.scripted_engine import ScriptedEngine

PATIENCE_S = 30.0


class Heard:
    """What a session told its application."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.statuses: list[PhoneStatus] = []

    async def until(self, check: Callable[["Heard"], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not check(self):
            assert time.monotonic() < deadline, (self.events, self.statuses)
            await asyncio.sleep(0.01)


def with_session(path: Path, scene: Callable[[EngineSession, Heard], Awaitable[None]]) -> None:
    async def run() -> None:
        heard = Heard()
        session = EngineSession(heard.events.append, heard.statuses.append, socket=path)
        running = asyncio.ensure_future(session.run())
        try:
            await scene(session, heard)
        finally:
            await session.close(keep=False)
            await asyncio.wait_for(running, PATIENCE_S)

    asyncio.run(run())


def test_it_attaches_subscribes_by_name_and_asks_for_the_status(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path / "s")

    async def scene(session: EngineSession, heard: Heard) -> None:
        await heard.until(lambda heard: bool(heard.statuses))
        assert heard.statuses[0].address == "192.0.2.7:5060" and not session.owns_engine
        engine.tell(protocol.Levels(call=1, tx=-10, rx=-20), Log(level="info", message="hello"))
        await heard.until(lambda heard: {"levels", "log"} <= {str(event.__struct_config__.tag) for event in heard.events})
        assert set(engine_session.SUBSCRIPTION.events or ()) == set(get_args(EventName))

    with_session(tmp_path / "s", scene)
    engine.stop()


def test_a_refusal_is_raised_with_the_engine_s_sentence(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path / "s")
    engine.answers[protocol.Hold] = "there is no call 3; calls now: none"

    async def scene(session: EngineSession, heard: Heard) -> None:
        with pytest.raises(ControlError, match="is starting"):
            await session.ask(protocol.Hold(call=3))
        await heard.until(lambda heard: bool(heard.statuses))
        with pytest.raises(ControlError, match="there is no call 3"):
            await session.ask(protocol.Hold(call=3))

    with_session(tmp_path / "s", scene)
    engine.stop()


def test_a_lost_engine_is_said_and_the_next_one_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ScriptedEngine(tmp_path / "s")
    second: list[ScriptedEngine] = []

    def refuse(*_: object) -> None:
        raise ControlError("the configuration is wrong; correct account.id", "no_engine")

    # This session must not start an engine of its own: what it then does is seen in a real terminal (tests/e2e/tui).
    monkeypatch.setattr(engine_session.EngineSupervisor, "start", refuse)
    monkeypatch.setattr(engine_session, "FIRST_WAIT_S", 0.05)

    async def scene(session: EngineSession, heard: Heard) -> None:
        await heard.until(lambda heard: len(heard.statuses) == 1)
        first.stop()
        await heard.until(lambda heard: any(isinstance(event, Engine) and event.state == "died" for event in heard.events))
        await heard.until(lambda heard: any(isinstance(event, Engine) and event.state == "given_up" for event in heard.events))
        given_up = next(event for event in heard.events if isinstance(event, Engine) and event.state == "given_up")
        assert given_up.reason.startswith("the configuration is wrong; correct account.id; trying again in")
        second.append(ScriptedEngine(tmp_path / "s"))
        session.try_again()
        await heard.until(lambda heard: len(heard.statuses) == 2)

    with_session(tmp_path / "s", scene)
    second[0].stop()


@pytest.mark.parametrize(("keep", "end", "command"), [(True, False, protocol.Stay), (False, True, protocol.Shutdown), (False, False, None)])
def test_leaving_tells_the_engine_what_becomes_of_it(tmp_path: Path, keep: bool, end: bool, command: type[protocol.Command] | None) -> None:
    engine = ScriptedEngine(tmp_path / "s")

    async def scene(session: EngineSession, heard: Heard) -> None:
        await heard.until(lambda heard: bool(heard.statuses))
        await session.close(keep=keep, end=end)

    with_session(tmp_path / "s", scene)
    told = [type(one) for one in engine.commands if isinstance(one, protocol.Stay | protocol.Shutdown)]
    assert told == ([command] if command is not None else [])
    engine.stop()
