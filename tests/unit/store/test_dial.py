"""What is typed into the dial field."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.control.protocol import Call, parse_command, to_line
from softphone.files.errors import StoreError
from softphone.store import sip_address
from softphone.store.contacts import Address, Contact
from softphone.store.dial import Completion
from softphone.store.sqlite.database import Database
from softphone.store.store import Store


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store(Database.in_memory())
    store.contacts.put_all(
        [
            Contact(
                "Anna Berg", (Address("sip:anna@example.org;transport=tcp", "work"), Address("+49 30 1234", preferred=True)), favourite=True
            ),
            Contact("Anna Vogel", (Address("sip:av@example.org"),)),
            Contact("Jürgen", (Address("sip:j@10.0.0.9"),)),
            Contact("Nobody"),
            Contact("Server Room 12", (Address("12"),)),
        ]
    )
    for number, (remote, direction) in enumerate(
        [('"Carl" <sip:carl@far.example>', "incoming"), ("sip:av@example.org:5070", "outgoing"), ("sip:anton@far.example", "outgoing")]
    ):
        store.history.begin(direction, remote, "", float(number), "")  # type: ignore[arg-type]
    yield store
    store.close()


@pytest.mark.parametrize(
    ("text", "without", "at"),
    [
        ("sip:bob@example.org;transport=tcp", "sip:bob@example.org;transport=tcp", None),
        ("SIPS:bob@example.org", "SIPS:bob@example.org", None),
        (' "Bob B" <sip:bob@example.org> ', "sip:bob@example.org", None),
        ("bob@example.org", "sip:bob@example.org", None),
        ("bo b@example.org", "sip:bo%20b@example.org", None),
        ("192.0.2.7", "sip:192.0.2.7", None),
        ("192.0.2.7:5070", "sip:192.0.2.7:5070", None),
        ("host.example", "sip:host.example", "sip:host.example@dom.example"),
        ("host.example:90", "sip:host.example:90", None),
        ("http://example.org", "cannot be called", None),
        ("+49 (30) 12-34", "there is no account", "sip:+49301234@dom.example"),
        ("tel:+49-30-1234;ext=7", "there is no account", "sip:+49301234@dom.example"),
        ("*43#", "there is no account", "sip:*43%23@dom.example"),
        ("anna", "may be Anna Berg", "may be Anna Berg"),
        ("anna berg", "+49 30 1234 is a number", "sip:+49301234@dom.example"),
        ("BERG", "+49 30 1234 is a number", "sip:+49301234@dom.example"),
        ("vogel", "sip:av@example.org", "sip:av@example.org"),
        ("jurgen", "sip:j@10.0.0.9", "sip:j@10.0.0.9"),
        ("jur", "sip:j@10.0.0.9", "sip:jur@dom.example"),
        ("anna v", "sip:av@example.org", "sip:av@example.org"),
        ("nobody", "Nobody has no number", "Nobody has no number"),
        ("12", "there is no account", "sip:12@dom.example"),
        ("unknown", "a name that no contact has", "sip:unknown@dom.example"),
        ("müller", "a name that no contact has", "sip:m%C3%BCller@dom.example"),
        ("who is this", "no contact is called", "no contact is called"),
        ("", "a number or an address to call", "a number or an address to call"),
        ("sip:", "cannot be called", "cannot be called"),
        ("sip:a@b@c", "cannot be called", "cannot be called"),
        ("x@", "cannot be called", "cannot be called"),
    ],
)
def test_resolve(store: Store, text: str, without: str, at: str | None) -> None:
    for domain, wanted in (("", without), ("dom.example", at or without)):
        if re.match("(?i)sips?:", wanted):
            assert store.resolve(text, domain) == wanted
        else:
            with pytest.raises(StoreError, match=re.escape(wanted)):
                store.resolve(text, domain)


@pytest.mark.parametrize(
    ("text", "uris"),
    [
        ("", []),
        ("an", ["+49 30 1234", "sip:anna@example.org;transport=tcp", "sip:av@example.org", "sip:anton@far.example"]),
        ("anna b", ["+49 30 1234", "sip:anna@example.org;transport=tcp"]),
        ("4930", ["+49 30 1234", "sip:anna@example.org;transport=tcp"]),
        ("far", ["sip:anton@far.example", "sip:carl@far.example"]),
        ("car", ["sip:carl@far.example"]),
        ("av@", ["sip:av@example.org"]),
        ("zzz", []),
    ],
)
def test_complete(store: Store, text: str, uris: list[str]) -> None:
    assert [completion.uri for completion in store.complete(text)] == uris


def test_completions_say_who_and_whence(store: Store) -> None:
    assert store.complete("anna b")[0] == Completion("+49 30 1234", "Anna Berg", "", "contact", True)
    assert store.complete("anna b")[1].label == "work"
    assert store.complete("carl") == [Completion("sip:carl@far.example", "Carl", "", "history")]
    assert len(store.complete("a", limit=2)) == 2


domains = st.sampled_from(["", "dom.example", "192.0.2.1:5062"])
near_addresses = st.from_regex(r"(sips?:|tel:)?[\w+%äß \"<>@:;.\[\]#*-]{0,20}", fullmatch=True)


@given(st.one_of(st.text(), near_addresses, st.text("anbergv +49301234", max_size=8)), domains)
def test_any_text_is_an_address_or_a_sentence(store: Store, text: str, domain: str) -> None:
    assert len(store.complete(text)) <= 20
    try:
        uri = store.resolve(text, domain)
    except StoreError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 600
        return
    assert uri.lower().startswith(("sip:", "sips:")) and sip_address.valid(uri) and sip_address.parse(uri) is not None
    assert store.resolve(uri, domain) == uri
    # The engine takes it.
    assert parse_command(to_line(Call(id=1, uri=uri)).strip()) == Call(id=1, uri=uri)
