"""SIP and RTP of a peer that means well, as bytes to be bent before they are sent; and what it must know of the answers."""

import re
import struct
from dataclasses import dataclass

METHODS = (
    "MESSAGE",
    "INFO",
    "NOTIFY",
    "OPTIONS",
    "REFER",
    "UPDATE",
    "SUBSCRIBE",
    "PRACK",
    "PUBLISH",
    "REGISTER",
    "BYE",
    "CANCEL",
    "ACK",
    "WHATEVER",
)
_BODIES = {
    "MESSAGE": ("text/plain", "hello"),
    "INFO": ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
    "NOTIFY": ("application/simple-message-summary", "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"),
    "PUBLISH": ("application/pidf+xml", "<presence/>"),
}
_EXTRA = {
    "NOTIFY": ("Event: message-summary", "Subscription-State: active;expires=60"),
    "REFER": ("Refer-To: <sip:127.0.0.1:9>", "Referred-By: <sip:x@y>"),
    "SUBSCRIBE": ("Event: presence", "Expires: 60"),
    "PUBLISH": ("Event: presence",),
    "PRACK": ("RAck: 1 1 INVITE",),
}
WORDS = (
    b"Require: 100rel\r\n", b"Supported: replaces,timer,100rel\r\n", b"Session-Expires: 90;refresher=uac\r\n", b"Min-SE: 4294967296\r\n",
    b"Content-Type: application/sdp\r\n", b"Content-Type: multipart/mixed;boundary=x\r\n", b"Content-Length: 0\r\n",
    b"Content-Length: -1\r\n",
    b"m=audio 5000 RTP/AVP 0 8 96\r\n", b"m=video 5002 RTP/AVP 31\r\n", b"a=rtpmap:96 opus/48000/2\r\n", b"a=crypto:1 X inline:AAAA\r\n",
    b"a=candidate:1 1 UDP 1 127.0.0.1 9 typ host\r\n", b"a=ice-ufrag:x\r\na=ice-pwd:y\r\n", b"c=IN IP6 ::1\r\n", b"c=IN IP4 0.0.0.0\r\n",
    b"a=inactive\r\n", b"a=sendonly\r\n", b"a=rtcp-mux\r\n", b"a=ptime:0\r\n", b"a=ptime:4000000000\r\n", b"a=rtcp:1\r\n",
    b"m=audio 0 RTP/AVP 0\r\n",
    b"a=fmtp:96 maxplaybackrate=0\r\n", b"a=rtpmap:0 PCMU/0\r\n", b"Replaces: x;to-tag=y;from-tag=z\r\n", b"Via: SIP/2.0/TCP x\r\n",
    b"INVITE",
    b"Call-ID: ", b"CSeq: 4294967295 INVITE\r\n", b"Max-Forwards: 0\r\n", b"Record-Route: <sip:127.0.0.1;lr>\r\n", b"Contact: *\r\n",
)  # fmt: skip
PIECES = (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",)
SDP = (
    "v=0\r\no=- {n} {n} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 96 97 0 101\r\n"
    "a=rtpmap:96 x-phv/16000\r\na=fmtp:96 version=3;inventory=arpabet-1;model=0123456789ab\r\na=rtpmap:97 opus/48000/2\r\n"
    "a=fmtp:97 useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
)


@dataclass
class Dialog:
    """One call as the peer sees it; `tag` of the far end once it answered, `media` its RTP port."""

    number: int
    sip_port: int
    rtp_port: int
    target: str
    tag: str = ""
    media: int = 0
    sequence: int = 1

    @property
    def call_id(self) -> str:
        return f"fuzz{self.number}@127.0.0.1"

    def request(self, method: str, sdp: bool = False, extra: tuple[str, ...] = ()) -> bytes:
        """A request of this call, or, before it is answered, one that stands alone."""
        if method not in ("ACK", "CANCEL"):
            self.sequence += 1
        kind, body = ("application/sdp", SDP.format(n=self.sequence, port=self.rtp_port)) if sdp else _BODIES.get(method, ("", ""))
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.sip_port};rport;branch=z9hG4bK{self.number}x{self.sequence}",
            "Max-Forwards: 70",
            f'From: "Fuzz" <sip:fuzz@127.0.0.1:{self.sip_port}>;tag=f{self.number}',
            f"To: <{self.target}>" + (f";tag={self.tag}" if self.tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.sequence} {method}",
            f"Contact: <sip:fuzz@127.0.0.1:{self.sip_port}>",
            *_EXTRA.get(method, ()),
            *extra,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        return "\r\n".join(lines).encode()

    def heard(self, message: str) -> bool:
        """Learn from an answer; whether it is the 200 of an INVITE, which wants an ACK."""
        found = re.search(r"^(?:To|t)\s*:[^\r\n]*;tag=([^;\r\n]+)", message, re.MULTILINE | re.IGNORECASE)
        if not is_taken(message):
            return False
        self.tag = found[1] if found else self.tag
        port = re.search(r"^m=audio (\d+)", message, re.MULTILINE)
        self.media = int(port[1]) if port else 0
        return True


def ends(response: str, sip_port: int) -> list[bytes]:
    """ACK and BYE for the 200 of an INVITE that was bent, as far as its answer tells who is called what."""
    fields = dict(re.findall(r"(?im)^(from|to|call-id|cseq|f|t|i)\s*:\s*([^\r\n]*)", response))
    said = {name.lower()[0].replace("c", "i"): value for name, value in fields.items() if name.lower() != "cseq"}
    number = next((value.split()[0] for name, value in fields.items() if name.lower() == "cseq" and value.strip()), "1")
    contact = re.search(r"(?im)^(?:contact|m)\s*:\s*<?([^>\r\n]*)", response)
    if contact is None or not {"f", "t", "i"} <= set(said) or not number.isdigit():
        return []
    return [
        (
            f"{method} {contact[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{sip_port};rport;branch=z9hG4bKe{method}{number}{hash(said['i'])}\r\n"
            f"From: {said['f']}\r\nTo: {said['t']}\r\nCall-ID: {said['i']}\r\nCSeq: {int(number) + later} {method}\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode("utf-8", "surrogateescape")
        for method, later in (("ACK", 0), ("BYE", 1))
    ]


def is_taken(message: str) -> bool:
    """Whether this is the 2xx answer to an INVITE."""
    return message.startswith("SIP/2.0 2") and re.search(r"^CSeq\s*:\s*\d+ INVITE", message, re.MULTILINE | re.IGNORECASE) is not None


def answer(request: bytes, code: int) -> bytes:
    """A response to what the far end asked (BYE, NOTIFY, re-INVITE)."""
    head = request.decode("utf-8", "surrogateescape").partition("\r\n\r\n")[0].split("\r\n")[1:]
    kept = [line for line in head if re.match(r"(?i)(via|from|to|call-id|cseq|v|f|t|i)\s*:", line)]
    return "\r\n".join([f"SIP/2.0 {code} Fine", *kept, "Content-Length: 0", "", ""]).encode("utf-8", "surrogateescape")


def rtp(sequence: int, payload_type: int, payload: bytes) -> bytes:
    """RFC 3550, 5.1."""
    return struct.pack("!BBHII", 0x80, payload_type, sequence & 0xFFFF, (160 * sequence) & 0xFFFFFFFF, 77) + payload


def rtcp() -> bytes:
    """A sender report with one block, and a name (RFC 3550, 6.4)."""
    report = struct.pack("!BBHI", 0x81, 200, 12, 77) + bytes(20) + struct.pack("!IIIIII", 1, 0, 0, 0, 0, 0)
    return report + struct.pack("!BBHI", 0x81, 202, 3, 77) + b"\x01\x05fuzz.\0"
