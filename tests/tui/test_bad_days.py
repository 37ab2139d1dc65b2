"""Bad days that need no terminal: what is said, and that nothing typed is lost. The others are in tests/tui_e2e/test_bad_days.py."""

from pathlib import Path

from softphone.config import Config
from softphone.control.protocol import Call, SoundDevice
from softphone.tui.app import PhoneApp
from softphone.tui.widgets.dial_field import DialInput
from tests.tui.driving import awaited, see
from tests.tui.recorded import answered, media
from tests.tui.running import connected, memory_store, settle
from tests.tui.scripted_engine import ScriptedEngine

UNPLUGGED = "the microphone was unplugged; the call goes on without it: plug it in again, or choose another under Options"


@awaited
async def test_dialling_while_the_engine_is_not_there_keeps_what_was_typed(tmp_path: Path) -> None:
    app = PhoneApp(Config(), connect=False, socket=tmp_path / "engine.sock", store=memory_store())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d")
        app.screen.query_one(DialInput).value = "sip:bob@192.0.2.9"
        await pilot.press("enter")
        await see(pilot, "the engine is not there", "sip:bob@192.0.2.9")
        await settle(pilot)
        await see(pilot, "the engine is not there", "sip:bob@192.0.2.9")


@awaited
async def test_a_refused_call_can_be_dialled_again(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[Call] = "no account can call there; register one"
    async with connected(tmp_path / "engine.sock") as pilot:
        await pilot.press("d")
        pilot.app.screen.query_one(DialInput).value = "sip:bob@192.0.2.9"
        await pilot.press("enter")
        await see(pilot, "no account can call there", "sip:bob@192.0.2.9")


@awaited
async def test_a_microphone_that_is_unplugged_in_a_call(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with connected(tmp_path / "engine.sock") as pilot:
        engine.tell(*answered(1), media(1))
        await see(pilot, "Bob Example")
        engine.tell(SoundDevice(microphone=False, loudspeaker=True, note=UNPLUGGED))
        await see(pilot, "no microphone", "the microphone was unplugged", "Bob Example")
        engine.tell(SoundDevice(microphone=True, loudspeaker=True))
        await see(pilot, "Bob Example")
