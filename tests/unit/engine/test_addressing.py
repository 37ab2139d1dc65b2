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
