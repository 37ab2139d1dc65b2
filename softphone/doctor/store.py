"""What the doctor looks at in the phone's memory: the database, and where passwords are. It changes nothing."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from softphone import paths
from softphone.config import Account, Config
from softphone.config.passwords import KeyringError, Passwords
from softphone.doctor.finding import Finding
from softphone.errors import SoftphoneError
from softphone.store.sqlite.database import BUSY_S
from softphone.store.sqlite.schema import MIGRATIONS

_COUNTED = ("contacts", "calls", "messages")


def check_store(config: Config, file: Path | None = None) -> Iterator[Finding]:
    """Two findings: the database (`file`, default: that of the user), and the passwords of the accounts."""
    yield check_database(file or paths.data_dir() / "phone.db")
    yield check_passwords(config)


def check_database(file: Path) -> Finding:
    """Whether it opens, is whole, and is for nobody else to read."""
    name = "memory"
    if not file.exists():
        nearest = next(folder for folder in file.parents if folder.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            return Finding(
                name, "broken", f"{file} cannot be made: {nearest} is not writable", f"make {nearest} yours, or set XDG_DATA_HOME"
            )
        return Finding(name, "ok", f"empty; contacts, calls and messages will be in {file}")
    for place, private in ((file.parent, "700"), (file, "600")):
        mode = stat.S_IMODE(place.stat().st_mode)
        if mode & 0o077:
            return Finding(name, "broken", f"other users can read {place} (mode {mode:o})", f"run: chmod {private} {place}")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > len(MIGRATIONS):
                return Finding(name, "broken", f"{file} was written by a newer softphone", "update this one, or move the file away")
            whole = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if whole != "ok":
                raise sqlite3.DatabaseError(whole)
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            counts = [
                f"{connection.execute(f'SELECT count(*) FROM {table}').fetchone()[0]} {table}" for table in _COUNTED if table in there
            ]
    except sqlite3.OperationalError as error:
        return Finding(
            name, "broken", f"{file} cannot be opened ({error})", "end the program that keeps it busy, and see that the file is yours"
        )
    except sqlite3.DatabaseError as error:
        return Finding(
            name, "broken", f"{file} is damaged ({error})", "start softphone: it sets the file aside and keeps what can be read of it"
        )
    return Finding(name, "ok", f"{', '.join(counts) or 'empty'} in {file}, private")


def check_passwords(config: Config) -> Finding:
    """Where each account's password is, and whether it can be had; without accounts, where one would be kept."""
    name = "passwords"
    places = []
    for account_name, (key, account) in config.named_accounts().items():
        try:
            account.password(key)
        except SoftphoneError as error:
            found, _, fix = str(error).partition("; ")
            return Finding(name, "broken", found, fix or "enter it again in the settings")
        places.append(f"{account_name}: {_place(account)}")
    if not any(account.password_file for _, account in config.named_accounts().values()) and places:
        return Finding(name, "ok", "; ".join(places))
    try:
        keyring = Passwords().keyring_name()
    except KeyringError as error:
        found = f"{'; '.join(places) or 'none yet'} ({str(error).partition('; ')[0]})"
        fix = "enter it again in the settings once a keyring runs" if places else "they will be in files that only you (and root) can read"
        return Finding(name, "missing", found, fix)
    return Finding(name, "ok", "; ".join(places) or f"none yet; they will be kept in {keyring}")


def _place(account: Account) -> str:
    if account.password_keyring:
        return "in the keyring"
    if account.password_env:
        return f"in the environment variable {account.password_env}"
    return f"in the private file {account.password_file}" if account.password_file else "none"
