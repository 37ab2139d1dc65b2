"""Settings that are one line each: where they stand in the configuration, what they are called, and what they may be. Those of a page are
a table here; the screen keeps what is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from textual.widget import Widget

from softphone.config import HIGHEST_VOLUME_DB, LOWEST_RATE, LOWEST_VOLUME_DB, Config
from softphone.tui.common.form import Choice, Field, Tick

VOLUME_STEP_DB = 3


@dataclass(frozen=True)
class Setting:
    """`place`: `section.key`. `options`: what may be chosen, each with its meaning. Without options it is yes or no, meaning `text`, or is
    typed, with `text` as its hint. `restart`: it counts from the engine's next start on."""

    place: str
    title: str
    text: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    restart: bool = True

    @property
    def id(self) -> str:
        """Of its widget."""
        return "set-" + self.place.replace(".", "-").replace("_", "-")

    def value(self, config: Config) -> Any:
        section, _, key = self.place.partition(".")
        return getattr(getattr(config, section), key)

    def widget(self, config: Config) -> Widget:
        value = self.value(config)
        if self.options:
            options = dict((str(option), shown) for shown, option in self.options)
            # What was written into the file by hand stays what it is.
            shown = {str(value): str(value), **options} if str(value) not in options else options
            return Choice(self.title, [(text, option) for option, text in shown.items()], id=self.id, value=str(value))
        if isinstance(value, bool):
            return Tick(self.title, self.text, id=self.id, value=value)
        example, _, hint = self.text.partition("; ")
        return Field(self.title, id=self.id, value=str(value or ""), placeholder=example, hint=hint)

    def read(self, text: str) -> Any:
        """What was typed or chosen, as the configuration has it; text where a number is wanted is left for it to complain of."""
        kind = type(self.value(Config()))
        if kind is int:
            text = text.strip() or "0"
            return int(text) if text.lstrip("-").isdigit() else text
        return text.strip()

    def changes(self, value: Any, config: Config) -> dict[str, Any]:
        """What `Settings.change` is told so that it has this value."""
        return {self.place: value}


class Rewriting(Setting):
    """The section [numbers] in one line: `0=+49, 00=+`."""

    def value(self, config: Config) -> str:
        return ", ".join(f"{beginning}={instead}" for beginning, instead in config.numbers.items())

    def read(self, text: str) -> str:
        """In the form in which it is shown."""
        return ", ".join(f"{beginning}={instead}" for beginning, instead in _rules(text).items())

    def changes(self, value: Any, config: Config) -> dict[str, Any]:
        """Each rule is a setting; those that are no longer there go. What is no rule is left for the configuration to complain of."""
        return {f"numbers.{beginning}": None for beginning in config.numbers} | {
            f"numbers.{beginning}": instead for beginning, instead in _rules(value).items()
        }


def _rules(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(",") if part.strip())
    return {beginning.strip(): instead.strip() for beginning, _, instead in parts}


def _seconds(*values: int, at_once: str = "") -> tuple[tuple[str, int], ...]:
    return tuple((at_once if not value else f"after {value} s", value) for value in values)


_VOLUMES = tuple(
    ("as the device gives it" if not db else f"{db:+} dB", db) for db in range(HIGHEST_VOLUME_DB, LOWEST_VOLUME_DB - 1, -VOLUME_STEP_DB)
)
ROWS: Mapping[str, tuple[Setting, ...]] = {
    "sound": (
        Setting(
            "audio.talk",
            "Microphone is",
            options=(
                ("always on", "open"),
                ("on while you speak (voice activation)", "voice"),
                ("muted; hold the space bar to talk (push to talk)", "push"),
            ),
            restart=False,
        ),
        Setting("audio.microphone_db", "Mic volume", options=_VOLUMES, restart=False),
        Setting("audio.loudspeaker_db", "Volume", options=_VOLUMES, restart=False),
        Setting(
            "audio.echo_canceller",
            "Echo",
            options=(("removed (Speex)", "speex"), ("removed (WebRTC)", "webrtc"), ("not removed: you use headphones", "off")),
        ),
    ),
    "calls": (
        Setting(
            "calls.auto_answer_seconds",
            "Auto-answer",
            options=_seconds(0, 3, 5, 10, 20, 30, at_once="at once (switched on per account or contact)"),
        ),
        Setting("calls.ring_seconds", "No answer", options=tuple((f"given up after {s} s", s) for s in (30, 60, 120, 300))),
        Setting(
            "phv.max_rate",
            "Rate limit",
            options=(
                ("none", 0),
                *((f"{rate} bit/s each way on x-phv, headers included", rate) for rate in (LOWEST_RATE, 1200, 1600, 2400, 4800)),
            ),
        ),
        Rewriting("numbers", "Numbers", "none; beginnings of numbers and what is dialled instead, such as 0=+49, 00=+"),
    ),
    "privacy": (Setting("privacy.transcripts", "Transcripts", "write down every call on x-phv; the other side is told"),),
    "network": (
        Setting("network.transport", "SIP over", options=(("UDP", "udp"), ("TCP", "tcp"), ("TLS: encrypted up to the server", "tls"))),
        Setting("network.tls_verify", "Certificates", "refuse a TLS server that cannot prove who it is"),
        Setting(
            "network.srtp",
            "Audio",
            options=(
                ("encrypted over TLS, and where the other side asks for it", "optional"),
                ("encryption always offered (SRTP)", "offer"),
                ("no call without encryption", "mandatory"),
                ("never encrypted", "off"),
            ),
        ),
        Setting("network.port", "SIP port", "any; 0 to 65535"),
        Setting("network.stun", "STUN server", "none; finds your public address behind a NAT, such as stun.example.org:3478"),
        Setting("network.ice", "ICE", "try several paths for the audio, and take one that works"),
        Setting("network.turn", "TURN server", "none; relays the audio where there is no direct path, such as turn.example.org:3478"),
        Setting("network.turn_user", "TURN user", "none; the user name for that server"),
        Setting("network.turn_password_file", "TURN password", "none; the path of a file that only you can read (chmod 600)"),
    ),
}
_BY_ID = {setting.id: setting for page in ROWS.values() for setting in page}


def rows(page: str, config: Config) -> Iterable[Widget]:
    """The lines of a page."""
    return [setting.widget(config) for setting in ROWS.get(page, ())]


def setting_of(widget: Widget | None) -> Setting | None:
    """The setting whose line this is."""
    return _BY_ID.get(widget.id or "") if widget is not None else None
