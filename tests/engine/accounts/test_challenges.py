"""Which challenge of a server is answered, in REGISTER and INVITE (RFC 3261, 22; RFC 8760, 2.4), and what is said where none can be."""

import re
from collections.abc import Iterator

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import Call, Register, Registration
from softphone.engine.accounts.digest import challenges, chosen, credentials, unknown_way
from softphone.engine.sip.parsed.auth_gate import readable
from tests.peers.sockets.challenger import Challenger
from tests.phones.phone import Phone

PLAIN = 'Digest realm="r", nonce="n"'
BASIC = 'Basic realm="r"'
BEARER = 'Bearer authz_server="https://x.example/a", scope="sip"'


def digest(nonce: str, algorithm: str, qop: str = "auth", realm: str = "r") -> str:
    return f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}, qop="{qop}"'


ANSWERED = {
    "without algorithm": ([PLAIN], "n", ""),
    "Basic first": ([BASIC, PLAIN], "n", ""),
    "Basic last": ([PLAIN, BASIC], "n", ""),
    "Bearer first": ([BEARER, digest("n", "MD5")], "n", "MD5"),
    "Bearer, Basic, Negotiate, Digest, NTLM": ([BEARER, BASIC, "Negotiate", digest("n", "MD5"), "NTLM x=y"], "n", "MD5"),
    "several in one header": ([f"{BASIC}, {digest('n', 'MD5')}"], "n", "MD5"),
    "several in one header, Digest first": ([f"{digest('n', 'MD5')}, {BASIC}"], "n", "MD5"),
    "several digests in one header": ([f"{digest('a', 'SHA-256')}, {digest('b', 'MD5')}"], "a", "SHA-256"),
    "three algorithms": ([digest("a", "SHA-512-256"), digest("b", "SHA-256"), digest("c", "MD5")], "b", "SHA-256"),
    "the server prefers MD5": ([digest("c", "MD5"), digest("b", "SHA-256")], "c", "MD5"),
    "one nonce for all": ([digest("a", "SHA-256"), digest("a", "MD5")], "a", "SHA-256"),
    "an unknown algorithm first": ([digest("a", "FOO"), digest("b", "MD5")], "b", "MD5"),
    "session keys first": ([digest("a", "MD5-sess"), digest("b", "MD5")], "b", "MD5"),
    "auth-int or auth": ([digest("a", "MD5", "auth-int,auth")], "a", "MD5"),
    "auth-int or auth, with a blank": ([digest("a", "MD5", "auth-int, auth")], "a", "MD5"),
    "auth-int first": ([digest("a", "MD5", "auth-int"), digest("b", "MD5")], "b", "MD5"),
    "written in any way": (['dIGEST REALM="r",Nonce="n" ,  Algorithm=md5'], "n", "md5"),
    "a quoted algorithm": (['Digest realm="r", nonce="n", algorithm="MD5", qop=auth'], "n", "MD5"),
    "more than is known": (
        ['Digest realm="r", domain="sip:x.example", nonce="n", opaque="", stale=FALSE, algorithm=MD5, x="y, z"'],
        "n",
        "MD5",
    ),
}  # fmt: skip
UNANSWERED = {
    "qop=auth-int alone": [digest("a", "MD5", "auth-int")],
    "Basic alone": [BASIC],
    "Bearer and Basic": [BEARER, BASIC],
    "an algorithm that PJSIP lacks": [digest("a", "SHA-512-256")],
    "an unknown algorithm": [digest("a", "FOO")],
    "no challenge": [],
}


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"), codecs=Codecs(order=("PCMU",)))
    made = Phone(tmp_path_factory.mktemp("asked"), config)
    made.start()
    yield made
    made.stop()


def register(phone: Phone, server: Challenger) -> Registration:
    seen = len(phone.events)
    phone.client.request(Register(account="asked", uri=f"sip:a@{server.address}", username="a", password="p", message_waiting=False))
    return phone.wait(Registration, lambda event: event.state in ("registered", "failed"), after=seen)


def check(tried: str, nonce: str, algorithm: str) -> None:
    assert f'nonce="{nonce}"' in tried
    told = re.search(r"algorithm=\"?([\w-]+)", tried)
    assert (told[1] if told else "") == algorithm
    response = re.search(r'response="([0-9a-f]+)"', tried)
    assert response and len(response[1]) == (64 if "SHA" in algorithm else 32)


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("name", ANSWERED)
def test_a_registrar_is_answered(name: str, status: int, phone: Phone) -> None:
    offered, nonce, algorithm = ANSWERED[name]
    with Challenger(*offered, status=status) as server:
        assert register(phone, server).state == "registered"
        check(server.wait_tried(), nonce, algorithm)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_proxy_of_calls_is_answered(name: str, phone: Phone) -> None:
    offered, nonce, algorithm = ANSWERED[name]
    with Challenger(*offered, status=407, methods=("INVITE",)) as server:
        register(phone, server)
        call = phone.client.request(Call(uri=f"sip:b@{server.address}", account="asked")).call
        assert phone.wait_state(call, "disconnected").code == 486
        check(server.wait_tried(), nonce, algorithm)


def test_folded_challenges_are_answered(phone: Phone) -> None:
    with Challenger(BASIC, PLAIN.replace(", ", ",\r\n "), folded=True) as server:
        assert register(phone, server).state == "registered"


@pytest.mark.parametrize("name", UNANSWERED)
def test_a_way_to_sign_in_that_is_not_known_gets_a_sentence(name: str, phone: Phone) -> None:
    with Challenger(*UNANSWERED[name]) as server:
        told = register(phone, server)
        assert told.state == "failed" and told.code == 401 and "a way to sign in that this phone does not have" in told.reason
    with Challenger(*UNANSWERED[name], status=407, methods=("INVITE",)) as server:
        register(phone, server)
        call = phone.client.request(Call(uri=f"sip:b@{server.address}", account="asked")).call
        assert "a way to sign in that this phone does not have" in phone.wait_state(call, "disconnected").reason


@pytest.mark.parametrize("name", ANSWERED)
def test_where_pjsua_answers_none_the_same_is_chosen(name: str) -> None:
    offered, nonce, _ = ANSWERED[name]
    response = "SIP/2.0 401 No\r\n" + "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in offered) + "\r\n"
    header = credentials(response, "SUBSCRIBE", "sip:a@b", "a", "p")
    assert header is not None and header[0] == "Authorization"
    # Our own digest has SHA-512-256 too.
    assert f'nonce="{"a" if name == "three algorithms" else nonce}"' in header[1]


def test_each_realm_is_answered() -> None:
    lines = [f"Proxy-Authenticate: {digest(nonce, 'MD5', realm=realm)}" for nonce, realm in (("1", "a"), ("2", "b"))]
    response = "\r\n".join(["SIP/2.0 407 No", *lines, "", ""])
    assert [challenge.fields["nonce"] for challenge in chosen(challenges(response), {"MD5"})] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [("", True), (f"WWW-Authenticate: {BASIC}\r\n", True), (f"WWW-Authenticate: {PLAIN}\r\n", False), ('WWW-Authenticate: "\r\n', True)],
)
def test_what_is_no_challenge(text: str, unknown: bool) -> None:
    assert unknown_way(f"SIP/2.0 401 No\r\n{text}\r\n", {"", "MD5"}) is unknown


def test_only_answers_with_challenges_are_written_anew() -> None:
    assert readable(b"SIP/2.0 200 OK\r\nWWW-Authenticate: Basic x\r\n\r\n") is None
    assert readable(b"SIP/2.0 401 No\r\nVia: x\r\n\r\n") is None
    assert readable(b"SIP/2.0 401 No\r\nWWW-Authenticate: Basic realm=x\r\n") is None
    assert readable(b"INVITE sip:x SIP/2.0\r\nWWW-Authenticate: Basic realm=x\r\n\r\n") is None
