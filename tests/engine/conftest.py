"""Fixtures of calls between our phones."""

from collections.abc import Iterator

import pytest

from softphone.control.protocol import Hangup, Status
from tests.peers.sockets.stranger import Stranger
from tests.phones.phone import Phone


@pytest.fixture
def stranger(phone: Phone) -> Iterator[Stranger]:
    """Who calls the `phone` of the module, which must live on after it."""
    with Stranger(phone.uri.partition("@")[2]) as made:
        yield made
    phone.client.request(Hangup())
    assert "calls" in phone.client.request(Status())
