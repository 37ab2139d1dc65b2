"""A server that is only a socket: registers everybody, and tells who subscribes of waiting voice messages (RFC 3842)."""

import hashlib
import re
import socket
import threading

_COPIED = re.compile(r"(?im)^(?:via|from|call-id|cseq)[ \t]*:[^\r\n]*")


class Mailbox:
    """Answers REGISTER and SUBSCRIBE with 200 (RFC 3261, 10; RFC 6665) and sends `summary` in a NOTIFY to each subscriber.

    With `secret` (user, password) it wants digest credentials for SUBSCRIBE (RFC 2617, 3.2.2).
    """

    def __init__(self, summary: str, secret: tuple[str, str] | None = None) -> None:
        self.refused = 0
        self._secret = secret
        self.subscribed = threading.Event()
        self.notified = threading.Event()
        self._summary = summary
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while self._open:
            try:
                data, sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            head = data.decode().partition("\r\n\r\n")[0]
            if not head.strip():
                continue  # keeps a way through a NAT open
            method = head.split(" ", 1)[0]
            if method == "SIP/2.0":
                self.notified.set()
            elif method == "REGISTER":
                self._answer(head, sender, [f"Contact: {_header(head, 'Contact')}", "Expires: 300"])
            elif method == "SUBSCRIBE" and not self._authorised(head):
                self.refused += 1
                challenge = 'Digest realm="mail, box", nonce="once", opaque="x", algorithm=MD5, qop="auth"'
                self._answer(head, sender, [f"Proxy-Authenticate: {challenge}"], "407 Proxy Authentication Required")
            elif method == "SUBSCRIBE" and "message-summary" in head:
                self._answer(head, sender, [f"Contact: <sip:{self.address}>", "Expires: 300"])
                self._notify(head, sender)
                self.subscribed.set()
            else:
                self._answer(head, sender, [])

    def _authorised(self, head: str) -> bool:
        if self._secret is None:
            return True
        given = dict(re.findall(r'(\w+)="?([^",\s]*)"?', head.partition("Proxy-Authorization:")[2].partition("\r\n")[0]))
        if "nc" not in given:
            return False
        user, password = self._secret
        first, second = md5(f"{user}:mail, box:{password}"), md5(f"SUBSCRIBE:{head.split()[1]}")
        return given["response"] == md5(f"{first}:once:{given['nc']}:{given['cnonce']}:auth:{second}")

    def _answer(self, head: str, to: tuple[str, int], more: list[str], status: str = "200 OK") -> None:
        target = _header(head, "To")
        target += "" if ";tag=" in target else ";tag=mailbox"
        lines = [f"SIP/2.0 {status}", *_COPIED.findall(head), f"To: {target}", *more, "Content-Length: 0", "", ""]
        self._socket.sendto("\r\n".join(lines).encode(), to)

    def _notify(self, head: str, to: tuple[str, int]) -> None:
        contact = re.search(r"<([^>]+)>", _header(head, "Contact"))
        assert contact is not None
        lines = [
            f"NOTIFY {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address};branch=z9hG4bKmailbox;rport",
            f"From: {_header(head, 'To')};tag=mailbox",
            f"To: {_header(head, 'From')}",
            f"Call-ID: {_header(head, 'Call-ID')}",
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
        self._socket.sendto("\r\n".join(lines).encode(), to)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _header(head: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}[ \t]*:[ \t]*([^\r\n]*)", head)
    assert found is not None, f"no {name} in {head}"
    return found[1]
