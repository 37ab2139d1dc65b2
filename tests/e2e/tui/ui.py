"""The full-screen phone in a terminal, with a home of its own."""

import sys
from dataclasses import replace
from pathlib import Path

from softphone.config import Account, Audio, Codecs, Config, Network, to_toml
from tests.e2e.tui.terminal import Terminal
from tests.peers.programs.kamailio import DOMAIN, Kamailio
from tests.places import ROOT

_WARM_SECONDS = 240.0
"""Two codec workers start beside whatever else this machine does."""
ALL_CODECS = ("x-phv", "opus", "PCMU", "PCMA")


class Ui(Terminal):
    """`softphone` as a user starts it, on loopback and without sound devices; nothing of this machine's user is read or written.

    `server` with `user` and `password` gives it an account; `environment` as for `Terminal`. Without `config` there is the one that
    these describe; `config=None` leaves the phone without any, as on the first start. `before` is Python that runs first in its process.
    """

    def __init__(
        self,
        folder: Path,
        user: str = "",
        password: str = "",
        server: Kamailio | None = None,
        codecs: tuple[str, ...] = ALL_CODECS,
        columns: int = 120,
        lines: int = 40,
        config: Config | str | None = "described",
        environment: dict[str, str | None] | None = None,
        before: str = "",
    ) -> None:
        self.home = folder
        for name in ("config/softphone", "data", "run", "cache"):
            (folder / name).mkdir(parents=True, mode=0o700)
        self.config_file = folder / "config" / "softphone" / "config.toml"
        if config == "described":
            config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"), codecs=Codecs(order=codecs))
            if server is not None:
                secret = folder / "password"
                secret.touch(mode=0o600)
                secret.write_text(password)
                account = Account(id=f"sip:{user}@{DOMAIN}", proxy=server.proxy, password_file=str(secret))
                config = replace(config, account=account)
        if isinstance(config, Config):
            self.config_file.write_text(to_toml(config))
        variables: dict[str, str | None] = {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "LC_ALL": None,
            "LC_CTYPE": None,
            "NO_COLOR": None,
        }
        program = [sys.executable, "-m", "softphone.cli.main"]
        if before:
            program = [sys.executable, "-c", f"{before}\nimport sys\nfrom softphone.cli.main import main\nsys.exit(main([]))"]
        super().__init__(program, {**variables, **(environment or {})}, columns, lines)

    def wait_codec(self) -> None:
        """Until our own codec can be offered."""
        self.wait("codec ready", _WARM_SECONDS)

    def quit(self) -> int:
        """Leave the phone's screen by the key; gives the exit status."""
        self.press("q")
        return self.wait_end()
