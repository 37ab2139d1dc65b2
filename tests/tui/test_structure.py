"""What a kind of screen must give cannot be left open."""

import pytest

from softphone.tui.screens.base import PhoneScreen
from softphone.tui.screens.form_dialog import FormDialog
from softphone.tui.screens.list_screen import ListScreen


@pytest.mark.parametrize(("kind", "parts"), [(PhoneScreen, "body"), (FormDialog, "fields.*save"), (ListScreen, "body.*reload")])
def test_a_screen_without_its_parts_cannot_be_made(kind: type, parts: str) -> None:
    with pytest.raises(TypeError, match=f"abstract methods? {parts}"):
        type("Unfinished", (kind,), {})()
