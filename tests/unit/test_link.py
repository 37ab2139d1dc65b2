"""Messages between engine and worker: every datagram is a message or a LinkError; a slow peer costs old media, never time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.units.errors import CodecError
from codec.wire.link_report import LinkReport
from codec.wire.settings import EncoderSettings
from softphone.link.counters import WorkerFacts
from softphone.link.messages import (
    MAX_DATAGRAM,
    MAX_PULL,
    Close,
    Failure,
    HeardPhone,
    Keep,
    KnownVoice,
    LinkError,
    Memory,
    Message,
    NotSaid,
    Observe,
    Observed,
    Open,
    OwnVoice,
    PathQuality,
    Payload,
    Pcm,
    Pull,
    Ready,
    Said,
    Say,
    SentPhone,
    Statistics,
    Stop,
    StreamStatistics,
    Tune,
    VoiceProgress,
    pack,
    unpack,
)
from softphone.link.queue import BoundedQueue
from softphone.link.transport import Link, link_pair

streams = st.integers(0, 2**32 - 1)
counts = st.integers(0, 2**40)
numbers = st.floats(allow_nan=False)
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)
encoder_settings = st.builds(
    EncoderSettings,
    interval_ms=st.integers(40, 640),
    redundancy=st.integers(0, 11),
    voice=st.booleans(),
    detail=st.integers(0, 2),
    repeated_detail=st.integers(0, 2),
    comfort_noise=st.booleans(),
)
reports = st.builds(LinkReport, numbers, numbers, numbers, numbers)
known = st.builds(KnownVoice, st.dictionaries(text, text, max_size=3), st.dictionaries(text, text, max_size=3), counts)
own = st.builds(OwnVoice, text, text, numbers, numbers, counts)
memories = st.builds(Memory, st.booleans(), st.none() | own, st.none() | known, st.none() | known)
statistics = st.builds(
    StreamStatistics, packets=counts, voice_known=st.booleans(), sent_speech_ms=numbers, link_report=st.none() | reports, typed_s=numbers
)
states = st.sampled_from(["received", "recovered", "lost"])
messages = st.one_of(
    st.builds(Open, streams, encoder_settings, st.booleans()),
    st.builds(Pcm, streams, st.binary(min_size=1, max_size=640).map(lambda pcm: pcm + pcm)),
    st.builds(Payload, streams, st.binary(max_size=MAX_DATAGRAM - 20)),
    st.builds(Pull, streams, st.integers(1, MAX_PULL)),
    st.builds(Close, streams),
    st.just(Stop()),
    st.builds(Ready, st.builds(WorkerFacts, counts, text, text, numbers, numbers, counts)),
    st.builds(Statistics, streams, statistics),
    st.builds(Observe, streams, st.booleans()),
    st.builds(
        Observed,
        streams,
        st.lists(st.builds(SentPhone, text, counts, st.booleans()), max_size=4),
        st.lists(st.builds(HeardPhone, text, counts, states), max_size=4),
        st.builds(VoiceProgress, counts, st.none() | numbers, counts, st.none() | numbers),
    ),
    st.builds(Say, streams, counts, text, st.none() | text),
    st.builds(Said, streams, counts, numbers, st.lists(text, max_size=3), st.none() | text, st.booleans()),
    st.builds(NotSaid, streams, counts, text),
    st.builds(
        Tune, streams, st.none() | encoder_settings, st.none() | st.builds(PathQuality, reports, st.booleans()), st.none() | memories
    ),
    st.builds(Keep, streams, st.none() | own, st.none() | known, st.none() | known, st.booleans()),
    st.builds(Failure, streams, text),
)


@given(messages)
def test_what_is_packed_is_unpacked(message: Message) -> None:
    assert unpack(pack(message)) == message


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A datagram with some bytes replaced, left out or added."""
    datagram = bytearray(pack(draw(messages)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(datagram)))
        datagram[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(datagram)


@given(st.binary(max_size=64) | damaged())
def test_every_datagram_is_a_message_or_a_link_error(datagram: bytes) -> None:
    try:
        message = unpack(datagram)
    except LinkError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert repr(unpack(pack(message))) == repr(message)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Pull(1, 0), "outside"),
        (lambda: Pull(1, MAX_PULL + 1), "outside"),
        (lambda: Pcm(1, b"abc"), "16-bit"),
        (lambda: Pcm(1, b""), "16-bit"),
        (lambda: Payload(1, bytes(MAX_DATAGRAM)), "longer"),
        (lambda: Payload(-1, b""), "32 bits"),
        (lambda: Say(1, 2, "\ud800"), "Unicode"),
    ],
)
def test_what_cannot_be_sent_is_refused(make: Callable[[], Message], words: str) -> None:
    with pytest.raises(LinkError, match=words):
        pack(make())


@pytest.mark.parametrize(
    "fields",
    [
        ["Pull", 1, 0],
        ["Pull", 1, "2"],
        ["Pull", 1],
        ["Pull", 2**32, 2],
        ["Pcm", 1, b"abc"],
        ["Stop", 1],
        ["Start"],
        ["Open", 1, {"interval_ms": 5}, True],
        ["Open", 1, {"interval_ms": "fast"}, True],
        ["Observed", 1, [], [["AH", 80, "invented"]], [0, None, 0, None]],
        {"Pull": 1},
        7,
    ],
)
def test_what_breaks_a_rule_of_its_message_is_refused(fields: object) -> None:
    with pytest.raises(LinkError, match="datagram|message|outside|16-bit"):
        unpack(msgspec.msgpack.encode(fields))


def test_settings_are_checked_where_they_are_made() -> None:
    with pytest.raises(CodecError, match="interval_ms"):
        Open(1, EncoderSettings(interval_ms=5))


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
    a.link.send(Open(7, EncoderSettings()))
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
    assert b.got[0] == Open(7, EncoderSettings()), "control messages are never dropped"
    a.link.close()


def test_nonsense_closes_the_link_with_a_sentence(sockets: tuple[socket.socket, socket.socket]) -> None:
    a = End(sockets[0])
    sockets[1].send(b"\xff" * 20)
    wait_for(lambda: a.closed)
    assert "no message of the link" in a.closed[0]
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
