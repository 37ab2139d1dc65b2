"""A phone that has been used: people, calls and messages of two days."""

from typing import Any

import msgspec

from softphone.control import protocol
from softphone.control.protocol import Command, DeviceInfo, DeviceList
from softphone.store.contacts import Address, Contact
from softphone.store.store import Store
from tests.tui.running import memory_store

NOW = 1_795_428_000.0
"""Monday 23 November 2026, 10:00 UTC."""
DEVICES = DeviceList([DeviceInfo("USB headset", 1, 2), DeviceInfo("HDMI", 0, 8)], "USB headset", "USB headset")


def filled_store() -> Store:
    """Favourites, several addresses, special rules; a missed call; messages that arrived and one that did not."""
    store = memory_store()
    for contact in (
        Contact(
            "Alice Example", (Address("sip:alice@example.org"), Address("+49 30 1234", "work")), favourite=True, notes="met in Berlin"
        ),
        Contact("Bob Builder", (Address("sip:bob@example.org"),), auto_answer=True),
        Contact("Zoë Ångström", (Address("sip:zoe@192.0.2.7"),), codecs=("opus", "PCMU")),
        Contact("Nobody"),
    ):  # fmt: skip
        store.contacts.add(contact)
    history = store.history
    for hours, direction, remote, answered, seconds, codec, code, reason, refused in (
        (1, "incoming", '"Carol" <sip:carol@example.net>', False, 0, "", 487, "the caller gave up", False),
        (3, "outgoing", "sip:alice@example.org", True, 192, "x-phv", 200, "you hung up", False),
        (5, "incoming", "sip:bob@example.org", True, 44, "opus", 200, "the other side hung up", False),
        (25, "outgoing", "sip:zoe@192.0.2.7", False, 0, "", 486, "busy; try again later (486)", False),
        (26, "incoming", "sip:mallory@example.org", False, 0, "", 486, "", True),
        (200, "incoming", "sip:carol@example.net", False, 0, "", 487, "the caller gave up", False),
    ):
        began = NOW - 3600 * hours
        number = history.begin(direction, remote, "work", began, "test")  # type: ignore[arg-type]
        history.update(number, began + 5 if answered else None, codec)
        history.end(number, duration_s=seconds, code=code, reason=reason, refused_here=refused)
    history.mark_seen([history.calls()[-1].id])
    messages = store.messages
    messages.received(
        "sip:alice@example.org", "work", "Hello! How is the line today? I have a lot to tell, so do call when you can.", NOW - 90000
    )
    messages.received("sip:bob@example.org", "work", "are you there?", NOW - 600)
    messages.mark_seen("sip:bob@example.org")
    messages.sent(messages.sending("sip:bob@example.org", "work", "yes, in a minute", NOW - 300), True)
    messages.sent(messages.sending("sip:bob@example.org", "work", "call me", NOW - 200), False, "no answer; try later")
    return store


async def answer(command: Command[Any], *, timeout_s: float = 30.0) -> msgspec.Struct:
    """What an engine with a headset says."""
    return DEVICES if isinstance(command, protocol.Devices) else msgspec.convert({}, command.result_type())
