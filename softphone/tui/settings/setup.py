"""The first start: who you are, whether you are heard, whether your voice may be described to others. Every step can be skipped."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Button, ContentSwitcher, Input, RadioSet, Static

from softphone.control.protocol import AnyEvent, ControlError, Levels, Registration
from softphone.errors import SoftphoneError
from softphone.store.settings import Settings
from softphone.tui.accounts.entry import AccountEntry, EntryError
from softphone.tui.accounts.fields import AccountFields
from softphone.tui.accounts.keeping import keep_account
from softphone.tui.common.form import Radio
from softphone.tui.common.screens import PhoneScreen, bindings
from softphone.tui.settings.sound_panel import SoundPanel
from softphone.tui.state.phone_state import Kind, Topic

Step = Literal["account", "sound", "voice", "ready"]
STEPS: tuple[Step, ...] = ("account", "sound", "voice", "ready")
HEADINGS: dict[Step, str] = {
    "account": "Your account",
    "sound": "Sound check",
    "voice": "Your voice",
    "ready": "Ready",
}
DIRECT = (
    "Nothing to set up. You call others by address, such as sip:192.0.2.7, and they call yours{address}. "
    "This works within one network; you can add an account later (o)."
)
VOICE = (
    "This phone's codec sends the sounds of your speech as symbols, a few hundred bits a second. It can also send a description of your "
    "voice, about a hundred bytes, so that you sound like yourself at the other end.\n\n"
    "It goes to the phone that you talk to, within the call, and nowhere else. But it identifies you, and whoever has it could imitate "
    "your voice. Without it you speak in a neutral voice."
)
READY = (
    "{summary}\n\nd  dial a name, a number or an address\nc  contacts\na  answer a call        b  hang up or decline\n"
    "i  type to speak, when you cannot talk\n?  all keys\n\nYou can change all of this later in the settings (o)."
)


class SetupScreen(PhoneScreen[None]):
    """Each step keeps what was said in it before the next one is shown."""

    SCOPE = "setup"
    TITLE_TEXT = "Setup"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)
    DEFAULT_CSS = """
    SetupScreen {
        align: center top;
        #setup-heading { width: 100%; max-width: 80; height: 2; padding: 0 2; text-style: bold; margin-top: 1; }
        ContentSwitcher { width: 100%; max-width: 80; height: 1fr; padding: 0 2; }
        ContentSwitcher > VerticalScroll { height: 1fr; }
        RadioSet { border: none; padding: 0; background: transparent; width: 1fr; margin-bottom: 1; }
        .setup--text { height: auto; margin-bottom: 1; }
        #setup-word { width: 100%; max-width: 80; height: auto; padding: 0 2; display: none; }
        #setup-word.-shown { display: block; }
        #setup-word.-error { color: $text-error; }
        #setup-word.-warning { color: $text-warning; }
        #setup-word.-info { color: $text-success; }
        .setup--buttons { width: 100%; max-width: 80; height: auto; padding: 0 2 1 2; margin-top: 1; }
        .setup--buttons Button { margin-right: 2; min-width: 10; }
        &.-narrow .setup--buttons { padding: 0 0 0 1; }
        &.-narrow .setup--buttons Button { margin-right: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._step: Step = "account"
        self._busy = False
        self._leaving = False
        self._account_name: str | None = None
        """Name of the account that was kept in this run, to be changed rather than added again."""
        self._answered_voice = False
        self._first = False
        self._voice_before = True
        self._summary: dict[Step, str] = {}

    def body(self) -> Iterable[Widget]:
        config = self.phone.config
        yield Static(id="setup-heading", markup=False)
        with ContentSwitcher(initial="step-account"):
            with VerticalScroll(id="step-account", can_focus=False):
                with RadioSet(id="way", compact=True):
                    yield Radio("with an account at a provider or server", value=True, id="way-account")
                    yield Radio("directly, without a server", id="way-direct")
                yield AccountFields(AccountEntry(""))
                yield Static(id="direct", classes="setup--text", markup=False)
            with VerticalScroll(id="step-sound", can_focus=False):
                yield SoundPanel(self.phone.session.ask, config.audio, ringer=False)
            with VerticalScroll(id="step-voice", can_focus=False):
                yield Static(VOICE, classes="setup--text", markup=False)
                with RadioSet(id="consent", compact=True):
                    yield Radio("y  yes, send a description of my voice", id="voice-yes")
                    yield Radio("n  no, use a neutral voice", id="voice-no")
            with VerticalScroll(id="step-ready", can_focus=False):
                yield Static(id="ready", classes="setup--text", markup=False)
        yield Static(id="setup-word", markup=False)
        with Horizontal(classes="setup--buttons"):
            yield Button("Next (^n)", id="setup-next", variant="primary", compact=True)
            yield Button("Skip (F4)", id="setup-skip", compact=True)
            yield Button("Back (esc)", id="setup-back", compact=True)

    def on_mount(self) -> None:
        self._first = not Settings(self.phone.config_file).path.exists()
        self._voice_before = self.phone.config.phv.voice
        if not self._first:
            self.query_one("#voice-yes" if self._voice_before else "#voice-no", Radio).value = True
        for button in self.query(Button):
            # Textual's takes no key for 0.2 s after the last one: too long for who goes through the steps by Enter.
            button.active_effect_duration = 0
        self._show_step()
        self.phone.hold_keys = False

    @property
    def step(self) -> Step:
        """The one that is shown."""
        return self._step

    def _show_step(self) -> None:
        number = STEPS.index(self._step) + 1
        self.query_one("#setup-heading", Static).update(f"Step {number} of {len(STEPS)}: {HEADINGS[self._step]}")
        self.query_one(ContentSwitcher).current = f"step-{self._step}"
        self.query_one("#setup-next", Button).label = "Start (^n)" if self._step == "ready" else "Next (^n)"
        self.query_one("#setup-skip", Button).display = self._step != "ready"
        self._word("")
        self.tell("")
        match self._step:
            case "account":
                self._show_way()
            case "sound":
                self.set_focus(self.query_one("#setup-next", Button))
            case "voice":
                self.query_one("#consent", RadioSet).focus()
            case "ready":
                summary = "\n".join(filter(None, map(self._summary.get, STEPS)))
                self.query_one("#ready", Static).update(READY.format(summary=summary).strip())
                # At once: Enter may come as soon as this is seen.
                self.set_focus(self.query_one("#setup-next", Button))

    @property
    def _direct(self) -> bool:
        chosen = self.query_one("#way", RadioSet).pressed_button
        return chosen is not None and chosen.id == "way-direct"

    def _show_way(self) -> None:
        self.query_one(AccountFields).display = not self._direct
        text = self.query_one("#direct", Static)
        text.display = self._direct
        address = self.state.engine.address
        text.update(DIRECT.format(address=f", sip:{address}" if address else ""))
        if self._direct:
            self.query_one("#way", RadioSet).focus()
        elif not self.query_one("#way", RadioSet).has_focus:
            self.query_one(AccountFields).focus_first()

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        if event.radio_set.id == "way":
            self._show_way()

    def state_changed(self, topics: frozenset[Topic]) -> None:
        self.query_one(SoundPanel).show_state(self.state)
        if "engine" in topics and self._step == "account" and self._direct:
            self._show_way()

    def event_came(self, event: AnyEvent) -> None:
        if isinstance(event, Levels) and event.call is None:
            self.query_one(SoundPanel).take_level(event.tx, event.rx)
        elif isinstance(event, Registration) and event.account == self._account_name and self._step == "account":
            self._registered(event)

    def _word(self, text: str, kind: Kind = "info") -> None:
        if not self.is_attached:
            self.phone.changed(self.phone.state.notice(kind, text))
            return
        word = self.query_one("#setup-word", Static)
        sign = {"info": "·", "warning": "!", "error": "✗"}[kind]
        word.update(f"{sign} {text}" if text else "")
        word.set_class(bool(text), "-shown")
        for name in ("info", "warning", "error"):
            word.set_class(name == kind, f"-{name}")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "setup-next":
                self.action_setup_next()
            case "setup-skip":
                self.action_setup_skip()
            case "setup-back":
                self.action_setup_back()

    def on_key(self, event: Key) -> None:
        """y and n answer the question."""
        if self._step == "voice" and event.key in ("y", "n"):
            event.stop()
            self.query_one("#voice-yes" if event.key == "y" else "#voice-no", Radio).value = True
            self._answer_voice(event.key == "y")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.query_one(AccountFields).next_field():
            self.action_setup_next()

    def action_setup_back(self) -> None:
        if self._step != "account":
            self._go(-1)
        elif self._leaving or not self._first:
            self._leave()
        else:
            self._leaving = True
            self._word("Press esc again to leave the setup. F6 in the settings comes back to it.")

    def action_setup_skip(self) -> None:
        if self._step != "ready":
            self._go(1)

    def available(self) -> list[tuple[str, str, str]]:
        """First the steps; where else one can go is seen when they are done."""
        return [hint for hint in super().available() if hint[0].startswith("screen.") or hint[0] in ("app.help", "app.quit")]

    def _go(self, by: int) -> None:
        self._busy = self._leaving = False
        self._step = STEPS[STEPS.index(self._step) + by]
        self._show_step()

    @work(exclusive=True, group="next")
    async def action_setup_next(self) -> None:
        match self._step:
            case "account":
                await self._keep_account()
            case "sound":
                self._go(1)
            case "voice":
                await self._keep_voice()
            case "ready":
                self._leave()

    async def _keep_account(self) -> None:
        if self._direct:
            self._summary["account"] = (
                f"Your address is sip:{self.state.engine.address}." if self.state.engine.address else "You call directly."
            )
            self._go(1)
            return
        fields = self.query_one(AccountFields)
        entry = fields.entry()
        if not entry.address and self.phone.config.named_accounts():
            self._go(1)
            return
        try:
            entry.settings()
        except EntryError as error:
            fields.complain(error)
            return
        self._word("Saving the account…")
        if self._unanswered and not await self._keep({}):
            return
        try:
            kept = await to_thread(keep_account, self.phone.config_file, entry, self._account_name)
        except EntryError as error:
            fields.complain(error)
            return
        except SoftphoneError as error:
            self._word(str(error), "error")
            return
        self.phone.config = kept.config
        self._account_name, self._busy = kept.name, True
        self._word(f"Registering {entry.address.strip()}… F4 continues without waiting.")
        for command in kept.commands:
            try:
                await self.phone.session.ask(command)
            except ControlError as error:
                self._busy = False
                self._word(f"Saved, but {error}", "warning")
                return
        if kept.warning:
            self.tell(kept.warning, "warning")

    def _registered(self, event: Registration) -> None:
        match event.state:
            case "registered":
                self._summary["account"] = f"Your address is {self.query_one(AccountFields).entry().address.strip()}."
                if self._busy:
                    self._go(1)
                    self._word("Registered. Calls to your address reach you now.")
            case "failed":
                self._busy = False
                self._word(f"Saved, but {event.reason}. ^n retries, F4 continues.", "error")

    async def _keep_voice(self) -> None:
        chosen = self.query_one("#consent", RadioSet).pressed_button
        if chosen is None:
            self._word("Press y or n, or skip with F4: then nothing is sent.", "warning")
            return
        await self._take_answer(chosen.id == "voice-yes")

    @work(exclusive=True, group="next")
    async def _answer_voice(self, yes: bool) -> None:
        await self._take_answer(yes)

    async def _take_answer(self, yes: bool) -> None:
        if await self._keep({"phv.voice": yes}):
            self._answered_voice = True
            self._summary["voice"] = "A description of your voice is sent in calls." if yes else "You speak in a neutral voice."
            self._go(1)

    def on_sound_panel_selected(self, event: SoundPanel.Selected) -> None:
        self._keep_sound(event.microphone, event.loudspeaker)

    @work(group="keep")
    async def _keep_sound(self, microphone: str, loudspeaker: str) -> None:
        await self._keep({"audio.input": microphone, "audio.output": loudspeaker})

    @property
    def _unanswered(self) -> bool:
        """Whether nobody has said yet if the voice may be described; then no goes into the file with the first of the other settings, for
        this may be the last that is seen of the set-up."""
        return self._first and not self._answered_voice

    async def _keep(self, values: dict[str, Any]) -> bool:
        if self._unanswered:
            values = {"phv.voice": False} | values
        try:
            self.phone.config = await to_thread(Settings(self.phone.config_file).change, values)
        except SoftphoneError as error:
            self._word(str(error), "error")
            return False
        return True

    @work(exclusive=True, group="leave")
    async def _leave(self) -> None:
        await self._settle()
        self.dismiss()

    def closed(self) -> None:
        self.app.run_worker(self._settle(), group="setup")

    async def _settle(self) -> None:
        """Without a yes no voice is described; and the engine, which was started before the question, is started again."""
        if self._unanswered:
            await self._keep({})
        if self.phone.config.phv.voice != self._voice_before and not self.state.calls:
            # The phone is there meanwhile.
            self.app.run_worker(self.phone.restart_engine(), group="restart")
