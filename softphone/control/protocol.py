"""Commands and events of the control socket: one JSON object a line, UTF-8.

Request: `{"id": 7, "command": "call", "uri": "sip:bob@example.org"}`.
Answer: `{"id": 7, "result": {...}}` or `{"id": 7, "error": {"code": "...", "message": "..."}}`.
Event: `{"event": "call_state", "time": ..., "monotonic": ..., ...}`; `monotonic` is CLOCK_MONOTONIC, common to all processes of a machine.
"""

from __future__ import annotations

from time import monotonic as _monotonic
from time import time as _time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from softphone.errors import SoftphoneError

MAX_LINE = 65536
"""Bytes of one line, newline included."""


class ControlError(SoftphoneError):
    """What is wrong with a command (or with the engine that should obey it), in one sentence; `code` is for programs."""

    def __init__(self, message: str, code: str = "bad_command", request_id: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


Identifier = Annotated[int, Meta(ge=0, le=2**53 - 1)]
CallNumber = Annotated[int, Meta(ge=0, le=2**31 - 1)]
SipUri = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Meta(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w.@+-]+$")]
Path = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]
FinalCode = Annotated[int, Meta(ge=300, le=699)]
EventName = Literal["registration", "call_state", "media", "file", "statistics", "worker", "engine", "log"]


class Command(Struct, frozen=True, kw_only=True, tag_field="command", forbid_unknown_fields=True, omit_defaults=True):
    """What a front end asks; `id` comes back in the answer."""

    id: Identifier = 0


class Status(Command, frozen=True, kw_only=True, tag="status"):
    """What the engine knows: version, worker, accounts, calls, codecs, transports."""


class Register(Command, frozen=True, kw_only=True, tag="register"):
    """Add the account (or replace it) and keep it registered (RFC 3261, 10). The answer does not wait for the registrar."""

    account: Name
    uri: SipUri
    """Address of record, `sip:alice@example.org`."""
    registrar: SipUri | None = None
    """`sip:example.org`; None takes the domain of `uri`."""
    username: Text | None = None
    """Of the digest credentials; None takes the user part of `uri`."""
    password: Text = ""
    realm: Text = "*"
    proxy: SipUri | None = None
    """Outbound proxy, e.g. `sip:192.0.2.1:5060;lr`."""
    expires_s: Annotated[int, Meta(ge=20, le=86400)] = 300
    auto_answer: bool = False

    def __repr__(self) -> str:
        return f"Register(account={self.account!r}, uri={self.uri!r}, password=...)"


class Unregister(Command, frozen=True, kw_only=True, tag="unregister"):
    """Take the account off its registrar and forget it."""

    account: Name


class Call(Command, frozen=True, kw_only=True, tag="call"):
    """Call `uri`; result `{"call": n}`. WAV files are 16 kHz mono 16-bit."""

    uri: SipUri
    account: Name | None = None
    """None takes the first registered account, else the local one that needs no server."""
    wav_in: Path | None = None
    """Sent instead of the microphone from the moment the media is up."""
    wav_out: Path | None = None
    """Where the received sound goes (also, next to the loudspeaker)."""


class Answer(Command, frozen=True, kw_only=True, tag="answer"):
    """Take the incoming call."""

    call: CallNumber
    wav_in: Path | None = None
    wav_out: Path | None = None


class Hangup(Command, frozen=True, kw_only=True, tag="hangup"):
    """End the call, or refuse it with `code`; without `call`, all calls."""

    call: CallNumber | None = None
    code: FinalCode | None = None


class Play(Command, frozen=True, kw_only=True, tag="play"):
    """Send a WAV file into the call, instead of the microphone while it lasts."""

    call: CallNumber
    wav: Path


class Record(Command, frozen=True, kw_only=True, tag="record"):
    """Write the received sound of the call to a WAV file; `wav` None ends it."""

    call: CallNumber
    wav: Path | None = None


class AutoAnswer(Command, frozen=True, kw_only=True, tag="auto_answer"):
    """Answer (or stop answering) every incoming call at once, with these files."""

    on: bool = True
    wav_in: Path | None = None
    wav_out: Path | None = None
    """A second call would overwrite it, so `{call}` in the path becomes the call's number."""


class Subscribe(Command, frozen=True, kw_only=True, tag="subscribe"):
    """Send this connection only these events; None means all, which is how a connection starts."""

    events: list[EventName] | None = None


class Stay(Command, frozen=True, kw_only=True, tag="stay"):
    """Whether the engine outlives the front end that started it."""

    on: bool = True


class Shutdown(Command, frozen=True, kw_only=True, tag="shutdown"):
    """Hang up, unregister, leave."""


AnyCommand = (
    Status | Register | Unregister | Call | Answer | Hangup | Play | Record | AutoAnswer | Subscribe | Stay | Shutdown
)  # fmt: skip
COMMANDS: dict[str, type[Command]] = {
    str(command.__struct_config__.tag): command
    for command in (Status, Register, Unregister, Call, Answer, Hangup, Play, Record, AutoAnswer, Subscribe, Stay, Shutdown)
}


class Event(Struct, kw_only=True, tag_field="event"):
    """What happened. Fields that a front end does not know are to be ignored."""

    time: float = msgspec.field(default_factory=_time)
    monotonic: float = msgspec.field(default_factory=_monotonic)


class Registration(Event, kw_only=True, tag="registration"):
    account: str
    state: Literal["registering", "registered", "unregistered", "failed"]
    code: int = 0
    reason: str = ""
    expires_s: int = 0
    retry_s: float | None = None


class CallState(Event, kw_only=True, tag="call_state"):
    """`code` and `reason` are of the last SIP response, or why the engine ended the call."""

    call: int
    state: Literal["calling", "incoming", "early", "connecting", "confirmed", "disconnected"]
    direction: Literal["outgoing", "incoming"]
    account: str = ""
    local: str = ""
    remote: str = ""
    code: int = 0
    reason: str = ""
    duration_s: float = 0.0


class Media(Event, kw_only=True, tag="media"):
    """What was negotiated. rtpmap and fmtp as in the SDP lines, of both sides; `note` says why it is not our codec, if it is not."""

    call: int
    state: Literal["active", "held", "none", "failed"]
    codec: str = ""
    clock_hz: int = 0
    rtpmap_local: str | None = None
    fmtp_local: str | None = None
    rtpmap_remote: str | None = None
    fmtp_remote: str | None = None
    remote_address: str = ""
    note: str = ""


class File(Event, kw_only=True, tag="file"):
    """A WAV file of a call began or ended; `monotonic` is the moment, so that delays can be measured between two phones."""

    call: int
    action: Literal["playing", "played", "recording", "recorded"]
    path: str


class Direction(Struct, kw_only=True):
    """One direction of RTP. `payload_bps` and `ip_bps` are over the last interval; IP counts 40 bytes of IPv4, UDP and RTP header."""

    packets: int = 0
    bytes: int = 0
    payload_bps: float = 0.0
    ip_bps: float = 0.0
    lost: int = 0
    loss_percent: float = 0.0
    jitter_ms: float = 0.0


class CallStatistics(Event, kw_only=True, tag="statistics"):
    """Each second of each call with media. `queues` counts what was dropped between engine and worker, `codec_counters` comes
    from the worker."""

    call: int
    codec: str = ""
    rtpmap_local: str | None = None
    fmtp_local: str | None = None
    rtpmap_remote: str | None = None
    fmtp_remote: str | None = None
    seconds: float = 0.0
    tx: Direction = msgspec.field(default_factory=Direction)
    rx: Direction = msgspec.field(default_factory=Direction)
    rtt_ms: float | None = None
    jitter_buffer_ms: float = 0.0
    queues: dict[str, int] = {}
    codec_counters: dict[str, Any] = {}
    worker: str = ""


class Worker(Event, kw_only=True, tag="worker"):
    state: Literal["starting", "ready", "died", "unavailable", "stopped", "stream_failed"]
    reason: str = ""
    facts: dict[str, Any] = {}


class Engine(Event, kw_only=True, tag="engine"):
    """`died`, `restarting` and `given_up` come from the supervisor, which lives in the front end."""

    state: Literal["ready", "stopping", "died", "restarting", "given_up", "stopped"]
    reason: str = ""
    version: str = ""
    pid: int = 0


class Log(Event, kw_only=True, tag="log"):
    level: Literal["info", "warning", "error"]
    message: str


AnyEvent = Registration | CallState | Media | File | CallStatistics | Worker | Engine | Log


class Failure(Struct, kw_only=True):
    code: str
    message: str


class Reply(Struct, kw_only=True, omit_defaults=True):
    """The answer to the request of the same id; exactly one of `result` and `error`."""

    id: int | None = None
    result: dict[str, Any] | None = None
    error: Failure | None = None


class _Envelope(Struct):
    id: Any = None
    command: str | None = None
    event: str | None = None


_encoder = msgspec.json.Encoder()
_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_event_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_reply_decoder = msgspec.json.Decoder(Reply)
_envelope_decoder = msgspec.json.Decoder(_Envelope)


def to_line(message: Command | Event | Reply) -> bytes:
    """One line, newline included."""
    return _encoder.encode(message) + b"\n"


def parse_command(line: bytes) -> AnyCommand:
    """Raises ControlError, one sentence and the request's id where it could be read, for everything that is no command."""
    if len(line) > MAX_LINE:
        raise ControlError(f"the line is longer than {MAX_LINE} bytes; a command is one JSON object on one line", "line_too_long")
    try:
        envelope = _envelope_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(
            f'the line is not a command ({error}); send one JSON object a line, such as {{"id": 1, "command": "status"}}', "not_json"
        ) from None
    name = envelope.command
    envelope.id = envelope.id if isinstance(envelope.id, int) else None
    if name is None:
        raise ControlError('the field "command" is missing; commands are ' + ", ".join(COMMANDS), request_id=envelope.id)
    if name not in COMMANDS:
        raise ControlError(f"the command {_shown(name)} is unknown; commands are " + ", ".join(COMMANDS), "unknown_command", envelope.id)
    try:
        return _command_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        fields = ", ".join(COMMANDS[name].__struct_fields__)
        raise ControlError(f"{name}: {error}; its fields are {fields}", request_id=envelope.id) from None


def parse_message(line: bytes) -> AnyEvent | Reply | None:
    """What the engine sent: an event, an answer, or None for an event of a newer engine. Raises ControlError when it is neither."""
    if len(line) > MAX_LINE:
        raise ControlError(f"the engine sent a line longer than {MAX_LINE} bytes", "protocol")
    try:
        envelope = _envelope_decoder.decode(line)
        if envelope.event is None:
            return _reply_decoder.decode(line)
        if envelope.event not in EVENTS:
            return None
        return _event_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(
            f"the engine sent something that is not of this protocol ({error}); are both of one version?", "protocol"
        ) from None


EVENTS: frozenset[str] = frozenset(
    str(event.__struct_config__.tag) for event in (Registration, CallState, Media, File, CallStatistics, Worker, Engine, Log)
)


def _shown(text: str) -> str:
    return '"' + text[:40].encode("unicode_escape").decode() + '"'
