"""Which codecs are offered, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from softphone.codecs import CODECS, codec_names
from softphone.tui.common.pick_list import Cell, PickList, Row, line

MEANING = {codec.name: codec.summary for codec in CODECS}


class CodecOrder(PickList):
    """Space switches a codec on or off, + and - move it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "in_or_out", "In or out", show=False),
        Binding("plus,K,shift+up", "move(-1)", "Earlier", show=False),
        Binding("minus,J,shift+down", "move(1)", "Later", show=False),
    ]
    DEFAULT_CSS = "CodecOrder { height: 4; }"

    class Changed(Message):
        def __init__(self, order: tuple[str, ...]) -> None:
            super().__init__()
            self.order = order

    def __init__(self, order: Sequence[str], *, id: str | None = None) -> None:
        super().__init__("", id=id)
        self._set(order)

    @property
    def order(self) -> tuple[str, ...]:
        """What is offered, best first; never empty."""
        return tuple(name for name in self._names if name in self._offered)

    def _set(self, order: Sequence[str]) -> None:
        self._offered = set(order)
        self._names = [*order, *(name for name in codec_names() if name not in order)]

    def on_mount(self) -> None:
        self._show()

    def action_in_or_out(self) -> None:
        name = self.chosen
        if name is None or self._offered == {name}:
            self.app.bell()
            return
        self._offered ^= {name}
        self._changed()

    def action_select(self) -> None:
        self.action_in_or_out()

    def action_move(self, by: int) -> None:
        name = self.chosen
        if name is None:
            return
        at = self._names.index(name)
        to = at + by
        if not 0 <= to < len(self._names):
            self.app.bell()
            return
        self._names[at], self._names[to] = self._names[to], self._names[at]
        self._changed()

    def _changed(self) -> None:
        self._show()
        self.post_message(self.Changed(self.order))

    def _show(self) -> None:
        places = {name: str(place) for place, name in enumerate(self.order, 1)}

        def row(name: str) -> Row:
            offered = name in places
            return Row(
                name,
                lambda width: line(
                    width,
                    Cell(f"{places.get(name, '-')} {'[x]' if offered else '[ ]'}", 5),
                    Cell(name, 6, "bold" if offered else "$foreground-muted"),
                    Cell(MEANING[name] if offered else "not offered", style="$foreground-muted", least=30),
                ),
            )

        self.show([row(name) for name in self._names])
