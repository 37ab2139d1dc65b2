"""A callee of sockets that answers re-INVITEs as it is told, and sends requests of its own into the call (RFC 3261, 12.2.1)."""

import re
import threading

from tests.peers.sockets.callee import Callee

PCMU = "m=audio PORT RTP/AVP 0\na=rtpmap:0 PCMU/8000"
SHORT = {"contact": "m", "call-id": "i", "from": "f", "to": "t", "via": "v"}
"""RFC 3261, 7.3.3."""


class RefusingPeer(Callee):
    """`codes`: a status code for each re-INVITE in turn, retransmissions aside; after the last, 200."""

    def __init__(self, *codes: int) -> None:
        super().__init__(PCMU)
        self.offers: list[str] = []
        self.answers: list[str] = []
        """Status lines that came for our requests, and NOTIFY requests, whole."""
        self.heard = threading.Condition()
        self._codes = [200, *codes]
        self._answered: dict[str, int] = {}
        self._first: tuple[str, tuple[str, int]] = ("", ("", 0))
        self._sequence = 100

    def invited_by(self, head: str, body: str, sender: tuple[str, int]) -> None:
        number = self._field(head, "cseq")
        if number not in self._answered:
            self._answered[number] = self._codes.pop(0) if self._codes else 200
            self.offers.append(body)
            if not self._first[0]:
                self._first = head, sender
        code = self._answered[number]
        answer = self.ok(head, self.description() if code == 200 else "")
        self._sip.sendto(answer.replace(b"200 OK", b"%d No" % code, 1) if code != 200 else answer, sender)

    def request(self, method: str, *fields: str, body: str = "") -> None:
        """Send a request within the call."""
        head, sender = self._first
        contact = re.search(r"<(.+?)>", self._field(head, "contact"))
        assert contact
        self._sequence += 1
        lines = [
            f"{method} {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.uri.partition('@')[2]};branch=z9hG4bK{self._sequence}",
            f"From: {self._field(head, 'to')};tag=wire",
            f"To: {self._field(head, 'from')}",
            f"Call-ID: {self._field(head, 'call-id')}",
            f"CSeq: {self._sequence} {method}",
            f"Contact: <{self.uri}>",
            "Max-Forwards: 5",
            *fields,
            f"Content-Length: {len(body.encode('latin-1'))}",
            "",
            body,
        ]
        self._sip.sendto("\r\n".join(lines).encode("latin-1"), sender)

    def other(self, head: str, body: str, sender: tuple[str, int]) -> None:
        if head.startswith("NOTIFY"):
            self._sip.sendto(self.ok(head, ""), sender)
        if head.startswith("INFO"):
            self._sip.sendto(self.ok(head, "").replace(b"200 OK", b"405 Method Not Allowed", 1), sender)
        if head.startswith(("NOTIFY", "SIP/2.0")):
            with self.heard:
                self.answers.append(f"{head}\r\n\r\n{body}")
                self.heard.notify_all()

    def wait_for(self, text: str, seconds: float = 20) -> str:
        """The first answer or NOTIFY with this in it."""
        with self.heard:
            found = self.heard.wait_for(lambda: [answer for answer in self.answers if text in answer], seconds)
        assert found, f"no {text} came, only {self.answers}"
        return found[0]

    @staticmethod
    def _field(head: str, name: str) -> str:
        return next(
            line.partition(":")[2].strip()
            for line in head.split("\r\n")
            if line.lower().startswith((name + ":", SHORT.get(name, name) + ":"))
        )
