"""A peer that is only sockets: it takes one call with the SDP it is given, and keeps every RTP header that arrives."""

import re
import socket
import struct
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class RtpHeader:
    """RFC 3550, 5.1."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    payload_bytes: int
    first: int
    """Byte of the payload; of Opus its table of contents (RFC 6716, 3.1)."""


class Callee:
    """Answers 200 to INVITE and BYE (RFC 3261), once, without checking anything."""

    def __init__(self, answer: str) -> None:
        """`answer`: lines of the audio description, with `PORT` where the RTP port goes and payload types as in the offer."""
        self.offer = ""
        self.rtp: list[RtpHeader] = []
        self.ended = threading.Event()
        self._answer = answer
        self._sip, self._media = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self._sip, self._media):
            each.bind(("127.0.0.1", 0))
            each.settimeout(0.1)
        self.uri = f"sip:wire@127.0.0.1:{self._sip.getsockname()[1]}"
        self.is_open = True
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._serve, self._listen)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.is_open = False
        for thread in self._threads:
            thread.join()
        self._sip.close()
        self._media.close()

    def _serve(self) -> None:
        while self.is_open:
            try:
                data, sender = self._sip.recvfrom(65535)
            except TimeoutError:
                continue
            head, _, body = data.decode().partition("\r\n\r\n")
            method = head.split(" ", 1)[0]
            if method == "INVITE":
                self.invited_by(head, body, sender)
            elif method == "BYE":
                self._sip.sendto(self.ok(head, ""), sender)
                self.ended.set()
            else:
                self.other(head, body, sender)

    def other(self, head: str, body: str, sender: tuple[str, int]) -> None:
        """Anything else; acknowledgements too."""

    def invited_by(self, head: str, body: str, sender: tuple[str, int]) -> None:
        """An INVITE or re-INVITE; retransmissions too."""
        self.offer = body
        self._sip.sendto(self.ok(head, self.description()), sender)

    def ok(self, head: str, body: str) -> bytes:
        fields = [line for line in head.split("\r\n")[1:] if re.match(r"(?i)(via|from|to|call-id|cseq|record-route|v|f|t|i)\s*:", line)]
        fields = [line + ";tag=wire" if re.match(r"(?i)to?\s*:", line) and ";tag=" not in line else line for line in fields]
        kind = ["Content-Type: application/sdp"] if body else []
        return "\r\n".join(["SIP/2.0 200 OK", *fields, f"Contact: <{self.uri}>", *kind, f"Content-Length: {len(body)}", "", body]).encode()

    def description(self) -> str:
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        lines += self._answer.replace("PORT", str(self._media.getsockname()[1])).splitlines()
        return "\r\n".join(lines) + "\r\n"

    def _listen(self) -> None:
        while self.is_open:
            try:
                packet = self._media.recv(2048)
            except TimeoutError:
                continue
            if len(packet) > 12 and packet[0] >> 6 == 2:
                flags, sequence, timestamp = struct.unpack("!xBHI4x", packet[:12])
                self.rtp.append(RtpHeader(flags >= 128, flags & 127, sequence, timestamp, len(packet) - 12, packet[12]))
