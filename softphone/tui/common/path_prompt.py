"""Asks for the path of a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.widget import Widget

from softphone.tui.common.form import Field
from softphone.tui.common.form_dialog import FormDialog


class PathPrompt(FormDialog[Path]):
    """The path, absolute. `must_exist`: there has to be a file; else its folder has to be there, and a file is replaced after a warning."""

    def __init__(self, heading: str, button: str, suggestion: str, *, must_exist: bool) -> None:
        super().__init__()
        self._heading = heading
        self.HEADING, self.SAVE = heading, button  # type: ignore[misc]  # of this instance
        self._suggestion = suggestion
        self._must_exist = must_exist
        self._warned_of: Path | None = None

    def fields(self) -> Iterable[Widget]:
        yield Field("File", id="path", value=self._suggestion, limit=4096)

    async def save(self) -> None:
        field = self.query_one("#path", Field)
        if not field.value:
            field.complain("write the path of a file")
            return
        path = Path(field.value).expanduser().absolute()
        if self._must_exist:
            if not path.is_file():
                field.complain(f"there is no file {path}")
                return
        elif not path.parent.is_dir():
            field.complain(f"there is no folder {path.parent}")
            return
        elif path.is_dir():
            field.complain(f"{path} is a folder; write the name of a file in it")
            return
        elif path.exists() and path != self._warned_of:
            self._warned_of = path
            field.complain(f"{path} is there already; once more to replace it")
            return
        self.dismiss(path)
