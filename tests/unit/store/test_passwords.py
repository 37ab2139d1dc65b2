"""Passwords: in a keyring that works, else in a private file; a keyring that fails or hangs holds nothing up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked

from softphone.config import Account
from softphone.config.passwords import KeyringError, Passwords
from softphone.files.errors import StoreError
from tests.unit.store.keyrings import Working

ANN = "ann@example.org"


class Locked(Working):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("secret-word must not be shown")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"could not store {password}")


class Hanging(Working):
    def __init__(self) -> None:
        super().__init__()
        self.never = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.never.wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.never.wait()

    def delete_password(self, service: str, username: str) -> None:
        self.never.wait()


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def passwords(tmp_path: Path) -> Passwords:
    return Passwords(tmp_path / "passwords", limit_s=0.2)


def test_a_keyring_that_works_holds_it(passwords: Passwords, tmp_path: Path) -> None:
    backend = Working()
    keyring.set_keyring(backend)
    kept = passwords.keep(ANN, "pässword")
    assert kept.settings == {"password_keyring": True} and kept.warning == ""
    assert backend.held == {("softphone", ANN): "pässword"} and not list(tmp_path.rglob("ann*"))
    assert Account(id=f"sip:{ANN}", password_keyring=True).password() == "pässword"
    passwords.forget(ANN)
    assert backend.held == {}
    passwords.forget(ANN)
    with pytest.raises(KeyringError, match="has no password for ann@example.org; type it again"):
        passwords.from_keyring(ANN)


@pytest.mark.parametrize(
    ("backend", "words"),
    [(fail.Keyring(), "has no keyring that runs"), (Locked(), "failed (KeyringLocked)"), (Hanging(), "did not answer within 0.2 s")],
)
def test_without_one_it_is_in_a_private_file_and_that_is_said(
    passwords: Passwords, tmp_path: Path, backend: KeyringBackend, words: str
) -> None:
    keyring.set_keyring(backend)
    kept = passwords.keep(ANN, "secret-word")
    file = tmp_path / "passwords" / ANN
    assert kept.settings == {"password_file": str(file)}
    assert words in kept.warning and str(file) in kept.warning and "only you" in kept.warning and "secret-word" not in kept.warning
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    assert Account(id=f"sip:{ANN}", password_file=str(file)).password() == "secret-word"
    with pytest.raises(KeyringError) as error:
        passwords.from_keyring(ANN)
    assert words in str(error.value) and "secret-word" not in str(error.value)
    passwords.forget(ANN)
    assert not file.exists()
    if isinstance(backend, Hanging):
        backend.never.set()


def test_a_file_gives_way_to_a_keyring_that_came(passwords: Passwords, tmp_path: Path) -> None:
    passwords.keep(ANN, "one")
    keyring.set_keyring(Working())
    assert passwords.keep(ANN, "two").settings == {"password_keyring": True}
    assert not (tmp_path / "passwords" / ANN).exists() and passwords.from_keyring(ANN) == "two"


@pytest.mark.parametrize("word", ["", "two\nlines", "\x00", "\ud800"])
def test_what_is_no_password_is_said(passwords: Passwords, word: str) -> None:
    with pytest.raises(StoreError, match="a password is one line"):
        passwords.keep(ANN, word)


@pytest.mark.parametrize("address", ["../../escape@x", "a/b@c", ".", "..", "x" * 400])
def test_an_address_cannot_leave_the_folder(passwords: Passwords, tmp_path: Path, address: str) -> None:
    try:
        path = Path(str(passwords.keep(address, "word").settings["password_file"]))
    except StoreError as error:
        assert "cannot be written" in str(error)
    else:
        assert path.parent == tmp_path / "passwords" and path.read_text() == "word\n"
    assert {entry.name for entry in tmp_path.iterdir()} == {"passwords"}
