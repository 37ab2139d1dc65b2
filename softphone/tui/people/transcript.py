"""What was written down of a call: read it, or delete it."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from softphone import paths
from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.store.transcripts import KeptTranscripts
from softphone.tui import sentences
from softphone.tui.common.confirm import Confirm
from softphone.tui.common.screens import PhoneScreen


class TranscriptScreen(PhoneScreen[None]):
    """`files`: those of one call, oldest first."""

    SCOPE = "transcript"
    TITLE_TEXT = "Transcript"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,y", "back", "Back", show=False),
        Binding("x", "delete", "Delete", show=False),
    ]

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__()
        self._files = files
        self._kept = KeptTranscripts()

    def body(self) -> Iterable[Widget]:
        view = VerticalScroll(Static("", id="words", markup=False), classes="panel")
        view.border_title = paths.from_home(self._files[-1])
        yield view

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        try:
            texts = [self._kept.read(file) for file in self._files]
        except StoreError as error:
            self.tell(str(error))
            return
        lines = [visible(line, 2000) for line in "\n".join(texts).splitlines()]
        self.query_one("#words", Static).update("\n".join(lines))

    def available(self) -> list[tuple[str, str, str]]:
        return [("screen.back", "esc", "Back"), ("screen.delete", "x", "Delete")]

    def action_back(self) -> None:
        self.dismiss()

    @work
    async def action_delete(self) -> None:
        if not await self.app.push_screen_wait(Confirm(sentences.DELETE_TRANSCRIPT, "Delete")):
            return
        try:
            for file in self._files:
                await to_thread(self._kept.delete, file)
        except StoreError as error:
            self.tell(str(error))
            return
        self.dismiss()
