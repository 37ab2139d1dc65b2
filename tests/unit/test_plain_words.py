"""No raw text of PJSIP and no internal name reaches a user: what screens, commands and engine can say is read here."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from softphone.cli.main import parser
from softphone.control.protocol import CallState, Registration
from softphone.engine.sip.status_text import explain_call, explain_message, explain_registration, plain
from softphone.tui import sentences
from softphone.tui.keys.actions import ACTIONS
from softphone.tui.state.phone_state import PhoneState
from tests.places import ROOT

INTERNAL = re.compile(r"PJ_|PJSIP_|PJMEDIA|PJSUA|gethostbyname|errno|\bNone\b|Traceback|_E[A-Z]{4,}|0x[0-9a-f]{4}|\bstatus=\d")
ODD = re.compile(
    r"\bmend(ed|s)?\b|rings there|nothing to complain|hand \w+ over|\blately\b|Write to whom|Are you heard|How can you be reached"
    r"|stands? among|\bis up\b|\bare up\b|says? so once|a moment\b: |not you\b|let each other finish|as signs\b",
    re.IGNORECASE,
)
"""Turns of phrase that no native engineer would write on a screen; they stood there once."""
PLACES = ("softphone/tui", "softphone/cli", "softphone/engine/calls", "softphone/engine/accounts", "softphone/control")
RAW = (
    "gethostbyname() has returned error (PJ_ERESOLVE)",
    "Invalid operation (PJ_EINVALIDOP)",
    "INVITE session already terminated (PJSIP_ESESSIONTERMINATED)",
    "Unknown error from audio driver (PJMEDIA_EAUD_SYSERR)",
    "Invalid value or argument (PJ_EINVAL)",
    "Connection refused [status=120111]",
    "Unsupported transport (PJSIP_EUNSUPTRANSPORT)",
    "SSL error 167772294 (PJ_ERRNO_START_SYS)",
)


def texts_of(path: Path) -> Iterator[str]:
    """String literals that a user may read: with a blank in them, and no docstrings."""
    tree = ast.parse(path.read_text())
    doc = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            doc.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip() and id(node) not in doc:
            yield node.value


@pytest.mark.parametrize("place", PLACES)
def test_what_can_be_said_is_plain(place: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in sorted((ROOT / place).rglob("*.py"))
        for text in texts_of(path)
        if ODD.search(text) or re.search(r"PJ_E|PJSIP_E|gethostbyname", text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("raw", RAW)
@pytest.mark.parametrize("code", [400, 408, 486, 499, 502, 503, 603, 699])
def test_the_engine_explains_instead_of_quoting_pjsip(raw: str, code: int) -> None:
    calls = (explain_call(code, raw, host="example.org"), explain_call(code, raw, up=True))
    for sentence in (plain(raw), *calls, explain_registration(code, raw, "example.org"), explain_message(code, raw)):
        assert not INTERNAL.search(sentence) and len(sentence) > 4, sentence


def test_errors_of_pjsip_go_through_plain() -> None:
    """`error.reason` of a pj.Error in a sentence of the engine is wrapped; logs for developers may have it as it is."""
    bare = []
    for path in sorted((ROOT / "softphone/engine").rglob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "{error.reason}" in line and "log." not in line:
                bare.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not bare, "\n".join(bare)


def test_sentences_of_the_screens_are_plain() -> None:
    said = [value for name, value in vars(importlib.reload(sentences)).items() if name.isupper()]
    flat = [text for value in said for text in (value.values() if isinstance(value, dict) else [value])]
    assert len(flat) > 50
    for text in flat:
        assert not INTERNAL.search(text) and not ODD.search(text), text


def test_keys_and_commands_are_described_in_plain_words() -> None:
    for action in ACTIONS:
        assert not ODD.search(f"{action.title} {action.help}"), action
    assert not ODD.search(parser().format_help())


def test_a_raw_reason_from_an_older_engine_is_shown_as_it_is_but_harmless() -> None:
    """Notices carry what the engine says; control characters in it are for the widgets to show."""
    state = PhoneState()
    state.apply(CallState(call=1, state="calling", direction="outgoing", remote="sip:bob@example.org"))
    state.apply(Registration(account="work", state="failed", code=401, reason=explain_registration(401, "Unauthorized")))
    assert "rejected the user name or password (401)" in state.notices[-1].text
