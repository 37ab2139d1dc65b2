"""`softphone service`: the phone as a service of systemd, which starts at login and goes on without a screen."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from softphone import config, paths
from softphone.cli import status
from softphone.cli.arguments import add_config
from softphone.cli.calls.phone import running_phone
from softphone.cli.output import tell
from softphone.control.client import ControlClient
from softphone.control.protocol import Status
from softphone.files import private_file

NAME = "softphone.service"
HANDED_ON = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
"""What says where our files are, and the user's service manager may not know."""
PATIENCE_S = 60.0
NO_SYSTEMD = (
    "there is no systemd that starts services for you here ({why}); start the phone at login in another way, "
    "with the command: softphone engine"
)
UNIT = """\
[Unit]
Description=softphone, to be reached without its screen
After=pipewire.service pipewire-pulse.service pulseaudio.service
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
ExecStart={command}
{environment}Restart=always
RestartSec=1
TimeoutStopSec=20
UMask=0077

[Install]
WantedBy=default.target
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("service", help="keep the phone running in the background, from login on", epilog=status.HELP)
    actions = command.add_subparsers(metavar="ACTION", required=True)
    install = actions.add_parser("install", help="start the phone now and at each login, as a user service of systemd")
    add_config(install)
    install.set_defaults(run=run_install)
    actions.add_parser("uninstall", help="end the service and remove it").set_defaults(run=run_uninstall)
    actions.add_parser("status", help="say whether it is installed and running").set_defaults(run=run_status)


def run_install(options: argparse.Namespace) -> int:
    config.load(options.config)  # its errors are better told here than in the journal
    _need_systemd()
    if running_phone() is not None and not _is("active"):
        raise status.CommandError(
            "a phone is running already; quit it first (q in its window, or: softphone ctl shutdown), so that there is one"
        )
    _need_no_call()
    path = unit_file()
    private_file.write(path, unit(options.config).encode())
    _systemctl("daemon-reload")
    _systemctl("enable", NAME)
    _systemctl("restart", NAME)
    tell("The phone runs in the background now, and from each login on. `softphone` opens its screen, and quitting that ends no call.")
    if _lingers() is False:
        tell("It ends when you log out. To be reached then too, run: loginctl enable-linger")
    return status.OK


def run_uninstall(_options: argparse.Namespace) -> int:
    _need_systemd()
    path = unit_file()
    if not path.exists():
        tell("The service is not installed.")
        return status.OK
    _need_no_call()
    _systemctl("disable", "--now", NAME)
    path.unlink(missing_ok=True)
    _systemctl("daemon-reload")
    tell("The service is removed. Contacts, history and settings stay.")
    return status.OK


def run_status(_options: argparse.Namespace) -> int:
    if not unit_file().exists():
        tell("The service is not installed; softphone service install does that.")
        return status.ERROR
    _need_systemd()
    active, enabled = _is("active"), _is("enabled")
    running = "running" if active else "not running (the reason: journalctl --user -u softphone)"
    tell(f"The service is installed and {running}; at login it is {'started' if enabled else 'not started'}.")
    if active and _lingers() is False:
        tell("It ends when you log out. To be reached then too, run: loginctl enable-linger")
    return status.OK if active else status.ERROR


def unit_file() -> Path:
    """Where systemd looks for a user's own services."""
    return paths.config_file().parent.parent / "systemd" / "user" / NAME


def unit(config_file: Path | None) -> str:
    """The unit file (systemd.service(5)), for the interpreter and the folders of now."""
    # Without --quiet the system's journal would name who calls.
    command = [sys.executable, "-m", "softphone.cli.main", "engine", "--quiet"]
    if config_file is not None:
        command += ["--config", str(config_file.resolve())]
    environment = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name in HANDED_ON if (value := os.environ.get(name, "")).startswith("/")
    )
    return UNIT.format(command=" ".join(_quoted(word, dollar=True) for word in command), environment=environment)


def _quoted(word: str, *, dollar: bool = False) -> str:
    """As one word of a unit file; `dollar`: of a command line, in which `$` stands for variables."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{word.replace("$", "$$") if dollar else word}"'


def _need_no_call() -> None:
    phone = running_phone()
    if phone is None:
        return
    with ControlClient(phone) as client:
        if client.request(Status()).calls:
            raise status.CommandError("there is a call, which would end with the phone; hang up first")


def _need_systemd() -> None:
    if shutil.which("systemctl") is None:
        raise status.CommandError(NO_SYSTEMD.format(why="no program systemctl"))
    done = _run("systemctl", "--user", "show-environment")
    if done.returncode:
        raise status.CommandError(NO_SYSTEMD.format(why=_words(done)))


def _systemctl(*arguments: str) -> None:
    done = _run("systemctl", "--user", *arguments)
    if done.returncode:
        raise status.CommandError(f"systemctl --user {' '.join(arguments)} failed: {_words(done)}")


def _is(state: str) -> bool:
    return _run("systemctl", "--user", "--quiet", f"is-{state}", NAME).returncode == 0


def _lingers() -> bool | None:
    """Whether the user's services go on after logout; None where that is not known."""
    if shutil.which("loginctl") is None:
        return None
    said = _run("loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value").stdout.strip()
    return {"yes": True, "no": False}.get(said)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise status.CommandError(f"{command[0]} does not answer ({error.__class__.__name__}); try again") from None


def _words(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"
