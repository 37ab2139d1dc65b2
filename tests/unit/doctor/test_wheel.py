"""The doctor says where the PJSIP wheel's old OpenSSL and its lack of IPv6 matter, and only there."""

import socket
import threading

import pytest

from softphone.config import Account, Config, Network
from softphone.doctor import wheel as doctor_wheel
from softphone.doctor.wheel import check_ipv6, check_tls, openssl_version


def account(**fields: str) -> Config:
    return Config(account=Account(id="sip:alice@example.org", **fields))


def test_the_openssl_of_the_wheel_is_told_where_tls_is_used() -> None:
    assert openssl_version().startswith("1.0.2")
    assert check_tls(Config()).state == "ok" and "not used" in check_tls(Config()).found
    old = check_tls(Config(network=Network(transport="tls")))
    assert old.state == "missing" and "OpenSSL 1.0.2" in old.found and "VPN" in old.fix
    blind = check_tls(Config(network=Network(transport="tls", tls_verify=False)))
    assert blind.state == "missing" and "tls_verify" in blind.fix


def test_an_address_of_ipv6_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_ipv6(account(proxy="sip:[2001:db8::1]:5060;lr"))
    assert found.state == "broken" and "account.proxy" in found.fix
    asked: list[str] = []

    def resolve(host: str) -> set[int]:
        asked.append(host)
        return {socket.AF_INET6}

    monkeypatch.setattr(doctor_wheel, "_families", resolve)
    found = check_ipv6(account(registrar="sip:six.example.org:5070;transport=udp"))
    assert found.state == "broken" and "account.registrar" in found.fix and asked == ["six.example.org"]
    monkeypatch.setattr(doctor_wheel, "_families", lambda _host: {socket.AF_INET, socket.AF_INET6})
    assert check_ipv6(account()).state == "ok"
    assert check_ipv6(Config()).state == "ok"


def test_names_are_looked_up_with_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor_wheel._families("127.0.0.1") == {socket.AF_INET}
    assert doctor_wheel._families("host.invalid") == set()
    monkeypatch.setattr(doctor_wheel, "RESOLVE_S", 0.1)
    answered = threading.Event()

    def slow(*_: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr("socket.getaddrinfo", slow)
    assert doctor_wheel._families("slow.example.org") == set()
    answered.set()
