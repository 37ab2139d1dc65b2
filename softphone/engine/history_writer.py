"""The engine's memory: every call and message into the store, and the contacts' rules out of it, on a thread of its own.

The main loop only puts events on a bounded queue and asks a table in memory, so no disk ever holds up a call. What cannot be written
(disk full, file damaged) is kept and tried again; the user hears of it once.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import Struct

from softphone.control.protocol import AnyCommand, CallState, Event, Hangup, Log, Media, Message, MessageSent, QueuedMessage, SendMessage
from softphone.errors import SoftphoneError
from softphone.store.contacts import Contact
from softphone.store.rule_book import ContactRules, RuleBook
from softphone.store.sqlite import owner
from softphone.store.sqlite.database import Database
from softphone.store.store import Store

QUEUE = 1000
KEPT = 500
"""Most calls and messages kept in memory until they can be written."""
PRUNE_EVERY = 100
"""Rows that are written before the oldest are forgotten (store/rows.py)."""
LOOK_S = 1.0
"""How often contacts are looked at for changes by a front end."""
RETRY_S = 10.0
_GONE = "the phone was ended in the middle of it"
log = logging.getLogger(__name__)


@dataclass
class _Call:
    direction: Literal["incoming", "outgoing"]
    remote: str
    account: str
    started: float
    answered: float | None = None
    codec: str = ""
    refused_here: bool = False
    end: CallState | None = None
    row: int = 0
    saved: tuple[float | None, str] = (None, "")


@dataclass
class _Text:
    """A message; `number` is the engine's of an outgoing one, `result` how it fared."""

    remote: str
    account: str
    text: str
    time: float
    number: int | None = None
    result: MessageSent | None = None
    row: int = 0
    done: bool = False


@dataclass(frozen=True)
class _Refused:
    """The user hung up this call, or all of them."""

    call: int | None


@dataclass(frozen=True)
class _Sending:
    command: SendMessage
    number: int
    time: float


class HistoryWriter:
    """`tell` takes events for the front ends, from any thread. `keep` False: nothing is written, only contacts are read."""

    def __init__(self, tell: Callable[[Event], None], *, keep: bool = True, path: Path | None = None) -> None:
        self.note = ""
        """Why the history cannot be written at the moment; empty when it can."""
        self.remark = ""
        """The store's last notice, for front ends that connect later."""
        self._tell = tell
        self._keep = keep
        self._path = path
        self._queue: queue.Queue[Event | _Refused | _Sending | None] = queue.Queue(QUEUE)
        self._lost = False
        self._stopping = threading.Event()
        self._rules = RuleBook()
        self.contacts: tuple[Contact, ...] = ()
        """A recent copy of the contacts."""
        self._calls: dict[int, _Call] = {}
        self._ended: list[_Call] = []
        self._texts: list[_Text] = []
        self._early_results: dict[int, MessageSent] = {}
        self._store: Store | None = None
        self._settled = False
        self._unpruned = PRUNE_EVERY
        self._contacts_seen: tuple[int, int] | None = None
        self._next_try = 0.0
        self._owner = owner.this_process()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Start the thread; events taken before are written too."""
        self._thread.start()

    def stop(self, limit_s: float = 3.0) -> None:
        """Write what is left, for at most `limit_s`."""
        if self._thread.is_alive():
            self._stopping.set()
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(limit_s)

    def take(self, event: Event) -> None:
        """An event that the engine publishes. Any thread; never waits."""
        if self._keep and isinstance(event, CallState | Media | Message | MessageSent):
            self._put(event)

    def before_command(self, command: AnyCommand) -> None:
        """Note what events do not say: that a call is refused by hand. The event of the end comes while the command is carried out."""
        if self._keep and isinstance(command, Hangup):
            self._put(_Refused(command.call))

    def after_command(self, command: AnyCommand, result: Struct) -> None:
        """Note the text of a message that was sent, under the number that events give it."""
        if self._keep and isinstance(command, SendMessage) and isinstance(result, QueuedMessage):
            self._put(_Sending(command, result.message, time.time()))

    def contact_rules(self, remote_uri: str, domains: Collection[str] = ()) -> ContactRules | None:
        """How to treat a call from or to `remote_uri`, from memory: microseconds, never raises. See `RuleBook.rules` for `domains`."""
        return self._rules.rules(remote_uri, domains)

    def _put(self, item: Event | _Refused | _Sending) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            if not self._lost:
                self._lost = True
                self._tell(Log(level="warning", message="the disk is too slow for the history; some calls will be missing in it"))

    def _run(self) -> None:
        while True:
            # Asked before the queue is emptied: what was taken before the stop is written.
            stopping = self._stopping.is_set()
            with contextlib.suppress(queue.Empty):
                item = self._queue.get(timeout=0 if stopping else LOOK_S)
                while True:
                    if item is not None:
                        self._guarded(item)
                    item = self._queue.get_nowait()
            if stopping or time.monotonic() >= self._next_try:
                self._turn()
            if stopping:
                break
        if self._store is not None:
            self._store.close()

    def _guarded(self, item: Event | _Refused | _Sending) -> None:
        try:
            self._learn(item)
        except Exception:
            log.exception("the history missed %s", type(item).__name__)

    def _turn(self) -> None:
        """Read and write; publish one notice when that starts to fail and one when it works again."""
        try:
            if self._store is None:
                self._store = Store(Database(self._path, check=True))
            self._settle(self._store)
            self._save(self._store)
            self._prune(self._store)
            self._read_contacts(self._store)
        except (SoftphoneError, MemoryError) as error:
            self._next_try = time.monotonic() + RETRY_S
            if not self.note:
                self.note = f"calls and messages cannot be saved at the moment: {error}"
                self._tell(Log(level="warning", message=self.note))
        except Exception as error:
            log.exception("the history failed")
            self._next_try = time.monotonic() + RETRY_S
            self.note = self.note or f"calls and messages cannot be saved at the moment ({type(error).__name__})"
        else:
            if self.note:
                self.note = ""
                self._tell(Log(level="info", message="calls and messages are saved again"))
        if self._store is not None:
            for note in self._store.take_notes():
                self.remark = note
                self._tell(Log(level="warning", message=note))

    def _learn(self, item: Event | _Refused | _Sending) -> None:
        match item:
            case CallState():
                self._call_state(item)
            case Media(state="active", call=number, codec=codec) if number in self._calls:
                self._calls[number].codec = codec
            case _Refused(call=number):
                for known, call in self._calls.items():
                    if number in (None, known):
                        call.refused_here = True
            case Message():
                self._add_text(_Text(item.remote, item.account, item.text, item.time))
            case _Sending(command=command, number=number, time=when):
                result = self._early_results.pop(number, None)
                self._add_text(_Text(command.uri, command.account or "", command.text, when, number, result))
            case MessageSent():
                self._message_sent(item)

    def _call_state(self, event: CallState) -> None:
        call = self._calls.get(event.call)
        if call is None:
            if not event.remote:
                return  # it never got as far as an address
            call = self._calls[event.call] = _Call(event.direction, event.remote, event.account, event.time)
        if event.state == "confirmed" and call.answered is None:
            call.answered = event.time
        if event.state == "disconnected":
            call.end = event
            self._ended.append(self._calls.pop(event.call))
            del self._ended[:-KEPT]

    def _add_text(self, text: _Text) -> None:
        self._texts.append(text)
        del self._texts[:-KEPT]

    def _message_sent(self, event: MessageSent) -> None:
        text = next((text for text in self._texts if text.number == event.message and text.result is None), None)
        if text is not None:
            text.result = event
        elif len(self._early_results) < KEPT:
            self._early_results[event.message] = event

    def _settle(self, store: Store) -> None:
        """Close the rows that a killed engine left open."""
        if not self._settled and self._keep:
            store.history.end_orphans(owner.is_alive, _GONE)
            store.messages.fail_orphans(owner.is_alive, f"{_GONE}; send it again")
        self._settled = True

    def _save(self, store: Store) -> None:
        for call in list(self._calls.values()):
            self._save_call(store, call)
        while self._ended:
            self._save_call(store, self._ended[0])
            del self._ended[0]
        for text in self._texts:
            self._save_text(store, text)
        self._texts = [text for text in self._texts if not text.done]

    def _save_call(self, store: Store, call: _Call) -> None:
        if not call.row:
            self._unpruned += 1
            call.row = store.history.begin(call.direction, call.remote, call.account, call.started, self._owner)
        if call.saved != (call.answered, call.codec):
            store.history.update(call.row, call.answered, call.codec)
            call.saved = (call.answered, call.codec)
        if (end := call.end) is None:
            return
        for _ in range(2):
            kept = store.history.end(call.row, duration_s=end.duration_s, code=end.code, reason=end.reason, refused_here=call.refused_here)
            if kept:
                return
            # The row went with a damaged file.
            call.row = store.history.begin(call.direction, call.remote, call.account, call.started, self._owner)
            store.history.update(call.row, call.answered, call.codec)

    def _save_text(self, store: Store, text: _Text) -> None:
        self._unpruned += not text.row
        if not text.row and text.number is None:
            text.row = store.messages.received(text.remote, text.account, text.text, text.time)
        elif not text.row:
            text.row = store.messages.sending(text.remote, text.account, text.text, text.time, self._owner)
        if text.result is not None:
            store.messages.sent(text.row, text.result.state == "delivered", text.result.reason)
        text.done = text.number is None or text.result is not None

    def _prune(self, store: Store) -> None:
        if self._keep and self._unpruned >= PRUNE_EVERY:
            store.history.prune()
            store.messages.prune()
            self._unpruned = 0

    def _read_contacts(self, store: Store) -> None:
        # Without the count of own writes: they are no contacts.
        outside = store.database.stamp()[:2]
        if outside != self._contacts_seen:
            self._rules = store.contacts.rule_book()
            self.contacts = store.contacts.all()
            self._contacts_seen = outside
