"""Terminals without Unicode or colours: nothing is lost but beauty."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from softphone.config import Config
from softphone.tui.calls.call_words import MARKS
from softphone.tui.common.drawing import SPARKS, meter
from softphone.tui.terminal.theme import AsciiFilter, NoColourFilter, to_ascii, utf8_terminal
from tests.tui import recorded
from tests.tui.running import settle, shown


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "de_DE@euro.nonsense"}, False),
        ({}, False),
    ],
)
def test_the_locale_says_whether_there_is_unicode(environment: dict[str, str], unicode: bool) -> None:
    assert utf8_terminal(environment) == unicode


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=30))
def test_ascii_keeps_the_width(text: str) -> None:
    made = to_ascii(text)
    assert made.isascii()
    assert len(made) >= len([letter for letter in text if cell_len(letter) > 0]) - text.count("\u00ad")


def test_signs_stay_apart_in_ascii() -> None:
    assert len(set(to_ascii(SPARKS))) == len(SPARKS)
    assert len(set(to_ascii(meter(0.5, 2)))) == 2
    assert len({to_ascii(mark) for mark in (MARKS["received"], MARKS["recovered"], MARKS["lost"])}) == 3
    assert to_ascii("Zoë ╭─╮ 漢") == "Zoe +-+ ??"


def test_without_colours_what_is_chosen_is_reversed() -> None:
    ground = Color.parse("#101010")
    plain, chosen, warned = NoColourFilter().apply(
        [
            Segment("a", Style.parse("red on #141414")),
            Segment("b", Style.parse("black on #6fb7b7")),
            Segment("c", Style.parse("bold red")),
        ],
        ground,
    )
    assert plain.style is not None and plain.style.color is None and plain.style.bgcolor is None and not plain.style.reverse
    assert chosen.style is not None and chosen.style.reverse
    assert warned.style is not None and warned.style.bold and warned.style.color is None


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("NO_COLOR", "1")

    async def run() -> str:
        app = shown([*recorded.answered(1), *recorded.talk(1, lossy_from=0)], Config())
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            kinds = {type(line_filter) for line_filter in app.get_line_filters()}
            assert {AsciiFilter, NoColourFilter} <= kinds
            return app.export_screenshot()

    picture = asyncio.run(run())
    words = picture[picture.index("<g ") :]
    assert "packet&#160;loss" in words and "talking" in words
    assert words.isascii()
