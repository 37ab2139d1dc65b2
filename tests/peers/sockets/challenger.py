"""A server of sockets that asks who is there: it answers REGISTER and INVITE with the challenges it is given, then with 200 or 486."""

from __future__ import annotations

import re
import socket
import threading


class Challenger:
    """`challenges`: values of WWW-Authenticate, in order; `name` of the header. `tried` gets each Authorization value that came."""

    def __init__(
        self, *challenges: str, status: int = 401, folded: bool = False, methods: tuple[str, ...] = ("REGISTER", "INVITE")
    ) -> None:
        self.tried: list[str] = []
        self.requests: list[str] = []
        self.heard = threading.Condition()
        self._name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        self._challenges = challenges
        self._methods = methods
        self._status = status
        self._gap = "\r\n " if folded else " "
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Challenger:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()

    def wait_tried(self, seconds: float = 10) -> str:
        """The first credentials. Raises AssertionError when none come."""
        with self.heard:
            assert self.heard.wait_for(lambda: self.tried, seconds), f"no credentials came, only {self.requests}"
        return self.tried[0]

    def _serve(self) -> None:
        while self._open:
            try:
                data, sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            text = data.decode("utf-8", "replace")
            if text.startswith(("ACK ", "SIP/2.0")) or not text.strip():
                continue
            found = re.search(r"(?im)^(?:Proxy-)?Authorization[ \t]*:[ \t]*([^\r\n]*)", text)
            with self.heard:
                self.requests.append(text)
                if found:
                    self.tried.append(found[1])
                self.heard.notify_all()
            open_door = text.split(" ", 1)[0] not in self._methods
            asked = [] if found or open_door else [f"{self._name}:{self._gap}{challenge}" for challenge in self._challenges]
            status = self._status if not (found or open_door) else 486 if text.startswith("INVITE") else 200
            kept = [line for line in text.split("\r\n")[1:] if re.match(r"(?i)(via|v|from|f|to|t|call-id|i|cseq|contact|m)[ \t]*:", line)]
            kept = [line + ";tag=c" if re.match(r"(?i)to?[ \t]*:", line) and ";tag=" not in line else line for line in kept]
            answer = "\r\n".join([f"SIP/2.0 {status} Answer", *kept, *asked, "Expires: 300", "Content-Length: 0", "", ""])
            self._socket.sendto(answer.encode(), sender)
