"""A service manager in small, in the place of `systemctl --user` where a test's machine has none: it runs the command of a unit as
systemd.service(5) says, in an environment of its own, and ends it with SIGTERM.

Its state is in the folder that SERVICES names.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ.get("SERVICES", "."))
KNOWN = ("HOME", "XDG_RUNTIME_DIR", "PATH", "PYTHONPATH")
"""What a user's service manager hands on; PYTHONPATH is that of the checkout under test."""


def main(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("--")]
    with (FOLDER / "asked").open("a") as asked:
        print(*arguments, file=asked)
    match words:
        case ["show-environment"] if (FOLDER / "no-bus").exists():
            print("Failed to connect to bus: No medium found", file=sys.stderr)
            return 1
        case ["is-active", _]:
            return 0 if running() else 3
        case ["is-enabled", _]:
            return 0 if (FOLDER / "enabled").exists() else 1
        case ["enable", _]:
            (FOLDER / "enabled").touch()
        case ["restart", _]:
            end()
            begin()
        case ["disable", _]:
            (FOLDER / "enabled").unlink()
            end()
    return 0


def unit() -> dict[str, list[str]]:
    """The unit's settings, each with its values."""
    found: dict[str, list[str]] = {}
    for line in (Path(os.environ["XDG_CONFIG_HOME"]) / "systemd" / "user" / "softphone.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found.setdefault(name, []).append(value)
    return found


def unquoted(text: str) -> list[str]:
    """Words in double quotes, with the unit file's escapes."""
    words = re.findall(r'"((?:\\.|[^"\\])*)"', text)
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words]


def begin() -> None:
    settings = unit()
    environment = {name: os.environ[name] for name in KNOWN if name in os.environ}
    environment |= dict(word.split("=", 1) for value in settings.get("Environment", []) for word in unquoted(value))
    command = [word.replace("$$", "$") for word in unquoted(settings["ExecStart"][0])]
    with (FOLDER / "journal").open("w") as journal:
        process = subprocess.Popen(command, env=environment, cwd="/", stdout=journal, stderr=journal, start_new_session=True)
    (FOLDER / "pid").write_text(str(process.pid))


def running() -> int:
    """Process id of the service; 0 where it is not running."""
    try:
        pid = int((FOLDER / "pid").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return 0
    return 0 if state == "Z" else pid


def end() -> None:
    pid = running()
    if pid:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while running() and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
