"""The calls that were made, taken and missed. The engine writes them; front ends read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from softphone.files.errors import StoreError, clean
from softphone.store import sip_address
from softphone.store.sqlite.database import Database, Stamp
from softphone.store.sqlite.rows import Rows

Outcome = Literal["open", "answered", "missed", "refused", "unanswered"]
"""`open`: still up. `missed`: incoming, neither answered nor refused. `refused`: by the user. `unanswered`: outgoing, see `reason`."""


CANCELLED = 487
"""Status of a call that the caller gave up."""
HUNG_UP_HERE = "you hung up"
"""The engine's reason where the user ended the call, or declined it."""


@dataclass(frozen=True)
class CallRecord:
    """One call. Times are seconds since 1970; `answered` None: it never was. `codec` is the last one used."""

    id: int
    direction: Literal["incoming", "outgoing"]
    remote: str
    """SIP URI, without display name."""
    remote_name: str
    """The name that the remote party gives."""
    account: str
    started: float
    answered: float | None
    duration_s: float
    codec: str
    outcome: Outcome
    code: int
    reason: str
    seen: bool

    @property
    def cancelled(self) -> bool:
        """Cancelled here before it was answered."""
        return self.outcome == "unanswered" and self.reason == HUNG_UP_HERE


_BUSY, _DECLINED = (486, 600), (603, 607)


def outcome_word(call: CallRecord) -> str:
    """How a call ended, in a word or two: `missed`, `declined`, `cancelled`, `busy`, `no answer`, `failed`, `in progress`; "" when it was
    answered."""
    match call.outcome:
        case "missed":
            return "missed"
        case "refused":
            return "declined"
        case "open":
            return "in progress"
        case "answered":
            return ""
    if call.reason == HUNG_UP_HERE or call.code == CANCELLED:
        return "cancelled"
    if call.code in _BUSY:
        return "busy"
    if call.code in _DECLINED:
        return "declined"
    return "no answer" if call.code in (0, 408, 480) or call.code // 100 in (1, 2) else "failed"


class History(Rows):
    """The calls in a database. Every method raises StoreError when the database cannot be used."""

    TABLE, TIME, OVER = "calls", "started", "outcome != 'open'"

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._remotes: tuple[Stamp | None, int, list[tuple[str, str]]] = (None, 0, [])

    def calls(self, limit: int = 200, before: int | None = None, missed_only: bool = False) -> list[CallRecord]:
        """The newest first; `before` the call of that id, for the next page."""
        where, values = ["1"], []
        if missed_only:
            where.append("outcome = 'missed'")
        if before is not None:
            where.append("(started, id) < (SELECT started, id FROM calls WHERE id = ?)")
            values.append(before)
        sql = f"SELECT * FROM calls WHERE {' AND '.join(where)} ORDER BY started DESC, id DESC LIMIT ?"
        return self._database.read(lambda connection: [_record(row) for row in connection.execute(sql, (*values, limit))])

    def get(self, call_id: int) -> CallRecord:
        """Raises StoreError also when there is none."""
        row = self._database.read(lambda connection: connection.execute("SELECT * FROM calls WHERE id = ?", (call_id,)).fetchone())
        if row is None:
            raise StoreError(f"there is no call {call_id} in the history; it may have been removed elsewhere")
        return _record(row)

    def mark_seen(self, call_ids: Iterable[int] | None = None) -> None:
        """The user has looked at these missed calls; None: at all of them."""
        numbers = None if call_ids is None else [(number,) for number in call_ids]

        def mark(connection: sqlite3.Connection) -> None:
            if numbers is None:
                connection.execute("UPDATE calls SET seen = 1 WHERE seen = 0")
            else:
                connection.executemany("UPDATE calls SET seen = 1 WHERE id = ?", numbers)

        self._database.write(mark)

    def redial(self) -> CallRecord | None:
        """The call that was dialled last."""
        sql = "SELECT * FROM calls WHERE direction = 'outgoing' ORDER BY started DESC, id DESC LIMIT 1"
        row = self._database.read(lambda connection: connection.execute(sql).fetchone())
        return None if row is None else _record(row)

    def remotes(self, limit: int = 200) -> list[tuple[str, str]]:
        """URI and name of those called or calling lately, each once, the latest first."""
        stamp = self._database.stamp()
        if self._remotes[:2] != (stamp, limit):
            sql = "SELECT remote, remote_name, max(started) AS latest FROM calls GROUP BY remote ORDER BY latest DESC LIMIT ?"
            found = self._database.read(
                lambda connection: [(row["remote"], row["remote_name"]) for row in connection.execute(sql, (limit,))]
            )
            self._remotes = stamp, limit, found
            return found
        return self._remotes[2]

    def remove(self, call_ids: Iterable[int] | None = None) -> int:
        """Forget these calls, or all that are over; gives how many."""
        numbers = None if call_ids is None else [(number,) for number in call_ids]

        def remove(connection: sqlite3.Connection) -> int:
            if numbers is None:
                return connection.execute("DELETE FROM calls WHERE outcome != 'open'").rowcount
            return connection.executemany("DELETE FROM calls WHERE outcome != 'open' AND id = ?", numbers).rowcount

        return self._database.write(remove)

    def begin(self, direction: Literal["incoming", "outgoing"], remote: str, account: str, started: float, owner: str) -> int:
        """A call begins; `remote` may have a display name; `owner` names the engine until `end`. Gives the id."""
        uri, name = sip_address.bare_uri(remote)
        values = (direction, clean(uri, 600), clean(name, 200), clean(account, 100), started, owner)
        sql = "INSERT INTO calls (direction, remote, remote_name, account, started, owner) VALUES (?, ?, ?, ?, ?, ?)"
        number = self._database.write(lambda connection: connection.execute(sql, values).lastrowid)
        assert number is not None
        return number

    def update(self, call_id: int, answered: float | None, codec: str) -> None:
        """When it was connected, and the codec that it uses now."""
        values = (answered, clean(codec, 40), call_id)
        self._database.write(lambda connection: connection.execute("UPDATE calls SET answered = ?, codec = ? WHERE id = ?", values))

    def end(self, call_id: int, *, duration_s: float, code: int, reason: str, refused_here: bool = False) -> bool:
        """It is over. What became of it follows from direction, whether it was answered, and `refused_here`. False: it is not there."""
        return bool(
            self._database.write(
                lambda connection: (
                    connection.execute(
                        "UPDATE calls SET duration_s = ?1, code = ?2, reason = ?3, outcome = CASE"
                        " WHEN answered IS NOT NULL THEN 'answered' WHEN direction = 'outgoing' THEN 'unanswered'"
                        " WHEN ?4 THEN 'refused' ELSE 'missed' END,"
                        " seen = answered IS NOT NULL OR direction = 'outgoing' OR ?4 WHERE id = ?5 AND outcome = 'open'",
                        (max(duration_s, 0.0), code, clean(reason, 500), refused_here, call_id),
                    ).rowcount
                )
            )
        )

    def end_orphans(self, alive: Callable[[str], bool], reason: str) -> int:
        """Close the calls of engines that are gone (`owner` not `alive`), of unknown duration; returns their number."""

        def settle(connection: sqlite3.Connection) -> int:
            owners = [row[0] for row in connection.execute("SELECT DISTINCT owner FROM calls WHERE outcome = 'open'")]
            return sum(
                connection.execute(
                    "UPDATE calls SET reason = ?, outcome = CASE WHEN answered IS NOT NULL THEN 'answered'"
                    " WHEN direction = 'outgoing' THEN 'unanswered' ELSE 'missed' END,"
                    " seen = answered IS NOT NULL OR direction = 'outgoing' WHERE outcome = 'open' AND owner = ?",
                    (reason, owner),
                ).rowcount
                for owner in owners
                if not alive(owner)
            )

        return self._database.write(settle)


def _record(row: sqlite3.Row) -> CallRecord:
    return CallRecord(
        id=row["id"],
        direction=row["direction"],
        remote=row["remote"],
        remote_name=row["remote_name"],
        account=row["account"],
        started=row["started"],
        answered=row["answered"],
        duration_s=row["duration_s"],
        codec=row["codec"],
        outcome=row["outcome"],
        code=row["code"],
        reason=row["reason"],
        seen=bool(row["seen"]),
    )
