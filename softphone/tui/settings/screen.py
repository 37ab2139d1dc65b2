"""Settings: accounts, sound, codecs, privacy, keys. What can be is done at once; the rest is said to need a new start of the engine."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.widget import Widget
from textual.widgets import Checkbox, ContentSwitcher, Input, Select, Static

from softphone.control.protocol import AnyEvent, ControlError, DoNotDisturb, Levels, TalkMode, Volume
from softphone.errors import SoftphoneError
from softphone.store.settings import Settings
from softphone.tui.accounts.editor import AccountEditor
from softphone.tui.accounts.entry import AccountEntry, EntryError, entry_of
from softphone.tui.accounts.keeping import KeptAccount, again, keep_account, remove_account
from softphone.tui.accounts.table import AccountTable
from softphone.tui.common.codec_order import CodecOrder
from softphone.tui.common.confirm import Confirm
from softphone.tui.common.form import Choice, Field, Tick
from softphone.tui.common.page_line import PageLine
from softphone.tui.common.screens import PhoneScreen, bindings
from softphone.tui.settings.keys_overview import KeysOverview
from softphone.tui.settings.rows import Setting, rows, setting_of
from softphone.tui.settings.sound_panel import SoundPanel
from softphone.tui.state.phone_state import EVERYTHING, LOCAL, Topic

PAGES = {
    "accounts": "Accounts",
    "sound": "Sound",
    "calls": "Calls",
    "network": "Network",
    "codecs": "Codecs",
    "privacy": "Privacy",
    "keys": "Keys",
}
ACCOUNT_ACTIONS = frozenset({"account_add", "account_edit", "account_remove", "account_again"})
WATCH = (
    ("do not show whether contacts are available", "off"),
    ("of favourites; they can see that you ask", "favourites"),
    ("of all contacts; they can see that you ask", "contacts"),
)
SHARE = (
    ("nobody can see whether you are available", "off"),
    ("contacts can see whether you are available", "contacts"),
    ("contacts, and whoever your server allows", "server"),
)
VOICES = (
    ("ask once whether to remember voices", "ask"),
    ("remember yours, and others' where they allow it", "always"),
    ("remember none", "never"),
)
CODECS = "Codecs to offer, the preferred one first. Space switches one on or off, + and - move it. A contact can have an order of its own."
RESTART = "This takes effect when the phone restarts. F5 restarts it now, while there is no call."


def _row_of(field: Input) -> DOMNode | None:
    """The line in which one types."""
    return field.parent.parent if field.parent is not None else None


class SettingsScreen(PhoneScreen[None]):
    """`page`: one of PAGES."""

    SCOPE = "settings"
    TITLE_TEXT = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)
    KEPT = True
    DEFAULT_CSS = """
    SettingsScreen {
        ContentSwitcher { height: 1fr; padding: 1 1 0 1; }
        .settings--word { color: $text-muted; height: auto; margin-bottom: 1; }
        #settings-restart { display: none; height: auto; padding: 0 1; color: $text-warning; }
        &.-stale #settings-restart { display: block; }
        #page-privacy Tick, #page-privacy Choice, #page-calls Choice { margin-bottom: 1; }
    }
    """

    def __init__(self, page: str = "accounts") -> None:
        super().__init__()
        self._page = page

    def body(self) -> Iterable[Widget]:
        yield PageLine(PAGES)
        with ContentSwitcher(initial=f"page-{self._page}"):
            for page in PAGES:
                # What is on the others comes when they are first shown.
                yield VerticalScroll(*(self._content(page) if page == self._page else ()), id=f"page-{page}", can_focus=page == "keys")
        yield Static(f"! {RESTART}", id="settings-restart", markup=False)

    def _content(self, page: str) -> Iterable[Widget]:
        config = self.phone.config
        match page:
            case "accounts":
                yield AccountTable()
            case "sound":
                yield SoundPanel(self.phone.session.ask, config.audio)
                yield from rows(page, config)
            case "calls" | "network":
                yield from rows(page, config)
            case "codecs":
                yield Static(CODECS, classes="settings--word", markup=False)
                yield CodecOrder(config.codecs.order, id="order")
            case "privacy":
                quiet = self.state.engine.do_not_disturb
                yield Tick("Do not disturb", "callers get busy and appear as missed", id="quiet", value=quiet)
                yield Tick("Voice", "send a description of your voice; otherwise a neutral voice", id="voice", value=config.phv.voice)
                yield Choice("Known voices", VOICES, id="voices", value=config.privacy.voices)
                yield Tick("History", "keep calls and messages", id="history", value=config.privacy.history)
                yield from rows(page, config)
                yield Choice("Their status", WATCH, id="watch", value=config.presence.watch)
                yield Choice("Your status", SHARE, id="share", value=config.presence.share)
                yield Static(self._places(), classes="settings--word", markup=False)
            case "keys":
                yield KeysOverview(self.phone.actions, Settings(self.phone.config_file).path)

    def on_mount(self) -> None:
        self._show_page(self._page)

    def left(self) -> None:
        for field in self.query(Field):
            self._keep_row(field, field.value)  # typed, and left without enter
        # What they show may be changed elsewhere, and the sound check uses the microphone.
        for page in PAGES:
            if page != "accounts":
                self.query_one(f"#page-{page}").remove_children()

    def opened_again(self, page: str = "accounts", *_arguments: Any) -> None:
        self.tell("")
        self._show_page(page)

    def _places(self) -> str:
        return (
            f"Contacts, calls and messages are kept in {self.phone.store.database.path}, these settings in "
            f"{Settings(self.phone.config_file).path}; only you can read them. Nothing is sent to anybody but your "
            "servers, the people you call or write to, and those chosen above."
        )

    @property
    def page(self) -> str:
        """Which page is seen."""
        return self._page

    def on_page_line_asked(self, event: PageLine.Asked) -> None:
        self._show_page(event.page)

    def _show_page(self, page: str) -> None:
        self._page = page
        self.query_one(PageLine).show(page)
        self.query_one(ContentSwitcher).current = f"page-{page}"
        view = self.query_one(f"#page-{page}", VerticalScroll)
        if view.children:
            self._enter(page)
        else:
            # Keys that follow are for what is on the page.
            self.phone.hold_keys = True
            self.run_worker(self._fill(view, page), group=f"page-{page}")

    async def _fill(self, view: VerticalScroll, page: str) -> None:
        try:
            await view.mount_all(self._content(page))
            if page == self._page:
                self._enter(page)
        finally:
            self.phone.hold_keys = False
            await self.phone.keys_go_on()

    def _enter(self, page: str) -> None:
        first = {
            "accounts": "AccountTable",
            "sound": "#sound-input Select",
            "calls": "#page-calls Select",
            "network": "#page-network Select",
            "codecs": "#order",
            "privacy": "#quiet Checkbox",
            "keys": "#page-keys",
        }
        self.query(first[page]).first().focus()
        self.refresh_state(EVERYTHING)

    def action_settings_next(self) -> None:
        self._turn(1)

    def action_settings_previous(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        names = list(PAGES)
        self._show_page(names[(names.index(self._page) + by) % len(names)])

    def action_settings_back(self) -> None:
        self.dismiss()

    def action_settings_setup(self) -> None:
        self.phone.open("setup")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ACCOUNT_ACTIONS and self._page != "accounts":
            return False
        if action == "settings_restart" and not self.has_class("-stale"):
            return False
        return super().check_action(action, parameters)

    def state_changed(self, topics: frozenset[Topic]) -> None:
        if topics & {"accounts", "engine"}:
            self._show_accounts()
        for panel in self.query(SoundPanel):
            panel.show_state(self.state)
        if "engine" in topics:
            for tick in self.query("#quiet").results(Tick):
                with tick.box.prevent(Checkbox.Changed):
                    tick.box.value = self.state.engine.do_not_disturb

    def _show_accounts(self) -> None:
        kept = {name: account.id for name, (_, account) in self.phone.config.named_accounts().items()}
        for table in self.query(AccountTable):
            table.show_state(self.state, kept)

    def event_came(self, event: AnyEvent) -> None:
        if isinstance(event, Levels) and event.call is None:
            for panel in self.query(SoundPanel):
                panel.take_level(event.tx, event.rx)

    # Settings that are not of an account

    def on_codec_order_changed(self, event: CodecOrder.Changed) -> None:
        self._keep({"codecs.order": list(event.order)}, restart=True)

    def on_sound_panel_selected(self, event: SoundPanel.Selected) -> None:
        self._keep({"audio.input": event.microphone, "audio.output": event.loudspeaker, "audio.ringer": event.ringer})

    def _keep_row(self, row: DOMNode | None, value: str | bool) -> bool:
        """Whether it was a line of the table, and its setting is kept if it is another one now."""
        setting = setting_of(row if isinstance(row, Widget) else None)
        if setting is None:
            return False
        wanted = value if isinstance(value, bool) else setting.read(value)
        if wanted != setting.value(self.phone.config):
            self._keep_setting(setting, wanted, row if isinstance(row, Field) else None)
        return True

    @work(group="keep")
    async def _keep_setting(self, setting: Setting, value: Any, field: Field | None) -> None:
        try:
            self.phone.config = await to_thread(Settings(self.phone.config_file).change, setting.changes(value, self.phone.config))
        except SoftphoneError as error:
            if field is not None:
                field.complain(str(error))
            else:
                self.tell(str(error))
            return
        if setting.restart:
            self.add_class("-stale")
            self.refresh_state(frozenset())
        elif setting.place == "audio.talk":
            await self.ask(TalkMode(mode=value))
        elif setting.place.startswith("audio."):
            audio = self.phone.config.audio
            await self.ask(Volume(microphone_db=audio.microphone_db, loudspeaker_db=audio.loudspeaker_db))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._keep_row(_row_of(event.input), event.value):
            self.focus_next()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        self._keep_row(_row_of(event.input), event.value)

    async def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        row = event.checkbox.parent
        if self._keep_row(row, event.value):
            return
        match row.id if row is not None else None:
            case "quiet":
                if event.value != self.state.engine.do_not_disturb and await self.ask(DoNotDisturb(on=event.value)) is not None:
                    self.state.engine.do_not_disturb = event.value
                self.phone.changed(frozenset({"engine"}))
            case "voice":
                self._keep({"phv.voice": event.value}, restart=True)
            case "history":
                self._keep({"privacy.history": event.value}, restart=True)

    def on_select_changed(self, event: Select.Changed) -> None:
        row = event.select.parent
        if self._keep_row(row, str(event.value)):
            return
        if row is None or row.id not in ("watch", "share", "voices"):
            return
        if row.id == "voices":
            if event.value != self.phone.config.privacy.voices:
                self._keep({"privacy.voices": event.value}, restart=True)
            return
        if event.value != getattr(self.phone.config.presence, row.id):
            self._keep({f"presence.{row.id}": event.value}, restart=True)

    @work(group="keep")
    async def _keep(self, values: Mapping[str, Any], restart: bool = False) -> None:
        try:
            self.phone.config = await to_thread(Settings(self.phone.config_file).change, values)
        except SoftphoneError as error:
            self.tell(str(error))
            return
        if restart:
            self.add_class("-stale")
            self.refresh_state(frozenset())

    @work
    async def action_settings_restart(self) -> None:
        try:
            await self.phone.session.restart()
        except ControlError as error:
            self.tell(str(error))
            return
        self.remove_class("-stale")
        self.refresh_state(frozenset())

    # Accounts

    @work
    async def action_account_add(self) -> None:
        await self._edit(AccountEntry(""), None)

    @work
    async def action_account_edit(self) -> None:
        name = self.query_one(AccountTable).chosen
        account = self.phone.config.named_accounts().get(name or "")
        if account is None:
            self.tell(
                "Direct calls need no settings; a adds an account with a server." if name == LOCAL else "Select an account first.", "info"
            )
            return
        await self._edit(entry_of(account[1]), name)

    async def _edit(self, entry: AccountEntry, name: str | None) -> None:
        trouble = ""
        while True:
            typed = await self.app.push_screen_wait(AccountEditor(entry, kept=name is not None, trouble=trouble))
            if typed is None:
                return
            trouble = await self._carry_out(partial(keep_account, self.phone.config_file, typed, name))
            if not trouble:
                return
            # What was typed is not lost because the disk is full.
            entry = typed

    @work
    async def action_account_remove(self) -> None:
        name = self.query_one(AccountTable).chosen
        if name is None or name not in self.phone.config.named_accounts():
            direct = "Direct calls cannot be removed; they need no server, and announce nothing."
            self.tell(direct if name in (None, LOCAL) else f"{name} is not in your settings; it ends with the phone.", "info")
            return
        if await self.app.push_screen_wait(Confirm(f"Remove the account {name} and its password?", "Remove")):
            await self._carry_out(lambda: remove_account(self.phone.config_file, name))

    @work
    async def action_account_again(self) -> None:
        name = self.query_one(AccountTable).chosen
        account = self.phone.config.named_accounts().get(name or "")
        if account is not None and name is not None:
            await self._carry_out(lambda: KeptAccount(name, self.phone.config, (again(name, account[1]),)))

    async def _carry_out(self, change: Callable[[], KeptAccount]) -> str:
        """Gives the sentence that says why it failed, or an empty one."""
        try:
            kept = await to_thread(change)
        except (SoftphoneError, EntryError) as error:
            self.tell(str(error))
            return str(error)
        self.phone.config = kept.config
        self.tell(kept.warning, "warning")
        for command in kept.commands:
            # The file is right in any case: an engine that is not there now reads it when it starts.
            await self.ask(command)
        await self.phone.session.refresh()
        self._show_accounts()
        return ""
