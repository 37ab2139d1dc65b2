"""RFC 4475 against a live engine: what is tortuous and valid is answered rightly, the rest is refused or dropped, and it lives on."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from softphone.control.protocol import CallState, DoNotDisturb, Status
from tests.peers.sockets.torture import ALL, DROPPED, Torture
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


class Wire:
    """A socket beside a phone; answers to `probe` show that all before it has been dealt with."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.uri = phone.uri.partition("@")[2]
        host, _, port = self.uri.partition(":")
        self._to = host, int(port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self.here = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self._numbers = count(1)

    def statuses(self, message: bytes, answered: bool) -> set[int]:
        """Final statuses with which it was answered; `answered`: wait for one for up to ten seconds."""
        self.socket.sendto(message, self._to)
        found: set[int] = set()
        deadline = time.monotonic() + 10
        # The engine answers a call a turn later than PJSIP answers by itself.
        for turn in count(1):
            if turn > 2 and (found or not answered or time.monotonic() > deadline):
                break
            probe = f"probe{next(self._numbers)}"
            fields = (
                f"Via: SIP/2.0/UDP {self.here};branch=z9hG4bK{probe};rport\r\nFrom: <sip:probe@{self.here}>;tag=p\r\n"
                f"To: <sip:x@{self.uri}>\r\n"
            )
            fields += f"Call-ID: {probe}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            self.socket.sendto(f"OPTIONS sip:x@{self.uri} SIP/2.0\r\n{fields}".encode(), self._to)
            while True:
                answer = self.socket.recv(65535)
                if probe.encode() in answer:
                    assert answer.startswith(b"SIP/2.0 200")
                    break
                status = re.match(rb"SIP/2\.0 ([2-6]\d\d)", answer)
                # Answers to earlier INVITEs come again, because nobody acknowledges them.
                if status and _call_id(answer) == _call_id(message):
                    found.add(int(status[1]))
        return found


def _call_id(message: bytes) -> bytes:
    found = re.search(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S+)", message)
    return found[1] if found else b""


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    from softphone.config import Audio, Codecs, Config, Network  # noqa: PLC0415

    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"), codecs=Codecs(order=("PCMU",)))
    phone = Phone(tmp_path_factory.mktemp("tortured"), config)
    phone.start()
    phone.client.request(DoNotDisturb())
    made = Wire(phone)
    yield made
    made.socket.close()
    phone.stop()


@pytest.mark.interop(
    "messages of RFC 4475: valid ones answered, others refused or dropped, some taken liberally where it allows that", "softphone"
)
@pytest.mark.parametrize("torture", ALL, ids=str)
def test_a_message_of_rfc_4475(torture: Torture, wire: Wire) -> None:
    message = torture.message(wire.uri, wire.here)
    found = wire.statuses(message, DROPPED not in torture.expected)
    assert (found or {DROPPED}) <= torture.expected, f"{torture.section}: {found}\n{message.decode('utf-8', 'replace')}"


def test_none_of_them_left_a_call(wire: Wire) -> None:
    assert wire.phone.client.request(Status()).calls == []
    assert all(event.state in ("incoming", "disconnected") for event in wire.phone.events if isinstance(event, CallState))
