"""The doctor and the phone's memory: it says what is wrong, and changes nothing."""

from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from softphone import doctor
from softphone.config import Account, Config
from softphone.doctor.finding import Finding
from softphone.doctor.store import check_database, check_passwords
from softphone.store.contacts import Address, Contact
from softphone.store.sqlite.schema import MIGRATIONS
from softphone.store.store import open_store
from tests.unit.store.keyrings import Working


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "phone.db"


@pytest.fixture
def filled(file: Path) -> Path:
    store = open_store(file)
    store.contacts.add(Contact("Ann", (Address("sip:ann@example.org"),)))
    store.close()
    file.parent.chmod(0o700)
    return file


def test_a_memory_that_is_not_there_yet_is_no_trouble(file: Path) -> None:
    found = check_database(file)
    assert found.state == "ok" and str(file) in found.found and not file.parent.exists()


def test_a_sound_memory_is_counted(filled: Path) -> None:
    found = check_database(filled)
    assert found.state == "ok" and "1 contacts, 0 calls, 0 messages" in found.found, found


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_memory_that_others_can_read_is_broken(filled: Path, place: str) -> None:
    opened = filled if place == "file" else filled.parent
    opened.chmod(0o755)
    found = check_database(filled)
    assert found.state == "broken" and found.fix == f"run: chmod {'600' if place == 'file' else '700'} {opened}"
    assert opened.stat().st_mode & 0o777 == 0o755


def test_damage_and_another_version_are_told_apart(filled: Path) -> None:
    whole = filled.read_bytes()
    filled.write_bytes(whole[:60] + (len(MIGRATIONS) + 1).to_bytes(4, "big") + whole[64:])
    assert "newer softphone" in check_database(filled).found
    for spoilt in (b"\xa5" * len(whole), whole[: len(whole) // 2], whole[:4096] + b"\xa5" * (len(whole) - 4096)):
        filled.write_bytes(spoilt)
        found = check_database(filled)
        assert found.state == "broken" and "damaged" in found.found, found
        assert filled.read_bytes() == spoilt


def test_where_passwords_are_is_said_but_not_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)
    config = Config(account=Account(id="sip:ann@example.org", password_file=str(secret)))
    monkeypatch.setattr(keyring, "get_keyring", Working)
    found = check_passwords(config)
    assert found.state == "ok" and str(secret) in found.found and "hunter2" not in str(found)
    monkeypatch.setattr(keyring, "get_keyring", fail.Keyring)
    found = check_passwords(config)
    assert found.state == "missing" and str(secret) in found.found and "no keyring" in found.found
    secret.chmod(0o644)
    found = check_passwords(config)
    assert (found.state, found.fix) == ("broken", f"run: chmod 600 {secret}")


def test_a_password_that_the_keyring_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(account=Account(id="sip:ann@example.org", password_keyring=True))
    monkeypatch.setattr(keyring, "get_keyring", Working)
    found = check_passwords(config)
    assert found.state == "broken" and "no password for ann@example.org" in found.found and "type it again" in found.fix
    assert check_passwords(Config()).state == "ok"


def test_the_examination_includes_them(monkeypatch: pytest.MonkeyPatch, filled: Path, tmp_path: Path) -> None:
    for slow in ("check_weights", "check_sound"):
        monkeypatch.setattr(doctor, slow, lambda *_: Finding("passed over", "ok", ""))
    monkeypatch.setattr(doctor, "check_engine", lambda _config: iter(()))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    filled.parent.rename(tmp_path / "softphone")
    found = {finding.name: finding for finding in doctor.examine()}
    assert "1 contacts" in found["memory"].found and found["passwords"].state in ("ok", "missing")
