"""What was negotiated in a call, as it stands on the wire (RFC 8866)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from softphone.control.protocol import Sdp
from softphone.plain_text import visible
from softphone.tui.common.screens import PhoneScreen


class SdpScreen(PhoneScreen[None]):
    """Ours at the left, theirs at the right."""

    SCOPE = "sdp"
    KEPT = True
    TITLE_TEXT = "SDP of the call"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,x", "back", "Back", show=False), Binding("r", "reload", "Again", show=False)]

    def __init__(self, call: int) -> None:
        super().__init__()
        self._call = call

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="middle"):
            for side, title in (("local", "Ours"), ("remote", "Theirs")):
                view = VerticalScroll(Static("", id=side, markup=False), classes="panel")
                view.border_title = title
                yield view

    async def on_mount(self) -> None:
        self.query(VerticalScroll).first().focus()
        await self.action_reload()

    def opened_again(self, call: int = 0, *_arguments: Any) -> None:
        if call != self._call:
            self._call = call
            self._show("", "")
        self.query(VerticalScroll).first().focus()
        self.tell("")
        self.run_worker(self.action_reload(), exclusive=True)

    async def action_reload(self) -> None:
        answer = await self.ask(Sdp(call=self._call))
        if answer is None:
            self._show("", "")
        else:
            nothing = "nothing was negotiated yet; r asks again"
            self._show(answer.local or nothing, answer.remote or nothing)

    def _show(self, local: str, remote: str) -> None:
        for side, text in (("#local", local), ("#remote", remote)):
            self.query_one(side, Static).update("\n".join(visible(line) for line in text.splitlines()))

    def available(self) -> list[tuple[str, str, str]]:
        return [("screen.back", "esc", "Back"), ("screen.reload", "r", "Ask again"), ("app.focus_next", "tab", "Other side")]

    def action_back(self) -> None:
        self.dismiss()
