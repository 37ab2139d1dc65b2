"""What calls and messages have in common: rows that come one after the other, seen or not, of which the newest are kept."""

from __future__ import annotations

from typing import ClassVar

from softphone.store.sqlite.database import Database

KEPT = 10_000
"""Most rows of a table: years of calls in some MB, and a flood of calls cannot fill the disk."""


class Rows:
    """One table. Every method raises StoreError when the database cannot be used."""

    TABLE: ClassVar[str]
    TIME: ClassVar[str]
    """Column with the seconds since 1970."""
    OVER: ClassVar[str]
    """SQL condition: the row is finished and will not change any more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unseen(self) -> int:
        """How many rows the user has not looked at."""
        sql = f"SELECT count(*) FROM {self.TABLE} WHERE seen = 0"
        return int(self._database.read(lambda connection: connection.execute(sql).fetchone()[0]))

    def prune(self, keep: int = KEPT) -> int:
        """Forget all but the newest; gives how many."""
        sql = (
            f"DELETE FROM {self.TABLE} WHERE {self.OVER} AND ({self.TIME}, id) <="
            f" (SELECT {self.TIME}, id FROM {self.TABLE} ORDER BY {self.TIME} DESC, id DESC LIMIT 1 OFFSET ?)"
        )
        return self._database.write(lambda connection: connection.execute(sql, (keep,)).rowcount)
