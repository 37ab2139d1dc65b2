"""A server of sockets that asks who is there: it answers REGISTER and INVITE with the challenges it is given, then with 200 or 486."""

import re
import threading

from tests.peers.sockets.server import SipServer, fields


class Challenger(SipServer):
    """`challenges`: values of WWW-Authenticate, in order. `tried` gets each Authorization value that came."""

    def __init__(
        self, *challenges: str, status: int = 401, folded: bool = False, methods: tuple[str, ...] = ("REGISTER", "INVITE")
    ) -> None:
        super().__init__()
        self.tried: list[str] = []
        self.requests: list[str] = []
        self.heard = threading.Condition()
        self._name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        self._challenges = challenges
        self._methods = methods
        self._status = status
        self._gap = "\r\n " if folded else " "

    def wait_tried(self, seconds: float = 10) -> str:
        """The first credentials. Raises AssertionError when none come."""
        with self.heard:
            assert self.heard.wait_for(lambda: self.tried, seconds), f"no credentials came, only {self.requests}"
        return self.tried[0]

    def received(self, message: str, sender: tuple[str, int]) -> None:
        if message.startswith(("ACK ", "SIP/2.0")):
            return
        found = re.search(r"(?im)^(?:Proxy-)?Authorization[ \t]*:[ \t]*([^\r\n]*)", message)
        with self.heard:
            self.requests.append(message)
            if found:
                self.tried.append(found[1])
            self.heard.notify_all()
        lines = [*fields(message, "contact", "m"), "Expires: 300"]
        if found or message.split(" ", 1)[0] not in self._methods:
            self.answer(message, sender, "486 Busy Here" if message.startswith("INVITE") else "200 OK", *lines)
        else:
            challenges = [f"{self._name}:{self._gap}{challenge}" for challenge in self._challenges]
            self.answer(message, sender, f"{self._status} Who Is There", *challenges, *lines)
