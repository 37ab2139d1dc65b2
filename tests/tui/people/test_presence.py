"""Whether contacts can be called, as the contact list shows it."""

from softphone.control.protocol import PhoneStatus, Presence
from softphone.store.contacts import Address, Contact
from softphone.tui.people.contacts import _row, card
from softphone.tui.state.phone_state import PhoneState
from tests.tui import recorded

BOB = Contact("Bob Builder", (Address("sip:bob@example.org", preferred=True), Address("+49 30 1", "home")), id=1)


def test_the_list_says_who_can_be_called() -> None:
    state = PhoneState()
    assert "busy" not in str(_row(BOB, state.presence).draw(60)), "nobody is watched"
    before = state.presence
    state.apply_status(recorded.status(presence=[Presence(contact="sip:bob@example.org", state="available")]))
    assert before is not state.presence and "free" in str(_row(BOB, state.presence).draw(60))
    told = Presence(contact="sip:bob@example.org", state="busy", note="On the \x1b[31mphone")
    assert state.apply(told) == frozenset({"presence"})
    assert "busy" in str(_row(BOB, state.presence).draw(60))
    said = str(card(BOB, state.presence))
    assert "busy  On the ␛[31mphone" in said
    state.apply(Presence(contact="sip:bob@example.org", state="unknown", reason="they do not allow it (403)"))
    assert "they do not allow it (403)" in str(card(BOB, state.presence))
    assert "?" not in str(_row(Contact("Zoe", id=2), state.presence).draw(60)), "of somebody who is not watched nothing is said"


def test_a_status_of_an_engine_that_knows_no_presence() -> None:
    state = PhoneState()
    state.apply_status(PhoneStatus())
    assert state.presence == {}
