"""Choosing microphone and loudspeaker, and hearing whether they work: a level meter, five seconds recorded, and played back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal, Protocol

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Button, Select, Static

from softphone.config import Audio
from softphone.control.protocol import Command, ControlError, Devices, ResultT, SelectDevices, SoundTest
from softphone.plain_text import visible
from softphone.tui.common.drawing import level_meter, level_text
from softphone.tui.common.form import Choice, plain_options
from softphone.tui.state.phone_state import PhoneState

RECORD_S = 5
HEARD_DB = -45.0
"""Speech near a microphone peaks well above this, a quiet room well below."""
DEEP_S = 4
"""Silence for this long is worth a word."""
PER_SECOND = 5
"""Levels events."""
RINGER = "sound-ringer"
FIELDS = (("Microphone", "sound-input", False), ("Loudspeaker", "sound-output", True), ("Ringer", RINGER, True))
"""Title, name of the widget, and whether it plays sound."""
Doing = Literal["nothing", "listen", "record", "play"]


class Engine(Protocol):
    """`EngineSession.ask`."""

    def __call__(self, command: Command[ResultT], *, timeout_s: float = 30.0) -> Awaitable[ResultT]: ...


class SoundPanel(Vertical):
    """`ask` asks the engine, and raises ControlError. Feed `take_level` with the levels of the sound test."""

    DEFAULT_CSS = """
    SoundPanel {
        height: auto;
        #sound-meter { height: 1; }
        #sound-word { height: auto; min-height: 2; color: $text-muted; }
        #sound-note { height: auto; color: $text-warning; display: none; }
        #sound-note.-shown { display: block; }
        .sound--buttons { height: auto; margin: 1 0; }
        Button { margin-right: 2; min-width: 10; }
    }
    """

    class Selected(Message):
        """Other devices were chosen, and the engine uses them; `ringer` is empty for that of the loudspeaker."""

        def __init__(self, microphone: str, loudspeaker: str, ringer: str) -> None:
            super().__init__()
            self.microphone, self.loudspeaker, self.ringer = microphone, loudspeaker, ringer

    def __init__(self, ask: Engine, audio: Audio, *, ringer: bool = True) -> None:
        """`ringer`: whether the device that rings can be chosen, too."""
        super().__init__()
        self._engine = ask
        self._wanted = (audio.input, audio.output, audio.ringer)
        self._fields = FIELDS if ringer else FIELDS[:2]
        self._doing: Doing = "nothing"
        self._level_db = -80.0
        self._loudest_db = -80.0
        self._quiet = 0
        self._end: Timer | None = None
        self._seen: tuple[object, ...] | None = None
        self._state: PhoneState | None = None

    def compose(self) -> ComposeResult:
        for (title, field, _), name in zip(self._fields, self._wanted, strict=False):
            yield Choice(title, [(_label(name), name)], id=field, value=name)
        yield Static(id="sound-note", markup=False)
        with Horizontal(classes="sound--buttons"):
            yield Button("Listen", id="sound-listen", compact=True)
            yield Button(f"Record {RECORD_S} s", id="sound-record", compact=True)
            yield Button("Play back", id="sound-play", compact=True, disabled=True)
        yield Static(id="sound-meter", markup=False)
        yield Static("Listen shows how loud your microphone is; speak as in a call.", id="sound-word", markup=False)

    async def _ask(self, command: Command[ResultT]) -> ResultT | None:
        try:
            return await self._engine(command)
        except ControlError as error:
            if self.is_mounted:
                self._note(str(error))
            return None

    def on_mount(self) -> None:
        if self._state is not None:
            self.call_later(self.show_state, self._state)

    async def on_unmount(self) -> None:
        if self._doing != "nothing":
            await self._ask(SoundTest(action="stop"))

    def show_state(self, state: PhoneState) -> None:
        """Ask which devices there are when the engine is there, and again when they have changed."""
        self._state = state
        if not self.is_mounted:
            return  # its fields are still being made
        sound = state.sound
        seen = (sound.microphone, sound.loudspeaker, sound.input, sound.output, sound.note) if state.engine.state == "ready" else None
        if seen != self._seen:
            self._seen = seen
            if seen is not None:
                self._load()

    @work(exclusive=True, group="devices")
    async def _load(self) -> None:
        found = await self._ask(Devices())
        if found is None:
            return
        for (_, field, plays), wanted in zip(self._fields, self._wanted, strict=False):
            names = [device.name for device in found.devices if (device.outputs if plays else device.inputs)]
            # A device that is unplugged just now stays chosen.
            here = (*([""] if field == RINGER else []), "default", *names, "null")
            options = list(dict.fromkeys([*here, wanted]))
            select = self.query_one(f"#{field}", Choice).select
            with select.prevent(Select.Changed):
                select.set_options(plain_options((_label(name) if name in here else f"{name} (not there now)", name) for name in options))
                select.value = wanted
        self._note(found.note)

    def _note(self, text: str) -> None:
        note = self.query_one("#sound-note", Static)
        note.update(f"! {visible(text)}" if text else "")
        note.set_class(bool(text), "-shown")

    def on_select_changed(self, event: Select.Changed) -> None:
        event.stop()
        chosen = [self.query_one(f"#{field}", Choice).value for _, field, _ in self._fields]
        microphone, loudspeaker, ringer = (*chosen, *self._wanted[len(chosen) :])
        if (microphone, loudspeaker, ringer) != self._wanted:
            self._wanted = (microphone, loudspeaker, ringer)
            self._choose(microphone, loudspeaker, ringer)

    @work(exclusive=True, group="choose")
    async def _choose(self, microphone: str, loudspeaker: str, ringer: str) -> None:
        if await self._ask(SelectDevices(input=microphone, output=loudspeaker, ringer=ringer)) is not None:
            self._note("")
        # Also a device that does not open now is what the user wants from the next start on.
        self.post_message(self.Selected(microphone, loudspeaker, ringer))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        what: Doing = {"sound-listen": "listen", "sound-record": "record", "sound-play": "play"}[event.button.id or ""]  # type: ignore[assignment]
        self._do("nothing" if what == self._doing else what)

    @work(exclusive=True, group="test")
    async def _do(self, what: Doing) -> None:
        if self._end is not None:
            self._end.stop()
        done = await self._ask(SoundTest(action="stop" if what == "nothing" else what))
        if done is None:
            what = "nothing"
        else:
            self._note("")
        if what == "record":
            self.query_one("#sound-play", Button).disabled = False
        self._doing, self._level_db, self._loudest_db, self._quiet = what, -80.0, -80.0, 0
        if what in ("record", "play"):
            self._end = self.set_timer(RECORD_S + 0.5, lambda: self._over(what))
        self._show()

    def _over(self, what: Doing) -> None:
        if what == self._doing:
            heard = self._loudest_db > HEARD_DB
            self._doing = "nothing"
            self._show()
            if what == "record":
                self._word("Recorded. Play it back: is that you, loud and clear?" if heard else _QUIET)
            else:
                self._word("If you heard yourself, both are fine. If not, try another loudspeaker.")

    def take_level(self, tx_db: float, rx_db: float) -> None:
        """Peaks in dBFS, five times a second while a test goes on."""
        if self._doing == "nothing":
            return
        self._level_db = rx_db if self._doing == "play" else tx_db
        self._loudest_db = max(self._loudest_db, self._level_db)
        self._quiet = 0 if self._level_db > HEARD_DB else self._quiet + 1
        self._show()

    def _show(self) -> None:
        for name, text in (("listen", "Listen"), ("record", f"Record {RECORD_S} s"), ("play", "Play back")):
            self.query_one(f"#sound-{name}", Button).label = "Stop" if name == self._doing else text
        words = {
            "nothing": "",
            "listen": "It hears you." if self._loudest_db > HEARD_DB else _QUIET if self._quiet > DEEP_S * PER_SECOND else "Say something.",
            "record": "Recording: say something.",
            "play": "You should hear yourself now.",
        }
        if word := words[self._doing]:
            self._word(word)
        shown = self._doing != "nothing"
        meter = Content(f"{level_meter(self._level_db, 30)} {level_text(self._level_db)}") if shown else Content("")
        self.query_one("#sound-meter", Static).update(meter)

    def _word(self, text: str) -> None:
        self.query_one("#sound-word", Static).update(text)


_QUIET = "Hardly anything is heard: is the microphone muted, too far away, or another one chosen above?"


def _label(name: str) -> str:
    return {"": "the same as the loudspeaker", "default": "the system's choice", "null": "none (silence)"}.get(name, name)
