"""The lines over the key hints: the last things that the user should know, and what to do about them."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from softphone.plain_text import visible
from softphone.tui.state.phone_state import LONGEST_NOTICE, Kind, Notice, PhoneState

STAYS_S = 10.0
"""So long a warning stands beside what is said after it, and goes along to another screen."""
INFO_GOES_S, WARNING_GOES_S = 20.0, 60.0
SHOWN, SHOWN_LOW = 3, 2
"""Notices at a time; on a low terminal fewer rows, so that they take nothing away."""
LOW = 30
"""Rows of the terminal below which it is low."""


class NoticeLine(Static):
    """Takes no room while there is nothing to say. What is old goes, warnings only from before somebody's eyes; a click takes all away."""

    DEFAULT_CSS = """
    NoticeLine { height: auto; max-height: 6; width: 1fr; padding: 0 1; display: none; background: $surface; }
    NoticeLine.-shown { display: block; }
    NoticeLine.-low { max-height: 5; }
    """
    SIGNS: ClassVar[dict[Kind, tuple[str, str]]] = {"info": ("·", "$secondary"), "warning": ("!", "$warning"), "error": ("✗", "$error")}

    def __init__(self) -> None:
        super().__init__()
        self._seen: Notice | None = None
        self._notices: list[Notice] = []
        self._told: Notice | None = None
        """The answer of the screen itself to the last key; another takes its place."""

    def show_state(self, state: PhoneState, now: float) -> None:
        """The notices that were not shown here before; of those from before this screen was opened, only what is new."""
        fresh: list[Notice] = []
        for notice in reversed(state.notices):
            if notice is self._seen or (self._seen is None and now - notice.when > STAYS_S):
                break
            fresh.insert(0, notice)
        if not fresh:
            return
        self._seen = fresh[-1]
        if self._told is not None and not _stays(self._told, now):
            self._told = None
        self._show([*(notice for notice in self._notices if _stays(notice, now)), *fresh])

    def tell(self, text: str, kind: Kind, now: float) -> None:
        """Show one sentence; "" takes the last one away."""
        self._told = Notice(kind, visible(text, LONGEST_NOTICE), when=now) if text else None
        self._show([notice for notice in self._notices if _stays(notice, now)])

    def tidy(self, now: float, last_key: float) -> None:
        """To be called now and then; `last_key`: when somebody was certainly there."""

        def goes(notice: Notice) -> bool:
            if notice.kind == "info":
                return now - notice.when > INFO_GOES_S
            return now - notice.when > WARNING_GOES_S and last_key - notice.when > STAYS_S

        if self._told is not None and goes(self._told):
            self._told = None
            self._show(self._notices)
        if any(map(goes, self._notices)):
            self._show([notice for notice in self._notices if not goes(notice)])

    def on_click(self) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        """Take all away."""
        self._told = None
        self._show([])

    def _show(self, notices: list[Notice]) -> None:
        told = [] if self._told is None else [self._told]
        others = {notice.text: notice for notice in notices if self._told is None or notice.text != self._told.text}
        low = self.app.size.height < LOW
        room = (SHOWN_LOW if low else SHOWN) - len(told)
        self._notices = list(others.values())[-room:] if room > 0 else []
        self.set_class(bool(self._notices or told), "-shown")
        self.set_class(low, "-low")
        self.update(Content("\n").join(_drawn(notice) for notice in (*self._notices, *told)))


def _stays(notice: Notice, now: float) -> bool:
    return notice.kind != "info" and now - notice.when < STAYS_S


def _drawn(notice: Notice) -> Content:
    sign, style = NoticeLine.SIGNS[notice.kind]
    return Content.assemble((f"{sign} ", f"bold {style}"), (notice.text, style))
