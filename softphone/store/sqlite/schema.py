"""The tables, as steps from each version of the file to the next. A step that was released is never changed; new ones are appended."""

from __future__ import annotations

import sqlite3

# AUTOINCREMENT: a number that a screen still shows never comes to mean somebody else.
MIGRATIONS: tuple[str, ...] = (
    # 1: contacts
    """
    CREATE TABLE contacts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        uid TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        favourite INTEGER NOT NULL DEFAULT 0 CHECK (favourite IN (0, 1)),
        notes TEXT NOT NULL DEFAULT '',
        auto_answer INTEGER NOT NULL DEFAULT 0 CHECK (auto_answer IN (0, 1)),
        codecs TEXT
    ) STRICT;
    CREATE TABLE addresses (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        contact INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
        uri TEXT NOT NULL,
        label TEXT NOT NULL DEFAULT '',
        preferred INTEGER NOT NULL DEFAULT 0 CHECK (preferred IN (0, 1)),
        UNIQUE (contact, uri)
    ) STRICT;
    """,
    # 2: calls; `owner` names the engine that is still writing the row
    """
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
        remote TEXT NOT NULL,
        remote_name TEXT NOT NULL DEFAULT '',
        account TEXT NOT NULL DEFAULT '',
        started REAL NOT NULL,
        answered REAL,
        duration_s REAL NOT NULL DEFAULT 0,
        codec TEXT NOT NULL DEFAULT '',
        outcome TEXT NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'answered', 'missed', 'refused', 'unanswered')),
        code INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        seen INTEGER NOT NULL DEFAULT 1 CHECK (seen IN (0, 1)),
        owner TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX calls_by_time ON calls (started);
    CREATE INDEX calls_unseen ON calls (started) WHERE seen = 0;
    CREATE INDEX calls_open ON calls (owner) WHERE outcome = 'open';
    """,
    # 3: messages; `peer` is the key of the conversation, user@host
    """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        peer TEXT NOT NULL,
        remote TEXT NOT NULL,
        direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
        account TEXT NOT NULL DEFAULT '',
        text TEXT NOT NULL,
        time REAL NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('received', 'sending', 'delivered', 'failed')),
        reason TEXT NOT NULL DEFAULT '',
        seen INTEGER NOT NULL DEFAULT 1 CHECK (seen IN (0, 1)),
        owner TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX messages_by_peer ON messages (peer, time);
    CREATE INDEX messages_unseen ON messages (peer) WHERE seen = 0;
    CREATE INDEX messages_sending ON messages (owner) WHERE state = 'sending';
    """,
)
TABLES = ("contacts", "addresses", "calls", "messages")
"""Parents before children."""


class NewerFile(Exception):
    """The file was written by a program that knows more versions than this one."""


def migrate(connection: sqlite3.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring the file to the newest version, one transaction a step; safe against a kill and against another process that does the same.

    Raises:
        NewerFile, sqlite3.Error.
    """
    while (version := _version(connection)) != len(migrations):
        if version > len(migrations):
            raise NewerFile
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have made this step while we waited for the lock.
            if _version(connection) == version:
                for statement in migrations[version].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
