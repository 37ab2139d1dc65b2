"""Commands and events of the control socket: one JSON object a line, UTF-8.

Request: `{"id": 7, "command": "call", "uri": "sip:bob@example.org"}`.
Answer: `{"id": 7, "result": {...}}` or `{"id": 7, "error": {"code": "...", "message": "..."}}`.
Event: `{"event": "call_state", "time": ..., "monotonic": ..., ...}`; `monotonic` is CLOCK_MONOTONIC, common to all processes of a machine.
"""

from __future__ import annotations

from time import monotonic as _monotonic
from time import time as _time
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from softphone.errors import SoftphoneError

MAX_LINE = 65536
"""Bytes of one line, newline included."""
MAX_ANSWER = 2**20
"""Bytes of a line from the engine: the SIP messages of a call are many."""


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
EventName = Literal[
    "registration", "call_state", "media", "file", "statistics", "worker", "engine", "log",
    "message", "message_sent", "message_waiting", "dtmf", "levels", "phones", "voice", "sound", "transfer",
]  # fmt: skip
Digits = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Da-d*#,]+$")]
Speech = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
CodecName = Literal["x-phv", "opus", "PCMU", "PCMA"]


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
    message_waiting: bool = True
    """Ask the server for waiting messages (RFC 3842)."""

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
    codecs: list[CodecName] | None = None
    """What is offered in this call, best first; None takes that of the contact, else that of the configuration."""


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
    both: bool = False
    """Both directions, mixed, after a notice tone that both ends hear."""


class AutoAnswer(Command, frozen=True, kw_only=True, tag="auto_answer"):
    """Answer (or stop answering) every incoming call at once, with these files."""

    on: bool = True
    wav_in: Path | None = None
    wav_out: Path | None = None
    """A second call would overwrite it, so `{call}` in the path becomes the call's number."""


class Hold(Command, frozen=True, kw_only=True, tag="hold"):
    """Put the far end on hold (RFC 3264, 8.4): its sound stops in both directions."""

    call: CallNumber


class Resume(Command, frozen=True, kw_only=True, tag="resume"):
    """Take the call off hold; other calls that are active and not in the conference are put on hold first (swap)."""

    call: CallNumber


class Mute(Command, frozen=True, kw_only=True, tag="mute"):
    """Send silence instead of the microphone; the call stays up."""

    call: CallNumber
    on: bool = True


class SendDtmf(Command, frozen=True, kw_only=True, tag="send_dtmf"):
    """Press keys: as RTP events (RFC 4733), or as SIP INFO with application/dtmf-relay. A comma waits half a second."""

    call: CallNumber
    digits: Digits
    method: Literal["rfc4733", "info"] = "rfc4733"


class TransferCall(Command, frozen=True, kw_only=True, tag="transfer_call"):
    """Blind (`uri`, RFC 3515) or attended (`other`, a call of ours, RFC 3891). Exactly one of the two. `transfer` events tell the rest."""

    call: CallNumber
    uri: SipUri | None = None
    other: CallNumber | None = None


class Conference(Command, frozen=True, kw_only=True, tag="conference"):
    """Mix these calls here so that all hear all; held ones are resumed. Fewer than two ends the conference."""

    calls: Annotated[list[CallNumber], Meta(max_length=8)]


class DoNotDisturb(Command, frozen=True, kw_only=True, tag="do_not_disturb"):
    """Refuse incoming calls with 486; they are in the history as missed."""

    on: bool = True


class SendMessage(Command, frozen=True, kw_only=True, tag="send_message"):
    """A SIP MESSAGE (RFC 3428), text/plain; result `{"message": n}`, then a `message_sent` event with that number."""

    uri: SipUri
    text: Speech
    account: Name | None = None


class Say(Command, frozen=True, kw_only=True, tag="say"):
    """Speak typed text into the call in the user's own voice, whatever the codec; result `{"seconds": s}`."""

    call: CallNumber
    text: Speech


class Devices(Command, frozen=True, kw_only=True, tag="devices"):
    """The sound devices now: `{"devices": [{"name", "inputs", "outputs"}], "input": name, "output": name, "note": text}`."""


class SelectDevices(Command, frozen=True, kw_only=True, tag="select_devices"):
    """Use these devices from now on, also in running calls; names as `devices` gives them, "default" or "null"."""

    input: Text
    output: Text


class SoundTest(Command, frozen=True, kw_only=True, tag="sound_test"):
    """Without a call: `listen` sends `levels` events of the microphone (call null), `record` keeps up to 5 s, `play` plays them,
    `stop` ends."""

    action: Literal["listen", "record", "play", "stop"]


class SipLadder(Command, frozen=True, kw_only=True, tag="sip_ladder"):
    """SIP messages of a call: `{"messages": [{"time", "sent", "peer", "summary", "text"}]}`; credentials are blotted out,
    the last 100 kept."""

    call: CallNumber


class Sdp(Command, frozen=True, kw_only=True, tag="sdp"):
    """`{"local": text, "remote": text}`, as last negotiated."""

    call: CallNumber


class Subscribe(Command, frozen=True, kw_only=True, tag="subscribe"):
    """Send this connection only these events; None means all but `levels` and `phones`, which is how a connection starts."""

    events: list[EventName] | None = None


class Stay(Command, frozen=True, kw_only=True, tag="stay"):
    """Whether the engine outlives the front end that started it."""

    on: bool = True
    until_idle: bool = False
    """Only as long as there are calls or front ends."""


class Shutdown(Command, frozen=True, kw_only=True, tag="shutdown"):
    """Hang up, unregister, leave."""


AnyCommand = (
    Status | Register | Unregister | Call | Answer | Hangup | Play | Record | AutoAnswer | Hold | Resume | Mute | SendDtmf | TransferCall
    | Conference | DoNotDisturb | SendMessage | Say | Devices | SelectDevices | SoundTest | SipLadder | Sdp | Subscribe | Stay | Shutdown
)  # fmt: skip
COMMANDS: dict[str, type[Command]] = {str(command.__struct_config__.tag): command for command in get_args(AnyCommand)}


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
    muted: bool = False
    conference: bool = False
    recording: str = ""
    """File that both directions are written to, or empty."""
    waiting: bool = False
    """Incoming while another call is up."""


class Media(Event, kw_only=True, tag="media"):
    """What was negotiated. rtpmap and fmtp as in the SDP lines, of both sides; `note` says why it is not our codec, if it is not."""

    call: int
    state: Literal["active", "held", "held_by_remote", "none", "failed"]
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
    """One direction of RTP. `payload_bps`, `ip_bps` and `loss_now_percent` are over the last interval (of `tx` losses the far end tells,
    every five seconds), `lost` and `loss_percent` since the media began; IP counts 40 bytes of IPv4, UDP and RTP header."""

    packets: int = 0
    bytes: int = 0
    payload_bps: float = 0.0
    ip_bps: float = 0.0
    lost: int = 0
    loss_percent: float = 0.0
    loss_now_percent: float = 0.0
    jitter_ms: float = 0.0
    """Interarrival jitter now (RFC 3550, 6.4.1)."""


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
    """What waits here to be played, on average."""
    delay_ms: float | None = None
    """From the far end's mouth to our ear, estimated: the codec's delay, half of `rtt_ms`, and what waits here. None while `rtt_ms` is."""
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


class Message(Event, kw_only=True, tag="message"):
    """A SIP MESSAGE that came."""

    account: str
    remote: str
    text: str


class MessageSent(Event, kw_only=True, tag="message_sent"):
    """How a sent message fared; `reason` says what to do when it failed."""

    message: int
    state: Literal["delivered", "failed"]
    code: int = 0
    reason: str = ""


class MessageWaiting(Event, kw_only=True, tag="message_waiting"):
    """The server holds voice messages (RFC 3842)."""

    account: str
    waiting: bool
    new: int = 0
    old: int = 0


class Dtmf(Event, kw_only=True, tag="dtmf"):
    """A key that the far end pressed."""

    call: int
    digit: str
    method: Literal["rfc4733", "info"] = "rfc4733"


class Transfer(Event, kw_only=True, tag="transfer"):
    """How a transfer fares, asked for here or by the far end (`incoming`: our call was moved)."""

    call: int
    state: Literal["accepted", "progress", "done", "failed", "incoming"]
    code: int = 0
    reason: str = ""
    new_call: int | None = None
    """With `incoming`: the call that follows this one."""


class Levels(Event, kw_only=True, tag="levels"):
    """Five times a second, only for connections that subscribed to it by name: peak levels in dBFS, -80 is silence.
    `call` None: a sound test."""

    call: int | None
    tx: float
    rx: float


class Phone(Struct, kw_only=True, array_like=True):
    """One phone as the ticker shows it; `state`: sent, received, recovered (by redundancy), lost (bridged)."""

    label: str
    duration_ms: int
    state: Literal["sent", "received", "recovered", "lost"]


class Phones(Event, kw_only=True, tag="phones"):
    """What was sent and received since the last event of the call, a few times a second, for connections that subscribed by name."""

    call: int
    tx: list[Phone] = []
    rx: list[Phone] = []


class Voice(Event, kw_only=True, tag="voice"):
    """How well the voice is known: bytes of its description, and cosine of what they say to the full embedding (of the own voice)."""

    call: int
    tx_bytes: int = 0
    tx_similarity: float | None = None
    rx_bytes: int = 0


class SoundDevice(Event, kw_only=True, tag="sound"):
    """The sound devices changed or failed; `note` says what to do."""

    microphone: bool
    loudspeaker: bool
    input: str = ""
    output: str = ""
    note: str = ""


AnyEvent = (
    Registration | CallState | Media | File | CallStatistics | Worker | Engine | Log
    | Message | MessageSent | MessageWaiting | Dtmf | Transfer | Levels | Phones | Voice | SoundDevice
)  # fmt: skip


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
    if len(line) > MAX_ANSWER:
        raise ControlError(f"the engine sent a line longer than {MAX_ANSWER} bytes", "protocol")
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


EVENTS: frozenset[str] = frozenset(str(event.__struct_config__.tag) for event in get_args(AnyEvent))
BY_NAME_ONLY: frozenset[str] = frozenset({"levels", "phones"})
"""Events that go only to connections that subscribed to them by name: they are many."""


def _shown(text: str) -> str:
    return '"' + text[:40].encode("unicode_escape").decode() + '"'
