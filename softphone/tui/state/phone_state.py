"""Everything the screens show, reduced from the engine's status and events. Pure: no Textual, no clock, no socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import msgspec

from softphone.control import protocol
from softphone.control.protocol import AccountStatus, AnyEvent, CallState, PhoneStatus, Registration
from softphone.plain_text import visible
from softphone.tui import sentences
from softphone.tui.state.call_view import CallView
from softphone.tui.state.names import who

LOCAL = "local"
"""The engine's account for calls without a server."""
NOTICES = 50
LONGEST_NOTICE = 600
"""Characters; reasons and names in it come from the network."""
OLD_S = 10.0
MESSAGES = 200
Topic = Literal[
    "engine", "accounts", "calls", "time", "statistics", "levels", "phones", "voice", "messages", "notices", "sound", "presence"
]  # fmt: skip
EVERYTHING: frozenset[Topic] = frozenset(get_args(Topic))
Kind = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Notice:
    """One sentence for the user; `call` where it concerns one."""

    kind: Kind
    text: str
    call: int | None = None
    when: float = field(default=0.0, compare=False)
    """Of the clock that the state was given."""


@dataclass
class AccountView:
    """One account; `state` is "direct" for calls from address to address."""

    name: str
    uri: str = ""
    registrar: str = ""
    state: Literal["direct", "registering", "registered", "unregistered", "failed"] = "unregistered"
    code: int = 0
    reason: str = ""
    retry_s: float | None = None
    voice_mail: int = 0
    """New voice messages on the server (RFC 3842); -1 when it says only that some wait."""


@dataclass
class EngineView:
    """`starting` until the first answer, `down` after the engine has gone."""

    state: Literal["down", "starting", "ready", "stopping"] = "starting"
    reason: str = ""
    version: str = ""
    address: str = ""
    worker: str = "starting"
    codecs: list[str] = field(default_factory=list)
    do_not_disturb: bool = False
    auto_answer: bool = False
    stay: bool = False


@dataclass(frozen=True)
class TextMessage:
    """A SIP MESSAGE that came while this front end listened; what is kept is in softphone/store."""

    time: float
    account: str
    remote: str
    text: str


class PhoneState:
    """Give it status and events in the order they come; each call tells which topics changed. `clock` dates notices."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self.engine = EngineView()
        self.sound = protocol.SoundDevice(microphone=True, loudspeaker=True)
        self.accounts: dict[str, AccountView] = {}
        self.calls: dict[int, CallView] = {}
        """Calls that are not over, oldest first."""
        self.last_call: CallView | None = None
        """The call that ended last, so that its end can be read."""
        self.presence: dict[str, protocol.Presence] = {}
        """Of the contacts that are watched, by the address as it stands in the contacts."""
        self.messages: deque[TextMessage] = deque(maxlen=MESSAGES)
        self.notices: deque[Notice] = deque(maxlen=NOTICES)
        self.selected: int | None = None
        """Number of the call that the keys are about."""

    @property
    def call(self) -> CallView | None:
        """The selected call."""
        return self.calls.get(self.selected) if self.selected is not None else None

    @property
    def ringing(self) -> CallView | None:
        """The call that waits longest for an answer."""
        return next((call for call in self.calls.values() if call.incoming), None)

    @property
    def conference(self) -> list[CallView]:
        return [call for call in self.calls.values() if call.state.conference]

    def select(self, number: int | None) -> frozenset[Topic]:
        """Make a call the one that the keys are about."""
        if number == self.selected or (number is not None and number not in self.calls):
            return frozenset()
        self.selected = number
        return frozenset({"calls"})

    def step(self, by: int) -> frozenset[Topic]:
        """Select the next (1) or previous (-1) call."""
        numbers = list(self.calls)
        if not numbers:
            return frozenset()
        at = numbers.index(self.selected) if self.selected in numbers else -by
        return self.select(numbers[(at + by) % len(numbers)])

    def notice(self, kind: Kind, text: str, call: int | None = None) -> frozenset[Topic]:
        """Tell the user something; the same sentence twice in a row is told once, unless it is an old one."""
        new = Notice(kind, visible(text, LONGEST_NOTICE), call, self._clock())
        if not self.notices or self.notices[-1] != new or new.when - self.notices[-1].when > OLD_S:
            self.notices.append(new)
        return frozenset({"notices"})

    def apply_status(self, status: PhoneStatus) -> frozenset[Topic]:
        """The answer to `Status`: the truth, whatever was known before."""
        if self.engine.state == "down":
            self.notice("info", "The phone is running again.")
        self.engine = EngineView(
            state="ready",
            version=status.version,
            address=status.address,
            worker=status.worker.state,
            codecs=status.codecs,
            do_not_disturb=status.do_not_disturb,
            auto_answer=status.auto_answer,
            stay=status.stay,
        )
        self.sound = protocol.SoundDevice(microphone=status.microphone, loudspeaker=status.loudspeaker, note=status.sound)
        for text in (status.history, status.sound):
            if text:
                self.notice("warning", text)
        self.accounts = {}
        for entry in status.accounts:
            self._account_of_status(entry)
        self.presence = {presence.contact: presence for presence in status.presence}
        known = self.calls
        self.calls = {}
        for event in status.calls:
            view = known.get(event.call) or CallView(event.call, event)
            view.take_state(event)
            self.calls[event.call] = view
        for media in status.media:
            if media.call in self.calls:
                self.calls[media.call].media = media
        self._select_something()
        return EVERYTHING

    def apply(self, event: AnyEvent) -> frozenset[Topic]:
        """What changed by `event`."""
        match event:
            case protocol.Registration():
                return self._registration(event)
            case protocol.CallState():
                return self._call_state(event)
            case protocol.Engine():
                return self._engine(event)
            case protocol.Worker():
                return self._worker(event)
            case protocol.Log(level="warning" | "error" as level, message=text):
                # Among them: that a hold was refused.
                for view in self.calls.values():
                    view.doing = "" if view.doing in ("hold", "resume") else view.doing
                return self.notice(level, text) | {"calls"}
            case protocol.Message():
                self.messages.append(TextMessage(event.time, event.account, event.remote, event.text))
                return frozenset({"messages"})
            case protocol.MessageSent(state="failed"):
                return self.notice("error", sentences.MESSAGE_FAILED.format(reason=event.reason)) | {"messages"}
            case protocol.MessageSent():
                return frozenset({"messages"})
            case protocol.MessageWaiting():
                account = self._account(event.account)
                account.voice_mail = 0 if not event.waiting else event.new or -1
                return frozenset({"accounts"})
            case protocol.Presence():
                self.presence[event.contact] = event
                return frozenset({"presence"})
            case protocol.Receiving():
                self.engine.auto_answer, self.engine.do_not_disturb = event.auto_answer, event.do_not_disturb
                return frozenset({"engine"})
            case protocol.SoundDevice():
                self.sound = event
                topics: frozenset[Topic] = frozenset({"sound"})
                return topics | self.notice("warning", event.note) if event.note else topics
            case (
                protocol.Media()
                | protocol.CallStatistics()
                | protocol.Levels()
                | protocol.Phones()
                | protocol.Voice()
                | protocol.Dtmf()
                | protocol.Transfer()
                | protocol.Talk()
            ):
                call = self.calls.get(event.call) if event.call is not None else None
                return self._of_call(call, event) if call is not None else frozenset()
            case _:
                return frozenset()

    def engine_gone(self, reason: str) -> frozenset[Topic]:
        """The connection ended; calls that are lost are told apart from calls that ended."""
        self.engine.state = "down"
        self.engine.reason = reason
        lost = [who(view.state.remote) for view in self.calls.values()]
        if lost:
            self.notice("error", f"lost: the {'call' if len(lost) == 1 else 'calls'} with {', '.join(lost)}; call again")
        for view in list(self.calls.values()):
            self._end(view, msgspec.structs.replace(view.state, state="disconnected", reason="the phone restarted; call again"))
        return self.notice("error", reason) | EVERYTHING

    def _of_call(self, call: CallView, event: AnyEvent) -> frozenset[Topic]:
        match event:
            case protocol.Media():
                if call.doing == ("hold" if event.state == "held" else "resume"):
                    call.doing = ""
                call.media = event
                if event.state == "failed":
                    return self.notice("error", sentences.NO_SOUND.format(why=event.note), call.number) | {"calls"}
                return frozenset({"calls"})
            case protocol.CallStatistics():
                call.take_statistics(event)
                return frozenset({"statistics"})
            case protocol.Levels():
                call.take_levels(event)
                return frozenset({"levels"})
            case protocol.Phones():
                call.take_phones(event)
                return frozenset({"phones"})
            case protocol.Voice():
                call.voice = event
                return frozenset({"voice"})
            case protocol.Talk():
                call.sending = event.sending
                return frozenset({"calls"})
            case protocol.Dtmf():
                call.take_key(event)
                return frozenset({"calls"})
            case protocol.Transfer():
                call.transfer = event
                call.doing = "" if event.state in ("failed", "done") and call.doing == "transfer" else call.doing
                return self._transfer_notice(event)
        return frozenset()

    def _transfer_notice(self, event: protocol.Transfer) -> frozenset[Topic]:
        match event.state:
            case "failed":
                return self.notice("error", sentences.TRANSFER_FAILED.format(reason=event.reason), event.call) | {"calls"}
            case "done":
                return self.notice("info", sentences.TRANSFER_DONE, event.call) | {"calls"}
            case "incoming":
                return self.notice("info", sentences.TRANSFERRED_BY_THEM, event.call) | {"calls"}
        return frozenset({"calls"})

    def _registration(self, event: Registration) -> frozenset[Topic]:
        account = self._account(event.account)
        if account.state != "direct":
            account.state = event.state
        account.code, account.reason, account.retry_s = event.code, event.reason, event.retry_s
        if event.state == "failed":
            again = sentences.NEXT_TRY.format(seconds=round(event.retry_s)) if event.retry_s else ""
            said = sentences.REGISTRATION_FAILED.format(account=event.account, reason=event.reason)
            return self.notice("error", f"{said}{again and '.'}{again}") | {"accounts"}
        return frozenset({"accounts"})

    def _call_state(self, event: CallState) -> frozenset[Topic]:
        view = self.calls.get(event.call)
        if event.state == "disconnected":
            if view is not None:
                self._end(view, event)
            return frozenset({"calls"})
        if view is None:
            view = self.calls[event.call] = CallView(event.call, event)
            # A call that we make is what we look at; one that comes waits until the other is over, or is chosen.
            if event.direction == "outgoing" or self.selected is None:
                self.selected = event.call
        view.take_state(event)
        return frozenset({"calls"})

    def _end(self, view: CallView, event: CallState) -> None:
        view.take_state(event)
        self.calls.pop(view.number, None)
        self.last_call = view
        self._select_something()

    def _select_something(self) -> None:
        if self.selected in self.calls:
            return
        order = sorted(self.calls.values(), key=lambda call: (not call.incoming, call.held, call.number))
        self.selected = order[0].number if order else None

    def _engine(self, event: protocol.Engine) -> frozenset[Topic]:
        match event.state:
            case "ready":
                self.engine.state, self.engine.version, self.engine.reason = "ready", event.version, ""
                return frozenset({"engine"})
            case "restarting":
                self.engine.state, self.engine.reason = "starting", event.reason
                return frozenset({"engine"})
            case "stopping":
                self.engine.state, self.engine.reason = "stopping", event.reason
                return frozenset({"engine"})
        return self.engine_gone(event.reason)

    def _worker(self, event: protocol.Worker) -> frozenset[Topic]:
        if event.state == "stream_failed":
            return self.notice("warning", f"Codec: {event.reason}")
        self.engine.worker = event.state
        if event.state in ("died", "unavailable"):
            after = "; new calls use Opus until then" if event.state == "died" else "; calls continue on Opus"
            return self.notice("warning", f"Codec: {event.reason}{after}") | {"engine"}
        return frozenset({"engine"})

    def _account(self, name: str) -> AccountView:
        return self.accounts.setdefault(name, AccountView(name))

    def _account_of_status(self, entry: AccountStatus) -> None:
        account = AccountView(entry.account, entry.uri, entry.registrar)
        if not account.registrar:
            account.state = "direct"
        elif entry.last is not None:
            account.state, account.code, account.reason = entry.last.state, entry.last.code, entry.last.reason
            account.retry_s = entry.last.retry_s
        else:
            account.state = "registered" if entry.registered else "registering"
        if entry.message_waiting is not None and entry.message_waiting.waiting:
            account.voice_mail = entry.message_waiting.new or -1
        self.accounts[account.name] = account
