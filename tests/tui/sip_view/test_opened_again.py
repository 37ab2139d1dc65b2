"""SIP messages and SDP that are opened again show at once what they showed, of this call and of no other."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from softphone.control.protocol import AgreedSdp, Command, Sdp, SipLadder, SipMessage, SipMessages
from tests.tui.driving import awaited, see, see_no_more
from tests.tui.recorded import answered, call_state
from tests.tui.running import connected
from tests.tui.scripted_engine import ScriptedEngine


def _answers(gate: Event, asked: Event) -> dict[type[Command[Any]], Callable[[Any], Any]]:
    """What each call's says, once the gate is open."""

    def ladder(command: SipLadder) -> SipMessages:
        asked.set()
        gate.wait(30)
        return SipMessages([SipMessage(1.0, True, "192.0.2.1:5060", f"INVITE sip:of-call-{command.call}", "x")] if command.call else [])

    def sdp(command: Sdp) -> AgreedSdp:
        asked.set()
        gate.wait(30)
        return AgreedSdp(f"s=of-call-{command.call}", "v=0")

    return {SipLadder: ladder, Sdp: sdp}


@pytest.mark.parametrize("key", ["w", "x"])
@awaited
async def test_what_was_there_stands_until_the_answer_comes(key: str, engine: ScriptedEngine, tmp_path: Path) -> None:
    gate, asked = Event(), Event()
    engine.answers |= _answers(gate, asked)
    gate.set()
    async with connected(tmp_path / "engine.sock") as pilot:
        engine.tell(*answered(1))
        await see(pilot, "Bob Example")
        await pilot.press(key)
        await see(pilot, "of-call-1")
        await pilot.press("escape")
        await see_no_more(pilot, "of-call-1")
        gate.clear()
        asked.clear()
        await pilot.press(key)
        await see(pilot, "of-call-1")
        assert await asyncio.to_thread(asked.wait, 30), "it is asked for again"
        gate.set()
        await pilot.press("escape")
        await see(pilot, "talking")
        engine.tell(call_state(1, "disconnected"))
        await see_no_more(pilot, "talking")
        engine.tell(*answered(2))
        await see(pilot, "talking")
        gate.clear()
        await pilot.press(key)
        await see_no_more(pilot, "talking")
        await see_no_more(pilot, "of-call-1")
        gate.set()
        await see(pilot, "of-call-2")
