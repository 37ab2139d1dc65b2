"""Accounts with their registration in words and by a sign."""

from __future__ import annotations

from textual.content import Content

from softphone.tui.common.drawing import cut
from softphone.tui.common.line import Line
from softphone.tui.sentences import ACCOUNT_STATES
from softphone.tui.state.names import short
from softphone.tui.state.phone_state import LOCAL, AccountView, PhoneState

_LOOKS = {
    "registered": ("●", "$success"),
    "registering": ("◐", "$warning"),
    "unregistered": ("○", "$foreground 60%"),
    "failed": ("✗", "$error"),
    "direct": ("●", "$foreground 60%"),
}


class AccountList(Line):
    """Two rows an account: address, then its state."""

    DEFAULT_CSS = """
    AccountList { border: round $border; border-title-color: $primary; padding: 0 1; height: auto; max-height: 40%; }
    """

    def __init__(self) -> None:
        super().__init__(fill=True)
        self.border_title = "Accounts"

    def show_state(self, state: PhoneState) -> None:
        rows = account_rows(state, max(self.content_size.width, 16))
        # Its own height follows the accounts, with the border around them.
        self.styles.height = rows.plain.count("\n") + 3
        self.show(rows)


def account_rows(state: PhoneState, width: int) -> Content:
    """The list as text."""
    if not state.accounts:
        return Content.styled("none yet", "$foreground 60%")
    rows = []
    for account in state.accounts.values():
        sign, style = _LOOKS[account.state]
        name = "direct calls" if account.name == LOCAL else short(account.uri) or account.name
        words = state.engine.address if account.name == LOCAL else _state_words(account)
        rows.append(Content.assemble((f"{sign} ", style), (cut(name, width - 2), "bold" if account.name != LOCAL else "")))
        rows.append(Content.styled("  " + cut(words, width - 2), style))
    return Content("\n").join(rows)


def _state_words(account: AccountView) -> str:
    words = ACCOUNT_STATES[account.state]
    if account.state == "failed":
        words = f"failed: {account.reason or account.code}"
    if account.voice_mail:
        words += f", {account.voice_mail if account.voice_mail > 0 else ''} voicemail".replace("  ", " ")
    return words
