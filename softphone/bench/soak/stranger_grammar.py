"""SIP, SDP, RTP, RTCP and STUN as strangers send them: a seeded grammar whose productions are right, unusual, excessive or wrong.

All comes from the random generator that is given, so a seed is the whole stream again as far as the phone answers alike.
"""

from __future__ import annotations

import random
import re
import struct
from dataclasses import dataclass, field

METHODS = (
    "INVITE", "INVITE", "INVITE", "OPTIONS", "MESSAGE", "INFO", "NOTIFY", "SUBSCRIBE", "REFER", "UPDATE", "PRACK", "PUBLISH", "REGISTER",
    "BYE", "CANCEL", "ACK", "FOO",
)  # fmt: skip
CODECS = (
    "PCMU/8000", "PCMA/8000", "opus/48000/2", "telephone-event/8000", "telephone-event/48000", "G722/8000", "G729/8000", "speex/16000",
    "iLBC/8000", "GSM/8000", "L16/44100/2", "x-phv/16000", "red/8000", "CN/8000", "AMR-WB/16000", "SILK/24000", "PCMU/0", "PCMU/4294967295",
    "opus/48000/99", "/8000", "x", "H264/90000", "telephone-event",
)  # fmt: skip
_NAMES = (
    "", '"Alice" ', "Bob ", '"[/red]" ', '"\\"" ', '"%n%s" ', '"' + "x" * 300 + '" ', '"\u202e\u0007" ', "=?utf-8?B?QQ==?= ", '"a, b; c" ',
    '"' + "é" * 90 + '" ',
)  # fmt: skip
_HOSTS = (
    "127.0.0.1",
    "example.org",
    "[::1]",
    "0.0.0.0",
    "a" * 80,
    "255.255.255.255",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "h.invalid",
    "-",
    "[]",
    "[::1]:9",
)
_NUMBERS = (
    "0",
    "1",
    "60",
    "70",
    "-1",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "",
    "x",
    "1.5",
)
_TYPES = (
    "application/sdp", "application/sdp", "application/sdp", "Application/SDP;charset=utf-8", "text/plain", "application/dtmf-relay",
    "application/pidf+xml", "application/dialog-info+xml", "application/simple-message-summary", "message/sipfrag", "multipart/mixed",
    "multipart/mixed;boundary=x", 'multipart/alternative;boundary="x"', "multipart/", "application/media_control+xml", "/", "",
)  # fmt: skip
_ROUTES = ("Record-Route", "Route", "Path", "Service-Route", "record-route")
_LISTS = ("Supported", "k", "Require", "Proxy-Require", "Allow", "Accept", "Unsupported", "Allow-Events")
_WHOLE_NUMBERS = ("Min-SE", "Expires", "Max-Forwards", "Retry-After", "RSeq", "Min-Expires", "Timestamp")
_ADDRESSES = ("Refer-To", "r", "Referred-By", "b", "P-Asserted-Identity", "Alert-Info", "Call-Info", "Diversion")
_NASTY = (
    b"\0", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\xff\xfe", b"\xc3\x28", b"%00", b"%n", b"-1", b"4294967296", b'"', b"<", b">", b";",
    b"=", b":",
    b"@", b",", b"\\", b" ", b"\t", b"a" * 300, b"[", b"]", b"(", b")",
)  # fmt: skip


@dataclass
class Talk:
    """A dialog as the stranger sees it. Ports are of the stranger's sockets; `tag` and `media` of the phone once it answered."""

    number: int
    source: str
    sip_port: int
    rtp_port: int
    target: str
    tag: str = ""
    media: int = 0
    sequence: int = 1
    up: bool = False
    ours: bool = False
    """The phone calls the stranger: from and to are exchanged."""
    far: str = ""
    """The phone's From of a call that it made, its whole value."""
    call_id: str = ""
    payload_types: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    invite: bytes = b""
    """The last one of the stranger."""

    def __post_init__(self) -> None:
        self.call_id = self.call_id or f"stranger{self.number}@{self.source}"


class Grammar:
    """rng: everything is drawn from it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def often(self, share: float) -> bool:
        return self.rng.random() < share

    def request(self, talk: Talk, method: str, *, wild: float = 0.3, sdp: bool | None = None, wrap: bool = True) -> bytes:
        """One request of this dialog. wild: how often a production is not the usual one."""
        rng = self.rng
        if method not in ("ACK", "CANCEL"):
            talk.sequence += 1
        kind, body = self._body(talk, method, wild, sdp)
        local, remote = f"<sip:s{talk.number}@{talk.source}:{talk.sip_port}>;tag=s{talk.number}", f"<{talk.target}>"
        if talk.tag:
            remote += f";tag={talk.tag}"
        name = rng.choice(_NAMES) if self.often(wild) else ""
        lines = [
            f"{method} {self._uri() if self.often(wild / 6) else talk.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {talk.source}:{talk.sip_port};rport;branch=z9hG4bK{talk.number}x{talk.sequence}",
            f"From: {name}{local}",
            f"To: {talk.far or remote}",
            f"Call-ID: {talk.call_id}",
            f"CSeq: {talk.sequence} {method}",
            "Max-Forwards: 70",
            f"Contact: <sip:s{talk.number}@{talk.source}:{talk.sip_port}>",
        ]
        for _ in range(rng.choice((0, 1, 2, 5)) if self.often(wild) else 0):
            lines.insert(rng.randrange(2, len(lines) + 1), self._header())
        if self.often(wild / 8):
            lines[rng.choice((2, 3, 7))] = f"{rng.choice(('From', 'To', 'Contact'))}: <{self._uri()}>;tag=s{talk.number}"
        if self.often(wild / 8):
            lines.insert(rng.randrange(1, len(lines)), rng.choice(lines[1:]))
        if self.often(wild / 8):
            del lines[rng.randrange(1, len(lines))]
        lines += _needed(method)
        made = self._finish(lines, kind, body, wild, wrap)
        if method == "INVITE":
            talk.invite = made
        return made

    def answer(self, request: bytes, code: int, tag: str, port: int, *, wild: float = 0.2, sdp: bool = False) -> bytes:
        """A response to what the phone asked."""
        head = request.decode("utf-8", "surrogateescape").partition("\r\n\r\n")[0].split("\r\n")[1:]
        names = {"via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "record-route"}
        kept = [line for line in head if line.partition(":")[0].strip().lower() in names]
        kept = [f"{line};tag={tag}" if tag and line[:3].lower() in ("to:", "t: ", "t:<") and "tag=" not in line else line for line in kept]
        lines = [f"SIP/2.0 {code} {self.rng.choice(('OK', '', 'x' * 90, 'Fine'))}", *kept]
        lines.append(f"Contact: {self._contacts(port) if self.often(wild / 2) else f'<sip:s@127.0.0.1:{port}>'}")
        for _ in range(self.rng.choice((1, 3)) if self.often(wild) else 0):
            lines.insert(self.rng.randrange(1, len(lines) + 1), self._header())
        if self.often(wild / 3):
            route = ",".join(f"<sip:127.0.0.{n % 250};lr>" for n in range(self.rng.choice((1, 8, 9, 12, 40))))
            lines.append(f"Service-Route: {route}")
        kind, body = ("application/sdp", self.sdp(port, wild)) if sdp else ("", "")
        return self._finish(lines, kind, body, wild)

    def _contacts(self, port: int) -> str:
        rng = self.rng
        one, other = f"<sip:s@127.0.0.1:{port}>", rng.choice((f"<{self._uri()}>", "tel:5", "<tel:5>", "*", ""))
        return rng.choice((other, f"{one}, {other}", f"{other}, {one}", f"sip:s@127.0.0.1:{port}", f'"a, <b" {one};expires=4294967295'))

    def sdp(self, port: int, wild: float, payload_types: dict[str, int] | None = None) -> str:
        """A session description; the payload types of codecs that were offered before are kept, moved or exchanged."""
        rng = self.rng
        address = rng.choice(("0.0.0.0", "127.0.0.2", "::1", "x" * 300, "224.2.1.1/127/3")) if self.often(wild / 6) else "127.0.0.1"
        lines = ["v=0", f"o=- {rng.choice(_NUMBERS) if self.often(wild / 8) else rng.randrange(1, 10**9)} 1 IN IP4 {address}", "s=-"]
        lines += [f"c=IN {'IP6' if ':' in address else 'IP4'} {address}", "t=0 0"]
        known = payload_types if payload_types is not None else {}
        for _ in range(rng.choice((2, 3, 5, 14, 20)) if self.often(wild / 4) else 1):
            lines += self._media(port, wild, known)
        if self.often(wild / 6):
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        if self.often(wild / 10):
            del lines[rng.randrange(len(lines))]
        return "\r\n".join(lines) + "\r\n"

    def _media(self, port: int, wild: float, known: dict[str, int]) -> list[str]:
        rng = self.rng
        odd = self.often(wild)
        codecs = rng.sample(CODECS, rng.randrange(1, 8)) if odd else rng.sample(CODECS[:4], rng.randrange(1, 5))
        formats, attributes = [], []
        for codec in codecs:
            number = {"PCMU/8000": 0, "PCMA/8000": 8}.get(codec) if not self.often(wild / 4) else None
            if number is None:
                number = known.get(codec, 0)
                if not number or self.often(0.4):
                    number = rng.choice((96, 97, 98, 101, 127, 128, 255, 300, 65535)) if self.often(wild / 3) else rng.randrange(96, 128)
                known[codec] = number
            formats.append(str(number))
            attributes.append(f"a=rtpmap:{number} {codec}")
            if self.often(0.3):
                value = rng.choice(
                    ("0-16", "useinbandfec=1", "a=b;" * rng.choice((1, 17, 60)), "version=3;inventory=arpabet-1;model=0", ";;=", "")
                )
                attributes.append(f"a=fmtp:{number} {value}")
        transport = rng.choice(("RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF", "RTP/AVPF", "udptl", "TCP/MSRP", "x")) if odd else "RTP/AVP"
        kind = rng.choice(("audio", "video", "application", "image", "text", "message", "")) if self.often(wild / 3) else "audio"
        shown = rng.choice(("0", "1", "65535", "65536", "4000/2", "x")) if self.often(wild / 6) else str(port)
        for _ in range(rng.choice((1, 2, 4)) if odd else 0):
            attributes += self._attributes()
        rng.shuffle(attributes)
        return [
            f"m={kind} {shown} {transport} {' '.join(formats)}",
            *attributes,
            rng.choice(("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv")),
        ]

    def _attributes(self) -> list[str]:
        rng = self.rng
        many = rng.choice((1, 2, 4, 16, 17, 65, 70))
        match rng.randrange(12):
            case 0:
                suite = rng.choice(("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "X"))
                key = rng.choice(("A" * 40, "A" * 64, "", "=" * 40, "A" * 900, "é"))
                return [f"a=crypto:{number} {suite} inline:{key}|2^{number}|{number}:4" for number in range(1, many + 1)]
            case 1:
                length = rng.choice((4, 8, 256, 257, 900))
                return [f"a=ice-ufrag:{'u' * length}", f"a=ice-pwd:{'p' * rng.choice((22, 256, 257, 900))}", *self._candidates(many)]
            case 2:
                return self._candidates(many)
            case 3:
                return [f"a=ssrc:{number} cname:{'c' * rng.choice((1, 200))}" for number in range(many)]
            case 4:
                return [f"a={rng.choice(('ptime', 'maxptime'))}:{rng.choice(_NUMBERS)}"]
            case 5:
                return [f"a=rtcp:{rng.choice(_NUMBERS)} IN IP4 {rng.choice(_HOSTS)}", "a=rtcp-mux"]
            case 6:
                return ["a=setup:actpass", "a=fingerprint:sha-256 " + ":".join(["AA"] * rng.choice((20, 32, 64)))]
            case 7:
                return [f"b={rng.choice(('AS', 'TIAS', 'RR', 'X'))}:{rng.choice(_NUMBERS)}"] * min(many, 16)
            case 8:
                return [f"c=IN IP4 {rng.choice(_HOSTS)}"]
            case 9:
                return [f"a=rtcp-fb:{rng.choice(('*', '96', '300'))} {rng.choice(('nack', 'nack pli', 'ccm fir', 'x' * 100))}"] * min(
                    many, 20
                )
            case 10:
                return [f"a=x-{number}:{'y' * rng.choice((1, 40))}" for number in range(many)]
            case _:
                return [f"a=rtpmap:{rng.choice(_NUMBERS)} {rng.choice(CODECS)}", f"a=fmtp:{rng.choice(_NUMBERS)} x=y"]

    def _candidates(self, many: int) -> list[str]:
        rng = self.rng
        kind = rng.choice(("host", "srflx raddr 0.0.0.0 rport 9", "relay", "x"))
        return [
            f"a=candidate:{number} {rng.choice((1, 1, 2, 3, 256))} {rng.choice(('UDP', 'udp', 'TCP'))} {rng.choice(_NUMBERS)} "
            f"{rng.choice(('127.0.0.1', '::1', 'x.local', '127.0.0.1'))} {rng.choice((9, 4000, 65536))} typ {kind}"
            for number in range(many)
        ]

    def _body(self, talk: Talk, method: str, wild: float, sdp: bool | None) -> tuple[str, str]:
        rng = self.rng
        if sdp or (sdp is None and (method == "INVITE" or (method in ("UPDATE", "ACK", "PRACK") and self.often(0.4)))):
            body = self.sdp(talk.rtp_port, wild, talk.payload_types)
            if not self.often(wild / 4):
                return "application/sdp", body
            return rng.choice(_TYPES), body
        match method:
            case "MESSAGE":
                return rng.choice(("text/plain", *_TYPES)) if self.often(wild) else "text/plain", rng.choice(
                    ("hello", "", "x" * 1500, "\u202e[/]")
                )
            case "INFO":
                return rng.choice(
                    (
                        ("application/dtmf-relay", f"Signal={rng.choice('0123456789*#ABCDx')}\r\nDuration={rng.choice(_NUMBERS)}\r\n"),
                        ("application/dtmf", rng.choice(("5", "", "55", "x" * 60))),
                        ("application/media_control+xml", "<media_control><picture_fast_update/></media_control>"),
                        ("", ""),
                    )
                )
            case "NOTIFY":
                return rng.choice(
                    (
                        ("application/simple-message-summary", f"Messages-Waiting: yes\r\nVoice-Message: {rng.choice(_NUMBERS)}/8\r\n"),
                        ("message/sipfrag", f"SIP/2.0 {rng.choice((100, 200, 603, 99, 1000))} OK\r\n"),
                        ("application/pidf+xml", self._xml()),
                        ("application/dialog-info+xml", self._xml()),
                    )
                )
            case "PUBLISH":
                return "application/pidf+xml", self._xml()
            case _:
                return ("text/plain", "x") if self.often(wild / 4) else ("", "")

    def _xml(self) -> str:
        depth = self.rng.choice((1, 3, 31, 40, 300))
        return (
            "<?xml version='1.0'?>"
            + "<a>" * depth
            + self.rng.choice(("", "x", "&lt;", "<b c='d'/>"))
            + "</a>" * self.rng.choice((depth, 0))
        )

    def _uri(self) -> str:
        rng = self.rng
        user = rng.choice(("", "a@", "%00@", "a:b@", "x" * 300 + "@", ";user=phone@", "+1(202)555@"))
        kinds = (f";transport={name}" for name in ("tcp", "x", "sctp", "loop", "tls"))
        tail = rng.choice(("", ";lr", ";maddr=0.0.0.0", "?Replaces=x", ";x" * 50, ";hide", ";lr;hide", *kinds))
        return f"{rng.choice(('sip', 'sips', 'tel', 'x', 'SIP'))}:{user}{rng.choice(_HOSTS)}{tail}"

    def _header(self) -> str:
        rng = self.rng
        many = rng.choice((1, 1, 2, 8, 9, 17, 33, 80))
        uris = ",".join(f"<sip:127.0.0.{number % 250};lr>" for number in range(many))
        words = rng.choice((",", ", ", " , ", ",\r\n ")).join(
            rng.choice(("100rel", "timer", "replaces", "x", "norefersub", "ice", "path", "")) for _ in range(many)
        )
        number = rng.choice(_NUMBERS)
        match rng.randrange(24):
            case 0:
                return f"{rng.choice(_ROUTES)}: {uris}"
            case 1:
                return f"{rng.choice(_ROUTES)}: <{self._uri()}>,{uris}"
            case 2 | 3:
                return f"{rng.choice(_LISTS)}: {words}"
            case 4:
                return f"Session-Expires: {rng.choice(_NUMBERS)};refresher={rng.choice(('uac', 'uas', 'x'))}"
            case 5:
                return f"{rng.choice(_WHOLE_NUMBERS)}: {number}"
            case 6:
                return f"Replaces: {rng.choice(('x', 'stranger1@127.0.0.1'))};to-tag={rng.choice('ab')};from-tag={rng.choice(('s1', 'y'))}"
            case 7:
                return f"{rng.choice(_ADDRESSES)}: <{self._uri()}>"
            case 8:
                return f"Event: {rng.choice(('presence', 'dialog', 'refer', 'message-summary', 'x', 'refer;id=' + rng.choice(_NUMBERS)))}"
            case 9:
                return f"Subscription-State: {rng.choice(('active', 'terminated', 'pending', 'x'))};expires={rng.choice(_NUMBERS)};reason=x"
            case 10:
                return "Via: " + ",".join(f"SIP/2.0/UDP 127.0.0.1:{9 + number};branch=z9hG4bK{number}" for number in range(many))
            case 11:
                return f"{rng.choice(('Contact', 'm'))}: {rng.choice((uris, '*', f'<{self._uri()}>', ''))}"
            case 12:
                realm = rng.choice(("x", "x" * 300, '\\"', ""))
                nonce, algorithm = "n" * rng.choice((1, 200)), rng.choice(("MD5", "SHA-256", "x"))
                challenge = f'{rng.choice(("Digest", "Basic", "Bearer"))} realm="{realm}",nonce="{nonce}",algorithm={algorithm}'
                return f"{rng.choice(('WWW-Authenticate', 'Proxy-Authenticate', 'Authorization', 'Proxy-Authorization'))}: {challenge}"
            case 13:
                return f"Content-Type: {rng.choice(_TYPES)}"
            case 14:
                return f"{rng.choice(('Content-Length', 'l'))}: {rng.choice(_NUMBERS)}"
            case 15:
                return f"CSeq: {rng.choice(_NUMBERS)} {rng.choice(METHODS)}"
            case 16:
                return f"RAck: {rng.choice(_NUMBERS)} {rng.choice(_NUMBERS)} INVITE"
            case 17:
                return f"X-{'x' * rng.choice((1, 60))}: {'y' * rng.choice((0, 1, 300, 1900, 2100))}"
            case 18:
                return f"{rng.choice(('From', 'To', 'f', 't'))}: {rng.choice(_NAMES)}<{self._uri()}>;tag={rng.choice(('x', '', 'x' * 300))}"
            case 19:
                return f"{rng.choice(('Call-ID', 'i'))}: {rng.choice(('x', '', 'x' * 300, 'a b'))}"
            case 20:
                return rng.choice(
                    (
                        'Warning: 399 x "y"',
                        "Reason: Q.850;cause=16",
                        "Privacy: id",
                        "User-Agent: x",
                        "Date: x",
                        "Join: x",
                        "Accept-Contact: *;x",
                    )
                )
            case 21:
                return rng.choice((" folded", "\tfolded", ":", "x", "x:", ": x", "Subject : x", "s: \x01"))
            case 22:
                return f"Content-Encoding: {rng.choice(('gzip', 'identity', ''))}"
            case _:
                return f"Accept: {','.join(['application/sdp'] * many)}"

    def _finish(self, lines: list[str], kind: str, body: str, wild: float, wrap: bool = True) -> bytes:
        rng = self.rng
        if self.often(wild / 10):
            lines = [_numbered_otherwise(line, rng.randrange(4)) if line[:5].lower() == "cseq:" else line for line in lines]
        if body and kind.startswith("application/sdp") and wrap and self.often(wild / 5):
            inner = f"Content-Type: application/sdp\r\n\r\n{body}"
            parts = rng.choice(((inner,), ("\r\nhello", inner), ("\r\nhello",), ()))
            kind = rng.choice(("multipart/mixed;boundary=x", 'multipart/related; boundary="x"', "multipart/mixed"))
            body = "".join(f"--x\r\n{part}\r\n" for part in parts) + rng.choice(("--x--\r\n", "--x--", "--x", ""))
        data = body.encode("utf-8", "surrogateescape")
        length = rng.choice(_NUMBERS) if self.often(wild / 12) else str(len(data))
        lines = [*lines, *([f"Content-Type: {kind}"] if kind or (body and self.often(wild)) else []), f"Content-Length: {length}", "", ""]
        message = "\r\n".join(lines).encode("utf-8", "surrogateescape") + data
        return self._bend(message) if self.often(wild / 3) else message

    def _bend(self, message: bytes) -> bytes:
        rng = self.rng
        data = bytearray(message)
        for _ in range(rng.choice((1, 1, 2, 6))):
            at = rng.randrange(len(data) + 1)
            match rng.randrange(5):
                case 0:
                    data[at:at] = rng.choice(_NASTY)
                case 1:
                    del data[at : at + rng.choice((1, 4, 40))]
                case 2:
                    data[at:at] = bytes(data[at : at + rng.choice((4, 40, 200))]) * rng.choice((1, 3, 20))
                case 3:
                    data[at : at + 1] = bytes([rng.randrange(256)])
                case _:
                    del data[at:]
        return bytes(data[:8000])

    def rtp(self, talk: Talk) -> bytes:
        rng = self.rng
        number = rng.choice((*talk.payload_types.values(), 0, 8, 13, 101, 72, 127))
        payload = rng.randbytes(rng.choice((0, 1, 4, 40, 160, 1400)))
        first = rng.choice((0x80, 0x80, 0x80, 0x80, 0x90, 0xA0, 0x8F, 0x00))
        return (
            struct.pack(
                "!BBHII",
                first,
                (number & 127) | (rng.getrandbits(1) << 7),
                rng.choice((talk.steps, rng.getrandbits(16))) & 0xFFFF,
                rng.getrandbits(32),
                77,
            )
            + payload
        )

    def rtcp(self) -> bytes:
        rng = self.rng
        kind = rng.choice((200, 201, 202, 203, 204, 205, 206, 207, 0))
        body = rng.randbytes(4 * rng.choice((0, 1, 6, 12, 40)))
        length = rng.choice((len(body) // 4, 0, 65535, 1))
        one = struct.pack("!BBH", 0x80 | rng.choice((0, 1, 31)), kind, length) + body
        return one * rng.choice((1, 1, 3, 40))

    def stun(self) -> bytes:
        rng = self.rng
        attributes = b"".join(
            struct.pack("!HH", rng.choice((1, 6, 8, 0x20, 0x24, 0x8022, 0x8028, 0x8029, 9)), rng.choice((4, 8, 20, 65535)))
            + rng.randbytes(rng.choice((4, 8, 20)))
            for _ in range(rng.choice((0, 1, 4, 30)))
        )
        kind = rng.choice((0x0001, 0x0101, 0x0111, 0x0011, 0x0003, 0x0115))
        return struct.pack("!HHI", kind, rng.choice((len(attributes), 0, 65532)) & 0xFFFF, 0x2112A442) + rng.randbytes(12) + attributes


def _numbered_otherwise(line: str, way: int) -> str:
    return (re.sub(r"(\d) ", r"\1", line), line.lower(), f"{line} x", f"{line}\r\n{line}")[way]


def _needed(method: str) -> list[str]:
    return {
        "NOTIFY": ["Event: refer", "Subscription-State: active;expires=60"],
        "REFER": ["Refer-To: <sip:127.0.0.1:9>"],
        "SUBSCRIBE": ["Event: presence", "Expires: 0"],
        "PUBLISH": ["Event: presence"],
        "PRACK": ["RAck: 1 1 INVITE"],
    }.get(method, [])
