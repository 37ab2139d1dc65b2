"""What the full-screen phone costs, in a real terminal (tmux): `PYTHONPATH=. python tools/measure_ui.py`.

Keystrokes from the first start to the first call with an account; from the command to a drawn screen and to a ready codec, with the engine
cold and warm; from a key to its sign on each screen, the first time and later; bytes that it sends to its terminal idle and while both
sides talk, normal and in slow mode; and its processor time in a call on our codec. The last table is that of issue 20. The load of the
machine is printed too: times say little on a busy one, the processor time of the program does.
"""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from softphone.config import Audio, Codecs, Config, Network, Privacy
from softphone.control.client import ControlClient
from softphone.control.protocol import AutoAnswer, ControlError, Play, Status
from softphone.paths import demo_recording
from softphone.sound_file import read, write_wav
from tests.e2e.tui.terminal import Terminal
from tests.e2e.tui.ui import Ui
from tests.peers.programs.kamailio import PASSWORDS, Kamailio
from tests.phones.phone import Phone

KEYS = "the quick brown fox"
CALL_S = 20.0
STARTS = 3
ROUNDS = 5
SCREENS = {
    "d": "type a name",
    "c": "search: name",
    "l": "all calls",
    "e": "No messages|conversation",
    "o": "Direct calls",
    "?": "Keys are single letters",
    "C-p": "Search for commands",
}
"""Key and what its screen shows, without a call;"""
CALL_SCREENS = {"p": "Telephone keys", "t": "to ▸", "i": "speak ▸", "w": "─ INVITE", "x": "m=audio"}
"""and in one, on G.711: on our codec the worker of the other phone, which a user does not have, takes this machine's second processor."""
Delays = dict[str, tuple[float, float]]
"""Key -> (median, first use), ms."""


def seconds_until(terminal: Terminal, shown: Callable[[str], bool]) -> float:
    """Time from now until the screen is so, asked without pause."""
    began = time.monotonic()
    while not shown(terminal.screen()):
        if time.monotonic() - began > 120:
            raise SystemExit(f"the screen did not come to what was waited for:\n{terminal.screen()}")
    return time.monotonic() - began


def start(ui: Ui) -> tuple[float, float]:
    """Seconds from the command to a drawn screen, and to a screen that shows a ready engine."""
    began = time.monotonic()
    ui.start()
    seconds_until(ui, lambda screen: "dial ▸" in screen)
    drawn = time.monotonic() - began
    seconds_until(ui, lambda screen: "Ready" in screen)
    return drawn, time.monotonic() - began


def typing_ms(ui: Ui) -> list[float]:
    """For each key typed into the dial field, when it is seen there."""
    ui.press("d")
    ui.wait("type a name")
    found = []
    for end in range(1, len(KEYS) + 1):
        began = time.monotonic()
        ui.type(KEYS[end - 1])
        seconds_until(ui, lambda screen, text=KEYS[:end]: f"dial ▸ {text.rstrip()}" in screen)
        if KEYS[end - 1] != " ":
            found.append(1000 * (time.monotonic() - began))
    ui.press_until("Escape", "dial ▸ a name")
    return found


def screen_ms(ui: Ui, key: str, sign: str, pid: int, back: str) -> list[tuple[float, float]]:
    """From a key to what its screen shows, several times: what passed, and what the program worked. `back` is seen after Esc."""
    found = []
    for _ in range(ROUNDS):
        began, worked = time.monotonic(), cpu_seconds(pid)
        ui.press(key)
        seconds_until(ui, lambda screen: any(part in screen for part in sign.split("|")))
        found.append((1000 * (time.monotonic() - began), 1000 * (cpu_seconds(pid) - worked)))
        ui.press("Escape")
        ui.wait(lambda screen: re.search(back, screen) is not None and not any(part in screen for part in sign.split("|")))
        time.sleep(0.3)
    return found


def screens_ms(ui: Ui, screens: dict[str, str], pid: int, back: str) -> Delays:
    """Of each of these, printed."""
    found: Delays = {}
    for key, sign in screens.items():
        (first, first_work), *later = screen_ms(ui, key, sign, pid, back)
        median, work = (statistics.median(values) for values in zip(*later, strict=True))
        found[key] = (median, first)
        name = f"key {key} to its screen: median / first use (work of the program)"
        row(name, f"{median:.0f} / {first:.0f} ms ({work:.0f} / {first_work:.0f} ms)")
    return found


class Counted(Ui):
    """Counts the keys that are pressed; text is typed, and is not counted."""

    pressed = 0

    def press(self, *keys: str) -> None:
        self.pressed += len(keys)
        super().press(*keys)


def keystrokes(folder: Path, peer: Phone) -> int:
    """From the first start, with an account at a server, to the first call that is up."""
    server = Kamailio(folder / "kamailio", PASSWORDS)
    server.start()
    ui = Counted(folder / "first", columns=80, lines=24, config=None)
    try:
        ui.start()
        ui.wait("Step 1 of 4")
        ui.type(f"alice@127.0.0.1:{server.port}")
        ui.press("Enter")
        ui.type(PASSWORDS["alice"])
        ui.press("Enter")
        ui.wait("Step 2 of 4")
        ui.press("Enter")
        ui.wait("Step 3 of 4")
        ui.press("n")
        ui.wait("Step 4 of 4")
        ui.press("Enter")
        ui.wait("dial ▸")
        ui.press("d")
        ui.wait("type a name")
        ui.type(peer.uri)
        ui.press("Enter")
        ui.wait("talking")
        shown = ui.pressed
        ui.press("b")
        ui.wait("Ready")
        if "●" not in ui.screen():
            raise SystemExit(f"the account is not registered:\n{ui.screen()}")
        return shown
    finally:
        ui.stop()
        server.stop()


def tmux_ms(ui: Ui) -> float:
    """What asking tmux twice takes: once for the key, once for the screen."""
    began = time.monotonic()
    for _ in range(20):
        ui.screen()
    return 2 * 1000 * (time.monotonic() - began) / 20


def bytes_per_s(ui: Ui, folder: Path, seconds: float = CALL_S) -> float:
    """What the program sends to its terminal now."""
    path = folder / f"bytes-{time.monotonic_ns()}"
    path.touch()
    ui.record_bytes(path)
    time.sleep(1)
    before, began = path.stat().st_size, time.monotonic()
    time.sleep(seconds)
    return (path.stat().st_size - before) / (time.monotonic() - began)


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads, to the nanosecond."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def screen_pid(ui: Ui) -> int:
    """Of the process that draws: the one of this home that is no engine and no worker."""
    home = f"HOME={ui.home}".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
                if b"softphone.cli.main" in words and b"\0sh\0" not in words and home in (folder / "environ").read_bytes().split(b"\0"):
                    return int(folder.name)
            except OSError:
                continue
    raise SystemExit("the process of the screen was not found")


@contextlib.contextmanager
def warm_engine(ui: Ui) -> Iterator[None]:
    """An engine that is there before the screen: `softphone engine`, which no screen ends."""
    socket = ui.home / "run" / "softphone" / "engine.sock"
    arguments = [sys.executable, "-m", "softphone.cli.main", "engine", "--config", str(ui.config_file), "--listen", str(socket)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(ControlError), ControlClient(socket) as engine:
                if engine.request(Status()).worker.state == "ready":
                    break
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def row(name: str, value: str) -> None:
    print(f"| {name} | {value} |", flush=True)


def dial(ui: Ui, peer: Phone) -> None:
    ui.press("d")
    ui.wait("type a name")
    ui.type(peer.uri)
    ui.press("Enter")
    ui.wait("talking")


def call(ui: Ui, peer: Phone, speech: Path) -> None:
    """Both sides talk."""
    dial(ui, peer)
    ui.wait("codec +x-phv")
    with ControlClient(ui.home / "run" / "softphone" / "engine.sock") as engine:
        engine.request(Play(call=1, wav=str(speech)))
    time.sleep(3)


def main() -> None:
    """Prints the tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="softphone-measure-") as name:
        folder = Path(name)
        speech = folder / "speech.wav"
        write_wav(speech, read(demo_recording()[0]))
        quiet = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"))
        peer, plain = Phone(folder / "peer", quiet), Phone(folder / "plain", replace(quiet, codecs=Codecs(order=("PCMU",))))
        peer.start()
        # The question whether voices may be remembered would lie over what is measured.
        ui = Ui(folder / "ui", columns=80, lines=24, config=replace(quiet, privacy=Privacy(voices="never")))
        try:
            peer.wait_worker()
            peer.client.request(AutoAnswer(wav_in=str(speech)))
            print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n\n| | |\n| --- | --- |")
            keys = keystrokes(folder, peer)
            row("keystrokes to the first call with an account", str(keys))
            began = time.monotonic()
            drawn, ready = start(ui)
            pid = screen_pid(ui)
            worked = cpu_seconds(pid)
            ui.wait_codec()
            row("work of the screen's program until the phone was ready", f"{worked:.2f} s")
            codec = time.monotonic() - began
            row("start, cold: screen drawn / phone ready / codec ready", f"{drawn:.1f} / {ready:.1f} / {codec:.1f} s")
            row("bytes to the terminal, idle", f"{bytes_per_s(ui, folder, 5):.0f} B/s")
            row("what tmux takes of each of the next figures", f"{tmux_ms(ui):.0f} ms")
            delays = typing_ms(ui)
            row("typing: median / worst", f"{statistics.median(delays):.0f} / {max(delays):.0f} ms")
            delays_of = screens_ms(ui, SCREENS, pid, "dial ▸ a name")
            call(ui, peer, speech)
            before, began = cpu_seconds(pid), time.monotonic()
            rate = bytes_per_s(ui, folder)
            share = 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)
            row("bytes to the terminal while talking, 80x24", f"{rate:.0f} B/s")
            row("processor time of the screen in a call", f"{share:.1f} % of a core")
            ui.resize(120, 40)
            time.sleep(2)
            row("bytes to the terminal while talking, 120x40", f"{bytes_per_s(ui, folder):.0f} B/s")
            ui.resize(80, 24)
            ui.press("S")
            time.sleep(3)
            slow = bytes_per_s(ui, folder)
            row("bytes to the terminal while talking, 80x24, slow mode", f"{slow:.0f} B/s")
            ui.press("b")
            ui.wait("Ready")
            ui.press("S")
            plain.start()
            plain.client.request(AutoAnswer())
            dial(ui, plain)
            delays_of |= screens_ms(ui, CALL_SCREENS, pid, "talking")
            ui.press("b")
            ui.wait("Ready")
            ui.stop()
            with warm_engine(ui):
                starts = []
                for _ in range(STARTS):
                    starts.append(start(ui))
                    ui.stop()
                row(
                    "start, warm engine: screen drawn / phone ready",
                    " / ".join(f"{min(values):.1f}" for values in zip(*starts, strict=True)) + " s",
                )
            print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f}\n\n| | now | floor | target |\n| --- | --- | --- | --- |")
            row(
                "bytes to the terminal while talking, 80x24, normal / slow mode",
                f"{rate:.0f} / {slow:.0f} B/s | 1500 / 125 B/s | 600 / 60 B/s",
            )
            row("screen drawn / codec ready after the start", f"{drawn:.1f} / {codec:.1f} s | 1.5 / 6 s | 1 / 3 s")
            slowest = " / ".join(f"{max(values):.0f}" for values in zip(*delays_of.values(), strict=True))
            row("key to screen on the slowest screen, median / first use", f"{slowest} ms | 50 / 200 ms | 20 / 50 ms")
            row("processor time of the screen in a call", f"{share:.1f} % | 3 % | 1 %")
            row("keystrokes from the first start to the first call", f"{keys} | 7 | 5")
        finally:
            ui.stop()
            peer.stop()
            plain.stop()


if __name__ == "__main__":
    main()
