"""Numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.control.protocol import Call, parse_command, to_line
from softphone.files.errors import StoreError
from softphone.store import sip_address
from softphone.store.contacts import Address, Contact, tidy_uri
from softphone.store.dial import Target
from softphone.store.phone_number import PhoneNumber, read
from softphone.store.sqlite.database import Database
from softphone.store.store import Store


@pytest.mark.parametrize(
    ("text", "digits", "keys"),
    [
        ("(202) 555-0143", "2025550143", ""),
        ("+1 (202) 555-0144", "+12025550144", ""),
        ("(030) 12 34", "0301234", ""),
        ("+49 (0)30 1234", "+49301234", ""),
        ("+49(0)30/1234", "+49301234", ""),
        ("+44 (0) 20 7946 0000", "+442079460000", ""),
        ("0049 (0)30 1234", "0049301234", ""),
        ("(0)30 1234", "0301234", ""),
        ("+39 (06) 1234", "+39061234", ""),
        ("(+49) 30 1234", "+49301234", ""),
        ("+(49) 30 1234", "+49301234", ""),
        ("+ 49 30 1234", "+49301234", ""),
        ("0041 44 1234", "0041441234", ""),
        ("202.555.0143", "2025550143", ""),
        ("01.23.45.67.89", "0123456789", ""),
        ("202·555·0143", "2025550143", ""),
        ("030/1234", "0301234", ""),
        ("[030] 1234", "0301234", ""),
        ("*43#", "*43#", ""),
        ("+1-202-555-0100,,4321#", "+12025550100", ",,4321#"),
        ("+1 202 555 0100 , , 4321 #", "+12025550100", ",,4321#"),
        ("+1-202-555-0101;99", "+12025550101", ",99"),
        ("+49 30 1234 p 12 w 99", "+49301234", ",12,99"),
        ("+4930 1234P5W6", "+49301234", ",5,6"),
        ("12,,", "12", ""),
        ("+1 202 555 0102 x77", "+12025550102", ",77"),
        ("+1 202 555 0102 X 77", "+12025550102", ",77"),
        ("+1 202 555 0103 ext. 12", "+12025550103", ",12"),
        ("+1 202 555 0103, ext 12", "+12025550103", ",12"),
        ("+1 202 555 0103 extension 1-2", "+12025550103", ",12"),
        ("tel:+1-201-555-0123;ext=55", "+12015550123", ",55"),
        ("TEL:+1-201-555-0123;EXT=55", "+12015550123", ",55"),
        ("tel:+1-201-555-0123;isub=12;ext=5", "+12015550123", ",5"),
        ("tel:+12025550100;postd=pp22", "+12025550100", ",,,22"),
        ("tel:863-1234;phone-context=+1-914-555", "+19145558631234", ""),
        ("tel:7042;phone-context=example.com", "7042", ""),
        ("tel:%2B49%2030%201234", "+49301234", ""),
        ("tel://+49301234", "+49301234", ""),
        ("callto:+49301234", "+49301234", ""),
        ("tel:*43%23", "*43#", ""),
        ("sip:7001234", "7001234", ""),
        ("٠٣٠ ١٢٣٤", "0301234", ""),
        ("۰۳۰۱۲۳۴", "0301234", ""),
        ("०३०१२३४", "0301234", ""),
        ("＋４９　（０）３０－１２３４", "+49301234", ""),
        ("０３−１２３４−５６７８", "0312345678", ""),
        ("\u202a+49 30 1234\u202c", "+49301234", ""),
        ("\u200e+49\u00a030\u20111234", "+49301234", ""),
        ("+49\u202f30\u20131234", "+49301234", ""),
        ("1-800-FLOWERS", "18003569377", ""),
        ("1800FLOWERS", "18003569377", ""),
        ("1-800-GO-FEDEX", "18004633339", ""),
        ("0800 REVERSE", "08007383773", ""),
        # A trunk zero that is still in the area code.
        ("+49 (030) 1234", "+49301234", ""),
        ("+49 030 1234", "+49301234", ""),
        ("(+44) 020 7946 0018", "+442079460018", ""),
        ("+44 (0207) 946 0018", "+442079460018", ""),
        ("0049 030 1234", "0049301234", ""),
        ("+91 (080) 2345 6789", "+918023456789", ""),
        # Where the zero belongs to the number.
        ("+39 06 1234", "+39061234", ""),
        ("+39 (0)6 1234", "+39061234", ""),
        ("+225 07 12 34", "+225071234", ""),
        ("+378 (0549) 88", "+378054988", ""),
        ("+800 0123 4567", "+80001234567", ""),
        ("+4900", "+4900", ""),
        # Extensions.
        ("+1 (202) 555-0143 #55", "+12025550143", ",55"),
        ("020 7946 0018 # 4", "02079460018", ",4"),
        ("020 7946 0018 (ext 4)", "02079460018", ",4"),
        ("03-1234-5678 \u5185\u7dda 12", "0312345678", ",12"),
        ("03-1234-5678\uff08\u5185\u7dda12\uff09", "0312345678", ",12"),
        ("+7(495)123-45-67 \u0434\u043e\u0431. 12", "+74951234567", ",12"),
        ("01 23 45 67 89 poste 12", "0123456789", ",12"),
        ("*67 202-555-0143", "*672025550143", ""),
        ("#31# 030 1234", "#31#0301234", ""),
        ("*21*0301234#", "*21*0301234#", ""),
        # As they are copied from letters and pages.
        ("Tel. +49 30 1234", "+49301234", ""),
        ("Phone: (202) 555-0143", "2025550143", ""),
        ("\u260e\ufe0f 030 1234", "0301234", ""),
        ('"030 1234"', "0301234", ""),
        ("030 1234.", "0301234", ""),
        ("+49 30 1234 (B\u00fcro)", "+49301234", ""),
        ("03-1234-5678(\u4ee3)", "0312345678", ""),
        ("tel:+1-201-555-0123?subject=hi", "+12015550123", ""),
        ("tel:0301234;phone-context=+49", "+49301234", ""),
        ("tel:061234;phone-context=+39", "+39061234", ""),
        # An emergency number is nothing else anywhere.
        ("tel:911;phone-context=+1", "911", ""),
        ("tel:112;phone-context=+49-30", "112", ""),
        ("+1 (888) GOT-JUNK", "+18884685865", ""),
    ],
)
def test_numbers(text: str, digits: str, keys: str) -> None:
    assert read(text) == PhoneNumber(digits, keys)
    assert sip_address.number(text) == digits


@pytest.mark.parametrize(
    "text",
    ["", "+", "()", ",,12", "x55", "2pac", "007wd", "3 PC", "50 pa", "Mobile 1", "Fax: 030 1234", "030 1234 oder 5678",
     "192.0.2.7.", '"192.0.2.7"', "phone:5060", "t:5060",
     "bob", "bob1", "12 Main Street", "12 and 13", "200-ABC", "room 12", "192.0.2.7", "sip:192.0.2.7",
     "sip:bob@example.org", "sip:+49301234@example.org", "+49301234@example.org", "http://1", "12" * 400, "1" + ",1" * 70],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    assert read(text) is None and sip_address.number(text) == ""


@given(st.one_of(st.text(), st.text("+0123456789()-. ,;xpw#*ext=tel:", max_size=40)))
def test_a_number_is_one_that_the_engine_takes(text: str) -> None:
    found = read(text)
    if found is None:
        return
    assert set(found.digits) <= set("+0123456789*#") and found.digits.count("+") <= 1
    assert read(found.text) == found
    command = Call(id=1, uri="sip:a@b", keys=found.keys or None)
    assert parse_command(to_line(command).strip()) == command


@pytest.fixture
def store() -> Store:
    store = Store(Database.in_memory())
    store.contacts.put_all(
        [
            Contact("Bridge", (Address("+1-202-555-0100,,4321#"),)),
            Contact("Ann", (Address("+1 202 555 0100 x77"),), auto_answer=True),
            Contact("Ben", (Address("tel:+1-202-555-0100;ext=78"),)),
            Contact("Andro", (Address("sip:7001234"),)),
            Contact("Host", (Address("192.0.2.7"),)),
        ]
    )
    return store


def test_a_number_is_called_and_then_its_keys_are_pressed(store: Store) -> None:
    assert store.target("+1-202-555-0100,,4321#", "dom.example") == Target("sip:+12025550100@dom.example", ",,4321#")
    assert store.target("bridge", "dom.example") == Target("sip:+12025550100@dom.example", ",,4321#")
    assert store.target("ben", "dom.example") == Target("sip:+12025550100@dom.example", ",78")
    assert store.target("andro", "dom.example") == Target("sip:7001234@dom.example")
    assert store.target("host", "") == Target("sip:192.0.2.7")
    with pytest.raises(StoreError, match="there is no account whose server"):
        store.target("(202) 555-0143", "")


@pytest.mark.parametrize(
    "uri", ["sip:+1-201-555-0123;ext=55@host.example;user=phone", "sip:100,,4@host.example", "sips:(030)@host.example"]
)
def test_sip_addresses_are_left_as_they_are(store: Store, uri: str) -> None:
    assert store.target(uri, "dom.example") == Target(uri)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip://bob@host.example", "sip:bob@host.example"),
        ("sips://host.example", "sips:host.example"),
        ("sip:al\u00efce@host.example", "sip:al%C3%AFce@host.example"),
        ("sip:#31#@host.example", "sip:%2331%23@host.example"),
        ("sip:+49 (0)30 1234@host.example", "sip:+49301234@host.example"),
        ("sip:a%40b:pw@host.example;transport=tcp", "sip:a%40b:pw@host.example;transport=tcp"),
    ],
)
def test_sip_addresses_are_corrected_where_it_is_clear_how(store: Store, text: str, uri: str) -> None:
    assert store.target(text, "dom.example") == Target(uri)
    assert tidy_uri(text) == uri


@pytest.mark.parametrize("text", ["xmpp:a@host.example", "mailto:a@host.example", "Alice sip:a@host.example", "sip:a@b@host.example"])
def test_other_addresses_call_nobody(store: Store, text: str) -> None:
    with pytest.raises(StoreError, match="cannot be called"):
        store.target(text, "dom.example")


def test_two_extensions_of_one_number_are_two_people(store: Store) -> None:
    keys = [sip_address.key_of(address.uri) for contact in store.contacts.all() for address in contact.addresses]
    assert len(set(keys)) == len(keys)
    # The company's number says who may be calling, but nobody's calls are answered by it.
    assert store.contacts.name_of("sip:+12025550100@dom.example") in ("Ann", "Ben", "Bridge")
    assert store.contacts.rules_for("sip:+12025550100@dom.example", ["dom.example"]) is None


RULES = {"00": "+", "0": "+49", "9": "0", "+49": "+49", "*1": "123"}


@pytest.mark.parametrize(
    ("dialled", "called"),
    [
        ("0151 2345678", "+491512345678"),
        ("0044 20 7946 0000", "+442079460000"),
        ("+49 151 2345678", "+491512345678"),
        ("+1 202 555 0100", "+12025550100"),
        ("9 555 0100", "05550100"),
        ("*1", "*1"),
        ("*1 4567", "1234567"),
        ("911", "911"),
        ("0 11", "011"),
        ("7654321", "7654321"),
    ],
)
def test_the_beginning_of_a_number_is_rewritten_once_and_service_numbers_are_not(dialled: str, called: str) -> None:
    store = Store(Database.in_memory(""))
    assert store.resolve(dialled, "dom.example", RULES) == f"sip:{called}@dom.example"
    store.contacts.add(Contact("Ben", (Address(dialled),)))
    assert store.resolve("Ben", "dom.example", RULES) == f"sip:{called}@dom.example"
    # An address is not a number, and what was rewritten before is an address.
    assert store.resolve("sip:0151@dom.example", "dom.example", RULES) == "sip:0151@dom.example"
    assert store.resolve("0151@dom.example", "dom.example", RULES) == "sip:0151@dom.example"
