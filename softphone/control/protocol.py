"""Commands and events of the control socket: one JSON object per line, UTF-8.

Request: `{"id": 7, "command": "call", "uri": "sip:bob@example.org"}`.
Answer: `{"id": 7, "result": {...}}` or `{"id": 7, "error": {"code": "...", "message": "..."}}`.
Event: `{"event": "call_state", "time": ..., "monotonic": ..., ...}`; `monotonic` is CLOCK_MONOTONIC, common to all processes of a machine.
"""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
from msgspec import Struct

from softphone.control.events import (
    AnyEvent,
    CallState,
    CallStatistics,
    Direction,
    Dtmf,
    Engine,
    Event,
    File,
    Levels,
    Log,
    Media,
    Message,
    MessageSent,
    MessageWaiting,
    Phone,
    Phones,
    Presence,
    Receiving,
    Registration,
    SendProfile,
    SoundDevice,
    Talk,
    Transfer,
    Voice,
    Worker,
)
from softphone.control.requests import (
    COMMANDS,
    Answer,
    AnyCommand,
    AutoAnswer,
    Call,
    Command,
    Conference,
    Devices,
    DoNotDisturb,
    EventName,
    Hangup,
    Hold,
    Mute,
    Play,
    Record,
    Register,
    ResultT,
    Resume,
    Say,
    Sdp,
    SelectDevices,
    SendDtmf,
    SendMessage,
    Shutdown,
    SipLadder,
    SoundTest,
    Status,
    Stay,
    Subscribe,
    TalkMode,
    Transcribe,
    TransferCall,
    Unregister,
    Volume,
    Wait,
)
from softphone.control.results import (
    AccountStatus,
    AgreedSdp,
    DeviceInfo,
    DeviceList,
    Done,
    EndedCalls,
    PhoneStatus,
    PlacedCall,
    QueuedMessage,
    SipMessage,
    SipMessages,
    Spoken,
    TranscriptFile,
    Volumes,
    WorkerStatus,
)
from softphone.errors import SoftphoneError
from softphone.link.counters import CodecCounters, WorkerFacts
from softphone.plain_text import visible

__all__ = [
    "COMMANDS",
    "EVENTS",
    "MAX_LINE",
    "AccountStatus",
    "AgreedSdp",
    "Answer",
    "AnyCommand",
    "AnyEvent",
    "AutoAnswer",
    "Call",
    "CallState",
    "CallStatistics",
    "CodecCounters",
    "Command",
    "Conference",
    "ControlError",
    "DeviceInfo",
    "DeviceList",
    "Devices",
    "Direction",
    "DoNotDisturb",
    "Done",
    "Dtmf",
    "EndedCalls",
    "Engine",
    "Event",
    "EventName",
    "Failure",
    "File",
    "Hangup",
    "Hold",
    "Levels",
    "Log",
    "Media",
    "Message",
    "MessageSent",
    "MessageWaiting",
    "Mute",
    "Phone",
    "PhoneStatus",
    "Phones",
    "PlacedCall",
    "Play",
    "Presence",
    "QueuedMessage",
    "Receiving",
    "Record",
    "Register",
    "Registration",
    "Reply",
    "ResultT",
    "Resume",
    "Say",
    "Sdp",
    "SelectDevices",
    "SendDtmf",
    "SendMessage",
    "SendProfile",
    "Shutdown",
    "SipLadder",
    "SipMessage",
    "SipMessages",
    "SoundDevice",
    "SoundTest",
    "Spoken",
    "Status",
    "Stay",
    "Subscribe",
    "Talk",
    "TalkMode",
    "Transcribe",
    "TranscriptFile",
    "Transfer",
    "TransferCall",
    "Unregister",
    "Voice",
    "Volume",
    "Volumes",
    "Wait",
    "Worker",
    "WorkerFacts",
    "WorkerStatus",
    "parse_command",
    "parse_message",
    "parse_result",
    "reply_with",
    "to_line",
]


MAX_LINE = 65536
"""Bytes of one line, newline included."""
MAX_ANSWER = 2**20
"""Most bytes of a line from the engine: the SIP messages of a call need room."""

LONGEST_REASON = 300
"""Most characters of a malformed line that an error quotes."""


class ControlError(SoftphoneError):
    """A command failed, or the engine is gone: one sentence for people, and `code` for programs."""

    def __init__(self, message: str, code: str = "bad_command", request_id: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


NO_RESULT = msgspec.Raw()


class Failure(Struct, kw_only=True):
    code: str
    message: str


class Reply(Struct, kw_only=True, omit_defaults=True):
    """The response to the request with the same id: exactly one of `result`, JSON of the command's result type, and `error`."""

    id: int | None = None
    result: msgspec.Raw = NO_RESULT
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


def to_line(message: Command[Any] | Event | Reply) -> bytes:
    """One line, newline included."""
    return _encoded(message) + b"\n"


def reply_with(request_id: int | None, result: Struct) -> Reply:
    """The answer to a command that succeeded."""
    return Reply(id=request_id, result=msgspec.Raw(_encoded(result)))


def parse_result(command: Command[ResultT], reply: Reply) -> ResultT:
    """What the engine answered to `command`. Raises ControlError: the engine's sentence, or that the answer is none."""
    if reply.error is not None:
        raise ControlError(reply.error.message, reply.error.code, reply.id)
    try:
        return msgspec.json.decode(bytes(reply.result) or b"{}", type=command.result_type())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(_alien(error), "protocol", reply.id) from None


def _encoded(message: Struct) -> bytes:
    """JSON. Bytes of strangers that are no UTF-8 (PJSUA2 gives them as lone surrogates) become question marks."""
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(message), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def parse_command(line: bytes) -> AnyCommand:
    """Raises ControlError, one sentence and the request's id where it could be read, for everything that is no command."""
    if len(line) > MAX_LINE:
        raise ControlError(f"the line is longer than {MAX_LINE} bytes; a command is one JSON object on one line", "line_too_long")
    try:
        envelope = _envelope_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(
            f'the line is not a command ({_said(error)}); send one JSON object a line, such as {{"id": 1, "command": "status"}}', "not_json"
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
        raise ControlError(f"{name}: {_said(error)}; its fields are {fields}", request_id=envelope.id) from None


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
        raise ControlError(_alien(error), "protocol") from None


EVENTS: frozenset[str] = frozenset(str(event.__struct_config__.tag) for event in get_args(AnyEvent))
BY_NAME_ONLY: frozenset[str] = frozenset({"levels", "phones"})
"""Frequent events, sent only to connections that subscribed to them by name."""


def _alien(error: Exception) -> str:
    return f"the engine sent something that is not of this protocol ({_said(error)}); are both of one version?"


def _said(error: Exception) -> str:
    """msgspec's message, cut short: it may quote its whole input."""
    return visible(str(error), LONGEST_REASON)


def _shown(text: str) -> str:
    return '"' + text[:40].encode("unicode_escape").decode() + '"'
