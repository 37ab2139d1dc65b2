"""The window in which an account is written or changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Input

from softphone.tui.accounts.entry import AccountEntry, EntryError
from softphone.tui.accounts.fields import AccountFields
from softphone.tui.common.form_dialog import FormDialog


class AccountEditor(FormDialog[AccountEntry]):
    """What was typed, checked; not kept yet. `trouble` says why keeping it failed before."""

    HEADING: ClassVar[str] = "Account"

    def __init__(self, entry: AccountEntry, *, kept: bool = False, trouble: str = "") -> None:
        super().__init__()
        self._entry = entry
        self._trouble = trouble
        self._kept = kept

    def fields(self) -> Iterable[Widget]:
        yield AccountFields(self._entry, kept=self._kept)

    def on_mount(self) -> None:
        self.query_one(AccountFields).focus_first()
        if self._trouble:
            self.query_one(AccountFields).complain(EntryError("address", self._trouble))

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        event.prevent_default()  # the form's own, which saves
        if not self.query_one(AccountFields).next_field():
            await self.save()

    async def save(self) -> None:
        fields = self.query_one(AccountFields)
        entry = fields.entry()
        try:
            entry.settings()
        except EntryError as error:
            fields.complain(error)
            return
        self.dismiss(entry)
