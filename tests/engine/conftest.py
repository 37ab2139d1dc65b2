"""Fixtures of tests of the engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from softphone.control.protocol import Hangup, Status
from tests.peers.sockets.stranger import Stranger
from tests.phones.phone import Phone
from tests.phones.watched import Watched


@pytest.fixture
def stranger(phone: Phone) -> Iterator[Stranger]:
    """Who calls the `phone` of the module, which must live on after it."""
    with Stranger(phone.uri.partition("@")[2]) as made:
        yield made
    phone.client.request(Hangup())
    assert phone.client.request(Status()).pid


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """`watch(name, *codecs)`: a supervised engine, started."""
    with ExitStack() as running:

        def make(name: str, *codecs: str) -> Watched:
            watched = Watched(tmp_path / name, *codecs)
            running.enter_context(watched.engine)
            return watched

        yield make
