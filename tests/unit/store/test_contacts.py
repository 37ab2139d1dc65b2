"""Contacts: kept as typed, found as people search, and their rules applied to the right callers only."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.files.errors import StoreError, clean, clean_lines
from softphone.store import sip_address
from softphone.store.contacts import Address, Contact, Contacts, check, tidy_uri
from softphone.store.folding import fold, words
from softphone.store.rule_book import ContactRules, RuleBook
from softphone.store.sqlite.database import Database


@pytest.fixture
def contacts(tmp_path: Path) -> Contacts:
    return Contacts(Database(tmp_path / "phone.db"))


def uris(contact: Contact) -> list[str]:
    return [address.uri for address in contact.addresses]


def test_a_contact_comes_back_as_it_was_kept(contacts: Contacts) -> None:
    kept = contacts.add(
        Contact(
            " Jürgen  Ångström ",
            (Address("juergen@Example.ORG", "work"), Address("+49 (30) 123-4", preferred=True), Address("sip:juergen@Example.ORG")),
            favourite=True,
            notes="tall\r\nloud\x07",
            auto_answer=True,
            codecs=("opus", "PCMU", "opus"),
        )
    )
    assert kept.name == "Jürgen Ångström" and kept.notes == "tall\nloud" and kept.codecs == ("opus", "PCMU")
    assert uris(kept) == ["sip:juergen@Example.ORG", "+49 (30) 123-4"] and kept.preferred == Address("+49 (30) 123-4", "", True)
    assert contacts.get(kept.id) == kept and kept.uid
    changed = contacts.update(Contact(kept.name, (Address("sip:j@x.org"),), id=kept.id, uid=kept.uid))
    assert contacts.all() == (changed,) and not changed.auto_answer and changed.preferred == Address("sip:j@x.org", "", True)
    contacts.remove(kept.id)
    assert contacts.all() == ()
    for missing in (lambda: contacts.remove(kept.id), lambda: contacts.update(changed), lambda: contacts.get(kept.id)):
        with pytest.raises(StoreError, match="removed elsewhere"):
            missing()


@pytest.mark.parametrize(
    ("contact", "words_"),
    [
        (Contact(""), "needs a name or an address"),
        (Contact("\x00 \n"), "needs a name or an address"),
        (Contact("Ann", (Address("sip:"),)), "is no SIP address or number"),
        (Contact("Ann", (Address("ann of example"),)), "ann of example is no SIP address"),
        (Contact("Ann", (Address("sip:a@b:99999"),)), "is no SIP address"),
        (Contact("Ann", (Address("sip:a@b>\r\nEvil: header"),)), "is no SIP address"),
        (Contact("Ann", codecs=("mp3",)), "codecs of Ann must be some of x-phv, opus"),
        (Contact("Ann", codecs=()), "codecs of Ann"),
    ],
)
def test_what_cannot_be_kept_is_a_sentence(contacts: Contacts, contact: Contact, words_: str) -> None:
    with pytest.raises(StoreError, match=words_):
        contacts.add(contact)
    assert contacts.all() == ()


def test_a_contact_without_a_name_is_called_by_its_address(contacts: Contacts) -> None:
    assert contacts.add(Contact("", (Address("tel:+49-30-1234;ext=5"),))).name == "+49-30-1234,5"


def test_all_or_none_of_many_are_put(contacts: Contacts) -> None:
    ann = contacts.add(Contact("Ann"))
    contacts.remove(ann.id)
    with pytest.raises(StoreError):
        contacts.put_all([Contact("Bob"), ann])
    assert contacts.all() == ()
    contacts.put_all([Contact("Bob", uid="one"), Contact("Carl", uid="one")])
    assert len({contact.uid for contact in contacts.all()}) == 2


def test_favourites_come_first_then_names_without_regard_to_case_and_accents(contacts: Contacts) -> None:
    contacts.put_all([Contact("Zoe"), Contact("émile"), Contact("Frank"), Contact("Eva"), Contact("yan", favourite=True)])
    assert [contact.name for contact in contacts.all()] == ["yan", "émile", "Eva", "Frank", "Zoe"]
    eva = contacts.named("EVA")[0]
    contacts.set_favourite(eva.id, True)
    assert [contact.name for contact in contacts.all()][:2] == ["Eva", "yan"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["Bob Brown", "Jürgen Ångström", "Łukasz O'Neill"]),
        ("jur", ["Jürgen Ångström"]),
        ("ANGST", ["Jürgen Ångström"]),
        ("å jü", ["Jürgen Ångström"]),
        ("luk", ["Łukasz O'Neill"]),
        ("neil", ["Łukasz O'Neill"]),
        ("o'ne", ["Łukasz O'Neill"]),
        ("urgen", []),
        ("bob@10", ["Bob Brown"]),
        ("exam", ["Jürgen Ångström"]),
        ("br x", []),
        ("+49301", ["Jürgen Ångström"]),
        ("0049 30-12", ["Jürgen Ångström"]),
        ("4930", ["Jürgen Ångström"]),
        ("555", ["Łukasz O'Neill"]),
        ("sip:", ["Bob Brown", "Jürgen Ångström", "Łukasz O'Neill"]),
        ("...", ["Bob Brown", "Jürgen Ångström", "Łukasz O'Neill"]),
    ],
)
def test_search(contacts: Contacts, text: str, found: list[str]) -> None:
    contacts.put_all(
        [
            Contact("Jürgen Ångström", (Address("sip:jo@example.org"), Address("+49 (30) 123-4"))),
            Contact("Bob Brown", (Address("sip:bob@10.0.0.1:5070;transport=udp"),)),
            Contact("Łukasz O'Neill", (Address("sip:+5551234@x.net"),)),
        ]
    )
    text = text if text != "sip:" else " "
    assert [contact.name for contact in contacts.search(text)] == found


def test_rules_go_by_user_and_host_alone(contacts: Contacts) -> None:
    contacts.add(Contact("Bob", (Address("sip:bob@Example.org:5070;transport=tcp"),), auto_answer=True, codecs=("opus",)))
    bob = ContactRules("Bob", True, ("opus",))
    for remote in (
        "sip:bob@example.org",
        "sips:bob@EXAMPLE.org:9",
        '"Bob, at <home>" <sip:bob@example.org;x=y>;tag=1',
        "sip:b%6Fb@example.org",
        "<sip:bob@example.org.>",
    ):
        assert contacts.rules_for(remote) == bob, remote
    for remote in (
        "sip:bob@example.com", "sip:bob@sub.example.org", "sip:bobby@example.org", "sip:BOB@example.org", "sip:example.org",
        '"sip:bob@example.org" <sip:eve@evil.org>', "sip:eve@evil.org;x=sip:bob@example.org", "", "tel:123", "sip:bob%00@example.org",
    ):  # fmt: skip
        assert contacts.rules_for(remote) is None, remote


def test_a_number_has_rules_only_at_the_own_server(contacts: Contacts) -> None:
    contacts.add(Contact("Ann", (Address("+49 (30) 123-4"),), auto_answer=True))
    assert contacts.rules_for("sip:+49301234@evil.example") is None
    assert contacts.rules_for("sip:+49301234@evil.example", ["my.example"]) is None
    assert contacts.rules_for("sip:+49-30-1234@My.example", ["my.example"]) == ContactRules("Ann", True, None)
    assert contacts.rules_for("sip:+49301234@my.example", ["other.example", "MY.example:5070", "", "@"]) is not None
    # A name to show opens no microphone.
    assert contacts.name_of("sip:+49301234@elsewhere.example") == "Ann"


def test_a_machine_without_users_is_whoever_calls_from_it(contacts: Contacts) -> None:
    contacts.put_all([Contact("Lab", (Address("sip:192.0.2.7:5066"),), auto_answer=True), Contact("Firm", (Address("sip:firm.example"),))])
    rules = contacts.rules_for("sip:softphone@192.0.2.7")
    assert rules is not None and rules.name == "Lab"
    assert contacts.rules_for("sip:anybody@firm.example") is None
    assert contacts.name_of('"Call me" <sip:anybody@firm.example>') == "Call me"
    assert contacts.name_of("sip:anybody@firm.example") == ""


def test_a_row_that_nobody_could_have_typed_does_not_hide_the_others(tmp_path: Path) -> None:
    database = Database(tmp_path / "phone.db")
    contacts = Contacts(database)
    contacts.add(Contact("Ann", (Address("sip:ann@example.org"),)))
    with sqlite3.connect(tmp_path / "phone.db") as other:
        other.execute("INSERT INTO contacts (uid, name, codecs) VALUES ('x', CAST(x'ff41' AS TEXT), 'mp3')")
        other.execute("INSERT INTO addresses (contact, uri) VALUES (2, 'nonsense')")
    assert contacts.search("ann")[0].name == "Ann" and len(contacts.all()) == 2
    assert RuleBook().rules("sip:x@y") is None and contacts.rules_for("sip:ann@example.org") is not None


@given(st.text())
def test_folding_and_cleaning_of_any_text(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert words(text) == words(text.upper()) or "ŉ" in text or len(text.upper()) != len(text) or fold(text.upper()) != fold(text)
    assert clean(clean(text)) == clean(text) and "\n" not in clean(text)
    assert clean_lines(clean_lines(text)) == clean_lines(text)
    clean(text).encode()
    clean_lines(text).encode()


@given(st.one_of(st.text(), st.from_regex(r"(sips?:)?[^@]{0,9}@?[a-z0-9.:\[\]-]{1,12}(;[a-z=]+)?", fullmatch=True)))
def test_any_text_is_a_contact_or_a_sentence(text: str) -> None:
    try:
        uri = tidy_uri(text)
    except StoreError as error:
        assert "\n" not in str(error)
        return
    assert tidy_uri(uri) == uri
    kept = check(Contact("", (Address(text),)))
    assert uris(kept) == [uri] and check(kept) == kept
    assert sip_address.key_of(uri)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), st.sampled_from(["example.org", "192.0.2.7", "[::1]"]))
def test_any_user_can_be_written_into_a_uri(user: str, host: str) -> None:
    uri = f"sip:{sip_address.escape_user(user)}@{host}"
    parsed = sip_address.parse(uri)
    assert parsed == sip_address.SipAddress(user, host) and uri.isascii()
    assert RuleBook([("x", False, None, [uri])]).name(f'"d" <{uri};p=1>') == "x"
