"""Every wrong value in the configuration gets one sentence with the key's name."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone import config, paths
from softphone.config import Config, ConfigError

SECTIONS = {section.name: getattr(Config(), section.name) for section in dataclasses.fields(Config)}
KEYS = [
    f"{name}.{key.name}" for name, section in SECTIONS.items() if dataclasses.is_dataclass(section) for key in dataclasses.fields(section)
]


def test_the_shipped_file_states_every_default() -> None:
    text = paths.default_config_file().read_text()
    assert config.parse(text) == Config()
    stated = {f"{section}.{key}" for section, table in tomllib.loads(text).items() for key in table}
    assert stated == set(KEYS)


def test_a_missing_file_means_the_defaults_unless_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config.load() == Config()
    with pytest.raises(ConfigError, match="no configuration file"):
        config.load(tmp_path / "named.toml")
    (tmp_path / "softphone").mkdir()
    (tmp_path / "softphone" / "config.toml").write_text("[phv]\ninterval_ms = 320\n")
    assert config.load().phv.interval_ms == 320


@pytest.mark.parametrize(
    ("text", "key", "cure"),
    [
        ("[phv]\ninterval_ms = 30\n", "phv.interval_ms", "between 40 and 640"),
        ("[phv]\ninterval_ms = 50\n", "phv.interval_ms", "multiple of 20"),
        ("[phv]\ninterval_ms = true\n", "phv.interval_ms", "whole number"),
        ("[phv]\ninterval = 20\n", "phv.interval", "interval_ms, detail, redundancy, profile"),
        ("[phv]\nvoice = 1\n", "phv.voice", "true or false"),
        ("phv = 3\n", "phv", "[phv]"),
        ("[phone]\n", "phone", "account, accounts, network"),
        ("[keys]\ndial = 3\n", "keys.dial", "in quotes"),
        ('[phrases]\nf2 = "two\\nlines"\n', "phrases.f2", "one line"),
        ('[numbers]\n"0a" = "+49"\n', "numbers.0a", "digits"),
        ('[numbers]\n"0" = "+49 x"\n', "numbers.0", "digits"),
        ('[audio]\nsize = "\\u001b[31m"\n', "audio.size", "input, output"),
        ('"\\u001b[31m" = 1\n', "\\x1b[31m", "account, accounts, network"),
        ('[network]\nbind = "::1"\n', "network.bind", "IPv4"),
        ('[network]\nbind = "1.2.3.400"\n', "network.bind", "IPv4"),
        ('[network]\ntransport = "sctp"\n', "network.transport", "udp, tcp"),
        ("[network]\nport = 70000\n", "network.port", "65535"),
        ('[codecs]\norder = ["opus", "opus"]\n', "codecs.order", "once"),
        ('[codecs]\norder = ["speex"]\n', "codecs.order", "x-phv, opus"),
        ('[codecs]\norder = "opus"\n', "codecs.order", "list"),
        ("[opus]\nptime_ms = 30\n", "opus.ptime_ms", "20, 40, 60"),
        ('[account]\nid = "alice"\n', "account.id", "sip:alice@example.org"),
        ('[account]\nid = "sip:a@b\\r\\nX: y"\n', "account.id", "SIP URI"),
        ('[account]\nregistrar = "sip:b"\n', "account.id", "must be set"),
        ('[account]\nid = "sip:a@b"\npassword_file = "x"\npassword_env = "Y"\n', "account.password_env", "keep one"),
        ('[account]\nid = "sip:a@b"\n[[accounts]]\nid = "sip:c@d"\n', "account.id", "another [[accounts]] table"),
        ('[account]\nid = "sip:a@b"\nname = "local"\n', "account.name", "choose another"),
        ('[[accounts]]\nname = "work"\n', "accounts[1].id", "must be set"),
        ('[[accounts]]\nid = "sip:a@b"\n[[accounts]]\nid = "sip:a@b"\n', "accounts[2].name", "choose another"),
        ('[[accounts]]\nid = "sip:a@b"\ncolour = 1\n', "accounts[1].colour", "id, registrar"),
        ('[[accounts]]\nid = "sip:a@b"\nname = "two words"\n', "accounts[1].name", "letters, digits"),
        ('[accounts]\nid = "sip:a@b"\n', "accounts", "[[accounts]]"),
        ('accounts = ["sip:a@b"]\n', "accounts", "[[accounts]]"),
        ("".join(f'[[accounts]]\nid = "sip:{n}@b"\n' for n in range(8)), "accounts", "at most 7"),
        ("[phv\n", "TOML", "line 1"),
        ("a = 1\na = 2\n", "TOML", "line 2"),
    ],
)
def test_a_wrong_value_is_named_with_its_cure(tmp_path: Path, text: str, key: str, cure: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert key in sentence
    assert cure in sentence
    assert sentence.isprintable()


def test_one_account_or_several_by_name() -> None:
    one = config.parse('[account]\nid = "sip:alice@example.org"\n')
    assert {name: place for name, (place, _) in one.named_accounts().items()} == {"default": "account"}
    several = config.parse(
        '[[accounts]]\nid = "sip:alice@example.org"\n[[accounts]]\nname = "home"\nid = "sip:al@example.net"\nmessage_waiting = false\n'
    )
    assert list(several.named_accounts()) == ["alice@example.org", "home"]
    place, home = several.named_accounts()["home"]
    assert (place, home.message_waiting, home.auth_user) == ("accounts[2]", False, "al")
    with pytest.raises(ConfigError, match=r"accounts\[2\]\.password_env"):
        config.Account(id="sip:a@b", password_env="SOFTPHONE_NOT_SET").password(place)
    assert config.parse(config.to_toml(several)) == several


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "binary.toml", tmp_path / "missing.toml", Path("/proc/self/mem")):
        with pytest.raises(ConfigError, match=str(path)):
            config.load(path)


def test_passwords_come_from_private_files_or_the_environment_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\nrest\n")
    account = config.Account(id="sip:a@b", password_file=str(secret))
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        account.password()
    secret.chmod(0o600)
    assert account.password() == "s3cret"
    assert "s3cret" not in repr(account)
    secret.write_text("\n")
    with pytest.raises(ConfigError, match=r"account\.password_file"):
        account.password()
    secret.unlink()
    with pytest.raises(ConfigError, match=r"account\.password_file"):
        account.password()
    from_environment = config.Account(id="sip:a@b", password_env="SOFTPHONE_TEST_PASSWORD")
    with pytest.raises(ConfigError, match="SOFTPHONE_TEST_PASSWORD"):
        from_environment.password()
    monkeypatch.setenv("SOFTPHONE_TEST_PASSWORD", "other")
    assert from_environment.password() == "other"


def test_a_password_in_the_wrong_key_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse('[account]\nid = "sip:a@b"\npassword_env = "hunter two"\n')
    assert "hunter" not in str(caught.value)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8
)


@given(st.sampled_from(KEYS), VALUES)
def test_any_value_under_any_key_is_taken_or_named(key: str, value: Any) -> None:
    section, name = key.split(".")
    try:
        loaded = config.from_dict({section: {name: value}})
    except ConfigError as error:
        assert str(error).startswith((key, "account.id"))
    else:
        taken = getattr(getattr(loaded, section), name)
        assert taken == (tuple(value) if isinstance(taken, tuple) else value)
        assert config.parse(config.to_toml(loaded)) == loaded


@given(st.dictionaries(st.text(max_size=12), VALUES, max_size=4))
def test_any_document_is_taken_or_refused(document: dict[str, Any]) -> None:
    try:
        assert isinstance(config.from_dict(document), Config)
    except ConfigError as error:
        assert str(error)


@given(
    st.text() | st.builds("\n".join, st.lists(st.sampled_from(["[phv]", "[account]", "interval_ms = 60", "= 1", "id = 'x'", "[[opus]]"])))
)
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        config.parse(text)
    except ConfigError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('srtp = "sometimes"', "network.srtp"),
        ('stun = "stun server"', "network.stun"),
        ('turn = "relay:99999"', "99999 is no port"),
        ('turn_user = "me"', "network.turn: must be set"),
        ("keep_alive_s = -1", "network.keep_alive_s"),
    ],
)
def test_what_is_wrong_with_the_network_is_said(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        config.parse(f"[network]\n{text}\n")


def test_authorities_and_the_password_of_the_relay_are_files(tmp_path: Path) -> None:
    network = config.parse(
        f'[network]\ntls_ca_file = "{tmp_path}/none.pem"\nturn = "relay"\nturn_password_file = "{tmp_path}/open"\n'
    ).network
    with pytest.raises(ConfigError, match="network.tls_ca_file: cannot read"):
        network.authorities()
    (tmp_path / "open").touch(mode=0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        network.turn_password()
    (tmp_path / "open").chmod(0o600)
    (tmp_path / "open").write_text("secret\nmore")
    assert network.turn_password() == "secret" and network.with_ice and "secret" not in repr(network)


def test_srtp_is_offered_where_sip_hides_its_keys() -> None:
    offers = {(srtp, way): config.parse(f'[network]\nsrtp = "{srtp}"\ntransport = "{way}"').network.offers_srtp
              for srtp in ("off", "optional", "offer", "mandatory") for way in ("udp", "tls")}  # fmt: skip
    assert [key for key, offered in offers.items() if offered] == [
        ("optional", "tls"), ("offer", "udp"), ("offer", "tls"), ("mandatory", "udp"), ("mandatory", "tls"),
    ]  # fmt: skip
