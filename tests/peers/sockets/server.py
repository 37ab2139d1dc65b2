"""A SIP server that is one UDP socket and a thread."""

from __future__ import annotations

import re
import socket
import threading
from typing import Self

COPIED = ("via", "v", "from", "f", "to", "t", "call-id", "i", "cseq")
"""What an answer repeats of its request (RFC 3261, 8.2.6.2), in long and short names."""


def fields(message: str, *names: str) -> list[str]:
    """The lines of these header fields, in their order."""
    head = message.partition("\r\n\r\n")[0]
    return re.findall(rf"(?im)^(?:{'|'.join(names)})[ \t]*:[^\r\n]*", head)


def field(message: str, name: str) -> str:
    """The value of a header field that must be there."""
    found = fields(message, name)
    assert found, f"no {name} in {message}"
    return found[0].partition(":")[2].strip()


class SipServer:
    """Serves within `with`: each message goes to `received`, keep-alives aside."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()

    def received(self, message: str, sender: tuple[str, int]) -> None:
        raise NotImplementedError

    def answer(self, request: str, sender: tuple[str, int], status: str, *lines: str) -> None:
        """Send this status ("200 OK") with these header lines."""
        kept = [
            line + ";tag=server" if re.match(r"(?i)to?[ \t]*:", line) and ";tag=" not in line else line for line in fields(request, *COPIED)
        ]
        self.send([f"SIP/2.0 {status}", *kept, *lines, "Content-Length: 0", "", ""], sender)

    def send(self, lines: list[str], to: tuple[str, int]) -> None:
        self._socket.sendto("\r\n".join(lines).encode(), to)

    def _serve(self) -> None:
        while self._open:
            try:
                data, sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            message = data.decode("utf-8", "replace")
            if message.strip():
                self.received(message, sender)
