"""What can still be read of a damaged database goes into the new one."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from softphone.store.sqlite.schema import TABLES


def salvage(damaged: Path, into: sqlite3.Connection) -> str:
    """Copy rows from both ends of each table up to the damage; says how many, as "3 contacts, 0 calls, 2 messages". Never raises."""
    counts = dict.fromkeys(TABLES, 0)
    with contextlib.suppress(sqlite3.Error):
        source = sqlite3.connect(f"file:{quote(str(damaged))}?mode=ro", uri=True, isolation_level=None)
        try:
            into.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                for row in _rows(source, table):
                    counts[table] += _insert(into, table, row)
            into.execute("COMMIT")
        finally:
            source.close()
            if into.in_transaction:
                into.execute("ROLLBACK")
                counts = dict.fromkeys(TABLES, 0)
    return ", ".join(f"{counts[table]} {table}" for table in TABLES if table != "addresses")


def _rows(source: sqlite3.Connection, table: str) -> Iterator[dict[str, object]]:
    for order in ("ASC", "DESC"):
        try:
            cursor = source.execute(f"SELECT * FROM {table} ORDER BY rowid {order}")
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
        except sqlite3.Error:
            continue
        return


def _insert(into: sqlite3.Connection, table: str, row: dict[str, object]) -> int:
    known = {column[1] for column in into.execute(f"PRAGMA table_info({table})")}
    kept = {name: value for name, value in row.items() if name in known}
    places = ", ".join("?" * len(kept))
    try:
        return into.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(kept)}) VALUES ({places})", list(kept.values())).rowcount
    except sqlite3.Error:
        return 0
