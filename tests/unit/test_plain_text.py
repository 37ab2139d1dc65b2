"""What cannot be seen is shown, what can is left as it is."""

from __future__ import annotations

import ast
import io
import json
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.cli.output import Output, tell, tell_json, tell_lines
from softphone.control.protocol import CallState, Log, Message, parse_message, to_line
from softphone.plain_text import LONGEST, safe_json, visible, visible_event, visible_lines
from tests.places import ROOT

SOFTPHONE = ROOT / "softphone"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Ångström", "Zoë Ångström"),
        ("王小明 😀", "王小明 😀"),
        ("محمد", "محمد"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f", "👨\u200d👩\u200d👧 ❤\ufe0f"),
        ("bo\u200db", "bo<U+200D>b"),
        ("a\nb\x07\x7f", "a␊b␇␡"),
        ("\x1b[2J", "␛[2J"),
        ("\x9b2J", "<U+009B>2J"),
        ("\u202eevil", "<U+202E>evil"),
        ("a\u200b\u2066b\ufeff", "a<U+200B><U+2066>b<U+FEFF>"),
        ("Jean\u00a0Dupont\u2003x", "Jean Dupont x"),
        ("\u2028\ue000\udcff", "<U+2028><U+E000><U+DCFF>"),
        ("\U000e0041", "<U+E0041>"),
        ("\u3164", "<U+3164>"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 8 + "…"),
        ("[/bold] \\n", "[/bold] \\n"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(), st.integers(1, 50))
def test_any_text_is_seen_on_one_line_of_bounded_length(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit and all(letter.isprintable() or letter in "\u200c\u200d" for letter in shown)
    lines = visible_lines(text)
    assert all(letter.isprintable() or letter in "\n\u200c\u200d" for letter in lines)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_for_a_terminal_is_the_same_json(value: object) -> None:
    for text in (json.dumps(value, ensure_ascii=False), json.dumps(value)):
        for ascii_only in (False, True):
            safe = safe_json(text + "\n", ascii_only=ascii_only)
            assert json.loads(safe) == json.loads(text) and safe[:-1].isprintable() and safe.endswith("\n")
            assert not ascii_only or safe.isascii()


def test_events_are_made_visible_in_all_their_parts() -> None:
    event = CallState(call=1, state="incoming", direction="incoming", remote='"\x1b[2J" <sip:a@b>', reason="\u202e")
    assert visible_event(event).remote == '"␛[2J" <sip:a@b>' and visible_event(event).reason == "<U+202E>"
    plain = Log(level="error", message="all is well")
    assert visible_event(plain) is plain
    long = '"' + "A" * 10_000 + '" <sip:a@b>'
    assert visible_event(msgspec.structs.replace(event, remote=long)).remote == long
    assert len(visible_event(Log(level="error", message="A" * 10_000)).message) == LONGEST
    assert visible_event(Message(account="a", remote="b", text="one\ntwo\x1b")).text == "one\ntwo␛"
    assert visible_event({"calls": [{"remote": "\x07"}], "n": 1, "on": None}) == {"calls": [{"remote": "␇"}], "n": 1, "on": None}


def test_a_name_cannot_forge_a_line_of_a_command() -> None:
    people = io.StringIO()
    Output(False, people).event(Log(level="warning", message="from\nsoftphone: all calls were recorded\x9b2J"))
    tell("one\ntwo\x1b", people)
    tell_lines("one\ntwo\x1b", people)
    assert people.getvalue() == "from␊softphone: all calls were recorded<U+009B>2J\none␊two␛\none\ntwo␛\n"


def test_json_of_commands_is_read_back_by_programs(capsys: pytest.CaptureFixture[str]) -> None:
    event = CallState(call=1, state="incoming", direction="incoming", remote='"\x9b\u202e" <sip:a@b>')
    tell_json(to_line(event).decode())
    out = capsys.readouterr().out
    assert "\\u009b\\u202e" in out and parse_message(out.encode()) == event


def test_a_locale_without_unicode_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    tell("Zoë\x1b")
    tell_json('{"name": "Zoë"}')
    sys.stdout.flush()
    assert raw.getvalue() == b'Zo??\n{"name": "Zo\\u00eb"}\n'


def test_commands_print_in_one_place_alone() -> None:
    """`bench` shows figures of its own, and draws over its progress line."""
    found = [
        f"{path.relative_to(SOFTPHONE)}:{node.lineno}"
        for folder in ("cli", "control", "store", "tui")
        for path in sorted((SOFTPHONE / folder).rglob("*.py"))
        if path.relative_to(SOFTPHONE).as_posix() not in ("cli/output.py", "cli/bench/__init__.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not found
