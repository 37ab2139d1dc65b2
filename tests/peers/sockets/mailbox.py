"""A server that is only a socket: registers everybody, and tells who subscribes of waiting voice messages (RFC 3842)."""

import hashlib
import re
import threading

from tests.peers.sockets.server import SipServer, field, fields


class Mailbox(SipServer):
    """Answers REGISTER and SUBSCRIBE with 200 (RFC 3261, 10; RFC 6665) and sends `summary` in a NOTIFY to each subscriber.

    With `secret` (user, password) it wants digest credentials for SUBSCRIBE (RFC 2617, 3.2.2).
    """

    def __init__(self, summary: str, secret: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.refused = 0
        self._secret = secret
        self.subscribed = threading.Event()
        self.notified = threading.Event()
        self._summary = summary

    def received(self, message: str, sender: tuple[str, int]) -> None:
        method = message.split(" ", 1)[0]
        if method == "SIP/2.0":
            self.notified.set()
        elif method == "REGISTER":
            self.answer(message, sender, "200 OK", *fields(message, "contact"), "Expires: 300")
        elif method == "SUBSCRIBE" and not self._authorised(message):
            self.refused += 1
            challenge = 'Digest realm="mail, box", nonce="once", opaque="x", algorithm=MD5, qop="auth"'
            self.answer(message, sender, "407 Proxy Authentication Required", f"Proxy-Authenticate: {challenge}")
        elif method == "SUBSCRIBE" and "message-summary" in message:
            self.answer(message, sender, "200 OK", f"Contact: <sip:{self.address}>", "Expires: 300")
            self._notify(message, sender)
            self.subscribed.set()
        else:
            self.answer(message, sender, "200 OK")

    def _authorised(self, head: str) -> bool:
        if self._secret is None:
            return True
        given = dict(re.findall(r'(\w+)="?([^",\s]*)"?', head.partition("Proxy-Authorization:")[2].partition("\r\n")[0]))
        if "nc" not in given:
            return False
        user, password = self._secret
        first, second = md5(f"{user}:mail, box:{password}"), md5(f"SUBSCRIBE:{head.split()[1]}")
        return given["response"] == md5(f"{first}:once:{given['nc']}:{given['cnonce']}:auth:{second}")

    def _notify(self, head: str, to: tuple[str, int]) -> None:
        contact = re.search(r"<([^>]+)>", field(head, "Contact"))
        assert contact is not None
        lines = [
            f"NOTIFY {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address};branch=z9hG4bKmailbox;rport",
            f"From: {field(head, 'To')};tag=server",
            f"To: {field(head, 'From')}",
            f"Call-ID: {field(head, 'Call-ID')}",
            "CSeq: 1 NOTIFY",
            "Max-Forwards: 70",
            f"Contact: <sip:{self.address}>",
            "Event: message-summary",
            "Subscription-State: active;expires=300",
            "Content-Type: application/simple-message-summary",
            f"Content-Length: {len(self._summary)}",
            "",
            self._summary,
        ]
        self.send(lines, to)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
