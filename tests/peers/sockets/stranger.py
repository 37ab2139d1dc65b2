"""A caller of sockets who writes each message by hand: one call at a time, over UDP or TCP, with any session description and any header."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from itertools import count

_numbers = count(1)
SESSION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
PLAIN = "m=audio PORT RTP/AVP 0\r\n"


@dataclass(frozen=True)
class Answer:
    """A response: its status, head and body."""

    status: int
    head: str
    body: str

    def media(self) -> list[str]:
        """The m= lines."""
        return [line for line in self.body.split("\r\n") if line.startswith("m=")]

    def ports(self) -> list[int]:
        """Of the m= lines, in order."""
        return [int(line.split()[1]) for line in self.media()]

    def field(self, name: str, short: str = "-") -> str:
        found = re.search(rf"(?im)^(?:{name}|{short})[ \t]*:[ \t]*([^\r\n]*)", self.head)
        return found[1] if found else ""


@dataclass
class Stranger:
    """`target` is the address of the phone, "127.0.0.1:5060". PORT in a description becomes the RTP port."""

    target: str
    transport: str = "udp"
    name: str = ""
    user: str = "stranger"
    extra: tuple[str, ...] = ()
    wait_s: float = 8.0
    tag: str = ""
    sequence: int = 0
    rtp: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Requests of the phone, whole; each is answered with 200."""

    def __post_init__(self) -> None:
        host, _, port = self.target.rpartition(":")
        self._to = host, int(port)
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        self._sip = socket.socket(socket.AF_INET, kind)
        self._sip.bind(("127.0.0.1", 0))
        if self.transport == "tcp":
            self._sip.connect(self._to)
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind(("127.0.0.1", 0))
        self._media.settimeout(0.1)
        self._pending = b""
        self.here = f"127.0.0.1:{self._sip.getsockname()[1]}"
        self.media_port = self._media.getsockname()[1]
        self.call_id = f"stranger{next(_numbers)}x{self.media_port}"
        self._open = True
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def close(self) -> None:
        self._open = False
        self._listener.join()
        self._sip.close()
        self._media.close()

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *_: object) -> None:
        if self.tag:
            self.request("BYE")
        self.close()

    def _listen(self) -> None:
        while self._open:
            try:
                self.rtp.append(self._media.recv(2048))
            except TimeoutError:
                continue

    def hears(self, seconds: float = 4.0) -> bool:
        """Whether RTP comes, after what had come before."""
        before, deadline = len(self.rtp), time.monotonic() + seconds
        while len(self.rtp) <= before + 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(self.rtp) > before + 2

    def say(self, payload_type: int = 0, payload: bytes = b"\xff" * 160, port: int = 0, number: int = 1) -> None:
        head = struct.pack("!BBHII", 0x80, payload_type, number, 160 * number, 77)
        self._media.sendto(head + payload, ("127.0.0.1", port))

    def invite(self, body: str | None, kind: str = "application/sdp", extra: tuple[str, ...] = ()) -> Answer:
        """INVITE, or re-INVITE once there is a call; the final answer, which is acknowledged. None: without a description."""
        answer = self.request("INVITE", body or "", kind if body else "", extra)
        if not 200 <= answer.status < 300:
            self.acknowledge(answer)
        elif not self.tag or answer.status == 200:
            found = re.search(r"tag=([^;\s>]+)", answer.field("to", "t"))
            self.tag = found[1] if found else ""
            if body:
                self.acknowledge(answer)
        return answer

    def acknowledge(self, answer: Answer, body: str = "") -> None:
        to = answer.field("to", "t")
        self.send(self.message("ACK", body, "application/sdp" if body else "", sequence=self.sequence, to=to))

    def request(self, method: str, body: str = "", kind: str = "", extra: tuple[str, ...] = ()) -> Answer:
        """Send it and wait for its final answer. Raises TimeoutError."""
        self.sequence += 1
        self.send(self.message(method, body, kind, extra))
        return self.final(method)

    def final(self, method: str) -> Answer:
        deadline = time.monotonic() + self.wait_s
        while True:
            answer = self.receive(deadline)
            if answer.status >= 200 and re.search(rf"(?im)^cseq[ \t]*:[ \t]*{self.sequence} +{method}", answer.head):
                return answer

    def message(self, method: str, body: str = "", kind: str = "", extra: tuple[str, ...] = (), sequence: int = 0, to: str = "") -> bytes:
        number = sequence or self.sequence
        content = body.replace("PORT", str(self.media_port)).encode("utf-8", "surrogateescape")
        remote = f"sip:x@{self.target}" + ("" if self.transport == "udp" else ";transport=tcp")
        lines = [
            f"{method} {remote} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.here};branch=z9hG4bK{self.call_id}n{number};rport",
            f"From: {self.name}<sip:{self.user}@{self.here}>;tag=s1",
            f"To: {to}" if to else f"To: <sip:x@{self.target}>" + (f";tag={self.tag}" if self.tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:stranger@{self.here}{'' if self.transport == 'udp' else ';transport=tcp'}>",
            "Max-Forwards: 70",
            *self.extra,
            *extra,
            *([f"Content-Type: {kind}"] if kind else []),
            f"Content-Length: {len(content)}",
            "",
            "",
        ]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + content

    def send(self, data: bytes) -> None:
        if self.transport == "tcp":
            self._sip.sendall(data)
        else:
            self._sip.sendto(data, self._to)

    def receive(self, deadline: float) -> Answer:
        """The next answer; requests of the phone are answered on the way. Raises TimeoutError."""
        while True:
            text = self._next(deadline)
            head, _, body = text.partition("\r\n\r\n")
            if head.startswith("SIP/2.0 "):
                return Answer(int(head[8:11]), head, body)
            self.asked.append(text)
            if not head.startswith("ACK "):
                self.send(self._ok(head))

    def drain(self, seconds: float) -> None:
        """Answer what the phone asks, for so long."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.receive(deadline)
        except TimeoutError:
            return

    def _ok(self, head: str) -> bytes:
        kept = [line for line in head.split("\r\n")[1:] if re.match(r"(?i)(via|v|from|f|to|t|call-id|i|cseq)[ \t]*:", line)]
        return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode("utf-8", "surrogateescape")

    def _next(self, deadline: float) -> str:
        while True:
            self._sip.settimeout(max(0.01, deadline - time.monotonic()))
            if self.transport == "udp":
                data = self._sip.recv(65535)
                if data.strip(b"\r\n\0"):
                    return data.decode("utf-8", "surrogateescape")
                continue
            self._pending = self._pending.lstrip(b"\r\n")
            head, gap, rest = self._pending.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
            size = int(length[1]) if length else 0
            if gap and len(rest) >= size:
                self._pending = rest[size:]
                return (head + gap + rest[:size]).decode("utf-8", "surrogateescape")
            more = self._sip.recv(65535)
            if not more:
                raise TimeoutError("the phone closed the connection")
            self._pending += more
