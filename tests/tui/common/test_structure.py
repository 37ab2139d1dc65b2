"""What a kind of screen must give cannot be left open."""

import pytest

from softphone.tui.common.form_dialog import FormDialog
from softphone.tui.common.list_screen import ListScreen
from softphone.tui.common.screens import PhoneScreen


@pytest.mark.parametrize(("kind", "parts"), [(PhoneScreen, "body"), (FormDialog, "fields.*save"), (ListScreen, "body.*reload")])
def test_a_screen_without_its_parts_cannot_be_made(kind: type, parts: str) -> None:
    with pytest.raises(TypeError, match=f"abstract methods? {parts}"):
        type("Unfinished", (kind,), {})()
