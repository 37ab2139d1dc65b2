"""Servers of presence that misbehave, and what is told to whom: no contact is lost, and a stranger learns nothing."""

from types import SimpleNamespace
from typing import Any

import pjsua2 as pj
import pytest

from softphone.control.protocol import Event, Log, Presence
from softphone.engine.presence.documents import DIALOG_INFO, PIDF, write
from softphone.engine.presence.share import BURST, PresenceShare
from softphone.engine.presence.watch import AT_ONCE, MOST, PresenceWatch

BOB = "sip:bob@example.org"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Requests:
    """Keeps what is sent; `answer` is for the oldest that has none."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, str], Any, tuple[str, str]]] = []
        self.fails = False

    def send(self, account: Any, method: str, target: str, headers: Any, answered: Any, body: tuple[str, str] = ("", "")) -> None:
        if self.fails:
            raise pj.Error(1, "send", "no network", "", 0)
        self.sent.append((method, target, dict(headers), answered, body))

    def answer(self, code: int, response: str = "") -> None:
        self.sent.pop(0)[3](code, response)


@pytest.fixture
def world() -> SimpleNamespace:
    it = SimpleNamespace(clock=Clock(), requests=Requests(), told=list[Event](), wanted=[BOB], way=True)
    account = SimpleNamespace(user_part="alice", transport_parameter="")
    it.watch = PresenceWatch(
        lambda: it.wanted,
        lambda uri: (account, uri) if it.way else None,  # type: ignore[arg-type,return-value]
        it.requests,
        it.told.append,
        lambda: "192.0.2.1:5060",
        it.clock,
    )
    return it


def subscribed(world: SimpleNamespace, number: int = 1) -> None:
    """The SUBSCRIBE goes out, and is taken."""
    world.watch.tick()
    message = f"SUBSCRIBE {BOB} SIP/2.0\r\nCall-ID: c{number}\r\nFrom: <sip:alice@x>;tag=t{number}\r\nTo: <{BOB}>\r\n\r\n"
    world.watch.sent(message.encode())
    world.requests.answer(200, "SIP/2.0 200 OK\r\nExpires: 100\r\n\r\n")


def notify(number: int = 1, state: str = "active", body: str = "", kind: str = PIDF, event: str = "presence") -> bytes:
    head = (
        f"NOTIFY sip:alice@x SIP/2.0\r\nCall-ID: c{number}\r\nTo: <sip:alice@x>;tag=t{number}\r\nFrom: <{BOB}>;tag=b\r\nEvent: {event}\r\n"
    )
    return f"{head}Subscription-State: {state}\r\nContent-Type: {kind}\r\n\r\n{body}".encode()


def last(world: SimpleNamespace) -> Presence:
    world.watch.tick()
    return world.watch.last[BOB]  # type: ignore[no-any-return]


def test_a_subscription_is_renewed_and_its_silence_is_told(world: SimpleNamespace) -> None:
    subscribed(world)
    assert world.watch.take(notify(body=write(BOB, "available", ""))) == 200
    assert last(world).state == "available"
    world.clock.now += 81
    subscribed(world, 2)
    assert world.watch.take(notify(1, body=write(BOB, "busy", ""))) == 200, "the one before may speak until the new one does"
    assert world.watch.take(notify(1, "terminated;reason=timeout")) == 200
    assert last(world).state == "busy", "whose end is not the end"
    assert world.watch.take(notify(3)) == 481
    world.clock.now += 300
    world.watch.tick()
    assert last(world).state == "unknown" and world.requests.sent, "and it is asked again"


def test_dialogs_are_asked_for_where_presence_is_not_known(world: SimpleNamespace) -> None:
    world.watch.tick()
    assert world.requests.sent[0][2]["Event"] == "presence"
    world.requests.answer(489)
    world.watch.tick()
    assert world.requests.sent[0][2] | {"Contact": ""} == {"Event": "dialog", "Expires": "600", "Accept": DIALOG_INFO, "Contact": ""}
    world.requests.answer(489)
    assert "tells nobody" in last(world).reason


@pytest.mark.parametrize(
    ("state", "wait"),
    [("terminated;reason=deactivated", 30), ("terminated;reason=rejected", 3600), ("terminated", 30), ("terminated;reason=giveup", 30)],
)
def test_what_a_server_ends_is_asked_for_again(world: SimpleNamespace, state: str, wait: float) -> None:
    subscribed(world)
    world.watch.take(notify(state=state))
    assert last(world).state == "unknown"
    world.clock.now += wait - 1
    world.watch.tick()
    assert not world.requests.sent
    world.clock.now += 2
    world.watch.tick()
    assert world.requests.sent


def test_refusals_make_the_waits_longer_and_no_contact_is_lost(world: SimpleNamespace) -> None:
    waits = []
    for code in (500, 403, 408, 404, 503, 200):
        began = world.clock.now
        while not world.requests.sent:
            world.clock.now += 1
            world.watch.tick()
        waits.append(world.clock.now - began)
        world.requests.answer(code, "Retry-After: 7\r\n")
    assert waits == [1, 30, 60, 120, 240, 480]
    world.requests.fails = True
    world.clock.now += 5000
    world.watch.tick()
    world.requests.fails, world.way = False, False
    world.clock.now += 5000
    assert "no account" in last(world).reason
    world.way = True
    world.watch.again()
    subscribed(world)


def test_who_is_no_longer_wanted_is_forgotten_and_long_lists_take_their_time(world: SimpleNamespace) -> None:
    subscribed(world)
    world.wanted = [f"sip:{number}@example.org" for number in range(2 * MOST)]
    world.watch.tick()
    assert world.watch.take(notify()) == 481 and BOB not in world.watch.last
    assert len(world.requests.sent) == AT_ONCE
    for _ in range(MOST):
        world.watch.tick()
    assert len(world.requests.sent) == MOST


def test_many_notifies_are_one_event_a_tick(world: SimpleNamespace) -> None:
    subscribed(world)
    for number in range(100):
        world.watch.take(notify(body=write(BOB, "busy", f"note {number}")))
    assert last(world).note == "note 99"
    assert len([event for event in world.told if isinstance(event, Presence)]) == 1


def share(kind: str, account: Any = None) -> tuple[PresenceShare, SimpleNamespace]:
    it = SimpleNamespace(clock=Clock(), requests=Requests(), told=list[Event](), own=("available", ""), shown=[])
    given = SimpleNamespace(
        settings=SimpleNamespace(name="work", uri="sip:alice@example.org", registrar="sip:example.org"),
        registered=True,
        leaving=False,
        getId=lambda: 1,
        setOnlineStatus=it.shown.append,
    )
    made = PresenceShare(kind, lambda: it.own, lambda sender: BOB in sender, {"work": given}, it.requests, it.told.append, it.clock)  # type: ignore[arg-type,dict-item]
    return made, it


def subscribe(sender: str, event: str = "presence", to: str = "<sip:alice@x>") -> bytes:
    return f"SUBSCRIBE sip:alice@x SIP/2.0\r\nFrom: <{sender}>;tag=1\r\nTo: {to}\r\nEvent: {event}\r\n\r\n".encode()


def test_who_may_ask() -> None:
    off, _ = share("off")
    assert off.refuse(subscribe(BOB)) == 489
    made, it = share("contacts")
    assert made.refuse(subscribe("sip:eve@example.org")) == 403
    assert made.refuse(subscribe("sip:eve@example.org", event="dialog")) is None, "PJSIP knows that it has no such"
    assert made.refuse(subscribe("sip:eve@example.org", to="<sip:alice@x>;tag=2")) is None, "it is in already"
    assert [made.refuse(subscribe(BOB)) for _ in range(BURST + 1)] == [None] * BURST + [480]
    it.clock.now += 10
    assert made.refuse(subscribe(BOB)) is None
    made.update()
    assert not it.requests.sent and len(it.shown) == 1
    made.update()
    assert len(it.shown) == 1, "told once"


def test_what_is_published_is_kept_up() -> None:
    made, it = share("server")
    made.update()
    assert it.requests.sent[0][0] == "PUBLISH" and "<basic>open</basic>" in it.requests.sent[0][4][1]
    it.requests.answer(200, "SIP/2.0 200 OK\r\nSIP-ETag: one\r\nExpires: 100\r\n")
    made.update()
    assert not it.requests.sent
    it.own = ("busy", "On the phone")
    made.update()
    assert it.requests.sent[0][2]["SIP-If-Match"] == "one" and "on-the-phone" in it.requests.sent[0][4][1]
    it.requests.answer(200, "SIP/2.0 200 OK\r\nSIP-ETag: two\r\nExpires: 100\r\n")
    it.clock.now += 81
    made.update()
    assert it.requests.sent[0][4] == ("", ""), "a refresh has no body"
    it.requests.answer(412)
    made.update()
    assert "SIP-If-Match" not in it.requests.sent[0][2] and it.requests.sent[0][4][1]
    it.requests.answer(489)
    it.clock.now += 10000
    made.update()
    assert not it.requests.sent and any(isinstance(event, Log) and "489" in event.message for event in it.told)
    made.unregistered("work")
    made.update()
    assert it.requests.sent, "another server may know it"
