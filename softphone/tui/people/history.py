"""The calls that were: made, taken, and missed."""

from __future__ import annotations

import time
from asyncio import to_thread
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, ClassVar

from textual import work
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import OptionList, Static

from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.store.contacts import Address, Contact
from softphone.store.history import CallRecord, outcome_word
from softphone.store.transcripts import KeptTranscripts
from softphone.tui import sentences
from softphone.tui.common.list_screen import ListScreen
from softphone.tui.common.pick_list import Cell, PickList, Row, line
from softphone.tui.common.screens import bindings
from softphone.tui.people.contact_editor import ContactEditor
from softphone.tui.people.transcript import TranscriptScreen
from softphone.tui.state.names import short

PAGE = 200
"""Calls that are read at once; more are read when the last one is reached."""
NO_CALLS = "No calls yet."
NONE_MISSED = "No missed calls. f shows all calls."


class HistoryScreen(ListScreen[CallRecord]):
    """`now` gives the time in seconds since 1970."""

    SCOPE = "history"
    TITLE_TEXT = "Calls"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)
    OF_AN_ENTRY: ClassVar[frozenset[str]] = frozenset({"history_call", "history_message", "history_add", "history_words"})
    DEFAULT_CSS = """
    HistoryScreen {
        #history-head { height: 1; padding: 0 1; color: $text-muted; }
        #history-list { height: 1fr; }
    }
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._now = now
        self._missed_only = False
        self._limit = PAGE
        self._names: dict[int, str] = {}

    def body(self) -> Iterable[Widget]:
        yield Static(id="history-head", markup=False)
        yield PickList(NO_CALLS, id="history-list")

    def opened_again(self, *_arguments: Any) -> None:
        self._missed_only, self._limit = False, PAGE
        super().opened_again()

    def left(self) -> None:
        """Who saw the missed calls need not be told of them again."""
        if seen := [record.id for record in self._shown or () if record.outcome == "missed" and not record.seen]:
            self._mark_seen(seen)

    @work
    async def _mark_seen(self, numbers: list[int]) -> None:
        try:
            await to_thread(self.phone.store.history.mark_seen, numbers)
        except StoreError as error:
            self.tell(str(error))

    def reload(self) -> None:
        store = self.phone.store
        try:
            found = store.history.calls(self._limit, missed_only=self._missed_only)
            names = {record.id: store.contacts.name_of(record.remote) or record.remote_name for record in found}
            unseen = store.history.unseen()
        except StoreError as error:
            self.tell(str(error))
            return
        if found == self._shown and names == self._names:
            return
        self._shown, self._names = found, names
        today = datetime.fromtimestamp(self._now()).date()
        rows: list[Row] = []
        for day, records in groupby(found, lambda record: datetime.fromtimestamp(record.started).date()):
            rows.append(_heading(day, today))
            rows += [call_row(record, names[record.id]) for record in records]
        self._list.show(rows, NONE_MISSED if self._missed_only else NO_CALLS)
        what = "missed calls only" if self._missed_only else "all calls"
        self.query_one("#history-head", Static).update(f"{what}, {unseen} new missed" if unseen else what)
        self.show_keys()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self._shown and event.option.id == str(self._shown[-1].id) and len(self._shown) == self._limit:
            self._limit += PAGE
            self.reload()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        self.action_history_call()

    @work
    async def action_history_call(self) -> None:
        record = self.chosen
        if record is None:
            return
        if not record.seen:
            await self._mark([record.id])
        await self.phone.call(record.remote)

    @work
    async def action_history_message(self) -> None:
        if self.chosen is not None:
            self.phone.open("messages", self.chosen.remote)

    def action_history_words(self) -> None:
        record = self.chosen
        if record is None:
            return
        files = KeptTranscripts().of_call(record.remote, record.started, record.duration_s)
        if files:
            self.app.push_screen(TranscriptScreen(files))
        else:
            self.tell(sentences.NO_TRANSCRIPT, "info")

    def action_history_filter(self) -> None:
        self._missed_only = not self._missed_only
        self._shown = None
        self.reload()

    @work
    async def action_history_seen(self) -> None:
        await self._mark(None)

    async def _mark(self, numbers: list[int] | None) -> None:
        try:
            await to_thread(self.phone.store.history.mark_seen, numbers)
        except StoreError as error:
            self.tell(str(error))
        self.reload()

    @work
    async def action_history_add(self) -> None:
        record = self.chosen
        if record is None:
            return
        book = self.phone.store.contacts
        contact = Contact(visible(record.remote_name), (Address(record.remote, preferred=True),))
        try:
            if known := book.rule_book().name(record.remote):
                self.tell(f"This is already {known} in your contacts.", "info")
                return
            changed = await self.app.push_screen_wait(ContactEditor(contact, self.phone.config.codecs.order))
            if changed is not None:
                kept = await to_thread(book.add, changed)
                self.tell(f"Saved {kept.name}.", "info")
        except StoreError as error:
            self.tell(str(error))
        self.reload()

    def action_history_back(self) -> None:
        self.dismiss()


def call_row(record: CallRecord, name: str) -> Row:
    """One line: what it was (in words), when, who, how long, on which codec or why not."""
    sign, word, style = _what(record)
    missed = record.outcome == "missed"
    new = missed and not record.seen
    end = length(record.duration_s) if record.outcome == "answered" else ""
    if record.outcome == "unanswered" and not record.cancelled:
        end = visible(record.reason)
    who = visible(name) or short(record.remote)
    return Row(
        str(record.id),
        lambda width: line(
            width,
            Cell(sign, 1, style),
            Cell("MISSED" if missed else word, 9, f"bold {style}" if new else style),
            Cell(datetime.fromtimestamp(record.started).strftime("%H:%M"), 5, "$foreground-muted"),
            Cell(("* " if new else "") + who, style="bold" if new else ""),
            Cell(short(record.remote) if name else "", style="$foreground-muted", least=96),
            Cell(end, 40 if width >= 116 else 24 if width >= 96 else 18, "$foreground-muted", least=60),
            Cell(record.codec, 6, "$foreground-muted", least=54),
        ),
    )


def length(seconds: float) -> str:
    """3:07, or 1:03:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _what(record: CallRecord) -> tuple[str, str, str]:
    incoming = record.direction == "incoming"
    if record.cancelled:
        return "→", "cancelled", "$warning"
    match record.outcome:
        case "missed":
            return "✗", "missed", "$error"
        case "refused":
            return "✗", "declined", "$warning"
        case "unanswered":
            return "→", outcome_word(record), "$warning"
        case "open":
            return "•", "now", "$success"
    return ("←", "in", "$secondary") if incoming else ("→", "out", "$primary")


def _heading(day: date, today: date) -> Row:
    names = {today: "Today", today - timedelta(days=1): "Yesterday"}
    text = names.get(day) or f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")
    return Row(f"day-{day}", lambda width: line(width, Cell(text, style="bold $foreground-muted")), title=True)
