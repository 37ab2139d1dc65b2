"""What the engine answers to commands that have something to say; see `softphone.control.protocol`.

Every field has a default, so that the answer of an engine of another version can be read.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from softphone.control.events import CallState, Media, MessageWaiting, Presence, Registration
from softphone.link.counters import WorkerFacts


class Done(Struct, frozen=True):
    """Nothing to say: the command was carried out, or has begun."""


class Volumes(Struct, frozen=True):
    """In decibels, beside what the devices give."""

    microphone_db: int = 0
    loudspeaker_db: int = 0


class WorkerStatus(Struct, frozen=True):
    """The codec worker: `state` and `reason` as in the event `worker`; `pid` 0 while it does not run; `facts` null before it was ready."""

    state: Literal["", "starting", "ready", "died", "unavailable", "stopped"] = ""
    reason: str = ""
    pid: int = 0
    restarts: int = 0
    facts: WorkerFacts | None = None


class AccountStatus(Struct, frozen=True):
    """An account; `last` is its last event `registration`, `message_waiting` what the server said of voice messages."""

    account: str = ""
    uri: str = ""
    registrar: str = ""
    registered: bool = False
    last: Registration | None = None
    message_waiting: MessageWaiting | None = None


class PhoneStatus(Struct, frozen=True):
    """What the engine knows. `address`: where direct calls reach it; `codecs`: what it offers now, best first; `refusal`: why our own codec
    cannot be used at all; `sound`, `history`: what is wrong with them, or ""; `talk`: as in `talk_mode`."""

    version: str = ""
    pid: int = 0
    pjsip: str = ""
    address: str = ""
    codecs: list[str] = []
    refusal: str = ""
    sound: str = ""
    microphone: bool = False
    loudspeaker: bool = False
    talk: Literal["open", "voice", "push"] = "open"
    volume: Volumes = Volumes()
    history: str = ""
    stay: bool = False
    supervised: bool = False
    auto_answer: bool = False
    do_not_disturb: bool = False
    worker: WorkerStatus = WorkerStatus()
    accounts: list[AccountStatus] = []
    presence: list[Presence] = []
    calls: list[CallState] = []
    media: list[Media] = []


class PlacedCall(Struct, frozen=True):
    """The number of the new call."""

    call: int = 0


class EndedCalls(Struct, frozen=True):
    """The calls that are ended."""

    calls: list[int] = []


class TranscriptFile(Struct, frozen=True):
    """A private text file in the data folder."""

    path: str = ""


class QueuedMessage(Struct, frozen=True):
    """The number under which a `message_sent` event tells the rest."""

    message: int = 0


class Spoken(Struct, frozen=True):
    """How long the text takes to be said, and what was guessed in it."""

    seconds: float = 0.0
    doubts: list[str] = []


class DeviceInfo(Struct, frozen=True):
    """A sound device and its channels."""

    name: str = ""
    inputs: int = 0
    outputs: int = 0


class DeviceList(Struct, frozen=True):
    """The devices that are there, those in use (`ringer`, as chosen, may be "", the loudspeaker), and what is wrong with them."""

    devices: list[DeviceInfo] = []
    input: str = ""
    output: str = ""
    ringer: str = ""
    note: str = ""


class SipMessage(Struct, frozen=True):
    """`time`: wall clock, seconds since 1970; `peer`: address and port; `summary`: the first line, and the method that a response is to."""

    time: float = 0.0
    sent: bool = False
    peer: str = ""
    summary: str = ""
    text: str = ""


class SipMessages(Struct, frozen=True):
    """In their order, the newest last."""

    messages: list[SipMessage] = msgspec.field(default_factory=list)


class AgreedSdp(Struct, frozen=True):
    """The session descriptions as last agreed on; "" where nothing was yet."""

    local: str = ""
    remote: str = ""
