"""What is read of somebody's presence, and that rubbish says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.engine.presence.documents import DIALOG_INFO, PIDF, Seen, read, write

OTHERS = (
    '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:pp="urn:ietf:params:xml:ns:pidf:person" entity="pres:x">'
    "<tuple id='1'><status><basic> Open </basic></status><note>{}</note></tuple>{}</presence>"
)
BLF = (
    '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:x">'
    '<dialog id="1"><state>{}</state></dialog></dialog-info>'
)


@pytest.mark.parametrize("seen", [Seen("available"), Seen("busy", 'On <the> "phone" & more'), Seen("away", "lunch"), Seen("offline")])
def test_what_is_written_is_read(seen: Seen) -> None:
    assert read(f"{PIDF}; charset=UTF-8", write('sip:"x&y<@example.org', seen.state, seen.note)) == seen


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (PIDF, OTHERS.format("On the phone", ""), Seen("busy", "On the phone")),
        (PIDF, OTHERS.format("x\n\u202ey" * 100, "<pp:person><pp:activities><pp:meeting/></pp:activities></pp:person>"), None),
        (PIDF, '<presence entity="x"/>', Seen("offline")),
        (DIALOG_INFO, BLF.format("early"), Seen("busy", "ringing")),
        (DIALOG_INFO, BLF.format("confirmed"), Seen("busy", "on the phone")),
        (DIALOG_INFO, BLF.format("terminated"), Seen("available")),
    ],
)
def test_documents_of_others(kind: str, body: str, expected: Seen | None) -> None:
    found = read(kind, body)
    if expected is not None:
        assert found == expected
    else:
        assert found is not None and found.state == "busy" and len(found.note) <= 100 and found.note.isprintable()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<",
        "<presence",
        BLF.format("early"),
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><presence>&b;</presence>',
        "<presence>" * 500,
        '<?xml version="1.0" encoding="utf-7"?><presence/>',
        '<?xml version="1.0" encoding="nonsense"?><presence/>',
        "\ud800",
        "<presence xmlns='urn:a'><basic>open</basic></presence",
    ],
)
def test_what_is_no_such_document_says_nothing(body: str) -> None:
    assert read(PIDF, body) is None and read("text/plain", body) is None


@given(st.text(alphabet="<>/=\"' presncetupladialogi-fobk!&;\x00é", max_size=300))
def test_rubbish_never_raises(body: str) -> None:
    read(PIDF, body)
    read(DIALOG_INFO, body)
