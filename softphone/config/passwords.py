"""Passwords of accounts: in the keyring of the desktop where there is one, else in a file that only the user can read."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import quote

from softphone import paths
from softphone.errors import SoftphoneError
from softphone.files import private_file
from softphone.files.errors import StoreError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")
SERVICE = "softphone"
"""Under this name, and the account's address, the password is found in the keyring."""
LIMIT_S = 5.0
"""A keyring may ask its user to unlock it, or its service may be dead; no longer than this is waited for it."""


class KeyringError(SoftphoneError):
    """The keyring does not give or take the password; one sentence, without the password."""


@dataclass(frozen=True)
class Kept:
    """Where a password is now."""

    settings: dict[str, str | bool]
    """What belongs into the account's part of the configuration: `password_keyring` or `password_file`."""
    warning: str = ""
    """A sentence for the user when it is not in a keyring."""


class Passwords:
    """`folder` is for the files; default: `passwords` beside the configuration file."""

    def __init__(self, folder: Path | None = None, limit_s: float = LIMIT_S) -> None:
        self._folder = folder or paths.config_file().parent / "passwords"
        self._limit_s = limit_s

    def keep(self, address: str, password: str) -> Kept:
        """Keep the password of the account `address` (`alice@example.org`), in place of an older one.

        Raises:
            StoreError: it is no password, or neither keyring nor file can be written.
        """
        if not password or not password.isprintable():
            raise StoreError("a password is one line of text without control characters; type it again")
        try:
            self.in_keyring(address, password)
        except KeyringError as error:
            private_file.private_folder(self._folder)
            with contextlib.suppress(OSError):
                self._folder.chmod(0o700)
            path = self._file(address)
            private_file.write(path, f"{password}\n".encode())
            return Kept({"password_file": str(path)}, f"{error}; the password is in the file {path}, which only you (and root) can read")
        self._remove_file(address)
        return Kept({"password_keyring": True})

    def in_keyring(self, address: str, password: str) -> None:
        """Put it into the keyring. Raises KeyringError when there is none, or it does not take it."""
        self._ask(lambda keyring: keyring.set_password(SERVICE, address, password))

    def from_keyring(self, address: str) -> str:
        """The password in the keyring. Raises KeyringError when there is none, or the keyring does not answer."""
        password = self._ask(lambda keyring: keyring.get_password(SERVICE, address))
        if password is None:
            raise KeyringError(f"the keyring has no password for {address}; type it again in the account's settings")
        return password

    def keyring_name(self) -> str:
        """What the keyring calls itself. Raises KeyringError when there is none."""
        return self._ask(lambda keyring: str(keyring.name))

    def forget(self, address: str) -> None:
        """Remove it from the keyring and from the file; one that is not there is no error."""
        self._remove_file(address)
        with contextlib.suppress(KeyringError):
            self._ask(lambda keyring: keyring.delete_password(SERVICE, address))

    def _file(self, address: str) -> Path:
        return self._folder / quote(address, safe="@.-_+")

    def _remove_file(self, address: str) -> None:
        with contextlib.suppress(OSError):
            self._file(address).unlink()

    def _ask(self, action: Callable[[KeyringBackend], T]) -> T:
        answer: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

        def work() -> None:
            try:
                result = action(_real_keyring())
                answer.put(lambda: result)
            except Exception as error:
                sentence = _sentence(error)
                answer.put(lambda: _fail(sentence))

        # A call into the keyring cannot be broken off; a thread that hangs in it ends with the process.
        threading.Thread(target=work, name="keyring", daemon=True).start()
        try:
            finish = answer.get(timeout=self._limit_s)
        except queue.Empty:
            raise KeyringError(
                f"the keyring did not answer within {self._limit_s:g} s; it may be locked: unlock it and try again"
            ) from None
        return finish()


def _real_keyring() -> KeyringBackend:
    """The keyring that the user's machine recommends. Raises KeyringError when there is none that keeps anything safely."""
    import keyring  # noqa: PLC0415 - looks for a desktop, which may take long

    backend = keyring.get_keyring()
    if backend.priority < 1:
        raise KeyringError("this machine has no keyring that runs (it comes with a desktop: GNOME Keyring, KWallet)")
    return backend


def _sentence(error: Exception) -> str:
    # Not the text of others' errors: a backend might put into it what it was given.
    return str(error) if isinstance(error, KeyringError) else f"the keyring failed ({type(error).__name__}); it may be locked: unlock it"


def _fail(sentence: str) -> NoReturn:
    raise KeyringError(sentence)
