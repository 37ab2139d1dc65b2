"""Telephone keys for a call: by keyboard or mouse, as RTP events or as SIP INFO."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from softphone.control.protocol import SendDtmf
from softphone.tui.common.line import Line
from softphone.tui.common.screens import Dialog
from softphone.tui.notices.notice_line import NoticeLine
from softphone.tui.state.phone_state import Topic

KEYS = "123456789*0#"
COLUMNS, WIDTH = 3, 10
"""Of the keys, and cells of one."""
LETTERS = "ABCD"


class Keypad(Dialog[None]):
    """Every key is sent at once; what was sent and what the remote party pressed stands above."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("i", "method", "INFO", show=False)]

    KEYS = (("0-9 * # A-D", "Send"), ("i", "Method"))

    def __init__(self, call: int) -> None:
        super().__init__()
        self._call = call
        self._sent = ""
        self._method: Literal["rfc4733", "info"] = "rfc4733"

    def compose(self) -> ComposeResult:
        with Vertical(classes="window narrow"):
            yield Static("Telephone keys", classes="heading", markup=False)
            yield Line(id="sent")
            yield Line(id="keys")
            yield Line(id="method")
            yield NoticeLine()

    def on_mount(self) -> None:
        # One text instead of twelve buttons, which take longer to make than all the rest.
        rows = [KEYS[first : first + COLUMNS] for first in range(0, len(KEYS), COLUMNS)]
        texts = [
            Content("").join(Content(key.center(WIDTH)).stylize(Style.from_meta({"@click": f"screen.press({key!r})"})) for key in row)
            for row in rows
        ]
        self.query_one("#keys", Line).show(Content("\n").join(texts))

    def state_changed(self, topics: frozenset[Topic]) -> None:
        if not self.query("#sent"):
            # On its way in.
            self.call_after_refresh(self.refresh_state, topics)
            return
        call = self.state.calls.get(self._call)
        if call is None:
            self.dismiss(None)
            return
        self.query_one("#sent", Line).show(
            Content.assemble(("sent ", "dim"), self._sent or "-", ("  received ", "dim"), call.keys_heard or "-")
        )
        how = "RTP events (RFC 4733)" if self._method == "rfc4733" else "SIP INFO"
        self.query_one("#method", Line).show(Content.styled(f"as {how}; i changes", "$foreground 70%"))

    async def on_key(self, event: events.Key) -> None:
        key = (event.character or "").upper()
        if key and key in KEYS + LETTERS:
            event.stop()
            await self._press(key)

    async def action_press(self, key: str) -> None:
        """A click on a key."""
        await self._press(key)

    async def _press(self, key: str) -> None:
        if await self.ask(SendDtmf(call=self._call, digits=key, method=self._method)) is not None:
            self._sent = (self._sent + key)[-16:]
            self.tell("")
            self.state_changed(frozenset())

    def action_method(self) -> None:
        self._method = "info" if self._method == "rfc4733" else "rfc4733"
        self.state_changed(frozenset())
