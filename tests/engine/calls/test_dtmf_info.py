"""Keys by SIP INFO, in every spelling that phones and gateways use, against a live engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer, Dtmf
from softphone.engine.calls.media.dtmf import KEYS
from softphone.engine.calls.media.dtmf_info import DTMF, FLASH, RELAY, InfoKeys, read
from softphone.engine.sip.parsed.sdp_gate import Refusal
from tests.peers.sockets.stranger import PLAIN, SESSION, Stranger
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
SPELLINGS = [
    (DTMF, "5", "5"), (DTMF, " 5 \r\n", "5"), (DTMF, "*", "*"), (DTMF, "#\n", "#"), (DTMF, "a", "A"), (DTMF, "D", "D"), (DTMF, "0", "0"),
    (DTMF, "10", "*"), (DTMF, "11", "#"), (DTMF, "12", "A"), (DTMF, "15", "D"), (DTMF, "05", "5"), (DTMF, "Signal=5\r\nDuration=100", "5"),
    (RELAY, "Signal=5\r\nDuration=160\r\n", "5"), (RELAY, "Signal=5\r\n", "5"), (RELAY, "Signal=5", "5"),
    (RELAY, " Signal= 5\r\nDuration= 160", "5"),
    (RELAY, "Signal=5\nDuration=160", "5"), (RELAY, "Duration=160\r\nSignal=5\r\n", "5"), (RELAY, "signal=5\r\nduration=160", "5"),
    (RELAY, "SIGNAL = * \r\nDURATION = 160", "*"), (RELAY, "\r\nSignal=#\r\n", "#"),
    (RELAY, "Signal=\t5\t\r\n", "5"), (RELAY, "Signal: 5", "5"),
    (RELAY, "Signal=10\r\nDuration=160", "*"), (RELAY, "Signal=11", "#"), (RELAY, "Signal=star", "*"), (RELAY, "Signal=pound", "#"),
    (RELAY, "Signal=b", "B"), (RELAY, "5", "5"), (RELAY, "Version=1\r\nSignal=5\r\nDuration=0\r\nVolume=10\r\n", "5"),
    (RELAY, "Signal=5\r\nSignal=6\r\n", "5"),
]  # fmt: skip
FLASHES = [(DTMF, "16"), (RELAY, "Signal=16\r\nDuration=160"), (RELAY, "Signal=flash"), (RELAY, "Signal=hf\r\n"), (DTMF, "!")]
NO_KEY = [
    (DTMF, "99"), (DTMF, "E"), (DTMF, "55555"), (RELAY, "Signal="), (RELAY, "Signal=\r\nDuration=160"), (RELAY, "Duration=160"),
    (RELAY, "Signal=%s%n"), (RELAY, "Signal=" + "5" * 1000),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "key"), SPELLINGS)
def test_a_key_is_read(kind: str, body: str, key: str) -> None:
    assert read(kind, body.encode()) == key


@given(st.sampled_from((DTMF, RELAY)), st.binary(max_size=300))
def test_any_body_is_a_key_or_none(kind: str, body: bytes) -> None:
    assert read(kind, body) in KEYS | {FLASH, ""}


def test_a_request_that_is_sent_again_is_one_key() -> None:
    told: list[Dtmf] = []
    keys = InfoKeys(lambda _head: 7, told.append)
    fields = b"Call-ID: a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\nCSeq: 5 INFO\r\nContent-Type: application/dtmf\r\n"
    request = b"INFO sip:x SIP/2.0\r\n" + fields + b"\r\n5"
    assert [keys.take(request), keys.take(request)] == [200, 200]
    assert [event.digit for event in told] == ["5"]
    later = request.replace(b"CSeq: 5", b"CSeq: 6")
    assert keys.take(later) == 200 and keys.take(request) == 200 and len(told) == 2
    bad = later.replace(b"CSeq: 6", b"CSeq: 7").replace(b"\n5", b"\n99")
    assert [keys.take(bad), keys.take(bad)] == [400, 400]
    unknown = keys.take(request.replace(b"CSeq: 5", b"CSeq: 8").replace(b"application/dtmf", b"application/x"))
    assert isinstance(unknown, Refusal) and unknown.code == 415 and DTMF in unknown.headers["Accept"]
    assert InfoKeys(lambda _head: 0, told.append).take(request) is None


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"), codecs=Codecs(order=("PCMU",)))
    phone = Phone(tmp_path_factory.mktemp("called"), config)
    phone.start()
    phone.client.request(AutoAnswer())
    yield phone
    phone.stop()


@pytest.fixture(scope="module")
def stranger(called: Phone) -> Iterator[Stranger]:
    with Stranger(called.uri.partition("@")[2]) as made:
        assert made.invite(SESSION + PLAIN).status == 200
        yield made


@pytest.mark.parametrize(("kind", "body", "key"), SPELLINGS)
def test_a_key_arrives(kind: str, body: str, key: str, called: Phone, stranger: Stranger) -> None:
    seen = len(called.events)
    assert stranger.request("INFO", body, kind).status == 200
    told = called.wait(Dtmf, after=seen)
    assert (told.digit, told.method) == (key, "info")


@pytest.mark.parametrize(("kind", "body", "status"), [(*flash, 200) for flash in FLASHES] + [(*none, 400) for none in NO_KEY])
def test_what_is_no_key_is_told_to_nobody(kind: str, body: str, status: int, called: Phone, stranger: Stranger) -> None:
    assert stranger.request("INFO", body, kind).status == status
    seen = len(called.events)
    assert stranger.request("INFO", "1", DTMF).status == 200
    assert called.wait(Dtmf, after=seen).digit == "1", "the one before was none"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/media_control+xml", "application/trickle-ice-sdpfrag", "application/sdp", "application/broadsoft"]
)
def test_an_unknown_type_is_unsupported(kind: str, stranger: Stranger) -> None:
    answer = stranger.request("INFO", "5", kind)
    assert answer.status == 415 and RELAY in answer.field("accept")


@pytest.mark.parametrize("kind", ["application/DTMF-Relay", "application/dtmf-relay; charset=utf-8", "Application/Dtmf"])
def test_the_type_may_be_written_in_any_way(kind: str, called: Phone, stranger: Stranger) -> None:
    seen = len(called.events)
    assert stranger.request("INFO", "Signal=9\r\n", kind).status == 200
    assert called.wait(Dtmf, after=seen).digit == "9"


def test_an_empty_info_asks_whether_we_are_there(stranger: Stranger) -> None:
    assert stranger.request("INFO").status == 200
    assert stranger.request("INFO", "", RELAY).status == 200


def test_keys_of_no_call(called: Phone, tmp_path: Path) -> None:
    with Stranger(called.uri.partition("@")[2]) as nobody:
        assert nobody.request("INFO", "5", DTMF).status == 481
        nobody.tag = "guessed"
        assert nobody.request("INFO", "5", DTMF).status == 481
        nobody.tag = ""


@pytest.mark.parametrize("method", ["BYE", "INFO", "NOTIFY", "PRACK", "REFER", "UPDATE"])
def test_requests_of_no_dialog_are_answered(method: str, called: Phone) -> None:
    with Stranger(called.uri.partition("@")[2]) as nobody:
        assert nobody.request(method).status == 481
