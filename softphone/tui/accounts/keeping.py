"""Accounts go into the configuration file, their passwords into the keyring, and both to the running engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from softphone.config import Account, Config
from softphone.config.passwords import Passwords
from softphone.control.protocol import Register, Unregister
from softphone.store.settings import Settings
from softphone.tui.accounts.entry import AccountEntry, register_command

ACCOUNT_NAME = r"[\w.@+-]{1,64}"
"""What the control protocol and the configuration take."""


@dataclass(frozen=True)
class KeptAccount:
    """`commands` make the running engine do as the file says; `warning` is a sentence for the user, or empty."""

    name: str
    config: Config
    commands: tuple[Register | Unregister, ...]
    warning: str = ""


def keep_account(config_file: Path | None, entry: AccountEntry, name: str | None) -> KeptAccount:
    """Keep what was typed as a new account (`name` None) or in place of the one of that name. May take 5 s where a keyring is locked.

    Raises:
        EntryError: a field is wrong.
        SoftphoneError: the file, or the place of the password, cannot be written; the sentence says why.
    """
    settings = Settings(config_file)
    fields = entry.settings()
    address = fields["id"].partition(":")[2]
    if not re.fullmatch(ACCOUNT_NAME, address):
        # Without a name the address is the account's name, and one with a port or parameters is none.
        fields["name"] = _name_of(address)
    before = settings.load().named_accounts()
    password = entry.password
    if name is not None and name in before:
        old = before[name][1]
        moved = old.id != fields["id"]
        if old.name == _name_of(old.address):
            # It was never chosen, and follows the address.
            fields.setdefault("name", None)
        elif old.name:
            fields.pop("name", None)
        if moved and not password:
            # The keyring files passwords under the address.
            password = old.password()
        new_name = list(settings.change_account(name, fields).named_accounts())[list(before).index(name)]
        if moved:
            Passwords(settings.path.parent / "passwords").forget(old.address)
    else:
        new_name = list(settings.add_account(fields).named_accounts())[-1]
    warning = settings.set_password(new_name, password) if password else ""
    config = settings.load()
    account = config.named_accounts()[new_name][1]
    gone = (Unregister(account=name),) if name is not None and name != new_name else ()
    return KeptAccount(new_name, config, (*gone, register_command(new_name, account, password or account.password())), warning)


def _name_of(address: str) -> str:
    return re.sub(r"[^\w.@+-]", "-", address)[:64]


def remove_account(config_file: Path | None, name: str) -> KeptAccount:
    """Take it out of the file, and forget its password. Raises SoftphoneError."""
    return KeptAccount(name, Settings(config_file).remove_account(name), (Unregister(account=name),))


def again(name: str, account: Account) -> Register:
    """Register it again, with the password as it is kept now. Raises SoftphoneError."""
    return register_command(name, account, account.password())
