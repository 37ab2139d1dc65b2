"""Asks whom: a name, a number or an address, completed from contacts and past calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.suggester import Suggester
from textual.widget import Widget

from softphone.files.errors import StoreError
from softphone.tui.common.form import Field
from softphone.tui.common.form_dialog import FormDialog

if TYPE_CHECKING:
    from softphone.store.store import Store


class Names(Suggester):
    """Completes what begins like a contact's name, or like an address that was called."""

    def __init__(self, store: Store) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._store = store

    async def get_suggestion(self, value: str) -> str | None:
        try:
            found = self._store.complete(value)
        except StoreError:
            return None
        for completion in found:
            for text in (completion.name, completion.uri, completion.uri.partition(":")[2]):
                if text.casefold().startswith(value.casefold()):
                    return value + text[len(value) :]
        return None


class Whom(FormDialog[str]):
    """The SIP URI."""

    def __init__(self, heading: str, button: str) -> None:
        super().__init__()
        self.HEADING, self.SAVE = heading, button  # type: ignore[misc]  # of this instance

    def fields(self) -> Iterable[Widget]:
        field = Field("To", id="whom", hint="a name, a number or an address such as bob@example.org; right arrow completes")
        field.input.suggester = Names(self.phone.store)
        yield field

    async def save(self) -> None:
        field = self.query_one("#whom", Field)
        try:
            self.dismiss(self.phone.resolve(field.value))
        except StoreError as error:
            field.complain(str(error))
