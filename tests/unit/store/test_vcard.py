"""vCards of all kinds of phones."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.codecs import codec_names
from softphone.files.errors import StoreError
from softphone.store.contacts import Address, Contact, Contacts, check
from softphone.store.sqlite.database import Database
from softphone.store.vcard import lines as vcard_lines
from softphone.store.vcard.cards import Version, read_cards, write_cards
from softphone.store.vcard.importing import export_file, import_cards, import_file


@pytest.fixture
def contacts() -> Iterator[Contacts]:
    database = Database.in_memory()
    yield Contacts(database)
    database.close()


def card(*lines: str, version: str = "3.0") -> bytes:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


def one(data: bytes) -> Contact:
    cards = read_cards(data)
    assert len(cards.contacts) == 1 and cards.skipped == []
    return cards.contacts[0]


def addresses(contact: Contact) -> list[tuple[str, str, bool]]:
    return [(address.uri, address.label, address.preferred) for address in contact.addresses]


def test_the_example_of_rfc_6350() -> None:
    data = b"""BEGIN:VCARD\r
VERSION:4.0\r
FN:Simon Perreault\r
N:Perreault;Simon;;;ing. jr,M.Sc.\r
BDAY:--0203\r
GENDER:M\r
LANG;PREF=1:fr\r
ORG;TYPE=work:Viagenie\r
ADR;TYPE=work:;Suite D2-630;2875 Laurier;\r
 Quebec;QC;G1V 2M2;Canada\r
TEL;VALUE=uri;TYPE="work,voice";PREF=1:tel:+1-418-656-9254;ext=102\r
TEL;VALUE=uri;TYPE="work,cell,voice,video,text":tel:+1-418-262-6501\r
EMAIL;TYPE=work:simon.perreault@viagenie.ca\r
KEY;TYPE=work;VALUE=uri:\r
 http://www.viagenie.ca/simon.perreault/simon.asc\r
URL;TYPE=home:http://nomis80.org\r
END:VCARD\r
"""
    contact = one(data)
    assert contact.name == "Simon Perreault"
    assert addresses(contact) == [("+1-418-656-9254,102", "work", True), ("+1-418-262-6501", "work cell video", False)]


def test_a_card_of_an_iphone() -> None:
    contact = one(
        card(
            "PRODID:-//Apple Inc.//iPhone OS 17.0//EN",
            "N:Müller;Jürgen;;Dr.;",
            "FN:Dr. Jürgen Müller",
            "TEL;type=CELL;type=VOICE;type=pref:+49 171 1234567",
            "item1.TEL:030 1234",
            "item1.X-ABLabel:_$!<HomeFAX>!$_",
            "item2.IMPP;X-SERVICE-TYPE=SIP:sip:jm@example.org",
            "item2.X-ABLabel:Büro\\, hinten",
            "NOTE:one\\ntwo\\; three",
            "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg",
            " ABAQAAAQABAAD:/2wBDAA",
        )
    )
    assert contact.name == "Dr. Jürgen Müller" and contact.notes == "one\ntwo; three"
    assert addresses(contact) == [
        ("+49 171 1234567", "cell", True), ("030 1234", "homefax", False), ("sip:jm@example.org", "Büro, hinten", False)
    ]  # fmt: skip


def test_a_quoted_printable_card_of_an_old_phone() -> None:
    data = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\n"
        b"N;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller;J=C3=BC=\r\nrgen;;;\r\n"
        b"TEL;CELL;PREF:+491711234567\r\nTEL;WORK;VOICE:0301234\r\n"
        b"X-SIP;VOIP:jm@example.org\r\n"
        b"NOTE;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:gr=FC=DFt=0D=0Azweite =\r\nZeile\r\n"
        b"AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:Secretary;The;;;\r\nTEL:999\r\nEND:VCARD\r\n"
        b"TEL;FAX:111\r\n"
        b"END:VCARD\r\n"
    )
    contact = one(data)
    assert contact.name == "Jürgen Müller" and contact.notes == "grüßt\nzweite Zeile"
    assert addresses(contact) == [
        ("+491711234567", "cell", True), ("0301234", "work", False), ("sip:jm@example.org", "", False), ("111", "fax", False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("FN:Jürgen".encode("cp1252"), "Jürgen"),
        ("FN:Jürgen".encode(), "Jürgen"),
        (b"FN:J\xc3\r\n \xbcrgen", "Jürgen"),
        (b"FN;CHARSET=nonsense;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen", "Jürgen"),
        (b"fn;x=\"a:b;c\":J\\, \\\\K", "J, \\K"),
        (b"ORG:Firm;Unit", "Firm, Unit"),
        (b"NICKNAME:Jo", "Jo"),
        (b"N:Doe;John;Q;Mr.;Jr.", "Mr. John Q Doe Jr."),
        (b"N:Doe\\;x;John", "John Doe;x"),
        (b"FN:\r\nN:Doe", "Doe"),
        (b"TEL:123", "123"),
        (b"nonsense without a colon\r\nFN:Ann", "Ann"),
        (b":\r\n;:;\r\n\r\nFN:Ann\r\nBEGIN:VEVENT\r\nEND:VEVENT", "Ann"),
    ],
)  # fmt: skip
def test_names_and_encodings(value: bytes, name: str) -> None:
    assert one(b"BEGIN:VCARD\r\nVERSION:3.0\r\n" + value + b"\r\nEND:VCARD\r\n").name == name
    assert one(b"\xef\xbb\xbfBEGIN:VCARD\n" + value.replace(b"\r\n", b"\n") + b"\nEND:VCARD").name == name


@pytest.mark.parametrize(
    "head",
    [
        "FN;ENCODING=BASE64:SsO8cmdlbg==", "FN;ENCODING=b:SsO8cmdlbg==", "N:M\u00fcller\\;;J", "FN;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen=",
    ],
)  # fmt: skip
def test_a_line_costs_nobody_the_next_one(head: str) -> None:
    contact = one(card(head, "TEL:+49 30 1234", version="2.1"))
    assert contact.name in ("J\u00fcrgen", "J M\u00fcller;") and addresses(contact) == [("+49 30 1234", "", True)]


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-16-le", "utf-16-be"])
def test_wide_files_with_and_without_a_mark(encoding: str) -> None:
    data = "\r\n" + card("FN:J\u00fcrgen").decode()
    assert one(data.encode(encoding)).name == "J\u00fcrgen"


def test_several_marks_and_a_secretary_without_an_end_cost_no_card() -> None:
    marks = codecs.BOM_UTF8 * 3
    assert [contact.name for contact in read_cards(marks + card("FN:A") + marks + card("FN:B")).contacts] == ["A", "B"]
    torn = b"BEGIN:VCARD\nFN:A\nAGENT:\nBEGIN:VCARD\nFN:S\n" + card("FN:B")
    assert [contact.name for contact in read_cards(torn).contacts] == ["A", "B"]


@pytest.mark.parametrize(
    "line",
    ['FN;X=' + '"' * 5000 + ":x", 'FN;X=' + '"a' * 900 + ":x", "FN" + ";" * 1900 + ":x", "N:" + "\\;" * 300_000, "x" * 300_000],
    ids=["quotes", "torn quotes", "parameters", "components", "no colon"],
)  # fmt: skip
def test_no_line_holds_the_import_up(line: str) -> None:
    began = time.monotonic()
    assert [contact.name for contact in read_cards(card(line, "NICKNAME:A", "TEL:1")).contacts]
    # A backtracking expression took minutes.
    assert time.monotonic() - began < 10


def test_utf_16_of_windows() -> None:
    assert one(card("FN:Jürgen 😀", "TEL:1").decode().encode("utf-16")).name == "Jürgen 😀"


def test_bad_cards_are_counted_and_cost_no_other() -> None:
    data = (
        card("FN:Ann", "TEL:1")
        + card("EMAIL;TYPE=home:", "PHOTO:xx")
        + b"BEGIN:VCARD\r\nFN:Torn\r\nTEL:2\r\n"
        + card("FN:Bob", "TEL:not a number", "TEL;VALUE=uri:tel:+1-2;ext=3", "IMPP:xmpp:bob@example.org", "IMPP:sip:<b@>")
        + b"END:VCARD\r\nBEGIN:VCARD\r\nFN:Cut off\r\nTEL:3"
    )
    cards = read_cards(data)
    assert [contact.name for contact in cards.contacts] == ["Ann", "Torn", "Bob", "Cut off"]
    assert cards.skipped == ["card 2 has neither a name nor a number nor a SIP address"]
    bob = cards.contacts[2]
    assert addresses(bob) == [("+1-2,3", "", True)]
    # What cannot be dialled is not lost.
    assert bob.notes == "not a number\nsip:<b@>"


LONG = "Ω" * 60 + ", and; more \\ of\nit " * 10


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_written_lines_are_as_the_rfcs_want(version: Version) -> None:
    contact = check(Contact("Ann; B, C", (Address("sip:a@b;transport=tcp", "work"), Address("+49 30", "Büro", True)), notes=LONG))
    data = write_cards([contact], version)
    lines = data.split(b"\r\n")
    assert lines[:3] == [b"BEGIN:VCARD", b"VERSION:" + version.encode(), b"FN:Ann\\; B\\, C"] and lines[-2:] == [b"END:VCARD", b""]
    assert all(len(line) <= vcard_lines.WIDTH and line.decode() for line in lines[:-1])
    assert b"IMPP;TYPE=work:sip:a@b;transport=tcp" in lines
    assert (b"item1.TEL;PREF=1:+49 30" if version == "4.0" else b"item1.TEL;TYPE=pref:+49 30") in lines
    assert (b"N:Ann\\; B\\, C;;;;" in lines) == (version == "3.0")
    assert read_cards(data).contacts == [contact]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
uris = st.one_of(
    st.from_regex(r"\+?[0-9]([0-9 ./()-]{0,8}[0-9])?", fullmatch=True),
    st.from_regex(r"sips?:([a-z%;=?+&,.-]{0,8}[a-z]@)?[a-z0-9]([a-z0-9.]{0,8}[a-z0-9])?(:[0-9]{1,4})?(;[a-z]+=[a-z]+)?", fullmatch=True),
)
people = st.builds(
    Contact,
    name=texts,
    addresses=st.lists(st.builds(Address, uri=uris, label=st.one_of(st.just("work"), texts), preferred=st.booleans()), max_size=4).map(
        tuple
    ),
    favourite=st.booleans(),
    notes=texts,
    auto_answer=st.booleans(),
    codecs=st.one_of(st.none(), st.lists(st.sampled_from(codec_names()), min_size=1, unique=True).map(tuple)),
    uid=texts,
)


@settings(max_examples=40)
@given(st.lists(people, max_size=3), st.sampled_from(["3.0", "4.0"]))
def test_what_is_written_is_read_back(everybody: list[Contact], version: Version) -> None:
    kept = []
    for contact in everybody:
        try:
            kept.append(check(contact))
        except StoreError:
            continue
    cards = read_cards(write_cards(kept, version))
    assert cards.contacts == kept and cards.skipped == []


pieces = st.sampled_from(
    [b"BEGIN:VCARD\r\n", b"END:VCARD\n", b"FN:", b"N:", b"TEL;", b"ENCODING=QUOTED-PRINTABLE:", b"=C3=\r\n", b"=\n", b"\r\n ", b"\\", b";",
     b'"', b":", b"sip:a@b", b"VERSION:2.1\r\n", b"AGENT:\r\n", b"123", b"\xff\xfe", b"\xc3", b"\x00", b"X-ABLabel:a\n", b"item1."]
)  # fmt: skip


@given(st.one_of(st.binary(), st.lists(pieces, max_size=30).map(b"".join)))
def test_any_bytes_are_read(data: bytes) -> None:
    cards = read_cards(data)
    assert all(check(contact) == contact for contact in cards.contacts)
    assert len(cards.contacts) + len(cards.skipped) <= data.upper().count(b"BEGIN") + data.count(b"B\x00E\x00") + data.count(b"\x00B\x00E")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_folding_is_undone(text: str) -> None:
    line = vcard_lines.fold("NOTE:" + vcard_lines.escape(text.replace("\r", "")))
    (found,) = vcard_lines.read_lines(line.encode())
    assert vcard_lines.unescape(found.value) == text.replace("\r", "")


def test_import_makes_nobody_twice(contacts: Contacts) -> None:
    ann = contacts.add(Contact("Ann", (Address("sip:ann@example.org"),), notes="mine"))
    data = (
        card("FN:ANN", "IMPP:sip:ann@example.org:5060", "TEL;TYPE=work:+49 30 1", "NOTE:theirs")
        + card("FN:Bob", "TEL:1", "UID:bob-1")
        + card("FN:Bob B.", "TEL:2", "UID:bob-1")
        + card("FN:Ann", "TEL:77")
        + card("FN:Somebody", "IMPP:sip:ann@example.org", "TEL:4930 1", "TEL:88")
    )
    result = import_cards(data, contacts)
    assert (result.added, result.merged, result.known, result.skipped) == (3, 2, 0, 0)
    by_name = {contact.name: contact for contact in contacts.all() if contact.id != ann.id}
    merged = contacts.get(ann.id)
    assert addresses(merged) == [("sip:ann@example.org", "", True), ("+49 30 1", "work", False)] and merged.notes == "mine\ntheirs"
    assert addresses(by_name["Bob"]) == [("1", "", True), ("2", "", False)]
    assert set(by_name) == {"Bob", "Ann", "Somebody"}
    before = contacts.all()
    again = import_cards(data, contacts)
    assert (again.added, again.merged, again.known) == (0, 0, 5) and contacts.all() == before
    assert again.sentence == "0 added, 0 completed, 5 were there already"


def test_a_file_from_elsewhere_opens_no_microphone(contacts: Contacts) -> None:
    boss = contacts.add(Contact("Boss", (Address("sip:boss@example.org"),), auto_answer=True))
    data = card("FN:Eve", "IMPP:sip:eve@evil.org", "X-SOFTPHONE-AUTO-ANSWER:1") + card(
        "FN:Boss", "IMPP:sip:boss@example.org", "IMPP:sip:eve@evil.org"
    )
    result = import_cards(data, contacts)
    assert not contacts.named("Eve")[0].auto_answer and contacts.get(boss.id).addresses == boss.addresses
    assert contacts.rules_for("sip:eve@evil.org") is not None and not contacts.rules_for("sip:eve@evil.org").auto_answer  # type: ignore[union-attr]
    assert "Eve is not answered automatically" in result.remarks[0] and "sip:eve@evil.org was not added" in result.remarks[1]
    import_cards(data, contacts, own=True)
    assert len(contacts.get(boss.id).addresses) == 2 and contacts.named("Eve")[0].auto_answer


def test_files(contacts: Contacts, tmp_path: Path) -> None:
    contacts.add(Contact("Ann", (Address("sip:ann@example.org"),), codecs=("opus",), favourite=True))
    file = tmp_path / "all.vcf"
    assert export_file(file, contacts, "4.0") == 1 and file.stat().st_mode & 0o777 == 0o600
    other = Contacts(Database(tmp_path / "other.db"))
    assert import_file(file, other).added == 1
    assert [replace(contact, id=0) for contact in other.all()] == [replace(contact, id=0) for contact in contacts.all()]
    for path, words in ((tmp_path / "no.vcf", "cannot be read"), (tmp_path, "cannot be read"), (Path("\x00"), "cannot be read")):
        with pytest.raises(StoreError, match=words):
            import_file(path, other)
    file.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    with pytest.raises(StoreError, match="holds no vCard"):
        import_file(file, other)


CASES = {
    "android_sip": (
        b"FN:Andro Sip\r\nN:Sip;Andro;;;\r\nIMPP:sip:7001234\r\nIMPP:sip:andro@example.org",
        [("7001234", "", True), ("sip:andro@example.org", "", False)],
    ),
    "fax": (
        b"FN:Fax First\r\nTEL;TYPE=FAX,WORK:+1 100\r\nTEL;TYPE=VOICE,WORK:+1 200",
        [("+1 100", "fax work", False), ("+1 200", "work", True)],
    ),
    "pauses": (
        b"FN:Conf Bridge\r\nTEL;TYPE=WORK:+1-202-555-0100,,4321#\r\nTEL;TYPE=WORK:+1-202-555-0101;99\r\n"
        b"TEL;type=WORK:+1 202 555 0102 x77\r\nTEL;type=WORK:+1 202 555 0103 ext. 12",
        [
            ("+1-202-555-0100,,4321#", "work", True),
            ("+1-202-555-0101;99", "work", False),
            ("+1 202 555 0102 x77", "work", False),
            ("+1 202 555 0103 ext. 12", "work", False),
        ],
    ),
    "tel4": (
        b'FN:Vera Four\r\nTEL;VALUE=uri;PREF=2;TYPE="voice,home":tel:+1-202-555-0110;ext=5\r\n'
        b'TEL;VALUE=uri;PREF=1;TYPE="voice,cell":tel:+1-202-555-0111\r\nIMPP;PREF=3:sip:vera@example.org',
        [("+1-202-555-0110,5", "home", False), ("+1-202-555-0111", "cell", True), ("sip:vera@example.org", "", False)],
    ),
    "us_paren": (
        b"N:Doe;Pat;;;\r\nFN:Pat Doe\r\nTEL;type=CELL;type=VOICE;type=pref:(202) 555-0143\r\nTEL;type=HOME:+1 (202) 555-0144",
        [("(202) 555-0143", "cell", True), ("+1 (202) 555-0144", "home", False)],
    ),
    "pref_last": (b"FN:P\r\nTEL:1\r\nTEL;PREF=50:2\r\nTEL;PREF=7:3", [("1", "", False), ("2", "", False), ("3", "", True)]),
    "pref_2_1": (b"FN:P\r\nTEL;HOME:1\r\nTEL;CELL;PREF:2", [("1", "home", False), ("2", "cell", True)]),
    "pref_nonsense": (b"FN:P\r\nTEL;PREF=x:1\r\nTEL;PREF=0:2", [("1", "", True), ("2", "", False)]),
    "fax_of_an_iphone": (
        b"FN:P\r\nitem1.TEL:1\r\nitem1.X-ABLabel:_$!<WorkFAX>!$_\r\nTEL;type=HOME;type=FAX;type=pref:2\r\nTEL;type=CELL:3",
        [("1", "workfax", False), ("2", "home fax", False), ("3", "cell", True)],
    ),
    "fax_and_voice": (b"FN:P\r\nTEL;TYPE=FAX,VOICE:1", [("1", "fax", True)]),
    "impp_services": (
        b"FN:P\r\nIMPP;X-SERVICE-TYPE=SIP:7001\r\nIMPP:tel:+49301\r\nIMPP;X-SERVICE-TYPE=Skype:skype:p\r\nX-SIP:p@example.org",
        [("7001", "", True), ("+49301", "", False), ("sip:p@example.org", "", False)],
    ),
    "escaped_commas": (b"FN:P\r\nTEL:+1 202\\,\\,4321#", [("+1 202,,4321#", "", True)]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_cards_mean_what_their_owners_mean(name: str, end: bytes) -> None:
    body, wanted = CASES[name]
    contact = one((b"BEGIN:VCARD\r\nVERSION:3.0\r\n" + body + b"\r\nEND:VCARD\r\n").replace(b"\r\n", end))
    assert addresses(contact) == wanted and contact.notes == ""


def test_a_card_with_a_fax_alone_calls_nobody() -> None:
    cards = read_cards(card("FN:Fax", "TEL;FAX;WORK:+1 100", version="2.1"))
    assert cards.contacts[0].addresses == () and cards.contacts[0].notes == "fax work: +1 100"
    assert cards.remarks == ["Fax: there are only fax numbers, which stand in the notes"]


QP = b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (QP + b"=D0=90=\r\n =D0=B2=D0=B8=D0=B0 =D0=\r\n =9A=D0=B0", "Авиа Ка"),
        (QP + b"=D0=90=\r\n\t=D0=B2=D0=B8=D0=B0", "Авиа"),
        (QP + b"=D0=90=  \r\n=D0=B2=D0=B8=D0=B0", "Авиа"),
        (QP + b"\r\n =D0=90=D0=B2", "Ав"),
        (QP + b"John=\r\n Doe", "John Doe"),
        (QP + b"John=20=\r\nDoe=\r\n Junior", "John Doe Junior"),
        (b"FN;CHARSET=UTF-8;\r\n ENCODING=QUOTED-PRINTABLE:=D0=90", "А"),
        (b"FN;CHARSET=ISO-8859-1:J\xfcrgen", "Jürgen"),
        (b'FN;CHARSET="ISO-8859-1":J\xfcrgen', "Jürgen"),
        (b"FN;CHARSET=windows-1251:\xc0\xed\xed\xe0", "Анна"),
        (b"FN;CHARSET=KOI8-R;ENCODING=8BIT:\xe1\xce\xce\xc1", "Анна"),
        ("FN;CHARSET=SHIFT_JIS:表示".encode("shift_jis"), "表示"),
        ("FN;CHARSET=GB2312:王".encode("gb2312"), "王"),
        (b"FN;CHARSET=hex:ABCD", "ABCD"),
        (b"FN:Jos\xc3\xa9", "José"),
    ],
)  # fmt: skip
def test_charsets_and_folds(line: bytes, name: str) -> None:
    assert one(b"BEGIN:VCARD\r\nVERSION:2.1\r\n" + line + b"\r\nTEL:1\r\nEND:VCARD\r\n").name == name


def test_byte_order_marks_before_each_card() -> None:
    mark = b"\xef\xbb\xbf"
    cards = read_cards(mark + card("FN:Ann", "TEL:1") + mark + card("FN:Bob", "TEL:2"))
    assert [contact.name for contact in cards.contacts] == ["Ann", "Bob"] and cards.skipped == []
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        text = (card("FN:Ann", "TEL:1") + mark + card("FN:Bob", "TEL:2")).decode()
        assert [contact.name for contact in read_cards(text.encode(encoding)).contacts] == ["Ann", "Bob"]


@pytest.mark.parametrize("fold", [b"\r\n ", b"\r\n"])
def test_photographs_cost_no_time_and_no_address(fold: bytes) -> None:
    photo = fold.join([b"PHOTO;ENCODING=BASE64;TYPE=JPEG:"] + [b"AAAA" * 18] * 60000)
    began = time.monotonic()
    contact = one(b"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:Ann\r\n" + photo + b"\r\n\r\nTEL:1\r\nEND:VCARD\r\n")
    assert contact.name == "Ann" and contact.addresses[0].uri == "1" and time.monotonic() - began < 3


def test_nothing_is_left_out_silently(contacts: Contacts) -> None:
    cards = read_cards(card("FN:Ann", "TEL:ask me", "TEL:1", "NOTE:first", "second line without a blank"))
    assert cards.contacts[0].notes == "ask me\nfirst"
    assert cards.remarks == [
        "Ann: ask me cannot be called and stands in the notes", "Ann: 1 line that no vCard can have was left out"
    ]  # fmt: skip
    result = import_cards(card("FN:Ann", "TEL:ask me"), contacts)
    assert result.added == 1 and result.skipped == 0 and "ask me cannot be called" in result.sentence
