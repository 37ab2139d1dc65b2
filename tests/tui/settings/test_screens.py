"""Settings and the guided set-up by keys: what stands in the file afterwards, and what the engine is told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from softphone import config
from softphone.config import passwords
from softphone.control.protocol import (
    Call,
    Command,
    Devices,
    Levels,
    Register,
    Registration,
    SelectDevices,
    Shutdown,
    SoundTest,
    TalkMode,
    Unregister,
    Volume,
    parse_command,
    to_line,
)
from softphone.tui.accounts.entry import AccountEntry
from softphone.tui.accounts.keeping import keep_account
from softphone.tui.app import PhoneApp
from softphone.tui.common.form import Choice, Field, Tick
from softphone.tui.settings.screen import SettingsScreen
from softphone.tui.settings.setup import SetupScreen
from softphone.tui.settings.sound_panel import SoundPanel
from tests.tui.book import DEVICES
from tests.tui.driving import awaited, see, see_no_more, told, write
from tests.tui.running import memory_store, screen_text, until
from tests.tui.scripted_engine import ScriptedEngine


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file with a comment; no keyring here, so that passwords go to files."""

    def none() -> None:
        raise passwords.KeyringError("this machine has no keyring that runs")

    monkeypatch.setattr(passwords, "_real_keyring", none)
    path = tmp_path / "config.toml"
    path.write_text('# mine\n[audio]\ninput = "null"\noutput = "null"\n')
    return path


@asynccontextmanager
async def on(engine: ScriptedEngine, screen: Callable[[], Any], tmp_path: Path, file: Path) -> AsyncIterator[Pilot[int]]:
    engine.answers.setdefault(Devices, DEVICES)
    settings = config.load(file) if file.exists() else config.Config()
    app = PhoneApp(settings, socket=tmp_path / "engine.sock", config_file=file, store=memory_store())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.state.engine.state == "ready", "engine ready")
        await app.push_screen(screen())
        await pilot.pause()
        yield pilot


@awaited
async def test_an_account_is_added_changed_and_removed(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, SettingsScreen, tmp_path, file) as pilot:
        await pilot.press("a")
        await write(pilot, "#address Input", "dora@")
        await pilot.press("ctrl+s")
        await see(pilot, "! dora@ is no SIP address")
        await write(pilot, "#address Input", "dora@example.org")
        await write(pilot, "#password Input", "open sesame")
        await write(pilot, "#proxy Input", "192.0.2.1:5070")
        await pilot.press("ctrl+s")
        command = await told(engine, Register)
        assert (command.uri, command.password, command.proxy) == ("sip:dora@example.org", "open sesame", "sip:192.0.2.1:5070;lr")
        await see(pilot, "only you (and root) can read")  # where the password is
        (name,) = pilot.app.config.named_accounts()  # type: ignore[attr-defined]
        assert "open sesame" not in file.read_text() and "# mine" in file.read_text()
        engine.commands.clear()
        engine.tell(Registration(account=name, state="failed", code=403, reason="wrong password"))
        await see(pilot, "registration failed: wrong password; v edits it")

        await pilot.press("G", "v")
        await see(pilot, "dora@example.org", "unchanged")
        await write(pilot, "#password Input", "another")
        await pilot.press("ctrl+s")
        assert (await told(engine, Register)).password == "another"

        await pilot.press("x")
        await see(pilot, "Remove the account")
        await pilot.press("y")
        assert (await told(engine, Unregister)).account == name
    assert not config.load(file).named_accounts()


async def press_button(pilot: Pilot[int]) -> None:
    """Once more: a button takes no key while it still shows the one before."""
    await until(pilot, lambda: pilot.app.focused is not None and not pilot.app.focused.has_class("-active"), "the button is up")
    await pilot.press("enter")


def test_an_address_that_is_no_name_gets_one(file: Path) -> None:
    kept = keep_account(file, AccountEntry("alice@192.0.2.1:5070"), None)
    (command,) = kept.commands
    assert isinstance(command, Register) and command.uri == "sip:alice@192.0.2.1:5070"
    assert parse_command(to_line(command)) == command
    assert list(config.load(file).named_accounts()) == [kept.name]


@awaited
async def test_sound_codecs_and_privacy_are_kept(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, SettingsScreen, tmp_path, file) as pilot:
        await pilot.press("right")
        choice = pilot.app.screen.query_one("#sound-input", Choice)
        await until(pilot, lambda: ("USB headset", "USB headset") in choice.select._options, "devices are listed")
        choice.select.value = "USB headset"
        assert (await told(engine, SelectDevices)).input == "USB headset"
        await until(pilot, lambda: config.load(file).audio.input == "USB headset", "kept")
        engine.commands.clear()
        pilot.app.screen.query_one("#sound-ringer", Choice).select.value = "USB headset"
        chosen = await told(engine, SelectDevices)
        assert (chosen.input, chosen.output, chosen.ringer) == ("USB headset", "null", "USB headset")
        await until(pilot, lambda: config.load(file).audio.ringer == "USB headset", "ringer kept")
        engine.answers[SoundTest] = "the microphone cannot be opened: it is used by another program; end that"
        pilot.app.screen.query_one("#sound-listen").focus()
        await pilot.press("enter")
        await see(pilot, "! the microphone cannot be opened")
        engine.answers[SoundTest] = {}
        await press_button(pilot)
        await see(pilot, "Say something.", "Stop")
        await see_no_more(pilot, "! the microphone")
        engine.tell(Levels(call=None, tx=-12.0, rx=-80.0))
        await see(pilot, "It hears you.", "-12 dB")
        await press_button(pilot)
        await see_no_more(pilot, "Stop")

        await pilot.press("right", "right", "right", "minus", "space")
        await until(pilot, lambda: config.load(file).codecs.order == ("opus", "PCMU", "PCMA"), "order kept")
        await see(pilot, "F5 restarts it")
        await pilot.press("right")
        pilot.app.screen.query_one("#voice", Tick).box.toggle()
        await until(pilot, lambda: not config.load(file).phv.voice, "voice kept")
        pilot.app.screen.query_one("#watch", Choice).select.value = "favourites"
        await until(pilot, lambda: config.load(file).presence.watch == "favourites", "whom to watch kept")
        pilot.app.screen.query_one("#share", Choice).select.value = "contacts"
        await until(pilot, lambda: config.load(file).presence.share == "contacts", "who may see it kept")
        await pilot.press("f5")
        await told(engine, Shutdown)
        await see_no_more(pilot, "F5 restarts it")
    assert "# mine" in file.read_text()


@awaited
async def test_a_state_that_comes_while_the_sound_page_is_being_made_is_shown_when_it_is_there(
    engine: ScriptedEngine, tmp_path: Path, file: Path
) -> None:
    async with on(engine, SettingsScreen, tmp_path, file) as pilot:
        app = pilot.app
        assert isinstance(app, PhoneApp)

        async def answer(_command: Command[Any], *, timeout_s: float = 30.0) -> Any:
            return DEVICES

        panel = SoundPanel(answer, config.Audio())
        mounting = app.screen.query_one("#page-sound").mount(panel)
        panel.show_state(app.state)
        # As far as it gets before the panel has its fields.
        await pilot.pause(0)
        await mounting
        await until(pilot, lambda: ("USB headset", "USB headset") in panel.query_one("#sound-input", Choice).select._options, "devices")


@awaited
async def test_the_volume_holds_at_once_and_is_kept(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, lambda: SettingsScreen("sound"), tmp_path, file) as pilot:
        pilot.app.screen.query_one("#set-audio-microphone-db", Choice).select.value = "-6"
        assert (await told(engine, Volume)).microphone_db == -6
        assert config.load(file).audio.microphone_db == -6
        await see(pilot, "-6 dB")
        pilot.app.screen.query_one("#set-audio-talk", Choice).select.value = "voice"
        assert (await told(engine, TalkMode)).mode == "voice"
        await until(pilot, lambda: config.load(file).audio.talk == "voice", "voice activation kept")
        assert "F5 restarts it" not in screen_text(pilot.app)  # type: ignore[arg-type]


@awaited
async def test_how_numbers_are_rewritten_is_one_line(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, lambda: SettingsScreen("calls"), tmp_path, file) as pilot:
        field = pilot.app.screen.query_one("#set-numbers", Field)
        for text, rules in (("0=+49,00 = +", {"0": "+49", "00": "+"}), ("9=0", {"9": "0"}), ("", {})):
            await write(pilot, "#set-numbers Input", text)
            await pilot.press("enter")
            await until(pilot, lambda rules=rules: dict(config.load(file).numbers) == rules, "kept")  # type: ignore[misc]
        await write(pilot, "#set-numbers Input", "nought=+49")
        await pilot.press("enter")
        sentence = "numbers.nought: both sides must be digits"  # the path before it decides where its lines end
        await until(pilot, lambda: sentence in " ".join(screen_text(pilot.app).split()), sentence)  # type: ignore[arg-type]
        field.input.value = ""


@awaited
async def test_what_calls_and_the_network_need_is_set_here(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, lambda: SettingsScreen("calls"), tmp_path, file) as pilot:
        screen = pilot.app.screen
        screen.query_one("#set-calls-auto-answer-seconds", Choice).select.value = "5"
        await until(pilot, lambda: config.load(file).calls.auto_answer_seconds == 5, "kept")
        await see(pilot, "F5 restarts it")
        await pilot.press("right")
        await see(pilot, "[Network]", "UDP", "encrypted over TLS")
        screen.query_one("#set-network-transport", Choice).select.value = "tls"
        await until(pilot, lambda: config.load(file).network.transport == "tls", "kept")
        stun = screen.query_one("#set-network-stun", Field)
        stun.input.focus()
        await pilot.press(*"stun.example.org:99999", "enter")
        await see(pilot, "network.stun: 99999 is no port")
        stun.input.value = ""
        await pilot.press(*"stun.example.org", "enter")
        await until(pilot, lambda: config.load(file).network.stun == "stun.example.org", "kept")
        port = screen.query_one("#set-network-port", Field)
        port.input.focus()
        await pilot.press(*"many", "enter")
        await see(pilot, "network.port: must be a whole number")
        port.input.value = "5062"
        await pilot.press("escape")
        # What was typed and left is kept.
        await until(pilot, lambda: config.load(file).network.port == 5062, "kept")
    assert "# mine" in file.read_text()


@awaited
async def test_a_file_that_cannot_be_written_is_said(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, lambda: SettingsScreen("codecs"), tmp_path, file) as pilot:
        file.write_text("[audio\n")
        await pilot.press("minus")
        # The path before it may be of any length, so the line breaks anywhere.
        await until(pilot, lambda: "this is not valid TOML" in " ".join(screen_text(pilot.app).split()), "what is wrong with the file")  # type: ignore[arg-type]
    assert file.read_text() == "[audio\n"


@awaited
async def test_the_first_start_with_an_account(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    file.unlink()
    async with on(engine, SetupScreen, tmp_path, file) as pilot:
        await see(pilot, "Step 1 of 4", "codec ready")
        await pilot.press("ctrl+n")
        await see(pilot, "! write the address")
        await write(pilot, "#address Input", "dora@example.org")
        await write(pilot, "#password Input", "wrong")
        await pilot.press("ctrl+n")
        name = (await told(engine, Register)).account
        await see(pilot, "Registering dora@example.org")
        engine.tell(Registration(account=name, state="failed", code=403, reason="the password is wrong; type it again"))
        await see(pilot, "Saved, but the password is wrong; type it", "continues.", "dora@example.org")
        await write(pilot, "#password Input", "right")
        engine.commands.clear()
        await pilot.press("ctrl+n")
        assert (await told(engine, Register)).password == "right"
        engine.tell(Registration(account=name, state="registered", code=200))
        await see(pilot, "Step 2 of 4", "Registered. Calls to your address")
        await pilot.press("ctrl+n")
        await see(pilot, "Step 3 of 4")
        await pilot.press("ctrl+n")
        await see(pilot, "Press y or n")
        await pilot.press("space", "ctrl+n")
        await see(pilot, "Step 4 of 4", "Your address is dora@example.org.", "A description of your voice")
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, SetupScreen), "the phone")
    kept = config.load(file)
    assert len(kept.named_accounts()) == 1 and kept.phv.voice


@pytest.mark.parametrize(("answer", "voice"), [("y", True), ("n", False)])
def test_from_the_first_start_to_the_first_call_in_seven_keystrokes(
    engine: ScriptedEngine, tmp_path: Path, file: Path, answer: str, voice: bool
) -> None:
    @awaited
    async def walk() -> None:
        file.unlink()
        engine.answers[Call] = {"call": 1}
        async with on(engine, SetupScreen, tmp_path, file) as pilot:
            await see(pilot, "Step 1 of 4", "codec ready")
            await pilot.press(*"dora@example.org", "enter", *"secret", "enter")
            name = (await told(engine, Register)).account
            engine.tell(Registration(account=name, state="registered", code=200))
            await see(pilot, "Step 2 of 4", "Registered. Calls to your address")
            await pilot.press("enter")
            await see(pilot, "Step 3 of 4")
            await pilot.press(answer)
            await see(pilot, "Step 4 of 4")
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(pilot.app.screen, SetupScreen), "the phone")
            await pilot.press("d", *"sip:bob@192.0.2.9", "enter")
            assert (await told(engine, Call)).uri == "sip:bob@192.0.2.9"
        assert config.load(file).phv.voice is voice

    walk()


@awaited
async def test_skipping_everything_sends_no_voice(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    file.unlink()
    async with on(engine, SetupScreen, tmp_path, file) as pilot:
        for step in (2, 3, 4):
            await pilot.press("f4")
            await see(pilot, f"Step {step} of 4")
        await pilot.press("enter")
        # The engine was started before the question; it starts again with the answer.
        await told(engine, Shutdown)
        await until(pilot, lambda: not isinstance(pilot.app.screen, SetupScreen), "the phone")
    assert not config.load(file).phv.voice


@awaited
async def test_who_goes_away_without_an_answer_sends_no_voice(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    file.unlink()
    async with on(engine, SetupScreen, tmp_path, file) as pilot:
        await write(pilot, "#address Input", "dora@example.org")
        await pilot.press("ctrl+n")
        await told(engine, Register)
        # The program may be killed now.
        assert not config.load(file).phv.voice
    file.unlink()
    async with on(engine, SetupScreen, tmp_path, file) as pilot:
        assert isinstance(pilot.app, PhoneApp)
        pilot.app.to_phone()
        await told(engine, Shutdown)
        await until(pilot, lambda: not isinstance(pilot.app.screen, SetupScreen), "the phone")
    assert not config.load(file).phv.voice


@awaited
async def test_going_back_asks_nothing(engine: ScriptedEngine, tmp_path: Path, file: Path) -> None:
    async with on(engine, SetupScreen, tmp_path, file) as pilot:
        await pilot.press("shift+tab", "down", "space")
        await see(pilot, "(•) directly", "sip:192.0.2.7:5060")
        await pilot.press("ctrl+n")
        await see(pilot, "Step 2 of 4")
        await pilot.press("escape")
        await see(pilot, "Step 1 of 4", "(•) directly")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, SetupScreen), "the phone")
