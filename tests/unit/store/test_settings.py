"""The user's configuration file, changed for them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import keyring
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.backends import fail

from softphone import config, paths
from softphone.config import Config
from softphone.config.fields import ConfigError
from softphone.errors import SoftphoneError
from softphone.files.errors import StoreError
from softphone.store.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    keyring.set_keyring(fail.Keyring())
    return tmp_path / "config" / "config.toml"


def shipped(file: Path) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(paths.default_config_file().read_bytes())
    return file.read_text()


def test_a_change_touches_only_its_lines(file: Path) -> None:
    before = shipped(file).splitlines()
    changed = Settings(file).change({"audio.input": "Mic é", "network.port": 5060, "codecs.order": ("opus", "PCMU"), "opus.fec": False})
    after = file.read_text().splitlines()
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(different) == 4 and all(old.split("#")[1:] == new.split("#")[1:] for old, new in different)
    assert (changed.audio.input, changed.network.port, changed.codecs.order) == ("Mic é", 5060, ("opus", "PCMU"))
    assert config.load(file) == changed and file.stat().st_mode & 0o777 == 0o600
    assert Settings(file).change({"audio.input": None, "network.port": None}).audio.input == "default"
    assert "input" not in config.load(file).keys and len(file.read_text().splitlines()) == len(before) - 2


def test_a_file_is_made_when_there_is_none(file: Path) -> None:
    assert Settings(file).load() == Config()
    changed = Settings(file).change({"phrases.f2": "Hello", "keys.dial": "ctrl+d", "privacy.history": False})
    assert changed == config.load(file) == Config(phrases={"f2": "Hello"}, keys={"dial": "ctrl+d"}, privacy=config.Privacy(False))
    assert str(paths.default_config_file()) in file.read_text().splitlines()[0]


def test_accounts_come_and_go(file: Path) -> None:
    before = shipped(file)
    own = Settings(file)
    own.add_account({"id": "sip:ann@example.org", "name": "work", "auto_answer": True})
    own.add_account({"id": "sip:ann@example.net"})
    assert list(own.load().named_accounts()) == ["work", "ann@example.net"]
    changed = own.change_account("ann@example.net", {"proxy": "sip:p.example.net;lr", "register_seconds": 60})
    assert changed.accounts[1].proxy == "sip:p.example.net;lr" and changed.accounts[0].auto_answer
    assert own.change_account("ann@example.net", {"proxy": None}).accounts[1].proxy == ""
    assert [account.name for account in own.remove_account("work").accounts] == [""]
    assert own.remove_account("ann@example.net") == config.parse(before)
    assert file.read_text().strip() == before.strip()
    with pytest.raises(StoreError, match="there is no account work; known are none"):
        own.remove_account("work")


def test_a_single_account_becomes_one_of_several_with_its_comments(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('# mine\n[account]\nid = "sip:ann@example.org" # me\n# the office\nuser = "a"\n\n[network] # net\nport = 5060\n')
    own = Settings(file)
    assert own.change_account("default", {"register_seconds": 60}).account.register_seconds == 60
    changed = own.add_account({"id": "sip:bob@example.org"})
    assert list(changed.named_accounts()) == ["default", "bob@example.org"]
    assert changed.accounts[0] == config.Account(name="default", id="sip:ann@example.org", user="a", register_seconds=60)
    text = file.read_text()
    assert all(comment in text for comment in ("# mine", "# me", "# the office", "# net"))
    own.remove_account("default")
    assert list(own.load().named_accounts()) == ["bob@example.org"]


def test_accounts_written_as_a_list_in_one_line(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('accounts = [{id = "sip:a@x", name = "one"}, {id = "sip:b@x"}]\n[network]\nport = 5060\n')
    changed = Settings(file).change_account("b@x", {"name": "two"})
    assert list(changed.named_accounts()) == ["one", "two"] and changed.network.port == 5060
    assert list(Settings(file).add_account({"id": "sip:c@x"}).named_accounts()) == ["one", "two", "c@x"]


def test_a_password_is_put_where_the_engine_finds_it(file: Path) -> None:
    own = Settings(file)
    own.add_account({"id": "sip:ann@example.org", "password_env": "SOME"})
    warning = own.set_password("ann@example.org", "secret-word")
    account = own.load().accounts[0]
    assert "only you" in warning and account.password() == "secret-word" and account.password_env == ""
    assert "secret-word" not in file.read_text()
    kept = Path(account.password_file)
    assert kept.parent == file.parent / "passwords" and kept.exists()
    assert own.set_password("ann@example.org", "") == "" and own.load().accounts[0].password() == "" and not kept.exists()
    own.set_password("ann@example.org", "again")
    own.remove_account("ann@example.org")
    assert not kept.exists()
    with pytest.raises(StoreError, match="no account bob"):
        own.set_password("bob", "x")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"network.port": 70000}, "network.port: must be between 0 and 65535"),
        ({"network.port": "5060"}, "network.port: must be a whole number"),
        ({"network.nothing": 1}, "there is no such key"),
        ({"nothing.port": 1}, "nothing: there is no such key"),
        ({"port": 1}, "port is not a setting"),
        ({"account.id": "sip:a@b"}, "account.id is not a setting"),
        ({"audio.input": "two\nlines"}, "audio.input"),
        ({"audio.input": object()}, "cannot be changed here"),
        ({"phrases.f2": "x" * 600}, "phrases.f2"),
    ],
)
def test_a_wrong_value_changes_nothing(file: Path, values: dict[str, Any], words: str) -> None:
    before = shipped(file)
    with pytest.raises(SoftphoneError) as error:
        Settings(file).change({"network.rtp_port": 4000, **values})
    assert words in str(error.value)
    assert file.read_text() == before


@pytest.mark.parametrize("text", [b"[network\n", b"[nothing]\n", b"\xff", b"account = 3\n", b"accounts = 3\n"])
def test_a_file_that_is_wrong_already_is_left_to_its_author(file: Path, text: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(text)
    for change in (lambda: Settings(file).change({"network.port": 1}), lambda: Settings(file).add_account({"id": "sip:a@b"})):
        with pytest.raises(ConfigError) as error:
            change()
        assert str(file) in str(error.value) and file.read_bytes() == text


def test_a_link_stays_a_link_and_a_failed_write_leaves_the_old_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "dotfiles" / "softphone.toml"
    real.parent.mkdir()
    real.write_text("[network]\nport = 1\n")
    file.parent.mkdir()
    file.symlink_to(real)
    Settings(file).change({"network.port": 2})
    assert file.is_symlink() and config.load(real).network.port == 2

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        Settings(file).change({"network.port": 3})
    assert config.load(file).network.port == 2 and [entry.name for entry in real.parent.iterdir()] == [real.name]


def test_two_that_change_at_once_lose_nothing(file: Path) -> None:
    def add(place: int) -> None:
        Settings(file).change({f"phrases.f{place}": f"sentence {place}"})

    threads = [threading.Thread(target=add, args=(place,)) for place in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(Settings(file).load().phrases) == 8


headers = st.sampled_from(["[network]", "[network] # c", "[audio]", "[phrases]", "[account]", "[[accounts]]", "# note", "", "  "])
entries = st.sampled_from(
    ['port = 5060 # c', "port=1", 'input = "x"', "f1 = 'a'", 'id = "sip:a@b"', 'id = "sip:c@d" # me', 'name = "n"', "\tf2 = \"\"\"b\"\"\"",
     'network.port = 3', 'audio = {input = "y"}', 'accounts = [{id = "sip:q@r"}] # l', 'account.id = "sip:s@t"', 'phrases."f 3" = "c"']
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(headers, entries), max_size=8), ends=st.sampled_from(["\n", "\r\n"]))
def test_any_file_takes_a_change_or_a_sentence_and_keeps_its_comments(file: Path, lines: list[str], ends: str) -> None:
    text = ends.join(lines)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode())
    own = Settings(file)
    try:
        before = own.load()
    except ConfigError:
        with pytest.raises(ConfigError):
            own.change({"audio.output": "z"})
        assert file.read_bytes() == text.encode()
        return
    changed = own.change({"audio.output": "z", "phrases.f9": "new"})
    assert (changed.audio.output, changed.phrases["f9"]) == ("z", "new")
    assert changed.named_accounts() == before.named_accounts() and changed.network == before.network
    assert changed.audio.input == before.audio.input and {**changed.phrases, "f9": ""} == {**before.phrases, "f9": ""}
    more = own.add_account({"id": "sip:new@x"})
    assert list(more.named_accounts()) == [*before.named_accounts(), "new@x"]
    assert own.remove_account("new@x").network == before.network
    assert file.read_text().count("#") >= text.count("#")
