"""How fast the full-screen phone is, in a real terminal (tmux): `PYTHONPATH=. python tools/measure_ui.py`.

Start to a usable screen with the engine cold and warm, a key to its sign on the screen, and the processor time of the screen in a call on
our codec. What tmux takes to tell is in the figures. The load of the machine is printed with them: they say little on a busy one.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from softphone.config import Audio, Config, Network
from softphone.control.client import ControlClient
from softphone.control.protocol import AutoAnswer, ControlError, Play, Status
from softphone.paths import demo_recording
from softphone.sound_file import read, write_wav
from tests.e2e.tui.terminal import Terminal
from tests.e2e.tui.ui import Ui
from tests.peers.phone import Phone

KEYS = "the quick brown fox"
CALL_S = 20.0
STARTS = 5


def seconds_until(terminal: Terminal, shown: Callable[[str], bool]) -> float:
    """Time from now until the screen is so, asked without pause."""
    began = time.monotonic()
    while not shown(terminal.screen()):
        if time.monotonic() - began > 120:
            raise SystemExit(f"the screen did not come to what was waited for:\n{terminal.screen()}")
    return time.monotonic() - began


def start(ui: Ui) -> str:
    """From the command to a screen that shows a ready engine."""
    began = time.monotonic()
    ui.start()
    seconds_until(ui, lambda screen: "Ready. No call" in screen)
    took = time.monotonic() - began
    return f"{took:.1f} s to a ready phone, of which the screen's own process computed {cpu_seconds(screen_pid(ui)):.1f} s"


def key_ms(ui: Ui) -> list[float]:
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


def tmux_ms(ui: Ui) -> float:
    """What asking tmux twice takes: once for the key, once for the screen."""
    began = time.monotonic()
    for _ in range(20):
        ui.screen()
    return 2 * 1000 * (time.monotonic() - began) / 20


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
                if engine.request(Status())["worker"]["state"] == "ready":
                    break
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="softphone-measure-") as name:
        folder = Path(name)
        speech = folder / "speech.wav"
        write_wav(speech, read(demo_recording()[0]))
        peer = Phone(folder / "peer", Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null")))
        peer.start()
        ui = Ui(folder / "ui", columns=120, lines=40)
        try:
            peer.wait_worker()
            peer.client.request(AutoAnswer(wav_in=str(speech)))
            print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
            print(f"start with a cold engine: {start(ui)}")
            ui.wait_codec()
            delays, tmux = key_ms(ui), tmux_ms(ui)
            print(
                f"key to screen: median {statistics.median(delays):.0f} ms, worst {max(delays):.0f} ms, of which tmux takes {tmux:.0f} ms"
            )
            with ControlClient(ui.home / "run" / "softphone" / "engine.sock") as engine:
                ui.press("d")
                ui.wait("type a name")
                ui.type(peer.uri)
                ui.press("Enter")
                ui.wait("talking")
                ui.wait("codec +x-phv")
                engine.request(Play(call=1, wav=str(speech)))
                pid, before, began = screen_pid(ui), 0.0, time.monotonic()
                before = cpu_seconds(pid)
                time.sleep(CALL_S)
                share = 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)
                print(f"processor time of the screen in a call: {share:.1f} % of a core")
                ui.press("b")
                ui.wait("No call")
            ui.stop()
            with warm_engine(ui):
                for _ in range(STARTS):
                    print(f"start with a warm engine: {start(ui)}")
                    ui.stop()
        finally:
            ui.stop()
            peer.stop()


if __name__ == "__main__":
    main()
