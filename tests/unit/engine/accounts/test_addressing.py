"""Numbers that a command names become addresses at the account's server."""

from types import SimpleNamespace
from typing import Any

import pytest

from softphone.engine.accounts.addressing import Addressing


@pytest.mark.parametrize(
    ("named", "called"),
    [
        ("0151 2345678", "sip:+491512345678@example.org"),
        ("tel:+1-202-555-0100", "sip:+12025550100@example.org"),
        ("112", "sip:112@example.org"),
        ("sip:0151@example.net", "sip:0151@example.net"),
    ],
)
def test_a_number_is_rewritten_and_an_address_is_not(named: str, called: str) -> None:
    account: Any = SimpleNamespace(settings=SimpleNamespace(registrar="sip:example.org", uri="sip:alice@example.org"))
    addressing = Addressing({"work": account}, "udp", lambda _uri: True, {"0": "+49", "1": "+1"})
    assert addressing.complete(named, account) == called


@pytest.mark.parametrize(
    ("uri", "registered", "chosen"),
    [
        ("sip:bob@example.org", (), "work"),
        ("bob@example.org;transport=tcp", (), "work"),
        ("sip:bob@example.net", (), "local"),
        ("bob", (), "work"),
        ("sip:192.0.2.9", (), "local"),
        ("sip:bob@example.org", ("home",), "home"),
        ("sip:bob@example.com", ("home",), "home"),
    ],
)
def test_an_address_at_the_server_of_an_account_is_called_by_it_before_it_is_registered(
    uri: str, registered: tuple[str, ...], chosen: str
) -> None:
    def account(name: str, domain: str) -> Any:
        settings = SimpleNamespace(registrar=domain and f"sip:{domain}", uri=f"sip:alice@{domain or '192.0.2.1'}")
        return SimpleNamespace(name=name, settings=settings, leaving=False, registered=name in registered)

    accounts = {name: account(name, domain) for name, domain in (("local", ""), ("work", "example.org"), ("home", "example.info"))}
    assert Addressing(accounts, "udp", lambda _uri: True, {}).best_account(uri) is accounts[chosen]
