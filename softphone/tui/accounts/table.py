"""The accounts with their registration, and what to do about one that failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.content import Content

from softphone.plain_text import visible
from softphone.tui.common.pick_list import Cell, PickList, Row, line
from softphone.tui.state.names import short
from softphone.tui.state.phone_state import LOCAL, AccountView, PhoneState

_LOOKS = {
    "registered": ("●", "$success", "registered: calls to this address reach you"),
    "registering": ("◐", "$warning", "registering"),
    "unregistered": ("○", "$foreground-muted", "not registered"),
    "failed": ("✗", "$error", "failed"),
    "direct": ("●", "$foreground-muted", "no server needed"),
}
EMPTY = "The phone is not running just now; accounts appear here when it is."


class AccountTable(PickList):
    """Keys of the rows are the accounts' names."""

    DEFAULT_CSS = "AccountTable { height: auto; max-height: 100%; }"

    def __init__(self) -> None:
        super().__init__(EMPTY)
        self._drawn: object = None

    def show_state(self, state: PhoneState, kept: Mapping[str, str]) -> None:
        """`kept`: name and address of the accounts of the configuration; the engine may not know them (yet)."""
        address = state.engine.address
        known = {name: replace(account, uri=account.uri or kept.get(name, "")) for name, account in state.accounts.items()}
        accounts = known | {name: AccountView(name, uri) for name, uri in kept.items() if name not in known}
        rows = [(account.name, account.uri, account.state, account_words(account, address)) for account in accounts.values()]
        if rows != self._drawn:
            self._drawn = rows
            self.show([_row(account, address) for account in accounts.values()])


def account_words(account: AccountView, address: str) -> str:
    """The state in words."""
    if account.name == LOCAL or account.state == "direct":
        return f"no server needed; your address on this network is sip:{address}" if address else _LOOKS["direct"][2]
    if account.state == "failed":
        again = f"; next try in {account.retry_s:.0f} s" if account.retry_s else "; v edits it, r tries again"
        return f"registration failed: {visible(account.reason)}{again}"
    return _LOOKS[account.state][2]


def _row(account: AccountView, address: str) -> Row:
    sign, style, _ = _LOOKS[account.state]
    direct = account.name == LOCAL
    name = "Direct calls" if direct else short(account.uri)
    label = "" if direct or account.name in (name, "default") else account.name

    def draw(width: int) -> Content:
        head = line(width, Cell(sign, 1, style), Cell(visible(name), style="bold"), Cell(visible(label), 20, "$foreground-muted", least=50))
        words = Content.styled(account_words(account, address), style).wrap(max(width - 2, 10))
        return Content("\n").join([head, *(Content("  ") + part for part in words)])

    return Row(account.name, draw)
