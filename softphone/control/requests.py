"""Commands that front ends send to the engine; see `softphone.control.protocol`."""

import re
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from msgspec import Meta, Struct

from softphone.codecs import codec_names
from softphone.control.results import (
    AgreedSdp,
    DeviceList,
    Done,
    EndedCalls,
    PhoneStatus,
    PlacedCall,
    QueuedMessage,
    SipMessages,
    Spoken,
    TranscriptFile,
    Volumes,
)

Identifier = Annotated[int, Meta(ge=0, le=2**53 - 1)]
CallNumber = Annotated[int, Meta(ge=0, le=2**31 - 1)]
SipUri = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Meta(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w.@+-]+$")]
Path = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]
FinalCode = Annotated[int, Meta(ge=300, le=699)]
EventName = Literal[
    "registration", "call_state", "media", "file", "statistics", "worker", "engine", "log",
    "message", "message_sent", "message_waiting", "dtmf", "levels", "phones", "voice", "sound", "transfer", "presence", "receiving", "talk",
]  # fmt: skip
Digits = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Da-d*#,]+$")]
Speech = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
RingSeconds = Annotated[int, Meta(ge=0, le=60)]
Decibel = Annotated[int, Meta(ge=-24, le=18)]
MaxRate = Annotated[int, Meta(ge=0, le=64000)]
CodecName = Annotated[
    str,
    Meta(
        pattern=f"^({'|'.join(map(re.escape, codec_names()))})$", description=f"one of {', '.join(f'`{name}`' for name in codec_names())}"
    ),
]


ResultT = TypeVar("ResultT", bound=Struct)
"""The type of a command's result."""


class Command(Struct, Generic[ResultT], frozen=True, kw_only=True, tag_field="command", forbid_unknown_fields=True, omit_defaults=True):
    """Base of the commands, each with the type of its result; the response has the same `id`."""

    id: Identifier = 0

    @classmethod
    def result_type(cls) -> type[ResultT]:
        """What the command's class names as its result."""
        (base,) = cls.__orig_bases__  # type: ignore[attr-defined]
        (result,) = get_args(base)
        return result  # type: ignore[no-any-return]


class Status(Command[PhoneStatus], frozen=True, kw_only=True, tag="status"):
    """What the engine knows: version, address, worker, sound, history, accounts, presence, calls and their media, codecs."""


class Register(Command[Done], frozen=True, kw_only=True, tag="register"):
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


class Unregister(Command[Done], frozen=True, kw_only=True, tag="unregister"):
    """Unregister the account and remove it."""

    account: Name


class Call(Command[PlacedCall], frozen=True, kw_only=True, tag="call"):
    """Call `uri`, an address or a telephone number. WAV files are 16 kHz mono 16-bit."""

    uri: SipUri
    account: Name | None = None
    """None takes the first registered account, else the local one that needs no server."""
    wav_in: Path | None = None
    """Sent instead of the microphone from the moment the media is up."""
    wav_out: Path | None = None
    """Where the received sound goes (also, next to the loudspeaker)."""
    codecs: list[CodecName] | None = None
    """What is offered in this call, best first; None takes that of the contact, else that of the configuration."""
    max_rate: MaxRate | None = None
    """Ceiling in IP bit/s of each direction on our codec, headers and RTCP counted; 0 for none, None takes that of the configuration."""
    keys: Digits | None = None
    """DTMF keys sent two seconds after the call is up, such as an extension. A comma waits two seconds more. Default: what follows a comma
    in `uri`, if that is a number."""


class Answer(Command[Done], frozen=True, kw_only=True, tag="answer"):
    """Answer the incoming call."""

    call: CallNumber
    wav_in: Path | None = None
    wav_out: Path | None = None


class Hangup(Command[EndedCalls], frozen=True, kw_only=True, tag="hangup"):
    """End the call, or refuse it with `code`; without `call`, all calls."""

    call: CallNumber | None = None
    code: FinalCode | None = None


class Play(Command[Done], frozen=True, kw_only=True, tag="play"):
    """Play a WAV file into the call, in place of the microphone."""

    call: CallNumber
    wav: Path


class Record(Command[Done], frozen=True, kw_only=True, tag="record"):
    """Record the call's received sound to a WAV file; `wav` None stops."""

    call: CallNumber
    wav: Path | None = None
    both: bool = False
    """Both directions, mixed, after a notice: a tone that both ends hear; on x-phv the remote party hears words instead. Without it
    there is no notice."""


class Transcribe(Command[TranscriptFile], frozen=True, kw_only=True, tag="transcribe"):
    """Write down what both sides say, in words, from now on, or stop; only on x-phv, and after a spoken notice: where that cannot be
    spoken, nothing is written."""

    call: CallNumber
    on: bool = True


class Wait(Command[Done], frozen=True, kw_only=True, tag="wait"):
    """Whether our voice, on x-phv, waits for the words that are said: "clear" is heard a second later, with far more words right; "quick"
    is heard at once; "auto" lets the network decide. Holds from now on, for this call; nothing is lost or said twice at the change."""

    call: CallNumber
    mode: Literal["auto", "clear", "quick"]


class AutoAnswer(Command[Done], frozen=True, kw_only=True, tag="auto_answer"):
    """Answer (or stop answering) every incoming call, also while another is up, with these files; do not disturb comes first."""

    on: bool = True
    after_s: RingSeconds | None = None
    """How long it rings before; None takes that of the configuration, 0 is at once."""
    wav_in: Path | None = None
    wav_out: Path | None = None
    """A second call would overwrite it, so `{call}` in the path becomes the call's number."""


class Hold(Command[Done], frozen=True, kw_only=True, tag="hold"):
    """Put the remote party on hold (RFC 3264, 8.4): its sound stops in both directions."""

    call: CallNumber


class Resume(Command[Done], frozen=True, kw_only=True, tag="resume"):
    """Take the call off hold; other calls that are active and not in the conference are put on hold first (swap)."""

    call: CallNumber


class Mute(Command[Done], frozen=True, kw_only=True, tag="mute"):
    """Send silence instead of the microphone; the call stays up."""

    call: CallNumber
    on: bool = True


class SendDtmf(Command[Done], frozen=True, kw_only=True, tag="send_dtmf"):
    """Press keys: as RTP events (RFC 4733), or as SIP INFO with application/dtmf-relay. A comma waits half a second."""

    call: CallNumber
    digits: Digits
    method: Literal["rfc4733", "info"] = "rfc4733"


class TransferCall(Command[Done], frozen=True, kw_only=True, tag="transfer_call"):
    """Blind (`uri`, RFC 3515) or attended (`other`, a call of ours, RFC 3891). Exactly one of the two. `transfer` events tell the rest."""

    call: CallNumber
    uri: SipUri | None = None
    other: CallNumber | None = None


class Conference(Command[Done], frozen=True, kw_only=True, tag="conference"):
    """Mix these calls here so that all hear all; held ones are resumed. Fewer than two ends the conference."""

    calls: Annotated[list[CallNumber], Meta(max_length=8)]


class DoNotDisturb(Command[Done], frozen=True, kw_only=True, tag="do_not_disturb"):
    """Refuse incoming calls with 486; they are in the history as missed."""

    on: bool = True


class SendMessage(Command[QueuedMessage], frozen=True, kw_only=True, tag="send_message"):
    """A SIP MESSAGE (RFC 3428), text/plain, at most 500 bytes of UTF-8; a `message_sent` event tells how it went."""

    uri: SipUri
    text: Speech
    account: Name | None = None


class Say(Command[Spoken], frozen=True, kw_only=True, tag="say"):
    """Speak typed text into the call in the user's own voice, whatever the codec."""

    call: CallNumber
    text: Speech


class Devices(Command[DeviceList], frozen=True, kw_only=True, tag="devices"):
    """The sound devices now."""


class SelectDevices(Command[Done], frozen=True, kw_only=True, tag="select_devices"):
    """Use these devices from now on, also in running calls; names as `devices` gives them, "default" or "null"."""

    input: Text
    output: Text
    ringer: Text | None = None
    """What rings; "" is the loudspeaker, None leaves it as it is."""


class Volume(Command[Volumes], frozen=True, kw_only=True, tag="volume"):
    """Make microphone or loudspeaker louder or softer than the device gives it, from now on, in all calls; None leaves it as it is. Result:
    both."""

    microphone_db: Decibel | None = None
    loudspeaker_db: Decibel | None = None


class TalkMode(Command[Done], frozen=True, kw_only=True, tag="talk_mode"):
    """When the microphone is sent, from now on, in all calls: "open" always, "voice" only while somebody speaks into it (`talk` events
    tell), "push" never until it is unmuted: running calls are muted, and others begin muted."""

    mode: Literal["open", "voice", "push"]


class SoundTest(Command[Done], frozen=True, kw_only=True, tag="sound_test"):
    """Without a call: `listen` sends `levels` events of the microphone (call null), `record` keeps up to 5 s, `play` plays them,
    `stop` ends."""

    action: Literal["listen", "record", "play", "stop"]


class SipLadder(Command[SipMessages], frozen=True, kw_only=True, tag="sip_ladder"):
    """SIP messages of a call; credentials are blotted out, the last 100 kept. Without a call: those of registrations."""

    call: CallNumber | None = None


class Sdp(Command[AgreedSdp], frozen=True, kw_only=True, tag="sdp"):
    """The session descriptions of both sides, as last negotiated."""

    call: CallNumber


class Subscribe(Command[Done], frozen=True, kw_only=True, tag="subscribe"):
    """Send this connection only these events; None means all but `levels` and `phones`, which is how a connection starts."""

    events: list[EventName] | None = None


class Stay(Command[Done], frozen=True, kw_only=True, tag="stay"):
    """Whether the engine keeps running when the front end that started it leaves."""

    on: bool = True
    until_idle: bool = False
    """Only until there are no calls and no front ends."""


class Shutdown(Command[Done], frozen=True, kw_only=True, tag="shutdown"):
    """Hang up, unregister and exit."""


AnyCommand = (
    Status | Register | Unregister | Call | Answer | Hangup | Play | Record | AutoAnswer | Hold | Resume | Mute | SendDtmf | TransferCall
    | Conference | DoNotDisturb | SendMessage | Say | Devices | SelectDevices | SoundTest | SipLadder | Sdp | Subscribe | Stay | Shutdown
    | Volume | Wait | Transcribe | TalkMode
)  # fmt: skip
COMMANDS: dict[str, type[Command[Any]]] = {str(command.__struct_config__.tag): command for command in get_args(AnyCommand)}
