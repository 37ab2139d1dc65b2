"""Events that the engine publishes; see `softphone.control.protocol`."""

from time import monotonic as _monotonic
from time import time as _time
from typing import Literal

import msgspec
from msgspec import Struct

from softphone.link.counters import CodecCounters, WorkerFacts


class Event(Struct, kw_only=True, tag_field="event"):
    """Base of the events. Front ends ignore fields that they do not know."""

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
    transcript: str = ""
    """File that the words of both sides are written to, or empty."""
    waiting: bool = False
    """Incoming while another call is up."""
    sending: bool | None = None
    """With voice activation, whether the microphone is sent now (later changes: `talk`); None without, or while it is muted or on hold."""
    answered_in_s: float | None = None
    """While it rings here: after so many seconds it is answered automatically."""


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
    srtp: str = ""
    """The suite that encrypts it (RFC 4568, 6.2); empty: it is not encrypted."""
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


class SendProfile(Struct, kw_only=True):
    """What an x-phv stream sends now: time between packets, earlier packets repeated in each, codes of detail of new and of repeated sound
    (0 to 6). `max_rate`: the ceiling in IP bit/s, RTCP counted, 0 for none; `ip_bps`: what the profile costs while somebody speaks;
    `adaptive`: it follows the network; `reason`: why it is as it is, in a few words. `wait`: "clear", "quick" or "auto", and `waits`,
    whether what is said waits for its words now."""

    interval_ms: int
    redundancy: int
    detail: int
    repeated_detail: int
    max_rate: int = 0
    ip_bps: int = 0
    adaptive: bool = True
    reason: str = ""
    wait: str = "auto"
    waits: bool = False


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
    """Audio buffered here before playout, on average."""
    delay_ms: float | None = None
    """Estimated mouth-to-ear delay from the far end to here: codec, half of `rtt_ms`, and buffering. None while `rtt_ms` is None."""
    silent_s: float = 0.0
    """Since the last packet of the far end, RTP or RTCP; its reports come every five seconds also while nobody speaks."""
    queues: dict[str, int] = {}
    codec_counters: CodecCounters = CodecCounters()
    worker: str = ""
    profile: SendProfile | None = None
    """Only on our own codec."""
    sends: Literal["", "sound", "tokens"] = ""
    """On our own codec between phones that both carry sound: what is sent now;"""
    hears: Literal["", "sound", "tokens"] = ""
    """what is heard;"""
    sends_why: str = ""
    """why it is sent, in a few words;"""
    sound_bps: int = 0
    """and the rate of Opus, 0 for tokens."""


class Worker(Event, kw_only=True, tag="worker"):
    state: Literal["starting", "ready", "died", "unavailable", "stopped", "stream_failed"]
    reason: str = ""
    facts: WorkerFacts | None = None


class Engine(Event, kw_only=True, tag="engine"):
    """`died`, `restarting` and `given_up` come from the supervisor, which lives in the front end."""

    state: Literal["ready", "stopping", "died", "restarting", "given_up", "stopped"]
    reason: str = ""
    version: str = ""
    pid: int = 0


class Log(Event, kw_only=True, tag="log"):
    level: Literal["info", "warning", "error"]
    message: str
    about: Literal["", "voices"] = ""
    """"voices": a question, whether voices may be remembered; a front end that can ask shows it in its own way."""


class Message(Event, kw_only=True, tag="message"):
    """A SIP MESSAGE was received; at most 2000 characters of it."""

    account: str
    remote: str
    text: str


class MessageSent(Event, kw_only=True, tag="message_sent"):
    """The result of a message that was sent; if it failed, `reason` says what to do."""

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


class Presence(Event, kw_only=True, tag="presence"):
    """Whether a contact that is watched can be called (RFC 3856, RFC 4235); `contact` is the address as it stands in the contacts,
    `note` their own words; `reason` says why nothing is known."""

    contact: str
    state: Literal["available", "busy", "away", "offline", "unknown"]
    note: str = ""
    reason: str = ""


class Dtmf(Event, kw_only=True, tag="dtmf"):
    """The remote party pressed a DTMF key."""

    call: int
    digit: str
    method: Literal["rfc4733", "info"] = "rfc4733"


class Transfer(Event, kw_only=True, tag="transfer"):
    """Progress of a transfer, requested here or by the remote party (`incoming`: the remote party transfers us)."""

    call: int
    state: Literal["accepted", "progress", "done", "failed", "incoming"]
    code: int = 0
    reason: str = ""
    new_call: int | None = None
    """With `incoming`: the call that replaces this one."""


class Levels(Event, kw_only=True, tag="levels"):
    """Five times a second, only for connections that subscribed to it by name: peak levels in dBFS, -80 is silence.
    `call` None: a sound test."""

    call: int | None
    tx: float
    rx: float


class Phone(Struct, kw_only=True, array_like=True):
    """One phone as the ticker shows it; `state`: sent, doubtful (sent as it was heard, as the sound confirms no word there though the call
    waits for words), received, recovered (by redundancy), lost (bridged)."""

    label: str
    duration_ms: int
    state: Literal["sent", "doubtful", "received", "recovered", "lost"]


class Phones(Event, kw_only=True, tag="phones"):
    """Phones sent and received since the call's last event, a few times a second; only for connections that subscribed by name."""

    call: int
    tx: list[Phone] = []
    rx: list[Phone] = []


class Voice(Event, kw_only=True, tag="voice"):
    """How well the voice is known: bytes of its description, and cosine of what they say to the full embedding (of the own voice);
    tx_heard: how like the user the sound at the far end is, heard here through its decoder (cosine), None until the training has judged."""

    call: int
    tx_bytes: int = 0
    tx_similarity: float | None = None
    rx_bytes: int = 0
    tx_heard: float | None = None


class Receiving(Event, kw_only=True, tag="receiving"):
    """How calls are received from now on: a front end switched it. The files are those of `auto_answer`."""

    auto_answer: bool
    do_not_disturb: bool
    wav_in: str | None = None
    wav_out: str | None = None


class Talk(Event, kw_only=True, tag="talk"):
    """With voice activation: the microphone is sent from now on, because somebody speaks, or no longer; null where it has no part in the
    call (muted, on hold, or without voice activation)."""

    call: int
    sending: bool | None


class SoundDevice(Event, kw_only=True, tag="sound"):
    """The sound devices changed or failed; `note` says what to do."""

    microphone: bool
    loudspeaker: bool
    input: str = ""
    output: str = ""
    ringer: str = ""
    """The device that rings, as it was chosen; empty: the loudspeaker."""
    talk: Literal["open", "voice", "push"] = "open"
    """When the microphone is sent; see the command `talk_mode`."""
    note: str = ""


AnyEvent = (
    Registration | CallState | Media | File | CallStatistics | Worker | Engine | Log
    | Message | MessageSent | MessageWaiting | Presence | Receiving | Dtmf | Transfer | Levels | Phones | Voice | SoundDevice | Talk
)  # fmt: skip
