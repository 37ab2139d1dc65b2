"""Addresses as people read them, whatever the network sends."""

import pytest

from softphone.plain_text import LONGEST_NAME
from softphone.tui.state.names import address, display_name, short, who


@pytest.mark.parametrize(
    ("remote", "name", "uri", "brief"),
    [
        ('"Bob B." <sip:bob@example.org;lr>', "Bob B.", "sip:bob@example.org", "bob@example.org"),
        ("Bob <sip:bob@example.org>", "Bob", "sip:bob@example.org", "bob@example.org"),
        ("<sip:bob@example.org:5080>", "", "sip:bob@example.org:5080", "bob@example.org:5080"),
        ("sip:bob@example.org?Subject=x", "", "sip:bob@example.org", "bob@example.org"),
        (r'"The \"Boss\"" <sips:b@example.org>', 'The "Boss"', "sips:b@example.org", "b@example.org"),
        ('"\x1b[2J" <sip:evil@example.org>', "␛[2J", "sip:evil@example.org", "evil@example.org"),
        ("", "", "", ""),
    ],
)
def test_name_and_address(remote: str, name: str, uri: str, brief: str) -> None:
    assert (display_name(remote), address(remote), short(remote)) == (name, uri, brief)


def test_who_prefers_the_contact_then_the_name_then_the_address() -> None:
    remote = '"Bobby" <sip:bob@example.org>'
    assert who(remote, lambda _: "Robert") == "Robert"
    assert who(remote, lambda _: "") == "Bobby"
    assert who("sip:bob@example.org") == "bob@example.org"
    assert who("") == "somebody unknown"
    assert len(who(f'"{"x" * 10000}" <sip:bob@example.org>')) == LONGEST_NAME
