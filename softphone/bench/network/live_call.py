"""Calls of two engines through the impairment box: the real phone, from SIP to the samples that leave for the loudspeaker."""

import contextlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone import sound_file
from softphone.bench.impairment.box import Box, Sent
from softphone.bench.impairment.gateway import OTHER, Addresses, Side, loopback_addresses
from softphone.bench.impairment.impairment import NONE, Impairment
from softphone.bench.network.conversation import Conversation
from softphone.config import Account, Audio, Config, Network, Privacy, to_toml
from softphone.control.event_log import EventLog
from softphone.control.protocol import (
    AutoAnswer,
    Call,
    CallState,
    CallStatistics,
    ControlError,
    File,
    Hangup,
    Media,
    Play,
    Record,
    Status,
    Worker,
)
from softphone.control.supervisor import EngineSupervisor
from softphone.errors import SoftphoneError

_READY_S = 180.0
_SET_UP_S = 45.0
"""Longer than the 32 s after which SIP gives up (RFC 3261, 17.1.1.2, timer B)."""
_EVENT_S = 30.0
_CALM_S = 1.5
_CALM_AT_MOST_S = 30.0
SIDES: tuple[Side, ...] = ("a", "b")


class LiveCallError(SoftphoneError):
    """The phones of the benchmark do not work; an impaired call that fails is no such thing."""


@dataclass(frozen=True)
class SetUp:
    """How a call came about, at the wire. seconds: from the first INVITE to both ends talking, None where it failed; invite_bytes: of the
    INVITE with its IPv4 and UDP headers; messages, message_bytes: all of SIP until it was settled; failure: the engine's sentence."""

    seconds: float | None
    invite_bytes: int
    messages: int
    message_bytes: int
    failure: str = ""


@dataclass(frozen=True)
class CallOutcome:
    """heard: for each turn of the conversation what the other side heard from its beginning on (at most until the next turn of the same
    side), int16 at 16 kHz; sent: all that passed the box while they talked; began: CLOCK_MONOTONIC of the conversation's beginning, a
    side each. After a call that failed both are empty. counters: the engines' last statistics, by side; box_late_s: by how
    much the box itself was late, at worst."""

    set_up: SetUp
    heard: tuple[NDArray[np.int16], ...] = ()
    sent: tuple[Sent, ...] = ()
    began: Mapping[Side, float] = field(default_factory=dict)
    counters: Mapping[Side, CallStatistics | None] = field(default_factory=dict)
    box_late_s: float = 0.0


class _Phone(EventLog):
    """One engine and the events of the call that it is in."""

    def __init__(self, engine: EngineSupervisor) -> None:
        super().__init__(engine)
        self.engine = engine

    def call(self) -> int:
        """The number of the call that is up. Raises LiveCallError."""
        up = self.last(CallState)
        if up is None:
            raise LiveCallError("there is no call; run: softphone doctor")
        return up.call

    def address(self) -> tuple[str, int]:
        host, _, port = self.engine.request(Status()).address.rpartition(":")
        return host, int(port)

    def wait_worker(self) -> None:
        """Raises LiveCallError when it takes too long."""
        if self.engine.request(Status()).worker.state != "starting":
            return
        if self.wait(Worker, lambda event: event.state in ("ready", "unavailable"), _READY_S) is None:
            raise LiveCallError(f"the codec worker was not ready within {_READY_S:.0f} s; run: softphone doctor")


class PhonePair:
    """Two engines with one configuration, the box between them; a context manager. Raises SoftphoneError when they do not start."""

    def __init__(self, config: Config, codec: str, addresses: Addresses | None = None, patience_s: float = _SET_UP_S) -> None:
        """codec: its name in `codecs.order`; a call on another one is an error. patience_s: how long a call may take to be set up."""
        self._config = config
        self._codec = codec
        self._patience_s = patience_s
        self._addresses = addresses or loopback_addresses()
        self._running = contextlib.ExitStack()
        self._phones: dict[Side, _Phone] = {}

    def __enter__(self) -> "PhonePair":
        with contextlib.ExitStack() as running:
            self.folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="softphone-bench-")))
            self.box = running.enter_context(Box(self._addresses))
            for side in SIDES:
                local = replace(
                    self._config,
                    account=Account(),
                    accounts=(),
                    network=Network(bind=self._addresses.of(side)),
                    audio=Audio(input="null", output="null"),
                    privacy=Privacy(history=False),
                )
                file = self.folder / f"{side}.toml"
                file.write_text(to_toml(local))
                self._phones[side] = _Phone(running.enter_context(EngineSupervisor(self.folder / f"{side}.sock", config=file)))
            for phone in self._phones.values():
                phone.wait_worker()
            ports = {side: phone.address()[1] for side, phone in self._phones.items()}
            self.box.connect(ports["a"], ports["b"])
            self._uri = f"sip:softphone@{self._addresses.facing('a')}:{ports['b']}"
            self._running = running.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._running.close()

    def talk(
        self,
        conversation: Conversation,
        sounds: Mapping[str, NDArray[np.int16]],
        impairment: Impairment,
        seed: str,
        *,
        impair_sip: bool = False,
    ) -> CallOutcome:
        """A calls b through the impaired network, and they talk. A call that cannot be set up is an outcome; raises SoftphoneError for
        what has nothing to do with the network."""
        for phone in self._phones.values():
            phone.forget()
        self.box.impair(impairment, seed, sip=impair_sip)
        try:
            set_up = self._set_up()
            if set_up.failure:
                return CallOutcome(set_up)
            return self._converse(conversation, sounds, set_up)
        finally:
            self._clear_line()

    def set_up(self, impairment: Impairment, seed: str, *, impair_sip: bool = False) -> tuple[SetUp, tuple[Sent, ...]]:
        """A calls b, and they hang up without a word: how it came about, and all that was sent. Raises as `talk` does."""
        for phone in self._phones.values():
            phone.forget()
        self.box.impair(impairment, seed, sip=impair_sip)
        try:
            return self._set_up(), tuple(self.box.record())
        finally:
            self._clear_line()

    def _set_up(self) -> SetUp:
        caller, called = self._phones["a"], self._phones["b"]
        called.engine.request(AutoAnswer())
        caller.engine.request(Call(uri=self._uri))
        up = [self._confirmed(caller, self._patience_s)]
        if up[0] is not None:
            up.append(self._confirmed(called, _CALM_AT_MOST_S))
        if all(event is not None for event in up):
            self._wait_calm()
        record = [one for one in self.box.record() if one.kind == "sip"]
        invites = [one for one in record if one.label == "INVITE"]
        if not invites:
            raise LiveCallError("the caller sent no INVITE through the box; is network.transport of the configuration udp?")
        moments = [event.monotonic for event in up if event is not None]
        seconds = max(moments) - invites[0].time if len(moments) == len(SIDES) else None
        over = caller.wait(CallState, lambda event: event.state == "disconnected", 0)
        failure = "" if seconds is not None else f"no call within {self._patience_s:g} s"
        if seconds is None and over is not None:
            failure = over.reason or f"the call ended with {over.code}"
        return SetUp(seconds, invites[0].ip_bytes, len(record), sum(one.ip_bytes for one in record), failure)

    def _confirmed(self, phone: _Phone, seconds: float) -> CallState | None:
        event = phone.wait(CallState, lambda event: event.state in ("confirmed", "disconnected"), seconds)
        return event if event is not None and event.state == "confirmed" else None

    def _wait_calm(self) -> None:
        """Until SIP is silent, re-INVITEs included, and both ends have their sound."""
        deadline = time.monotonic() + _CALM_AT_MOST_S
        while time.monotonic() < deadline:
            newest = max((one.arrival or one.time for one in self.box.record() if one.kind == "sip"), default=0.0)
            if time.monotonic() - newest > _CALM_S:
                break
            time.sleep(0.1)
        for phone in self._phones.values():
            media = phone.wait(Media, lambda event: event.state == "active", _EVENT_S)
            if media is None:
                raise LiveCallError("the phones agreed on no codec; run: softphone doctor")
        for phone in self._phones.values():
            last = phone.last(Media)
            if last is not None and last.codec != self._codec:
                raise LiveCallError(f"the call is on {last.codec} instead of {self._codec}: {last.note}")

    def _converse(self, conversation: Conversation, sounds: Mapping[str, NDArray[np.int16]], set_up: SetUp) -> CallOutcome:
        began: dict[Side, float] = {}
        recording: dict[Side, float] = {}
        calls = {side: phone.call() for side, phone in self._phones.items()}
        for side, phone in self._phones.items():
            sound_file.write_wav(self.folder / f"{side}-says.wav", conversation.said_by(side, sounds))
            phone.engine.request(Record(call=calls[side], wav=str(self.folder / f"{side}-hears.wav")))
            recording[side] = self._file(phone, "recording").monotonic
        for side, phone in self._phones.items():
            self.box.begin()
            phone.engine.request(Play(call=calls[side], wav=str(self.folder / f"{side}-says.wav")))
            began[side] = self._file(phone, "playing").monotonic
        for phone in self._phones.values():
            self._file(phone, "played", conversation.seconds + _EVENT_S)
        statistics = {side: phone.last(CallStatistics) for side, phone in self._phones.items()}
        sent, late_s = tuple(one for one in self.box.record() if one.time >= min(began.values())), self.box.latest_s
        whole: dict[Side, NDArray[np.int16]] = {}
        for side, phone in self._phones.items():
            phone.engine.request(Record(call=calls[side], wav=None))
            self._file(phone, "recorded")
            whole[side] = sound_file.read(self.folder / f"{side}-hears.wav")
        heard = []
        for turn in conversation.turns:
            ear = OTHER[turn.side]
            # Both files began at a moment of one clock, common to all processes.
            offset = began[turn.side] - recording[ear]
            first, last = (max(round((offset + at) * SAMPLE_RATE), 0) for at in (turn.start_s, conversation.until_s(turn)))
            heard.append(whole[ear][first:last])
        return CallOutcome(set_up, tuple(heard), sent, began, statistics, late_s)

    def _file(self, phone: _Phone, action: str, seconds: float = _EVENT_S) -> File:
        event = phone.wait(File, lambda event: event.action == action, seconds)
        if event is None:
            raise LiveCallError(f"no file was {action} within {seconds:.0f} s; run: softphone doctor")
        return event

    def _clear_line(self) -> None:
        """Hang up over a network without faults, so that nothing of this call is left when the next one begins."""
        self.box.impair(NONE, "")
        for phone in self._phones.values():
            with contextlib.suppress(ControlError):
                phone.engine.request(Hangup())
        deadline = time.monotonic() + _SET_UP_S
        for phone in self._phones.values():
            while phone.engine.request(Status()).calls and time.monotonic() < deadline:
                time.sleep(0.1)
