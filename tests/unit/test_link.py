"""Messages between engine and worker: every datagram is a message or a LinkError; a slow peer costs old media, never time."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.link.messages import (
    MAX_BODY,
    MAX_PULL,
    Close,
    Failure,
    LinkError,
    Message,
    Observe,
    Observed,
    Open,
    Payload,
    Pcm,
    Pull,
    Ready,
    Said,
    Say,
    Statistics,
    Stop,
    pack,
    unpack,
)
from softphone.link.queue import BoundedQueue
from softphone.link.transport import Link, link_pair

streams = st.integers(0, 2**32 - 1)
json_objects = st.dictionaries(
    st.text(max_size=8), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8), max_size=6
)
messages = st.one_of(
    st.builds(Open, streams, json_objects),
    st.builds(Pcm, streams, st.binary(min_size=1, max_size=640).map(lambda pcm: pcm + pcm)),
    st.builds(Payload, streams, st.binary(max_size=MAX_BODY)),
    st.builds(Pull, streams, st.integers(1, MAX_PULL)),
    st.builds(Close, streams),
    st.just(Stop()),
    st.builds(Ready, json_objects),
    st.builds(Statistics, streams, json_objects),
    st.builds(Observe, streams, st.booleans()),
    st.builds(Observed, streams, json_objects),
    st.builds(Say, streams, json_objects),
    st.builds(Said, streams, json_objects),
    st.builds(Failure, streams, st.text(max_size=200).filter(lambda text: text.encode("utf-8", "replace").decode() == text)),
)


@given(messages)
def test_what_is_packed_is_unpacked(message: Message) -> None:
    assert unpack(pack(message)) == message


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda body: bytes([len(body) % 24, 0, 0, 0, 1, 0, 0, 0]) + body))
def test_every_datagram_is_a_message_or_a_link_error(datagram: bytes) -> None:
    try:
        message = unpack(datagram)
    except LinkError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert unpack(pack(message)) == message


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Pull(1, 0), "outside"),
        (Pull(1, MAX_PULL + 1), "outside"),
        (Pcm(1, b"abc"), "16-bit"),
        (Pcm(1, b""), "16-bit"),
        (Payload(1, bytes(MAX_BODY + 1)), "longer"),
        (Payload(-1, b""), "32 bits"),
        (Open(1, {"x": float("nan")}), "JSON"),
    ],
)
def test_what_cannot_be_sent_is_refused(message: Message, words: str) -> None:
    with pytest.raises(LinkError, match=words):
        pack(message)


@given(st.lists(st.integers()), st.integers(1, 20))
def test_a_bounded_queue_keeps_the_newest_and_counts_the_rest(items: list[int], capacity: int) -> None:
    queue: BoundedQueue[int] = BoundedQueue(capacity)
    evicted = [old for item in items if (old := queue.put(item)) is not None]
    kept = []
    while (item := queue.get()) is not None:
        kept.append(item)
    assert evicted + kept == items
    assert len(kept) == min(capacity, len(items))
    assert queue.dropped == len(evicted)


class End:
    """One end of a link that keeps what it gets."""

    all: ClassVar[list["End"]] = []

    def __init__(self, sock: socket.socket, **options: int) -> None:
        self.got: list[Message] = []
        self.closed: list[str] = []
        self.link = Link(sock, self.got.append, self.closed.append, **options)
        self.link.start()
        self.all.append(self)

    def wait(self, count: int) -> None:
        wait_for(lambda: len(self.got) >= count)


def wait_for(condition: object, seconds: float = 5) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = link_pair()
    yield pair
    for end in End.all:
        end.link.close()
        end.link.join(5)
    End.all.clear()
    for sock in pair:
        sock.close()


def test_messages_pass_both_ways_in_order(sockets: tuple[socket.socket, socket.socket]) -> None:
    a, b = End(sockets[0]), End(sockets[1])
    for number in range(1, 51):
        a.link.send(Pcm(number, bytes(640)))
        b.link.send(Payload(number, b"x" * number))
        if number % 10 == 0:
            b.wait(number)
            a.wait(number)
    assert [message.stream for message in b.got if isinstance(message, Pcm)] == list(range(1, 51))
    assert [len(message.payload) for message in a.got if isinstance(message, Payload)] == list(range(1, 51))
    a.link.close()
    wait_for(lambda: b.closed and a.closed)
    assert "closed" in b.closed[0]


def test_a_peer_that_does_not_read_costs_old_media_and_no_time(sockets: tuple[socket.socket, socket.socket]) -> None:
    capacity = 8
    a = End(sockets[0], capacity=capacity)
    a.link.send(Open(7, {}))
    longest = 0.0
    for _ in range(2000):
        began = time.perf_counter()
        a.link.send(Pcm(7, bytes(640)))
        longest = max(longest, time.perf_counter() - began)
        if _ % 100 == 0:
            time.sleep(0.005)
    assert longest < 0.25, "send() waited for the peer"
    wait_for(lambda: a.link.counters.dropped["pcm", 7] > 1900)
    assert a.link.counters.sent < 40, "a backlog hides in the kernel"
    b = End(sockets[1])
    wait_for(lambda: len(b.got) == 2001 - a.link.counters.dropped["pcm", 7])
    assert b.got[0] == Open(7, {}), "control messages are never dropped"
    a.link.close()


def test_nonsense_closes_the_link_with_a_sentence(sockets: tuple[socket.socket, socket.socket]) -> None:
    a = End(sockets[0])
    sockets[1].send(b"\xff" * 20)
    wait_for(lambda: a.closed)
    assert "reserved" in a.closed[0] or "unknown" in a.closed[0]
    a.link.send(Stop())  # after the end: no error, no effect


def test_many_threads_may_send(sockets: tuple[socket.socket, socket.socket]) -> None:
    a, b = End(sockets[0], capacity=4096), End(sockets[1])
    senders = [threading.Thread(target=lambda n=n: [a.link.send(Pcm(n, bytes(2))) for _ in range(200)]) for n in range(4)]  # type: ignore[misc]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    b.wait(800)
    a.link.close()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=100), max_size=5))
def test_a_link_survives_any_datagrams(datagrams: list[bytes]) -> None:
    ours, theirs = link_pair()
    a = End(ours)
    for datagram in datagrams:
        try:
            theirs.send(datagram)
        except OSError:
            break
    theirs.close()
    wait_for(lambda: a.closed)
    assert len(a.closed) == 1
