"""The configuration: typed sections read from TOML. Every wrong value is a `ConfigError` that names its key.

Each field states its own limits (`config_fields`), so that a new setting is one line here and one in `config/softphone.toml`.
"""

import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from codec.units.limits import DETAIL_STAGES, MAX_INTERVAL_MS, MIN_INTERVAL_MS
from softphone import paths
from softphone.codecs import codec_names
from softphone.config.fields import ConfigError, allowed, automatic, check_keys, limited, matching, program, section, shown, texts
from softphone.config.network import Network as Network
from softphone.config.network import check_network, secret
from softphone.config.passwords import Passwords
from softphone.files import text_file
from softphone.files.text_file import TextFileError

MAX_ACCOUNTS = 7
"""PJSUA holds eight (PJSUA_MAX_ACC), and one of them is for direct calls."""
LOWEST_RATE = 800
"""IP bit/s of a direction: below it not even the phones alone fit in packets of 640 ms."""
HIGHEST_RATE = 64000
HIGHEST_REDUNDANCY = 8
"""Neither chosen nor adapted beyond, though the payload format has room for more: nobody waits so long for a packet."""
LOWEST_VOLUME_DB, HIGHEST_VOLUME_DB = -24, 18

# No white space, quotes, angle brackets or control characters: these strings end in SIP headers.
_SIP_URI = r"sips?:[^\s<>\"\x00-\x1f\x7f]+"
_SIP_URI_MEANING = "a SIP URI such as sip:alice@example.org"
_NO_CONTROL = r"[^\x00-\x1f\x7f]+"
_NO_CONTROL_MEANING = "one line of text without control characters"


@dataclass(frozen=True)
class Account:
    """One registration. Without `id` there is no account, and calls go directly from address to address."""

    name: str = matching("", r"[\w.@+-]{1,64}", "letters, digits and . @ + - _, at most 64 of them")
    """What the user calls it; empty: "default", or in a list of accounts the address."""
    id: str = matching("", _SIP_URI, _SIP_URI_MEANING)
    registrar: str = matching("", _SIP_URI, "a SIP URI such as sip:example.org")
    proxy: str = matching("", _SIP_URI, "a SIP URI such as sip:proxy.example.org;lr")
    backups: str = matching("", rf"{_SIP_URI}( {_SIP_URI})*", "SIP URIs such as sip:second.example.org;lr, separated by blanks")
    """Other outbound proxies, tried in turn when the first does not serve."""
    user: str = matching("", _NO_CONTROL, _NO_CONTROL_MEANING)
    """Name for digest authentication (RFC 3261, 22.4); empty: the user part of `id`."""
    password_file: str = matching("", _NO_CONTROL, "the path of a file whose first line is the password")
    password_env: str = matching("", r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")
    password_keyring: bool = False
    """The desktop's keyring holds it, for the service `softphone` and the user `address` (softphone/config/passwords.py)."""
    register_seconds: int = limited(300, 20, 86400)
    auto_answer: bool = False
    message_waiting: bool = True
    """Ask the server for waiting voice messages (RFC 3842)."""

    @property
    def address(self) -> str:
        """`id` without its scheme, such as alice@example.org."""
        return self.id.partition(":")[2]

    @property
    def auth_user(self) -> str:
        """The name used in digest authentication."""
        return self.user or self.id.partition(":")[2].partition("@")[0]

    def password(self, key: str = "account") -> str:
        """The password, read now and kept nowhere; "" when none is configured. `key` is the account's place in the file.

        Raises:
            ConfigError: the file or variable is missing, empty, or readable by other users.
            KeyringError: the keyring is locked, gone, or has no such password; found out within 5 s.
        """
        if self.password_keyring:
            return Passwords().from_keyring(self.address)
        if self.password_env:
            value = os.environ.get(self.password_env, "")
            if not value:
                raise ConfigError(f"{key}.password_env: the environment variable {self.password_env} is not set; set it to the password")
            return value
        if not self.password_file:
            return ""
        return secret(self.password_file, f"{key}.password_file")


@dataclass(frozen=True)
class Audio:
    input: str = matching("default", _NO_CONTROL, _NO_CONTROL_MEANING)
    """Name of a capture device as `softphone doctor` lists them, "default", or "null" for none."""
    output: str = matching("default", _NO_CONTROL, _NO_CONTROL_MEANING)
    ringer: str = matching("", _NO_CONTROL, _NO_CONTROL_MEANING)
    """Name of the device that rings; empty: that of `output`."""
    talk: str = allowed("open", "open", "voice", "push")
    """When the microphone is sent: always, while somebody speaks into it (voice activation), or when it is unmuted (push to talk)."""
    microphone_db: int = limited(0, LOWEST_VOLUME_DB, HIGHEST_VOLUME_DB)
    """Louder or softer than the device gives it."""
    loudspeaker_db: int = limited(0, LOWEST_VOLUME_DB, HIGHEST_VOLUME_DB)
    echo_canceller: str = allowed("speex", "speex", "webrtc", "off")
    echo_tail_ms: int = limited(200, 20, 500)


@dataclass(frozen=True)
class Codecs:
    order: tuple[str, ...] = allowed(codec_names(), *codec_names())
    """What is offered, best first."""


@dataclass(frozen=True)
class Phv:
    """Our own codec, `x-phv/16000`."""

    interval_ms: int = limited(160, MIN_INTERVAL_MS, MAX_INTERVAL_MS, 20)
    """Time between packets while someone speaks (ptime)."""
    detail: int = limited(DETAIL_STAGES, 0, DETAIL_STAGES)
    """Codes for how each 40 ms sounded, besides what was said, where the path carries them: about 150 bit/s each."""
    redundancy: int = limited(1, 0, HIGHEST_REDUNDANCY)
    """How many earlier packets each packet repeats."""
    profile: str = allowed("adaptive", "adaptive", "fixed")
    """Whether interval, redundancy and detail follow loss, delay and `max_rate` during a call, or stay as they are set here."""
    wait: str = allowed("auto", "auto", "clear", "quick")
    """"clear" makes the remote party hear everything about a second later, and far more words right; "auto" decides by the network."""
    sound: str = allowed("auto", "auto", "never", "always")
    """Sound (Opus) in place of symbols where the link carries it; "auto" decides by the network, with the adaptive profile and `voice`."""
    max_rate: int = limited(0, 0, HIGHEST_RATE)
    """Ceiling in IP bit/s of each direction while somebody speaks, 40 bytes of headers and RTCP counted; 0 is none."""
    comfort_noise: bool = True
    """Describe an audible background to the far end, which then plays noise like it between words."""
    voice: bool = True
    """Send a description of the speaker's voice; without it the far end uses a neutral voice."""
    learn: bool = True
    """Learn during calls, with a quarter of a core at low priority, how to sound more like the speaker over there."""


@dataclass(frozen=True)
class Opus:
    """The fallback for standard phones (RFC 7587), tuned for slow links."""

    bitrate: int = limited(8000, 6000, 64000)
    fec: bool = True
    dtx: bool = True
    ptime_ms: int = allowed(60, 20, 40, 60)
    expected_loss_percent: int = limited(10, 0, 50)


@dataclass(frozen=True)
class Worker:
    threads: int = limited(1, 1, 8)
    """Torch threads in the codec worker."""


@dataclass(frozen=True)
class Privacy:
    """What is kept on disk; contacts are kept in any case."""

    history: bool = True
    """Keep calls and messages, in a file that only this user can read."""
    voices: str = allowed("ask", "ask", "always", "never")
    """Remember voices from call to call, the user's own and, where they allow it, those of others; "ask" keeps none and says so once."""
    transcripts: bool = False
    """Write down what is said in every call on x-phv, in private files; the other side is told."""


@dataclass(frozen=True)
class Calls:
    ring_seconds: int = limited(120, 10, 600)
    """How long a call rings, here or at the far end, before it is given up."""
    auto_answer_seconds: int = limited(0, 0, 60)
    """How long a call rings here before it is answered automatically, where an account, a contact or a command says so."""


@dataclass(frozen=True)
class Presence:
    """Whether others can be called now, and whether they may know it of us."""

    watch: str = allowed("off", "off", "favourites", "contacts")
    """Whose presence to subscribe to. Contacts' servers and phones can see that subscription."""
    share: str = allowed("off", "off", "contacts", "server")
    """Who may see our presence: nobody; contacts whose phones ask this one; or also everybody whom the server allows."""


@dataclass(frozen=True)
class Hooks:
    """Programs that the engine runs at events, each a list of program and arguments; what happened is in their environment
    (docs/control.md)."""

    ring: tuple[str, ...] = program()
    answer: tuple[str, ...] = program()
    hangup: tuple[str, ...] = program()
    message: tuple[str, ...] = program()
    timeout_seconds: int = limited(30, 1, 600)


@dataclass(frozen=True)
class Screen:
    """The full-screen phone."""

    theme: str = allowed("dark", "dark", "light")
    """Without colours when the environment has NO_COLOR."""
    slow: bool | str = automatic()
    """One update a second, 16 colours, no meters. "auto": over ssh, while the terminal answers slowly."""
    notify: bool | str = automatic()
    """Notifications outside the screen: the terminal's (OSC 9 and 777) and the desktop's (notify-send). "auto": the bell and the title
    always, the desktop's only where this program runs on the desktop."""


@dataclass(frozen=True)
class Config:
    account: Account = field(default_factory=Account)
    accounts: tuple[Account, ...] = ()
    """Several, each a table `[[accounts]]`, best first; then `account` must be empty."""
    network: Network = field(default_factory=Network)
    audio: Audio = field(default_factory=Audio)
    codecs: Codecs = field(default_factory=Codecs)
    phv: Phv = field(default_factory=Phv)
    opus: Opus = field(default_factory=Opus)
    worker: Worker = field(default_factory=Worker)
    privacy: Privacy = field(default_factory=Privacy)
    calls: Calls = field(default_factory=Calls)
    presence: Presence = field(default_factory=Presence)
    hooks: Hooks = field(default_factory=Hooks)
    screen: Screen = field(default_factory=Screen)
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action of the full-screen phone -> key, such as `dial = "ctrl+d"`; the table of actions checks both."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Beginning of a number -> what is dialled in its place, such as `"0" = "+49"`; of several the longest counts."""
    phrases: Mapping[str, str] = field(default_factory=dict)
    """Key -> sentence that it speaks into the call."""

    def named_accounts(self) -> dict[str, tuple[str, Account]]:
        """Name -> (place in the file, account), in the order of the file."""
        if self.account.id:
            return {self.account.name or "default": ("account", self.account)}
        return {account.name or account.address: (f"accounts[{n}]", account) for n, account in enumerate(self.accounts, 1)}


def load(path: Path | None = None) -> Config:
    """Read `path`, or the file at the XDG path. Without a `path`, a missing file means the defaults.

    Raises:
        ConfigError: one sentence naming the file, the key, what is wrong and what is allowed.
    """
    chosen = path or paths.config_file()
    try:
        text = text_file.read(chosen).text
    except FileNotFoundError:
        if path is None:
            return Config()
        raise ConfigError(f"there is no configuration file {chosen}; copy {paths.default_config_file()} there") from None
    except TextFileError as error:
        raise ConfigError(f"cannot read the configuration file {chosen} ({error})") from None
    try:
        return parse(text)
    except ConfigError as error:
        raise ConfigError(f"{chosen}: {error}") from None


def parse(text: str) -> Config:
    """The configuration in a TOML document. Raises ConfigError."""
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"this is not valid TOML: {error}") from None
    return from_dict(document)


def from_dict(document: dict[str, Any]) -> Config:
    """The configuration from nested dictionaries, as TOML or JSON give them. Raises ConfigError."""
    sections = {entry.name: entry for entry in dataclasses.fields(Config)}
    if "tui" in document and "screen" not in document:
        # Its name before slow links were thought of.
        document = {"screen" if name == "tui" else name: table for name, table in document.items()}
    hints = get_type_hints(Config)
    check_keys(document, sections, "")
    values: dict[str, Any] = {}
    for name, table in document.items():
        if name == "accounts":
            values[name] = _accounts(table)
            continue
        if not isinstance(table, dict):
            raise ConfigError(f"{name}: must be a table, written as [{name}] on a line of its own")
        values[name] = section(hints[name], name, table) if dataclasses.is_dataclass(hints[name]) else texts(name, table)
    config = Config(**values)
    _check_together(config)
    return config


def _accounts(tables: Any) -> tuple[Account, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError("accounts: must be a list of tables, each written below a line [[accounts]]; a single account is [account]")
    if len(tables) > MAX_ACCOUNTS:
        raise ConfigError(f"accounts: there are {len(tables)}, and PJSIP holds at most {MAX_ACCOUNTS}; take some away")
    return tuple(section(Account, f"accounts[{n}]", table) for n, table in enumerate(tables, 1))


def to_toml(config: Config) -> str:
    """A TOML document that `parse` reads back; holds the password's place, never the password."""
    lines = []
    for name, content in dataclasses.asdict(config).items():
        tables = content if isinstance(content, tuple) else (content,)
        for table in tables:
            lines.append(f"[[{name}]]" if tables is content else f"[{name}]")
            # JSON's strings, numbers, booleans and lists of strings are TOML's too.
            lines += [
                f"{json.dumps(key) if name in ('keys', 'numbers', 'phrases') else key} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in table.items()
            ]
    return "\n".join(lines) + "\n"


def _check_together(config: Config) -> None:
    check_network(config.network)
    for beginning, instead in config.numbers.items():
        if not all(re.fullmatch(r"\+?[0-9*#]{0,20}", part) for part in (beginning, instead)):
            raise ConfigError(
                f'numbers.{shown(beginning, quote=False)}: both sides must be digits, * and #, perhaps after a +, such as "00" = "+", '
                f"not {shown(instead)}"
            )
    if 0 < config.phv.max_rate < LOWEST_RATE:
        raise ConfigError(f"phv.max_rate: must be 0 for none, or at least {LOWEST_RATE} bit/s, not {config.phv.max_rate}")
    if config.account.id and config.accounts:
        raise ConfigError("account.id: cannot be used together with [[accounts]]; write this account as another [[accounts]] table")
    _check_account("account", config.account)
    taken = {"local"}
    for n, account in enumerate(config.accounts, 1):
        _check_account(f"accounts[{n}]", account)
        if not account.id:
            raise ConfigError(f"accounts[{n}].id: must be set, such as sip:alice@example.org")
        name = account.name or account.address
        if name in taken:
            why = "is the name of the account for direct calls" if name == "local" else "is the name of an account above"
            raise ConfigError(f"accounts[{n}].name: {shown(name)} {why}; choose another")
        taken.add(name)
    if config.account.name == "local":
        raise ConfigError("account.name: 'local' is the name of the account for direct calls; choose another")


def _check_account(place: str, account: Account) -> None:
    for key in ("registrar", "proxy", "backups", "user", "password_file", "password_env", "password_keyring"):
        if getattr(account, key) and not account.id:
            raise ConfigError(f"{place}.id: must be set, such as sip:alice@example.org, when {place}.{key} is")
    given = [key for key in ("password_file", "password_env", "password_keyring") if getattr(account, key)]
    if len(given) > 1:
        raise ConfigError(f"{place}.{given[1]}: cannot be used together with {place}.{given[0]}; keep one of them")
