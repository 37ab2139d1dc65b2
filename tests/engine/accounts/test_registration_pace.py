"""When a phone registers again, and with whom."""

import re
import socket
from collections.abc import Callable

from softphone.control.protocol import Register, Registration
from softphone.engine.accounts.registration_backoff import RegistrationBackoff, retry_after
from tests.phones.phone import Phone


def waits(pace: RegistrationBackoff, count: int) -> list[tuple[int, float]]:
    return [(round(pace.failed()), pace.place) for _ in range(count)]


def test_waits_double_up_to_the_longest() -> None:
    pace = RegistrationBackoff(1, 2, 300, chance=lambda: 0.5)
    assert [pace.failed() for _ in range(9)] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert RegistrationBackoff(1, 2, 300, chance=lambda: 0.5).failed() == 2
    pace.succeeded()
    assert pace.failed() == 2
    for _ in range(5000):
        assert pace.failed() <= 300


def test_phones_of_one_server_do_not_come_in_the_same_moment() -> None:
    assert RegistrationBackoff(1, 10, 300, chance=lambda: 0.0).failed() == 8
    assert RegistrationBackoff(1, 10, 300, chance=lambda: 1.0).failed() == 12


def test_all_servers_are_asked_before_any_wait() -> None:
    pace = RegistrationBackoff(3, 2, 300, chance=lambda: 0.5)
    assert waits(pace, 7) == [(0, 1), (0, 2), (2, 0), (0, 1), (0, 2), (4, 0), (0, 1)]
    pace.succeeded()
    assert pace.place == 1, "who serves stays"


def test_what_the_server_asks_for_is_heeded_within_reason() -> None:
    assert retry_after("SIP/2.0 503 x\r\nRetry-After: 30 (soon)\r\n\r\nRetry-After: 9") == 30
    assert retry_after("") == 0
    assert RegistrationBackoff(1, 2, 300, chance=lambda: 0.5).failed(30) == 30
    assert RegistrationBackoff(1, 2, 300, chance=lambda: 0.5).failed(10**8) == 300
    assert RegistrationBackoff(2, 2, 300, chance=lambda: 0.5).failed(30) == 0, "another one may serve now"


def serve(registrar: socket.socket) -> socket.socket:
    """Takes one connection, and the REGISTER that comes over it."""
    connection, _ = registrar.accept()
    connection.settimeout(60)
    text = ""
    while "\r\n\r\n" not in text.lstrip("\r\n"):
        data = connection.recv(65535).decode()
        assert data, "the phone closed the connection"
        text += data
    assert text.lstrip("\r\n").startswith("REGISTER ")
    kept = re.findall(r"(?im)^(?:via|v|from|f|to|t|call-id|i|cseq|contact|m)\s*:[^\r\n]*", text)
    connection.sendall("\r\n".join(["SIP/2.0 200 OK", *kept, "Expires: 300", "Content-Length: 0", "", ""]).encode())
    return connection


def test_a_lost_connection_is_made_again(make_phone: Callable[..., Phone]) -> None:
    phone = make_phone("phone", codecs=("PCMU",), transport="tcp", hasty=True)
    with socket.create_server(("127.0.0.1", 0)) as registrar:
        registrar.settimeout(60)
        uri = f"sip:127.0.0.1:{registrar.getsockname()[1]};transport=tcp"
        phone.client.request(Register(account="work", uri="sip:x@127.0.0.1", registrar=uri, username="x", password="y"))
        place = 0
        for _ in range(2):
            with serve(registrar):
                phone.wait(Registration, lambda event: event.account == "work" and event.state == "registered", 60, place)
                place = len(phone.events)
            lost = phone.wait(Registration, lambda event: event.account == "work", 60, place)
            assert lost.state == "failed" and "connection" in lost.reason and lost.retry_s is not None
            place = len(phone.events)


def test_a_registration_that_cannot_even_be_sent_is_tried_again(make_phone: Callable[..., Phone]) -> None:
    phone = make_phone("phone", codecs=("PCMU",), hasty=True)
    registrar = "sip:127.0.0.1:9;transport=tls"
    phone.client.request(Register(account="work", uri="sip:x@127.0.0.1", registrar=registrar, username="x", password="y"))
    place = 0
    for _ in range(2):
        failed = phone.wait(Registration, lambda event: event.account == "work" and event.state == "failed", 60, place)
        assert failed.retry_s is not None and failed.retry_s <= 3
        place = phone.events.index(failed) + 1
