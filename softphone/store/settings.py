"""Edits the user's configuration file; everything else in it, comments included, is preserved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, Item, Table, Whitespace

from softphone import config, paths
from softphone.config import Account, Config
from softphone.config.fields import ConfigError
from softphone.config.passwords import Passwords
from softphone.files import private_file, text_file
from softphone.files.errors import StoreError
from softphone.files.file_lock import alone
from softphone.files.text_file import TextFileError

_LOCK_S = 5.0
_PASSWORD_KEYS = ("password_file", "password_env", "password_keyring")


class Settings:
    """The configuration file at `path` (default: the XDG path; need not exist).

    Every change reads it, checks the whole of the result as the engine would, and replaces it at once with mode 0600; other processes
    that do the same wait their turn. All methods raise a SoftphoneError, and then nothing has changed.
    """

    def __init__(self, path: Path | None = None, passwords: Passwords | None = None) -> None:
        self.path = path or paths.config_file()
        self._passwords = passwords or Passwords(self.path.parent / "passwords")

    def load(self) -> Config:
        """The settings as they are; the defaults where there is no file. Raises ConfigError."""
        return config.load(self.path) if self.path.exists() else Config()

    def change(self, values: Mapping[str, Any]) -> Config:
        """Set `section.key` (`audio.input`, `phrases.f2`) to each value; None takes the line out, so that the default counts."""

        def edit(document: tomlkit.TOMLDocument) -> None:
            for place, value in values.items():
                section, dot, key = place.partition(".")
                if not dot or section in ("account", "accounts"):
                    raise StoreError(f"{place} is not a setting; one is written section.key, such as audio.input")
                if section not in document:
                    document[section] = tomlkit.table()
                _set(document[section], key, value)

        return self._edit(edit)

    def add_account(self, fields: Mapping[str, Any]) -> Config:
        """Another account; `fields` are those of `config.Account`, at least `id`. It is the last one."""

        def edit(document: tomlkit.TOMLDocument) -> None:
            table = tomlkit.table()
            for key, value in fields.items():
                _set(table, key, value)
            table.add(tomlkit.nl())
            _accounts(document).append(table)

        return self._edit(edit)

    def change_account(self, name: str, fields: Mapping[str, Any]) -> Config:
        """Set fields of the account of this name (`Config.named_accounts`); None gives the default back."""

        def edit(document: tomlkit.TOMLDocument) -> None:
            table, _ = _account(document, name)
            for key, value in fields.items():
                _set(table, key, value)

        return self._edit(edit)

    def remove_account(self, name: str) -> Config:
        """Take the account out, and forget its password where this program has kept it."""
        address = ""

        def edit(document: tomlkit.TOMLDocument) -> None:
            nonlocal address
            table, place = _account(document, name)
            address = str(table.get("id", "")).partition(":")[2]
            if place is None:
                del document["account"]
                return
            accounts = _accounts(document)
            del accounts[place]
            if not accounts:
                del document["accounts"]

        changed = self._edit(edit)
        if all(account.address != address for _, account in changed.named_accounts().values()):
            self._passwords.forget(address)
        return changed

    def set_password(self, name: str, password: str) -> str:
        """Keep the password of the account of this name, and write down where it is; empty: it needs none. Takes up to 5 s where a
        keyring is locked.

        Returns:
            A sentence of warning when it had to go into a file, else "".
        """
        account = self._named(name)
        fields: dict[str, Any] = dict.fromkeys(_PASSWORD_KEYS)
        warning = ""
        if password:
            kept = self._passwords.keep(account.address, password)
            fields |= kept.settings
            warning = kept.warning
        else:
            self._passwords.forget(account.address)
        self.change_account(name, fields)
        return warning

    def _named(self, name: str) -> Account:
        accounts = self.load().named_accounts()
        if name not in accounts:
            raise _no_account(name, list(accounts))
        return accounts[name][1]

    def _edit(self, edit: Callable[[tomlkit.TOMLDocument], None]) -> Config:
        private_file.private_folder(self.path.parent)
        with self._alone():
            text = self._read()
            try:
                config.parse(text)
                document = tomlkit.parse(text)
                edit(document)
                changed = tomlkit.dumps(document)
                result = config.parse(changed)
            except ConfigError as error:
                raise ConfigError(f"{self.path}: {error}") from None
            except (TOMLKitError, RecursionError, ValueError, TypeError) as error:
                raise StoreError(f"{self.path} cannot be changed here ({error}); change it with an editor") from None
            if changed != text:
                private_file.write(self.path, changed.encode())
        return result

    def _read(self) -> str:
        try:
            return text_file.read(self.path).text
        except FileNotFoundError:
            return f"# Settings of the softphone. All that can be set, with explanations: {paths.default_config_file()}\n"
        except TextFileError as error:
            raise ConfigError(f"cannot read the configuration file {self.path} ({error})") from None

    def _alone(self) -> AbstractContextManager[None]:
        lock = self.path.with_name(f".{self.path.name}.lock")
        return alone(lock, _LOCK_S, f"another softphone is changing {self.path}; try again")


def _set(table: Any, key: str, value: Any) -> None:
    if value is None:
        if key in table:
            del table[key]
    else:
        table[key] = list(value) if isinstance(value, tuple) else value


def _accounts(document: tomlkit.TOMLDocument) -> AoT:
    """The list `[[accounts]]`; a single `[account]` that is one becomes its first entry, for the two cannot stand together."""
    found = document.get("accounts")
    if isinstance(found, AoT):
        return found
    listed = tomlkit.aot()
    if found is not None:
        for entry in found:
            listed.append(_table(entry))
        if listed:
            _copy_comment(found, listed[0])
    single = document.get("account")
    if single is not None and single.get("id"):
        first = _table(single)
        first.setdefault("name", "default")
        if not first["name"]:
            first["name"] = "default"
        del document["account"]
        listed.append(first)
    if found is not None:
        del document["accounts"]
    if not document.as_string().endswith(("\n\n", "\n\r\n")):
        document.add(tomlkit.nl())
    document["accounts"] = listed
    result = document["accounts"]
    assert isinstance(result, AoT)
    return result


def _table(entries: Any) -> Table:
    """The same entries as a table of their own; comments come along from one that was a `[table]` too."""
    table = tomlkit.table()
    if not isinstance(entries, Table):
        for name, value in entries.unwrap().items():
            table[name] = value
        return table
    _copy_comment(entries, table)
    for key, item in entries.value.body:
        if key is not None:
            table[key.key] = item
        elif isinstance(item, Comment | Whitespace):
            table.add(item)
    return table


def _copy_comment(source: Item, target: Item) -> None:
    target.trivia.comment_ws, target.trivia.comment = source.trivia.comment_ws, source.trivia.comment


def _account(document: tomlkit.TOMLDocument, name: str) -> tuple[Any, int | None]:
    """The account's table, and its place in the list `[[accounts]]` (None: it is the single one)."""
    single = document.get("account")
    if single is not None and single.get("id"):
        known = {str(single.get("name") or "default"): None}
        if name in known:
            return single, None
        raise _no_account(name, list(known))
    entries = document.get("accounts") or []
    names = [str(entry.get("name") or str(entry.get("id", "")).partition(":")[2]) for entry in entries]
    if name not in names:
        raise _no_account(name, names)
    return _accounts(document)[names.index(name)], names.index(name)


def _no_account(name: str, known: list[str]) -> StoreError:
    return StoreError(f"there is no account {name}; known are {', '.join(known) or 'none'}")
