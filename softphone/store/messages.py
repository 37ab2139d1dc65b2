"""Text messages (RFC 3428), in conversations with each peer. The engine writes them; front ends read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from softphone.files.errors import clean, clean_lines
from softphone.store import sip_address
from softphone.store.sqlite.rows import Rows

MAX_TEXT = 20000
State = Literal["received", "sending", "delivered", "failed"]


@dataclass(frozen=True)
class MessageRecord:
    """One message; `time` in seconds since 1970, `reason` says why it failed."""

    id: int
    peer: str
    remote: str
    direction: Literal["incoming", "outgoing"]
    account: str
    text: str
    time: float
    state: State
    reason: str
    seen: bool


@dataclass(frozen=True)
class Conversation:
    """All messages with one peer: `peer` is the key for `with_peer`, `remote` the SIP URI to answer to."""

    peer: str
    remote: str
    last: MessageRecord
    unread: int


class Messages(Rows):
    """The messages in a database. Every method raises StoreError when the database cannot be used."""

    TABLE, TIME, OVER = "messages", "time", "state != 'sending'"

    def conversations(self) -> list[Conversation]:
        """The one with the newest message first."""

        def read(connection: sqlite3.Connection) -> list[Conversation]:
            unread = dict(connection.execute("SELECT peer, count(*) FROM messages WHERE seen = 0 GROUP BY peer").fetchall())
            newest = connection.execute(
                "SELECT * FROM messages AS m WHERE id = (SELECT id FROM messages WHERE peer = m.peer ORDER BY time DESC, id DESC LIMIT 1)"
                " ORDER BY time DESC, id DESC"
            )
            return [Conversation(row["peer"], row["remote"], _record(row), unread.get(row["peer"], 0)) for row in newest]

        return self._database.read(read)

    def unread(self) -> int:
        """Messages that nobody has looked at."""
        sql = "SELECT count(*) FROM messages WHERE seen = 0"
        return self._database.read(lambda connection: int(connection.execute(sql).fetchone()[0]))

    def with_peer(self, peer: str, limit: int = 500) -> list[MessageRecord]:
        """The last `limit` messages of a conversation, the oldest first; `peer` is its key or any URI of that peer."""
        sql = "SELECT * FROM messages WHERE peer = ? ORDER BY time DESC, id DESC LIMIT ?"
        values = (peer_key(peer), limit)
        return self._database.read(lambda connection: [_record(row) for row in connection.execute(sql, values)][::-1])

    def mark_seen(self, peer: str) -> None:
        """The user has looked at the conversation."""
        key = peer_key(peer)
        self._database.write(lambda connection: connection.execute("UPDATE messages SET seen = 1 WHERE seen = 0 AND peer = ?", (key,)))

    def remove(self, peer: str) -> int:
        """Forget the conversation; gives how many messages it had."""
        key = peer_key(peer)
        return self._database.write(lambda connection: connection.execute("DELETE FROM messages WHERE peer = ?", (key,)).rowcount)

    def received(self, remote: str, account: str, text: str, when: float) -> int:
        """A message came; gives its id."""
        return self._add(remote, "incoming", account, text, when, "received", "")

    def sending(self, remote: str, account: str, text: str, when: float, owner: str = "") -> int:
        """A message is on its way; `owner` names the engine that will call `sent`. Gives its id."""
        return self._add(remote, "outgoing", account, text, when, "sending", owner)

    def sent(self, message_id: int, delivered: bool, reason: str = "") -> None:
        """How the message fared."""
        values = ("delivered" if delivered else "failed", clean(reason, 500), message_id)
        self._database.write(lambda connection: connection.execute("UPDATE messages SET state = ?, reason = ? WHERE id = ?", values))

    def fail_orphans(self, alive: Callable[[str], bool], reason: str) -> int:
        """What engines that are gone were sending has failed; gives how many."""

        def settle(connection: sqlite3.Connection) -> int:
            owners = [row[0] for row in connection.execute("SELECT DISTINCT owner FROM messages WHERE state = 'sending'")]
            sql = "UPDATE messages SET state = 'failed', reason = ? WHERE state = 'sending' AND owner = ?"
            return sum(connection.execute(sql, (reason, owner)).rowcount for owner in owners if not alive(owner))

        return self._database.write(settle)

    def _add(self, remote: str, direction: str, account: str, text: str, when: float, state: str, owner: str) -> int:
        uri = clean(sip_address.bare_uri(remote)[0], 600)
        values = (
            peer_key(uri), uri, direction, clean(account, 100), clean_lines(text, MAX_TEXT), when, state, direction == "outgoing", owner
        )  # fmt: skip
        sql = "INSERT INTO messages (peer, remote, direction, account, text, time, state, seen, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        number = self._database.write(lambda connection: connection.execute(sql, values).lastrowid)
        assert number is not None
        return number


def peer_key(remote: str) -> str:
    """The key of the conversation with `remote`: a SIP URI, a From header, or such a key itself."""
    return sip_address.key_of(clean(remote, 700))


def _record(row: sqlite3.Row) -> MessageRecord:
    return MessageRecord(
        id=row["id"],
        peer=row["peer"],
        remote=row["remote"],
        direction=row["direction"],
        account=row["account"],
        text=row["text"],
        time=row["time"],
        state=row["state"],
        reason=row["reason"],
        seen=bool(row["seen"]),
    )
