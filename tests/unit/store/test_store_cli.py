"""`softphone contacts` and `softphone history`, as people and programs use them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from softphone.cli.main import main
from softphone.store.store import open_store


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_contacts_from_first_to_last(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, "contacts", "list") == (0, "", "softphone: there are no contacts yet\n")
    code, out, _ = run(capsys, "contacts", "add", "Jürgen", "j@example.org", "+49 30 1", "--favourite", "--codecs", "opus,PCMU")
    assert code == 0 and out == "   1  Jürgen  sip:j@example.org, +49 30 1  [favourite, codecs opus,PCMU]\n"
    code, out, _ = run(capsys, "contacts", "add", "Bob", "sip:bob@192.0.2.7", "--auto-answer", "--notes", "x", "--json")
    bob = json.loads(out)
    assert bob["addresses"] == [{"uri": "sip:bob@192.0.2.7", "label": "", "preferred": True}] and bob["auto_answer"] and bob["id"] == 2
    _, out, _ = run(capsys, "contacts", "list")
    assert [line.split()[1] for line in out.splitlines()] == ["Jürgen", "Bob"]
    _, out, _ = run(capsys, "contacts", "list", "--json", "jur", "exa")
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["Jürgen"]

    file = tmp_path / "all.vcf"
    assert run(capsys, "contacts", "export", str(file), "--vcard", "4.0")[0] == 0
    assert run(capsys, "contacts", "remove", "bob")[0] == 0 and run(capsys, "contacts", "remove", "1")[0] == 0
    assert open_store().contacts.all() == ()
    code, out, err = run(capsys, "contacts", "import", str(file))
    assert (code, out) == (0, "2 added, 0 completed, 0 were there already, 0 skipped\n") and "Bob is not answered" in err

    class Bytes:
        buffer = io.BytesIO(file.read_bytes() + b"BEGIN:VCARD\r\nEND:VCARD\r\n")

    monkeypatch.setattr(sys, "stdin", Bytes())
    code, out, err = run(capsys, "contacts", "import", "-", "--own", "--json")
    assert json.loads(out)["merged"] == 1 and json.loads(out)["skipped"] == 1 and open_store().contacts.named("Bob")[0].auto_answer


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("contacts", "add", "Ann", "not an address"), "is no SIP address or number"),
        (("contacts", "add", "Ann", "1", "--codecs", "mp3"), "the codecs of Ann must be"),
        (("contacts", "remove", "nobody"), "no contact is called nobody"),
        (("contacts", "remove", "7"), "there is no contact 7"),
        (("contacts", "import", "/nowhere.vcf"), "/nowhere.vcf cannot be read"),
        (("contacts", "export", "/proc/x/y.vcf"), "there is no folder"),
    ],
)
def test_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == 1 and out == "" and words in err and len(err.splitlines()) == 1


def test_two_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    for number in "12":
        run(capsys, "contacts", "add", "Ann", number)
    code, _, err = run(capsys, "contacts", "remove", "ANN")
    assert code == 1 and "give one of their numbers instead: 1, 2" in err
    assert run(capsys, "contacts", "remove", "2")[0] == 0


def test_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "history") == (0, "", "")
    store = open_store()
    missed = store.history.begin("incoming", '"A\x1b[2Jnn" <sip:ann@example.org>', "", 1e9, "")
    store.history.end(missed, duration_s=0, code=487, reason="cancelled")
    made = store.history.begin("outgoing", "sip:bob@192.0.2.7", "", 1e9 + 60, "")
    store.history.update(made, 1e9 + 61, "x-phv")
    store.history.end(made, duration_s=65, code=200, reason="the other side hung up")
    run(capsys, "contacts", "add", "Bob", "bob@192.0.2.7")
    _, out, _ = run(capsys, "history")
    first, second = out.splitlines()
    assert first.endswith("from  A [2Jnn <sip:ann@example.org>  missed (cancelled)") and "\x1b" not in out
    assert second.endswith("to    Bob <sip:bob@192.0.2.7>  1:05 x-phv (the other side hung up)")
    _, out, _ = run(capsys, "history", "--json", "--limit", "1")
    assert json.loads(out)["outcome"] == "answered" and json.loads(out)["contact"] == "Bob"
    _, out, _ = run(capsys, "history", "--missed")
    assert out == first + "\n"
    assert run(capsys, "history", "--clear") == (0, "", "2 calls and 0 transcripts forgotten\n") and run(capsys, "history")[1] == ""
    with pytest.raises(SystemExit):
        main(["history", "--limit", "0"])


def test_a_damaged_file_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "contacts", "add", "Bob", "1")
    (tmp_path / "softphone" / "phone.db").write_bytes(b"x" * 9000)
    code, _, err = run(capsys, "contacts", "list")
    assert code == 0 and "was damaged" in err and "there are no contacts yet" in err
