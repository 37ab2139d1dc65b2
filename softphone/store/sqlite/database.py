"""The database file: private, shared by several processes, migrated by version, and never a reason to stop the phone."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from softphone import paths
from softphone.files.errors import StoreError
from softphone.files.file_lock import alone
from softphone.store.sqlite.salvage import salvage
from softphone.store.sqlite.schema import NewerFile, migrate

T = TypeVar("T")
BUSY_S = 5.0
"""How long one process waits for another that is writing."""
Stamp = tuple[int, int, int]
"""State of the data: inode of the file, SQLite's data_version, writes of this object. Compare for equality only."""


class Database:
    """One SQLite file in WAL mode, with foreign keys; any thread may use it, one at a time.

    A damaged file is set aside under another name and a new one is begun with what can be read of the old; `take_notes` then tells.
    """

    def __init__(self, path: Path | None = None, *, check: bool = False) -> None:
        """Open `path` (default: `phone.db` in the data folder), or make it.

        Args:
            check: read all of the file for damage first; a second per 100 MB or so.

        Raises:
            StoreError: it cannot be opened or made.
        """
        self.path = path or paths.data_dir() / "phone.db"
        self._lock = threading.RLock()
        self._notes: deque[str] = deque()
        self._check = check
        self._writes = 0
        self._inode = 0
        self._seen: Stamp | None = None
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            try:
                self._open()
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise StoreError(self._sentence(error)) from None
                self._begin_anew(error)
        self._seen = self.stamp()

    @classmethod
    def in_memory(cls, note: str = "") -> Database:
        """A database that is forgotten at the end, for when none can be kept; `note` says why."""
        database = cls(Path(":memory:"))
        if note:
            database._notes.append(note)
        return database

    @property
    def is_kept(self) -> bool:
        """Whether there is a file at all."""
        return str(self.path) != ":memory:"

    def read(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """What `action` finds. Raises StoreError."""
        return self._run(action, "BEGIN")

    def write(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """What `action` returns after its changes are on the disk, all or none. It is called again if the file turns out damaged.

        Raises:
            StoreError: the changes could not be made.
        """
        with self._lock:
            result = self._run(action, "BEGIN IMMEDIATE")
            self._writes += 1
        return result

    def stamp(self) -> Stamp:
        """Changes whenever the data may have, here or in another process. Some microseconds, no disk. Raises StoreError."""

        def version(connection: sqlite3.Connection) -> int:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

        found = self._run(version, "")
        return self._inode, found, self._writes

    def changed(self) -> bool:
        """Whether the data may have changed since this was asked last. Several watchers keep a `stamp` each instead. Raises StoreError."""
        before, self._seen = self._seen, self.stamp()
        return before != self._seen

    def take_notes(self) -> list[str]:
        """New notices for the user, each returned once: a damaged file was set aside, nothing can be stored. Never blocks."""
        notes = []
        with contextlib.suppress(IndexError):
            while True:
                notes.append(self._notes.popleft())
        return notes

    def close(self) -> None:
        """The next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _run(self, action: Callable[[sqlite3.Connection], T], begin: str) -> T:
        with self._lock:
            for attempt in range(2):
                try:
                    return self._attempt(action, begin)
                except sqlite3.Error as error:
                    if not is_damage(error) or attempt:
                        raise StoreError(self._sentence(error)) from None
                    self._begin_anew(error)
                except OverflowError:
                    raise StoreError("a number is too large to be kept") from None
        raise AssertionError

    def _attempt(self, action: Callable[[sqlite3.Connection], T], begin: str) -> T:
        if self._connection is not None and self.is_kept and _inode(self.path) != self._inode:
            # Another process has set the file aside, or the user has replaced it.
            self.close()
        if self._connection is None:
            self._open()
        connection = self._connection
        assert connection is not None
        if not begin:
            return action(connection)
        connection.execute(begin)
        try:
            result = action(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> None:
        if not self.is_kept:
            self._connection = _connect(self.path)
            migrate(self._connection)
            return
        self._make_private()
        with self._exclusively():
            self._open_file()

    def _open_file(self) -> None:
        self._make_file()
        self._inode = _inode(self.path)
        connection = _connect(self.path)
        try:
            migrate(connection)
            if self._check:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if found != "ok":
                    raise _Damaged(str(found))
        except NewerFile:
            connection.close()
            raise StoreError(f"{self.path} was written by a newer softphone; update this one, or move the file away") from None
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """Set the damaged file aside, unless another process just did, and carry over what can be read."""
        self.close()
        try:
            with self._exclusively():
                aside = _set_aside(self.path) if _inode(self.path) == self._inode else None
                self._open_file()
                if aside is not None:
                    assert self._connection is not None
                    saved = salvage(aside, self._connection)
                    self._notes.append(
                        f"the phone's memory was damaged ({error}); what could be read of it is kept ({saved}); the damaged file is {aside}"
                    )
        except sqlite3.Error as second:
            raise StoreError(self._sentence(second)) from None

    def _make_private(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder == paths.data_dir() and folder.stat().st_mode & 0o077:
                folder.chmod(0o700)
        except OSError as error:
            raise StoreError(
                f"the folder {folder} cannot be made private ({error.strerror}); is it yours, and is the disk writable?"
            ) from None

    def _make_file(self) -> None:
        # SQLite gives its -wal and -shm files the mode of this one. An existing file is not opened here: closing it would drop the
        # POSIX locks that another connection of this process holds on it.
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            elif self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be made ({error.strerror}); is the disk writable, and is there space?") from None

    def _exclusively(self) -> contextlib.AbstractContextManager[None]:
        """One process at a time makes, migrates or sets aside the file."""
        lock = self.path.with_name(self.path.name + ".lock")
        return alone(lock, 2 * BUSY_S, f"another softphone keeps {self.path} busy; end it and try again")

    def _sentence(self, error: sqlite3.Error) -> str:
        match _code(error):
            case sqlite3.SQLITE_FULL:
                return f"{self.path} cannot be written: the disk is full; free some space"
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return f"another program keeps {self.path} locked; end it and try again"
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                return f"{self.path} cannot be opened or written ({error}); is it yours, and is the disk writable?"
            case _:
                return f"{self.path} cannot be used ({error})"


class _Damaged(sqlite3.DatabaseError):
    """What PRAGMA quick_check found."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no database or a broken one."""
    return isinstance(error, _Damaged) or _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    # The low byte is the primary result code. Errors of the Python module itself have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # A power cut may cost the last second of a call's history, but no contact that was said to be kept.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _set_aside(path: Path) -> Path:
    """The new name. SQLite does not touch the -wal of a file that was renamed under it (databaseIsUnmoved in its pager.c)."""
    stem = f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while (aside := path.with_name(stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise StoreError(f"{path} is damaged and cannot be set aside ({error.strerror}); move it away") from None
    return aside
