"""Text messages: with whom, what was said, and whether it arrived."""

from __future__ import annotations

import time
from asyncio import to_thread
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from softphone.control.protocol import SendMessage
from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.store.messages import Conversation, MessageRecord, peer_key
from softphone.tui.common.pick_list import Cell, PickList, Row, line
from softphone.tui.common.screens import PhoneScreen, bindings
from softphone.tui.dialling.whom import Whom
from softphone.tui.state.names import short

LOOK_AGAIN_S = 0.5
LONGEST = 2000
"""Characters of one message; the protocol takes no more."""
NOTHING = "No messages yet.\na writes one."


class MessagesScreen(PhoneScreen[None]):
    """`to`: the address whose conversation is opened, perhaps a new one. `now` gives the time in seconds since 1970."""

    SCOPE = "messages"
    TITLE_TEXT = "Messages"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)
    KEPT = True
    DEFAULT_CSS = """
    MessagesScreen {
        #conversations { width: 30; height: 1fr; }
        #conversation { width: 1fr; height: 1fr; border-left: solid $border; padding: 0 1; }
        #peer { height: 1; text-style: bold; }
        #thread { height: 1fr; }
        #thread Static { height: auto; }
        #compose { width: 1fr; background: $panel; }
        &.-wide #conversations { width: 40; }
        &.-narrow #conversations { width: 1fr; }
        &.-narrow #conversation { display: none; border-left: none; }
        &.-narrow.-reading #conversations { display: none; }
        &.-narrow.-reading #conversation { display: block; }
    }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (100, "-wide")]  # noqa: RUF012 - declared so by Screen

    def __init__(self, to: str = "", now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._now = now
        self._drafts: dict[str, str] = {}
        self._turn_to(to)

    def _turn_to(self, to: str) -> None:
        self._new_remote = to
        """Whom a conversation without messages is with."""
        self._peer = peer_key(to) if to else ""
        self._conversations: list[Conversation] | None = None
        self._thread: list[MessageRecord] | None = None

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            yield PickList(NOTHING, id="conversations")
            with Vertical(id="conversation"):
                yield Static(id="peer", markup=False)
                with VerticalScroll(id="thread", can_focus=False):
                    yield Static(id="thread-text", markup=False)
                yield Input(id="compose", placeholder="write, enter sends", compact=True, max_length=LONGEST)

    def on_mount(self) -> None:
        self._list.focus()
        self.set_interval(LOOK_AGAIN_S, self._look_again)
        self.call_after_refresh(self._begin)

    def opened_again(self, to: str = "", *_arguments: Any) -> None:
        self.tell("")
        self.remove_class("-reading")
        self._drafts[self._peer] = self._line.value
        self._turn_to(to)
        self._list.focus()
        self._begin()
        self._line.value = self._drafts.get(self._peer, "")

    def _look_again(self) -> None:
        if self.is_current:
            self._reload()

    def _begin(self) -> None:
        self._reload()
        if self._new_remote:
            self.action_message_write()

    @property
    def _list(self) -> PickList:
        return self.query_one("#conversations", PickList)

    @property
    def _line(self) -> Input:
        return self.query_one("#compose", Input)

    @property
    def remote(self) -> str:
        """The address to write to; "" when no conversation is chosen."""
        found = next((found for found in self._conversations or () if found.peer == self._peer), None)
        return found.remote if found is not None else self._new_remote if self._peer else ""

    def _reload(self) -> None:
        messages = self.phone.store.messages
        try:
            conversations = messages.conversations()
            if not self._peer and conversations:
                self._peer = conversations[0].peer
            thread = messages.with_peer(self._peer) if self._peer else []
            if any(found.peer == self._peer and found.unread for found in conversations) and self.is_current:
                self._mark_seen(self._peer)
        except StoreError as error:
            self.tell(str(error))
            return
        if conversations != self._conversations:
            self._conversations = conversations
            rows = [_conversation_row(found, self._called(found.remote), self._now()) for found in conversations]
            if self._peer and all(found.peer != self._peer for found in conversations):
                rows.insert(0, Row(self._peer, lambda width: line(width, Cell(self._called(self._new_remote), style="italic"))))
            with self._list.prevent(OptionList.OptionHighlighted):
                self._list.show(rows)
                self._list.choose(self._peer)
        if thread != self._thread:
            self._thread = thread
            self._show_thread()

    def _called(self, remote: str) -> str:
        return visible(self.phone.name_of(remote)) or short(remote)

    @work(exclusive=True, group="seen")
    async def _mark_seen(self, peer: str) -> None:
        try:
            await to_thread(self.phone.store.messages.mark_seen, peer)
        except StoreError as error:
            self.tell(str(error))

    def _show_thread(self) -> None:
        remote = self.remote
        self.query_one("#peer", Static).update(f"{self._called(remote)}  {short(remote)}" if remote else "")
        today = datetime.fromtimestamp(self._now()).date()
        self.query_one("#thread-text", Static).update(thread_text(self._thread or (), self._called(remote), today))
        self._line.disabled = not remote
        self.query_one("#thread", VerticalScroll).scroll_end(animate=False)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id is not None and event.option.id != self._peer:
            self._drafts[self._peer] = self._line.value
            self._peer, self._thread = event.option.id, None
            self._line.value = self._drafts.get(self._peer, "")
            self._reload()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        self.action_message_write()

    def action_message_write(self) -> None:
        if self.remote:
            self.add_class("-reading")
            self._line.disabled = False
            self._line.focus()

    def action_messages_back(self) -> None:
        if self._line.has_focus or self.has_class("-reading"):
            self.remove_class("-reading")
            self._list.focus()
        else:
            self.dismiss()

    @work
    async def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        # What could not be handed over stays in its place, to be sent again.
        if text and self.remote and await self._send(text) and self._line.value.strip() == text:
            self._line.value = ""

    async def _send(self, text: str) -> bool:
        sent = await self.ask(SendMessage(uri=self.remote, text=text)) is not None
        if sent:
            self.tell("")
        self._reload()
        return sent

    @work
    async def action_message_again(self) -> None:
        failed = next((record for record in reversed(self._thread or ()) if record.state == "failed"), None)
        if failed is None:
            self.tell("No undelivered messages in this conversation.", "info")
        else:
            await self._send(failed.text)

    @work
    async def action_message_new(self) -> None:
        uri = await self.app.push_screen_wait(Whom("New message to", "Write"))
        if uri is not None:
            self._new_remote, self._peer = uri, peer_key(uri)
            self._conversations = self._thread = None
            self._reload()
            self.action_message_write()

    @work
    async def action_message_call(self) -> None:
        if self.remote:
            await self.phone.call(self.remote)


def thread_text(thread: Sequence[MessageRecord], name: str, today: date) -> Content:
    """The messages under each other, with what became of those that were sent."""
    parts: list[Content] = []
    day: date | None = None
    for record in thread:
        when = datetime.fromtimestamp(record.time)
        if when.date() != day:
            day = when.date()
            parts.append(Content.styled("Today" if day == today else f"{day:%A} {day.day} {day:%B} {day.year}", "$foreground-muted"))
        mine = record.direction == "outgoing"
        state, style = {
            "sending": ("  … sending", "$foreground-muted"),
            "delivered": ("  ✓ delivered", "$success"),
            "failed": (f"  ✗ not delivered: {visible(record.reason)}; r resends it", "$error"),
        }.get(record.state, ("", ""))
        text = "\n      ".join(map(visible, record.text.split("\n")))
        who, colour = ("you", "bold $primary") if mine else (name, "bold $accent")
        parts.append(Content.assemble((when.strftime("%H:%M "), "$foreground-muted"), (who, colour), "  ", text, (state, style)))
    return Content("\n").join(parts)


def _conversation_row(found: Conversation, name: str, now: float) -> Row:
    when = datetime.fromtimestamp(found.last.time)
    today = when.date() == datetime.fromtimestamp(now).date()
    said = visible(found.last.text.replace("\n", " "))
    state = "✗ " if found.last.state == "failed" else ""
    news = f"{found.unread} new" if found.unread else ""

    def draw(width: int) -> Content:
        head = line(
            width,
            Cell(name, style="bold" if found.unread else ""),
            Cell(news, 6, "bold $accent", right=True),
            Cell(f"{when:%H:%M}" if today else f"{when.day} {when:%b}", 6, "$foreground-muted", right=True),
        )
        return Content("\n").join([head, line(width, Cell(f"{state}{said}", style="$error" if state else "$foreground-muted"))])

    return Row(found.peer, draw)
