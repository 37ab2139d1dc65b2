"""One example of each command, answer and event, made of the protocol's own classes (tools/control_document.py)."""

from typing import Any

from softphone.control.protocol import (
    Answer,
    AutoAnswer,
    Call,
    CallState,
    CallStatistics,
    Command,
    Conference,
    Devices,
    Direction,
    DoNotDisturb,
    Dtmf,
    Engine,
    Event,
    File,
    Hangup,
    Hold,
    Levels,
    Log,
    Media,
    Message,
    MessageSent,
    MessageWaiting,
    Mute,
    Phone,
    Phones,
    Play,
    Presence,
    Receiving,
    Record,
    Register,
    Registration,
    Resume,
    Say,
    Sdp,
    SelectDevices,
    SendDtmf,
    SendMessage,
    SendProfile,
    Shutdown,
    SipLadder,
    SoundDevice,
    SoundTest,
    Status,
    Stay,
    Subscribe,
    Talk,
    TalkMode,
    Transcribe,
    Transfer,
    TransferCall,
    Unregister,
    Voice,
    Volume,
    Wait,
    Worker,
)

BOB = "sip:bob@example.org"
ALICE = "sip:alice@example.org"
_REGISTERED: dict[str, Any] = {"event": "registration", "time": 1.8e9, "monotonic": 512.0, "account": "work", "state": "registered"}
_REGISTERED |= {"code": 200, "reason": "OK", "expires_s": 300, "retry_s": None}

COMMANDS: dict[type[Command], Command] = {
    type(example): example
    for example in (
        Status(id=1),
        Register(id=2, account="work", uri=ALICE, password="never in a log"),
        Unregister(id=3, account="work"),
        Call(id=4, uri="+1-202-555-0100", keys=",,4321#", max_rate=2400),
        Answer(id=5, call=3),
        Hangup(id=6, call=3),
        Play(id=7, call=3, wav="/home/alice/hello.wav"),
        Record(id=8, call=3, wav="/home/alice/call.wav", both=True),
        AutoAnswer(id=9, wav_in="/home/alice/hello.wav", wav_out="/home/alice/call-{call}.wav"),
        Hold(id=10, call=3),
        Resume(id=11, call=3),
        Mute(id=12, call=3, on=False),
        SendDtmf(id=13, call=3, digits="1,23#"),
        TransferCall(id=14, call=3, uri="sip:carol@example.org"),
        Conference(id=15, calls=[3, 4]),
        DoNotDisturb(id=16),
        SendMessage(id=17, uri=BOB, text="I am on my way."),
        Say(id=18, call=3, text="I am on my way."),
        Devices(id=19),
        SelectDevices(id=20, input="default", output="null"),
        SoundTest(id=21, action="listen"),
        SipLadder(id=22, call=3),
        Sdp(id=23, call=3),
        Subscribe(id=24, events=["call_state", "levels"]),
        Stay(id=25, until_idle=True),
        Shutdown(id=26),
        Wait(id=27, call=3, mode="clear"),
        Volume(id=28, loudspeaker_db=6),
        Transcribe(id=29, call=3),
        TalkMode(id=30, mode="voice"),
    )
}

RESULTS: dict[type[Command], dict[str, Any]] = {
    Status: {
        "version": "0.1.0",
        "pid": 4711,
        "pjsip": "2.15.1",
        "address": "192.0.2.2:5060",
        "codecs": ["x-phv", "opus", "PCMU", "PCMA"],
        "refusal": "",
        "sound": "",
        "microphone": True,
        "loudspeaker": True,
        "talk": "open",
        "volume": {"microphone_db": 0, "loudspeaker_db": 6},
        "history": "",
        "stay": False,
        "supervised": False,
        "auto_answer": False,
        "do_not_disturb": False,
        "worker": {"state": "ready", "reason": "", "pid": 4712, "restarts": 0, "facts": {"version": "3", "model": "0123456789ab"}},
        "accounts": [
            {
                "account": "work",
                "uri": ALICE,
                "registrar": "sip:example.org",
                "registered": True,
                "last": _REGISTERED,
                "message_waiting": None,
            }
        ],
        "presence": [
            {"event": "presence", "contact": BOB, "state": "available", "note": "", "reason": "", "time": 1.8e9, "monotonic": 512.0}
        ],
        "calls": [],
        "media": [],
    },
    Call: {"call": 3},
    Hangup: {"calls": [3]},
    SendMessage: {"message": 1},
    Transcribe: {"path": "/home/alice/.local/share/softphone/transcripts/2027-01-15-080000-bob@example.org.txt"},
    Volume: {"microphone_db": 0, "loudspeaker_db": 6},
    Say: {"seconds": 1.4, "doubts": []},
    Devices: {
        "devices": [{"name": "Headset", "inputs": 1, "outputs": 2}],
        "input": "default",
        "output": "default",
        "ringer": "",
        "note": "",
    },
    SipLadder: {
        "messages": [{"time": 1.8e9, "sent": True, "peer": "192.0.2.7:5060", "summary": f"INVITE {BOB} SIP/2.0", "text": "INVITE ..."}]
    },
    Sdp: {"local": "v=0\r\n...", "remote": "v=0\r\n..."},
}
"""What is in the answer; commands that are not here answer with an empty object."""

_AT: dict[str, Any] = {"time": 1.8e9, "monotonic": 512.0}
_CALL: dict[str, Any] = {**_AT, "call": 3}

EVENTS: dict[type[Event], Event] = {
    type(example): example
    for example in (
        Registration(**_AT, account="work", state="failed", code=503, reason="the server is out of order", retry_s=10.0),
        CallState(**_CALL, state="confirmed", direction="outgoing", account="work", local=ALICE, remote=BOB, code=200, reason="OK"),
        Media(
            **_CALL,
            state="active",
            codec="x-phv",
            clock_hz=16000,
            rtpmap_local="x-phv/16000",
            fmtp_local="version=3;inventory=arpabet-1;model=0123456789ab",
            rtpmap_remote="x-phv/16000",
            fmtp_remote="version=3;inventory=arpabet-1;model=0123456789ab",
            remote_address="192.0.2.7:4002",
        ),
        File(**_CALL, action="recorded", path="/home/alice/call.wav"),
        CallStatistics(
            **_CALL,
            codec="x-phv",
            seconds=12.0,
            tx=Direction(packets=60, bytes=1500, payload_bps=960.0, ip_bps=2900.0),
            rx=Direction(packets=58, bytes=1450, payload_bps=950.0, ip_bps=2850.0, lost=1, loss_percent=1.7, jitter_ms=4.0),
            rtt_ms=38.0,
            jitter_buffer_ms=60.0,
            delay_ms=520.0,
            worker="ready",
            profile=SendProfile(interval_ms=160, redundancy=1, detail=2, repeated_detail=0, ip_bps=2950, reason="as configured"),
        ),
        Worker(**_AT, state="died", reason="the codec worker ended (signal 9); it is started again"),
        Engine(**_AT, state="ready", reason="listening on 192.0.2.2:5060", version="0.1.0", pid=4711),
        Log(**_AT, level="warning", message="there is no sound device; plug one in"),
        Message(**_AT, account="work", remote=BOB, text="Where are you?"),
        MessageSent(**_AT, message=1, state="delivered", code=200),
        MessageWaiting(**_AT, account="work", waiting=True, new=2, old=5),
        Presence(**_AT, contact=BOB, state="busy", note="On the phone"),
        Dtmf(**_CALL, digit="5"),
        Transfer(**_CALL, state="incoming", reason="the other side sends this call on to sip:carol@example.org", new_call=4),
        Levels(**_CALL, tx=-18.5, rx=-80.0),
        Phones(**_CALL, tx=[Phone(label="HH", duration_ms=70, state="sent")], rx=[Phone(label="AY", duration_ms=120, state="received")]),
        Voice(**_CALL, tx_bytes=32, tx_similarity=0.86, rx_bytes=12),
        Receiving(**_AT, auto_answer=False, do_not_disturb=True),
        Talk(**_CALL, sending=True),
        SoundDevice(**_AT, microphone=True, loudspeaker=False, input="Headset", note="the loudspeaker is gone; plug one in"),
    )
}
