"""Whom a command calls: an address, a number, or somebody in the contacts, as in the dial field of the full-screen phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from softphone.cli import status
from softphone.control.protocol import AccountStatus
from softphone.files.errors import StoreError
from softphone.store.store import open_store


def resolve(text: str, accounts: Iterable[AccountStatus], rules: Mapping[str, str]) -> str:
    """The SIP URI that `text` means. `accounts`: those of the engine's status; `rules`: those of the section
    [numbers]. Raises CommandError: one sentence."""
    try:
        store = open_store(or_forget=True)
    except StoreError as error:
        raise status.CommandError(str(error)) from None
    try:
        return store.resolve(text, default_domain(accounts), rules)
    except StoreError as error:
        raise status.CommandError(str(error)) from None
    finally:
        store.close()


def default_domain(accounts: Iterable[AccountStatus]) -> str:
    """Host of the account that will call: the first that is registered, else the first with a server; "" without one."""
    served = [account for account in accounts if account.registrar]
    served.sort(key=lambda account: not account.registered)
    return served[0].uri.rpartition("@")[2] if served else ""
