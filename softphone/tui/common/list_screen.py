"""A screen that is a list out of the store, read again now and then: another window of the phone may change it too."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from softphone.tui.common.pick_list import PickList
from softphone.tui.common.screens import PhoneScreen

LOOK_AGAIN_S = 1.0


class Entry(Protocol):
    @property
    def id(self) -> int: ...


EntryT = TypeVar("EntryT", bound=Entry)


class ListScreen(PhoneScreen[None], Generic[EntryT]):
    """Give `reload`, which fills `_shown` and the one `PickList` of the screen, whose keys are the entries' numbers."""

    OF_AN_ENTRY: ClassVar[frozenset[str]] = frozenset()
    """Actions that need an entry to be highlighted."""
    KEPT = True
    _shown: Sequence[EntryT] | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in self.OF_AN_ENTRY and not self._shown:
            return False
        return super().check_action(action, parameters)

    @abstractmethod
    def reload(self) -> None:
        """Read the store, and show what changed."""

    def on_mount(self) -> None:
        self._list.focus()
        self.set_interval(LOOK_AGAIN_S, self._look_again)
        self.call_after_refresh(self.reload)

    def opened_again(self, *_arguments: Any) -> None:
        self.tell("")
        self._shown = None
        self._list.focus()
        self.reload()
        self._list.action_first()

    def _look_again(self) -> None:
        if self.is_current:
            self.reload()

    @property
    def _list(self) -> PickList:
        return self.query_one(PickList)

    @property
    def chosen(self) -> EntryT | None:
        """The highlighted entry."""
        key = self._list.chosen
        return next((entry for entry in self._shown or () if str(entry.id) == key), None)
