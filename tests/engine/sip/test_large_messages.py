"""Long headers and large messages, over UDP and TCP: handled, or refused with 513, and never mistaken for something else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer, Hangup, Message, Status
from softphone.engine.sip.head import party
from softphone.engine.sip.unparsed.dropped import TOO_LARGE, missing, refusal
from tests.peers.sockets.stranger import PLAIN, SESSION, Stranger
from tests.phones.phone import Phone

FILLER = "a=x-filler:0123456789012345678901234567890123456789\r\n"


def start(folder: Path, transport: str) -> Phone:
    network = Network(bind="127.0.0.1", transport=transport)
    phone = Phone(folder, Config(network=network, audio=Audio(input="null", output="null"), codecs=Codecs(order=("PCMU",))))
    phone.start()
    phone.client.request(AutoAnswer())
    return phone


@pytest.fixture(scope="module", params=["udp", "tcp"])
def phone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    made = start(tmp_path_factory.mktemp(request.param), request.param)
    made.transport = request.param  # type: ignore[attr-defined]
    yield made
    made.stop()


def stranger(phone: Phone, name: str = "", user: str = "stranger", extra: tuple[str, ...] = ()) -> Stranger:
    target = phone.uri.partition("@")[2].partition(";")[0]
    return Stranger(target, phone.transport, name, user, extra)  # type: ignore[attr-defined]


def offer(size: int) -> str:
    text = SESSION + PLAIN
    return text + FILLER * ((size - len(text)) // len(FILLER))


@pytest.mark.parametrize("size", [1025, 1100, 1500, 2000, 3000, 3500, 4000, 5000, 9000, 60000])
def test_a_description_of_any_size(size: int, phone: Phone) -> None:
    with stranger(phone) as caller:
        answer = caller.invite(offer(size))
        assert answer.status == (200 if size <= 3500 else 513)
        assert answer.status == 513 or caller.hears()
    phone.client.request(Hangup())


def test_a_call_lives_on_beside_what_is_too_large(phone: Phone) -> None:
    with stranger(phone) as caller:
        assert caller.invite(SESSION + PLAIN).status == 200
        for size in (4000, 9000, 60000):
            assert caller.invite(offer(size)).status == 513
            assert caller.request("MESSAGE", "x" * size, "text/plain").status == 513
            assert caller.request("INFO", "5", "application/dtmf").status == 200, "the connection is in step again"
        assert caller.invite(SESSION + PLAIN).status == 200
        assert caller.hears()


@pytest.mark.parametrize("length", [200, 260, 1000, 2000])
def test_a_caller_with_a_long_name_or_address(length: int, phone: Phone) -> None:
    for name, user in (
        (f'"{"n" * length}" ', "stranger"),
        ("", "u" * length),
        (f'"{"é" * (length // 2)}" ', "stranger"),
        ("n" * length + " ", "x"),
    ):
        with stranger(phone, name, user) as caller:
            assert caller.invite(SESSION + PLAIN).status == 200
            call = phone.client.request(Status()).calls[-1].call
            told = phone.wait_state(call, "incoming")
            seen = len(phone.events)
            assert name.strip() in told.remote and f"sip:{user}@127.0.0.1" in told.remote
            assert phone.client.request(Status()).calls[-1].remote == told.remote
            assert caller.request("MESSAGE", "hello", "text/plain").status == 200
            assert name.strip() in phone.wait(Message, after=seen).remote
    phone.client.request(Hangup())


@pytest.mark.parametrize(
    "fields",
    [{"name": f'"{"n" * 3300}" '}, {"user": "u" * 3300}, {"extra": tuple(f"Record-Route: <sip:p{n}.{'x' * 190};lr>" for n in range(15))}],
)
def test_a_request_whose_answer_would_not_fit_is_too_large(fields: dict[str, object], phone: Phone) -> None:
    """PJSIP would take the call, and send nothing."""
    with stranger(phone, **fields) as caller:  # type: ignore[arg-type]
        for method in ("INVITE", "OPTIONS", "MESSAGE"):
            answer = caller.request(method, SESSION + PLAIN if method == "INVITE" else "", "application/sdp" if method == "INVITE" else "")
            assert answer.status == 513
            if method == "INVITE":
                caller.acknowledge(answer)
    assert phone.client.request(Status()).calls == []


def test_a_head_that_is_too_large_alone(phone: Phone) -> None:
    with stranger(phone, extra=("X-Long: " + "y" * 5000,)) as caller:
        assert caller.request("INVITE", SESSION + PLAIN, "application/sdp").status == 513
    with stranger(phone) as caller:
        assert caller.request("OPTIONS").status == 200


HEAD = (
    b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nFrom: <sip:a>;tag=1\r\n"
    + b"To: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 9\r\n"
)


def test_what_is_answered_when_it_is_too_large() -> None:
    assert refusal(HEAD + b"\r\nv=0", TOO_LARGE).startswith(b"SIP/2.0 513 ")
    assert b"\r\nTo: <sip:b>;tag=" in refusal(HEAD + b"\r\n", TOO_LARGE)
    assert refusal(HEAD + b"X-Long: yyy", TOO_LARGE).startswith(b"SIP/2.0 513 ")
    for other in (
        HEAD.replace(b"INVITE", b"ACK"),
        b"SIP/2.0 200 OK\r\n" + HEAD,
        HEAD.replace(b"Call-ID: c\r\n", b""),
        b"",
        b"\r\n\r\n",
        b"x" * 4000,
    ):
        assert refusal(other, TOO_LARGE) == b""


def test_how_much_is_still_to_come() -> None:
    assert missing(HEAD + b"\r\nv=0") == 6
    assert missing(HEAD + b"\r\nv=0......and more") == 0
    assert missing(HEAD) is None and missing(b"INVITE\r\n\r\n") is None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('From: "A <b> \\" c" <sip:a@b;x=y>;tag=1', '"A <b> \\" c" <sip:a@b;x=y>'),
        ("f:sip:a@b;tag=1", "sip:a@b"),
        ("From: A\r\n B <sip:a@b>", "A B <sip:a@b>"),
        ("From : <sip:a@b>;tag=1", "<sip:a@b>"),
        ('From: "unfinished <sip:a@b>', '"unfinished <sip:a@b>'),
        ("From: sip:a@b", "sip:a@b"),
        ("From:", ""),
        ("X: y", ""),
    ],
)
def test_who_is_named(header: str, name: str) -> None:
    assert party(f"INVITE sip:x SIP/2.0\r\n{header}\r\n\r\n".encode(), "from") == name
