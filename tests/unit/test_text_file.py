"""Files of the user's that are not quite what they should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from softphone import config
from softphone.bench.impairment.impairment import ImpairmentError, read_trace
from softphone.bench.instruments.manifest import ManifestError, read_manifest
from softphone.config import Account
from softphone.config.fields import ConfigError
from softphone.config.network import secret
from softphone.files import text_file
from softphone.files.errors import StoreError
from softphone.files.text_file import TextFileError
from softphone.store.settings import Settings
from softphone.store.sqlite.database import Database
from softphone.store.store import Store
from softphone.store.vcard.importing import import_file

TOML = '# my settings\n[calls]\nring_seconds = 30\n[phrases]\nf5 = "Grüß Gott"\n'
MARK = b"\xef\xbb\xbf"
READABLE = {
    "as it should be": TOML.encode(),
    "byte order mark": MARK + TOML.encode(),
    "byte order mark and CRLF": MARK + TOML.replace("\n", "\r\n").encode(),
    "two files put together": MARK + TOML.encode().replace(b"[phrases]", MARK + b"[phrases]"),
    "CR of an old Macintosh": TOML.replace("\n", "\r").encode(),
    "no line end": TOML.rstrip().encode(),
}
REFUSED = {
    "UTF-16": (TOML.encode("utf-16"), "it is UTF-16 text; save it as UTF-8"),
    "UTF-16 without a mark": (TOML.encode("utf-16-le"), "it is UTF-16 text"),
    "UTF-16 of the other order": (TOML.encode("utf-16-be"), "it is UTF-16 text"),
    "UTF-32": (TOML.encode("utf-32"), "it is UTF-32 text"),
    "Latin 1": (TOML.encode("latin-1"), "line 5 is not UTF-8; save it as UTF-8"),
    "zero bytes": (TOML.encode() + b"\0", "it holds zero bytes and is no text"),
    "huge": (b"#" * 1_000_001, "it is larger than 1 MB"),
    "a program": (b"\x7fELF\2\1\1\0\0\0", "is no text|UTF-16"),
}


@pytest.mark.parametrize("name", READABLE)
def test_a_configuration_is_read_and_changed_whoever_wrote_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(READABLE[name])
    loaded = config.load(path)
    assert loaded.calls.ring_seconds == 30 and loaded.phrases["f5"] == "Grüß Gott"
    settings = Settings(path)
    settings.change({"calls.ring_seconds": 40})
    assert config.load(path).calls.ring_seconds == 40 and "# my settings" in path.read_text()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_configuration_is_said_in_one_sentence(name: str, tmp_path: Path) -> None:
    data, why = REFUSED[name]
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    for read in (lambda: config.load(path), lambda: Settings(path).load()):
        with pytest.raises(ConfigError, match=why) as refused:
            read()
        assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def special(folder: Path) -> list[tuple[Path, str]]:
    pipe, loop = folder / "pipe", folder / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    return [(folder, "it is a folder"), (pipe, "it is no file but a pipe"), (loop, "symbolic links"), (Path("/dev/zero"), "zero|larger")]


def test_what_is_no_file_is_neither_waited_for_nor_read_to_its_end(tmp_path: Path) -> None:
    store = Store(Database.in_memory())
    for path, why in special(tmp_path):
        with pytest.raises(TextFileError, match=why):
            text_file.read(path)
        with pytest.raises(ConfigError, match=why):
            config.load(path)
        with pytest.raises(ConfigError, match=why):
            secret(str(path), "account.password_file")
        with pytest.raises(ImpairmentError, match=why):
            read_trace(path)
        if path != Path("/dev/zero"):
            with pytest.raises(StoreError, match=why):
                import_file(path, store.contacts)
    assert config.load(Path("/dev/null")) == config.Config()


@pytest.mark.parametrize("data", [b"geheim\n", b"geheim", b"geheim\r\n", MARK + b"geheim\r\nmore\r\n", b"geheim\rmore"])
def test_a_password_is_the_first_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(data)
    path.chmod(0o600)
    assert Account(id="sip:a@b", password_file=str(path)).password() == "geheim"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("geheim".encode("utf-16"), "it is UTF-16 text"),
        (b"geheim\xff", "line 1 is not UTF-8"),
        (b"gehe\0im", "zero bytes|UTF-16"),
        (MARK, "is empty"),
    ],
)
def test_what_is_no_password_is_not_shown(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=why) as refused:
        secret(str(path), "account.password_file")
    assert "geh" not in str(refused.value)


def test_lists_of_the_benchmarks(tmp_path: Path) -> None:
    trace, manifest = tmp_path / "trace", tmp_path / "manifest.jsonl"
    trace.write_bytes(MARK + b"10\r\nlost\r\n")
    assert read_trace(trace) == (10.0, None)
    (tmp_path / "a.wav").touch()
    manifest.write_bytes(MARK + b'{"id": "a", "file": "a.wav", "speaker": "s", "text": "t"}\r\n')
    assert [each.name for each in read_manifest(tmp_path)] == ["a"]
    manifest.write_bytes('{"id": "a"}'.encode("utf-16"))
    with pytest.raises(ManifestError, match="UTF-16"):
        read_manifest(tmp_path)
