"""Contacts, history and messages in one database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from softphone.files.errors import StoreError
from softphone.store import dial
from softphone.store.contacts import Contacts
from softphone.store.dial import Completion, Target
from softphone.store.history import History
from softphone.store.messages import Messages
from softphone.store.sqlite.database import Database

NO_RULES: Mapping[str, str] = MappingProxyType({})


class Store:
    """Contacts, history and messages of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.contacts = Contacts(database)
        self.history = History(database)
        self.messages = Messages(database)

    def changed(self) -> bool:
        """Whether the data may have changed, here or in another process, since this was asked last. Microseconds. Raises StoreError."""
        return self.database.changed()

    def take_notes(self) -> list[str]:
        """New notices for the user; each is returned once."""
        return self.database.take_notes()

    def complete(self, text: str, limit: int = 20) -> list[Completion]:
        """What `text` in the dial field may mean. Raises StoreError only when the database cannot be used."""
        return dial.complete(text, self.contacts, self.history, limit)

    def resolve(self, text: str, default_domain: str = "", rules: Mapping[str, str] = NO_RULES) -> str:
        """The SIP URI that `text` means; `default_domain` is that of the account that will call, `rules` are those of the configuration's
        section [numbers]. Raises StoreError."""
        return self.target(text, default_domain, rules).uri

    def target(self, text: str, default_domain: str = "", rules: Mapping[str, str] = NO_RULES) -> Target:
        """Like `resolve`, with the keys that are to be pressed in the call: an extension, or what stands behind pauses."""
        return dial.resolve(text, default_domain, self.contacts, rules)

    def name_of(self, remote: str) -> str:
        """Who `remote` is, for showing: the contact's name, else the display name in it, else "". Raises StoreError."""
        return self.contacts.name_of(remote)

    def close(self) -> None:
        self.database.close()


def open_store(path: Path | None = None, *, or_forget: bool = False) -> Store:
    """The store at `path`, or in the data folder.

    Args:
        or_forget: where no file can be used, keep everything in memory until the end; `take_notes` then says why.

    Raises:
        StoreError: the file cannot be used, unless `or_forget`.
    """
    try:
        return Store(Database(path))
    except StoreError as error:
        if not or_forget:
            raise
        return Store(Database.in_memory(f"{error}; until then contacts and history are forgotten when the phone ends"))
