"""The database file under what happens to files: old versions, several processes, kills at any moment, damage, full disks."""

from __future__ import annotations

import itertools
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from softphone import paths
from softphone.files.errors import StoreError
from softphone.store.contacts import Address, Contact
from softphone.store.sqlite import database as module
from softphone.store.sqlite.database import Database
from softphone.store.sqlite.schema import MIGRATIONS, TABLES
from softphone.store.store import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "phone.db"


def person(name: str) -> Contact:
    return Contact(name, (Address(f"sip:{name}@example.org"), Address("+49 30 1234")))


def in_child(work: Callable[[], object]) -> int:
    """Start a real process that does `work`; its process number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)


def status(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def whole(store: Store) -> int:
    """Checks that everybody has both addresses; how many they are."""
    everybody = store.contacts.all()
    assert all(
        [address.uri for address in contact.addresses] == [f"sip:{contact.name}@example.org", "+49 30 1234"] for contact in everybody
    )
    assert store.database.read(lambda connection: connection.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
    assert store.database.read(lambda connection: connection.execute("PRAGMA foreign_key_check").fetchall()) == []
    return len(everybody)


def test_it_is_private_and_stays_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    before = os.umask(0)
    try:
        store = open_store()
        store.contacts.add(person("ann"))
        folder = paths.data_dir()
        assert store.database.path == folder / "phone.db"
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert modes == dict.fromkeys(("phone.db", "phone.db-wal", "phone.db-shm", "phone.db.lock"), 0o600)
        assert folder.stat().st_mode & 0o777 == 0o700
        store.close()
        folder.chmod(0o755)
        (folder / "phone.db").chmod(0o644)
        assert whole(open_store()) == 1
        assert folder.stat().st_mode & 0o777 == 0o700 and (folder / "phone.db").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_every_older_version_is_brought_up_with_its_data(file: Path, version: int) -> None:
    old = sqlite3.connect(file)
    for step in MIGRATIONS[:version]:
        old.executescript(step)
    old.execute(f"PRAGMA user_version = {version}")
    if version >= 1:
        old.execute("INSERT INTO contacts (id, uid, name) VALUES (7, 'u', 'ann')")
        old.execute("INSERT INTO addresses (contact, uri) VALUES (7, 'sip:ann@example.org'), (7, '+49 30 1234')")
    if version >= 2:
        old.execute("INSERT INTO calls (direction, remote, started, outcome, seen) VALUES ('incoming', 'sip:a@b', 5, 'missed', 0)")
    old.commit()
    old.close()
    store = open_store(file)
    assert [contact.id for contact in store.contacts.all()] == ([7] if version >= 1 else [])
    assert store.history.unseen() == (1 if version >= 2 else 0)
    assert whole(store) == (1 if version >= 1 else 0)
    # All of it works as in a new file.
    store.messages.received("sip:a@b", "", "hi", 1.0)
    new = Database(file.with_name("new.db"))
    shapes = [
        database.read(lambda connection: [[tuple(row) for row in connection.execute(f"PRAGMA table_info({table})")] for table in TABLES])
        for database in (store.database, new)
    ]
    assert shapes[0] == shapes[1]


def test_a_file_of_a_newer_version_is_left_alone(file: Path) -> None:
    Database(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="newer softphone; update this one"):
        Database(file)
    assert file.read_bytes() == before and not list(file.parent.glob("*damaged*"))
    forgetful = open_store(file, or_forget=True)
    assert "newer softphone" in forgetful.take_notes()[0]
    forgetful.contacts.add(person("ann"))
    assert whole(forgetful) == 1


def test_several_processes_begin_and_write_at_once(file: Path) -> None:
    def write(name: str) -> None:
        store = open_store(file)
        for number in range(15):
            store.contacts.add(person(f"{name}{number}"))

    children = [in_child(lambda name=name: write(name)) for name in "abcd"]  # type: ignore[misc]
    assert [status(child) for child in children] == [0, 0, 0, 0]
    assert whole(open_store(file)) == 60


def test_threads_share_a_store(file: Path) -> None:
    store = open_store(file)

    def work(name: str) -> None:
        for number in range(10):
            store.contacts.add(person(f"{name}{number}"))
            assert store.contacts.named(f"{name}{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
    assert whole(store) == 40 and len(store.contacts.search("sip example")) == 0 and len(store.contacts.search("exa")) == 40


def test_what_another_process_writes_is_seen(file: Path) -> None:
    store = open_store(file)
    assert not store.changed()
    assert status(in_child(lambda: open_store(file).contacts.add(person("ann")))) == 0
    assert store.changed() and not store.changed()
    assert [contact.name for contact in store.contacts.all()] == ["ann"]
    store.contacts.add(person("bob"))
    assert store.changed() and not store.changed()
    store.contacts.all()
    store.contacts.rules_for("sip:ann@example.org")
    assert not store.changed()


def test_a_kill_before_any_statement_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Making the file, migrating it and adding a contact: killed before its first statement, before its second, and so on."""

    def work(file: Path, last: int) -> None:
        counter = itertools.count()

        def killer(_sql: str) -> None:
            if next(counter) == last:
                os.kill(os.getpid(), signal.SIGKILL)

        connect = module._connect

        def traced(path: Path) -> sqlite3.Connection:
            connection = connect(path)
            connection.set_trace_callback(killer)
            return connection

        module._connect = traced
        open_store(file).contacts.add(person("ann"))

    ended = -1
    for last in itertools.count():
        file = tmp_path / str(last) / "phone.db"
        ended = status(in_child(lambda file=file, last=last: work(file, last)))  # type: ignore[misc]
        store = open_store(file)
        assert whole(store) in ((0, 1) if ended else (1,)) and store.take_notes() == []
        store.contacts.add(person("bob"))
        store.close()
        if ended != -signal.SIGKILL:
            break
    assert ended == 0 and last > 20


def test_writers_killed_at_random_lose_nothing_that_was_kept(file: Path) -> None:
    Database(file).close()
    draw = random.Random(4)
    for turn in range(5):
        reading, writing = os.pipe()

        def write(name: str, pipe: int = writing) -> None:
            store = open_store(file)
            for number in itertools.count():
                kept = store.contacts.add(person(f"{name}x{number}"))
                os.write(pipe, b"%d\n" % kept.id)

        children = [in_child(lambda name=f"{turn}{name}": write(name)) for name in "ab"]  # type: ignore[misc]
        os.close(writing)
        said = os.read(reading, 1)
        time.sleep(draw.random() / 20)
        for child in children:
            os.kill(child, signal.SIGKILL)
            assert status(child) == -signal.SIGKILL
        while more := os.read(reading, 65536):
            said += more
        os.close(reading)
        store = open_store(file)
        assert whole(store) > 0 and store.take_notes() == []
        assert {int(number) for number in said.split(b"\n")[:-1]} <= {contact.id for contact in store.contacts.all()}
        store.close()


def test_a_file_that_is_no_database_is_set_aside(file: Path) -> None:
    file.write_bytes(b"somebody's shopping list, and more of it\n" * 200)
    store = open_store(file)
    (note,) = store.take_notes()
    (aside,) = (path for path in file.parent.glob("phone.db.damaged-*") if not path.name.endswith(("-wal", "-shm")))
    assert str(aside) in note and "0 contacts" in note and aside.read_bytes().startswith(b"somebody")
    store.contacts.add(person("ann"))
    assert whole(open_store(file)) == 1 and store.take_notes() == []


def spoil(file: Path) -> None:
    """Overwrite a leaf page of the contacts in the middle of the file."""
    with sqlite3.connect(file) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(file.read_bytes())
    place = data.index(b"name0150") // size * size
    data[place : place + size] = b"\xa5" * size
    file.write_bytes(data)


def test_what_can_be_read_of_a_damaged_file_is_carried_over(file: Path) -> None:
    store = open_store(file)
    store.contacts.put_all([person(f"name{number:04}") for number in range(300)])
    store.history.begin("incoming", "sip:ann@example.org", "", 1.0, "")
    store.close()
    spoil(file)
    store = Store(Database(file, check=True))
    (note,) = store.take_notes()
    names = {contact.name for contact in store.contacts.all()}
    assert {"name0000", "name0299"} <= names and 150 < len(names) < 300
    assert f"{len(names)} contacts, 1 calls" in note and len(store.history.calls()) == 1


def test_damage_found_in_use_is_repaired_for_all_processes(file: Path) -> None:
    first = open_store(file)
    first.contacts.put_all([person(f"name{number:04}") for number in range(300)])
    first.close()
    spoil(file)
    first, second = open_store(file), open_store(file)
    assert second.history.calls() == []
    assert 150 < len(first.contacts.all()) < 300 and len(first.take_notes()) == 1
    assert second.changed() and second.contacts.all() == first.contacts.all() and second.take_notes() == []
    second.contacts.add(Contact("new"))
    assert first.changed() and first.contacts.named("new")
    first.close()
    second.close()
    assert len(list(file.parent.glob("phone.db.damaged-*"))) >= 1 and open_store(file).contacts.named("new")


def test_a_file_that_is_taken_away_is_made_again(file: Path) -> None:
    store = open_store(file)
    store.contacts.add(person("ann"))
    file.rename(file.with_name("elsewhere.db"))
    assert store.changed() and store.contacts.all() == ()
    store.contacts.add(person("bob"))
    assert whole(open_store(file)) == 1


def test_a_full_disk_is_one_sentence_and_costs_nothing_that_was_kept(file: Path) -> None:
    def work() -> None:
        store = open_store(file)
        store.contacts.add(person("ann"))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40960, resource.RLIM_INFINITY))
        try:
            store.contacts.put_all([person(f"name{number}") for number in range(1000)])
        except StoreError as error:
            assert str(file) in str(error) and "\n" not in str(error)
            assert whole(store) == 1
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            store.contacts.add(person("bob"))
            os._exit(7)

    assert status(in_child(work)) == 7
    assert whole(open_store(file)) == 2


def test_sqlite_saying_that_the_disk_is_full_names_the_cure(file: Path) -> None:
    store = open_store(file)
    store.database.read(lambda connection: connection.execute("PRAGMA max_page_count = 30").fetchone())
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        store.contacts.put_all([person(f"name{number}") for number in range(3000)])
    assert store.contacts.all() == ()


def test_a_locked_file_is_said_in_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.1)
    store = open_store(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.contacts.all() == ()
    with pytest.raises(StoreError, match="keeps .* locked; end it"):
        store.contacts.add(person("ann"))
    other.execute("ROLLBACK")
    store.contacts.add(person("ann"))


def test_places_where_no_file_can_be_are_sentences(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for path in (blocked / "phone.db", Path("/proc/nowhere/phone.db")):
        with pytest.raises(StoreError) as error:
            Database(path)
        assert str(path.parent) in str(error.value)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreError, match=r"folder\.db"):
        Database(tmp_path / "folder.db")
    with pytest.raises(StoreError, match="too large"):
        open_store(tmp_path / "p.db").contacts.remove(2**70)
