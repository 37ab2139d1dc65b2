"""The SIP messages of a call, and of registrations, as a ladder; the chosen one in full below."""

from __future__ import annotations

import base64
import time
from asyncio import to_thread
from collections.abc import Iterable
from typing import Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from softphone import paths
from softphone.control.protocol import SipLadder, SipMessage
from softphone.files import private_file
from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.tui.common.rtp_graph import graphs
from softphone.tui.common.screens import PhoneScreen
from softphone.tui.sip_view.rungs import as_pcap, as_text, fits, rung, with_long_names
from softphone.tui.state.phone_state import Topic

LEAST_HEIGHT = 20
"""Lines of the terminal from which the graphs leave the messages enough of them."""
LONGEST_COPY = 70_000
"""Bytes that terminals take by OSC 52."""


class LadderScreen(PhoneScreen[None]):
    """Asked again when the call changes, and after its end too, as long as the engine remembers it. Without a call: registrations alone."""

    SCOPE = "wire"
    KEPT = True
    TITLE_TEXT = "SIP messages"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,w", "back", "Back", show=False),
        Binding("j", "next_rung", show=False),
        Binding("k", "previous_rung", show=False),
        Binding("r", "registrations", "REGISTER", show=False),
        Binding("slash", "filter", "Filter", show=False),
        Binding("s", "save", "Save", show=False),
        Binding("y", "copy", "Copy", show=False),
        Binding("n", "names", "Header names", show=False),
    ]

    def __init__(self, call: int | None) -> None:
        super().__init__()
        self._call = call
        self._all: list[SipMessage] = []
        self._answered = False
        self._messages: list[SipMessage] = []
        self._with_registrations = True
        self._long_names = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="middle"):
            yield Input(id="ladder-filter", placeholder="filter: words of the message, such as INVITE or 404", compact=True)
            yield Static(id="rtp", markup=False)
            yield OptionList(id="rungs", compact=True, markup=False)
            with VerticalScroll(classes="panel"):
                yield Static("", id="message", markup=False)

    def on_mount(self) -> None:
        self.query_one("#ladder-filter").display = False
        self.query_one(OptionList).focus()

    def opened_again(self, call: int | None = None, *_arguments: Any) -> None:
        field = self.query_one("#ladder-filter", Input)
        as_it_was = call == self._call and self._with_registrations and not self._long_names and not field.value
        self._call = call
        self._with_registrations, self._long_names = True, False
        with field.prevent(Input.Changed):
            field.value, field.display = "", False
        rungs = self.query_one(OptionList)
        self._answered = False
        if as_it_was and self._messages:
            # What was there stands until the engine's answer is.
            rungs.highlighted = len(self._messages) - 1
        else:
            self._all, self._messages = [], []
            rungs.clear_options()
            self._show_message("")
        rungs.focus()
        self.tell("")

    def state_changed(self, topics: frozenset[Topic]) -> None:
        if topics & {"calls", "accounts"}:
            self.run_worker(self._reload(), exclusive=True)
        if topics & {"calls", "statistics"}:
            self._show_graphs()

    def _show_graphs(self) -> None:
        """What the call's RTP does now, while there is any, and room for it."""
        view, call = self.query_one("#rtp", Static), self.state.calls.get(self._call or 0)
        room = self.app.size.height >= LEAST_HEIGHT and not self.phone.slow
        view.display = call is not None and call.talking and bool(call.samples) and room
        if view.display and call is not None:
            view.update(graphs(call, self.app.size.width - 2))

    async def _reload(self) -> None:
        messages: list[SipMessage] = []
        if self._call is not None:
            answer = await self.ask(SipLadder(call=self._call))
            messages += answer.messages if answer is not None else []
        if self._with_registrations or self._call is None:
            answer = await self.ask(SipLadder())
            messages += answer.messages if answer is not None else []
        messages.sort(key=lambda message: message.time)
        if messages != self._all or not self._answered:
            self._all, self._answered = messages, True
            self._show()

    def _show(self) -> None:
        wanted = self.query_one("#ladder-filter", Input).value
        self._messages = [message for message in self._all if fits(message, wanted)]
        rungs = self.query_one(OptionList)
        chosen = rungs.highlighted
        follow = chosen is None or chosen >= rungs.option_count - 1
        width = max(rungs.content_size.width, 40)
        rungs.clear_options()
        pairs = zip(self._messages, [None, *self._messages], strict=False)
        rungs.add_options([Option(rung(message, before, width)) for message, before in pairs])
        if self._messages:
            rungs.highlighted = len(self._messages) - 1 if follow or chosen is None else min(chosen, len(self._messages) - 1)
        else:
            self._show_message("No SIP messages." if not self._all else "No message fits the filter.")

    def _show_message(self, text: str) -> None:
        self.query_one("#message", Static).update("\n".join(visible(line) for line in text.splitlines()))

    @property
    def _chosen(self) -> str:
        place = self.query_one(OptionList).highlighted
        text = self._messages[place].text if place is not None and place < len(self._messages) else ""
        return with_long_names(text) if self._long_names else text

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        self._show_message(self._chosen)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(OptionList).focus()

    def available(self) -> list[tuple[str, str, str]]:
        if isinstance(self.focused, Input):
            return [("", "enter", "Filter"), ("screen.back", "esc", "Show all")]
        return [
            ("screen.back", "esc", "Back"),
            ("screen.filter", "/", "Filter"),
            ("screen.registrations", "r", "Without REGISTER" if self._with_registrations else "With REGISTER"),
            ("screen.save", "s", "Save"),
            ("screen.copy", "y", "Copy"),
            ("screen.names", "n", "Short names" if self._long_names else "Long names"),
            ("app.focus_next", "tab", "Scroll"),
        ]

    def action_next_rung(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_previous_rung(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    async def action_registrations(self) -> None:
        self._with_registrations = not self._with_registrations
        await self._reload()
        self.show_keys()

    def action_names(self) -> None:
        self._long_names = not self._long_names
        self._show_message(self._chosen)
        self.show_keys()

    def action_filter(self) -> None:
        field = self.query_one("#ladder-filter", Input)
        field.display = True
        field.focus()

    def action_copy(self) -> None:
        """To the clipboard of the terminal (OSC 52), also over ssh."""
        text = self._chosen.replace("\r", "")[:LONGEST_COPY]
        if text and self.app._driver is not None:
            self.app._driver.write(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07")
            self.tell("Copied to the clipboard, if this terminal allows it (OSC 52).", "info")

    @work
    async def action_save(self) -> None:
        folder = paths.data_dir() / "traces"
        name = time.strftime("%Y-%m-%d-%H%M%S")
        files = {folder / f"{name}.txt": as_text(self._messages).encode(), folder / f"{name}.pcap": as_pcap(self._messages)}
        try:
            for path, data in files.items():
                await to_thread(private_file.write, path, data)
        except (StoreError, OSError) as error:
            self.tell(str(error))
            return
        self.tell(f"Saved as {paths.from_home(folder / name)}.txt and .pcap", "info")

    def action_back(self) -> None:
        field = self.query_one("#ladder-filter", Input)
        if field.display:
            field.value = ""
            field.display = False
            self.query_one(OptionList).focus()
            self._show()
        else:
            self.dismiss()
