"""The SIP messages of a call as a ladder: time, direction, what it says; the chosen one in full below."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from softphone.control.protocol import SipLadder
from softphone.plain_text import visible
from softphone.tui.drawing import cut
from softphone.tui.phone_state import Topic
from softphone.tui.screens.base import PhoneScreen


class LadderScreen(PhoneScreen[None]):
    """Asked again when the call changes, and after its end too, as long as the engine remembers it."""

    SCOPE = "wire"
    TITLE_TEXT = "SIP messages of the call"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,w", "back", "Back", show=False),
        Binding("j", "next_rung", show=False),
        Binding("k", "previous_rung", show=False),
        Binding("r", "reload", "Again", show=False),
    ]

    def __init__(self, call: int) -> None:
        super().__init__()
        self._call = call
        self._messages: list[Mapping[str, Any]] = []

    def body(self) -> Iterable[Widget]:
        with Vertical(id="middle"):
            yield OptionList(id="rungs", compact=True, markup=False)
            with VerticalScroll(classes="panel"):
                yield Static("", id="message", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def state_changed(self, topics: frozenset[Topic]) -> None:
        if "calls" in topics:
            self.run_worker(self.action_reload(), exclusive=True)

    async def action_reload(self) -> None:
        answer = await self.ask(SipLadder(call=self._call))
        if answer is None or answer.get("messages") == self._messages:
            return
        self._messages = list(answer.get("messages", []))
        rungs = self.query_one(OptionList)
        chosen = rungs.highlighted
        follow = chosen is None or chosen == rungs.option_count - 1
        rungs.clear_options()
        rungs.add_options([Option(rung(message, max(rungs.content_size.width, 40))) for message in self._messages])
        if self._messages:
            rungs.highlighted = len(self._messages) - 1 if follow or chosen is None else chosen

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        text = str(self._messages[event.option_index].get("text", "")) if event.option_index < len(self._messages) else ""
        self.query_one("#message", Static).update("\n".join(visible(line) for line in text.splitlines()))

    def available(self) -> list[tuple[str, str, str]]:
        return [
            ("screen.back", "esc", "Back"),
            ("screen.next_rung", "j", "Next"),
            ("screen.previous_rung", "k", "Before"),
            ("app.focus_next", "tab", "Scroll the text"),
        ]

    def action_next_rung(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_previous_rung(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    def action_back(self) -> None:
        self.dismiss()


def rung(message: Mapping[str, Any], width: int) -> Content:
    """One message: `08:15:01.234  ──▶ INVITE sip:bob@example.org   192.0.2.1:5060`."""
    at = float(message.get("time", 0.0))
    stamp = f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03}"
    sent = bool(message.get("sent"))
    arrow = "──▶" if sent else "◀──"
    peer = visible(str(message.get("peer", "")))
    room = width - len(stamp) - len(peer) - 10
    summary = cut(visible(str(message.get("summary", ""))), max(room, 10))
    way = "sent to" if sent else "from"
    return Content.assemble(
        (stamp, "$foreground 60%"), "  ", (arrow, "bold" if sent else "bold $accent"), f" {summary:<{max(room, 10)}} ",
        (peer if width >= 60 else way, "$foreground 60%"),
    )  # fmt: skip
