"""linphonec as a standard phone on loopback: commanded over its standard input, hears from a WAV file, and writes what it hears to one."""

import re
import time
from pathlib import Path

import soundfile

from codec.units.rates import SAMPLE_RATE
from tests.peers.programs.process import PeerError, PeerProcess, free_port
from tests.tones import tone_db

CODECS = {"opus": ("opus", 48000, 2), "PCMU": ("PCMU", 8000, 1), "PCMA": ("PCMA", 8000, 1)}
_OTHERS = (("speex", 16000, 1), ("speex", 8000, 1), ("G729", 8000, 1))
"""It offers these unless they are turned off."""
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Linphone:
    """`codecs` are keys of CODECS, best first; `says` is a 16-bit mono WAV file.

    `srtp`: it offers encryption and wants it. What it received lies in `heard` once the call is over.
    """

    def __init__(self, folder: Path, codecs: tuple[str, ...], says: Path | None = None, srtp: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.uri = f"sip:linphone@127.0.0.1:{self.port}"
        self.heard = folder / "heard.wav"
        self._says = says
        self._read = 0
        (folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)  # without which it does not listen
        sections = [
            "[sip]",
            f"sip_port={self.port}",
            "sip_tcp_port=0",
            "sip_tls_port=0",
            "bind_address=127.0.0.1",
            "guess_hostname=0",
            f"contact={self.uri}",
            "use_ipv6=0",
            "ipv6_migration_done=1",
            f"media_encryption={'srtp' if srtp else 'none'}",
            f"media_encryption_mandatory={int(srtp)}",
            "[net]",
            "firewall_policy=0",
            "[sound]",
            "echocancellation=0",
            "[video]",
            "capture=0",
            "display=0",
        ]
        wanted = [CODECS[name] for name in codecs]
        for number, codec in enumerate([*wanted, *({*CODECS.values(), *_OTHERS} - set(wanted))]):
            (mime, rate, channels), on = codec, int(codec in wanted)
            sections += [
                f"[audio_codec_{number}]",
                f"mime={mime}",
                f"rate={rate}",
                f"channels={channels}",
                f"enabled={on}",
            ]
        (folder / "linphonerc").write_text("\n".join(sections) + "\n")
        environment = {"HOME": str(folder)}
        self._process = PeerProcess("linphonec", "linphone-cli", folder, environment, commanded=True)

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not come up."""
        self._process.start("-c", "linphonerc", "-S", ready=lambda: "linphonec>" in self.log())
        self.command("soundcard use files")
        if self._says is not None:
            self.command(f"play {self._says}")
        self.command(f"record {self.heard}")

    def stop(self) -> None:
        self._process.stop()

    def command(self, line: str) -> None:
        """Type a command of linphonec (`help` lists them)."""
        self._process.write(line)

    def wait_for(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """The next thing it says that matches, after what was waited for before. Raises PeerError."""
        deadline = time.monotonic() + seconds
        while True:
            said = self.log()
            found = re.compile(pattern).search(said, self._read)
            if found is not None:
                self._read = found.end()
                return found
            if time.monotonic() > deadline:
                raise PeerError(f"linphonec did not say {pattern} within {seconds:g} s, but:\n{said[self._read :][-3000:]}")
            time.sleep(0.05)

    def heard_db(self, hertz: float) -> float:
        """Level of a tone in the last second but one of what it heard, in dBFS; the call is over."""
        sound, rate = soundfile.read(self.heard)
        # Its rate is that of the codec, and `tone_db` counts in its own.
        return tone_db(sound[-2 * rate : -rate], hertz * SAMPLE_RATE / rate)

    def log(self) -> str:
        return _ANSI.sub("", self._process.log.read_text(errors="replace"))
