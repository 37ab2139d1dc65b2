"""The fields of an account, for the guided set-up and for the settings."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from softphone.tui.accounts.entry import AccountEntry, EntryError
from softphone.tui.common.form import Field, Tick


class AccountFields(Vertical):
    """`kept`: a password is kept already, and may be left as it is."""

    DEFAULT_CSS = """
    AccountFields {
        height: auto;
        .account--more { color: $text-muted; margin-top: 1; height: auto; }
    }
    """

    def __init__(self, entry: AccountEntry, *, kept: bool = False) -> None:
        super().__init__()
        self._entry = entry
        self._kept = kept

    def compose(self) -> ComposeResult:
        entry = self._entry
        yield Field("Address", id="address", value=entry.address, placeholder="alice@example.org")
        kept = "unchanged; type to change it" if self._kept else ""
        where = "kept in your keyring, or in a file that only you can read"
        yield Field("Password", id="password", placeholder=kept, password=True, hint=where)
        yield Static("Only if your provider names them:", classes="account--more", markup=False)
        yield Field("Server", id="server", value=entry.server, placeholder="as in the address")
        yield Field("Proxy", id="proxy", value=entry.proxy, placeholder="none")
        yield Field("User name", id="user", value=entry.user, placeholder="as in the address")
        yield Tick("Auto-answer", "all calls at once", id="auto-answer", value=entry.auto_answer)

    def entry(self) -> AccountEntry:
        """What stands in the fields now."""
        address, server, proxy, user = (self.query_one(f"#{name}", Field).value for name in ("address", "server", "proxy", "user"))
        password = self.query_one("#password", Field).input.value
        return AccountEntry(address, password, server, proxy, user, self.query_one("#auto-answer", Tick).value)

    def complain(self, error: EntryError) -> None:
        """Say under the field what is wrong with it."""
        self.query_one(f"#{error.field}", Field).complain(str(error))

    def next_field(self) -> bool:
        """Enter in the address leads to the password, while there is none: an account is not registered before that was seen. False where
        enter is meant for the whole form."""
        password = self.query_one("#password", Field).input
        if not self.query_one("#address", Field).input.has_focus or password.value or self._kept:
            return False
        password.focus()
        return True

    def focus_first(self) -> None:
        self.query_one("#address", Field).input.focus()
