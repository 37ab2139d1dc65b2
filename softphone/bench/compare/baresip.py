"""baresip, a phone in C: two of them on loopback, commanded over its ctrl_tcp (netstrings of JSON)."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import wave
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from softphone.bench.compare.pair import EVENT_S, BesideError
from softphone.bench.ports import free_port

MODULES = Path("/usr/lib/baresip/modules")
QUIET_S = 60
"""It hangs up where its sound file ends."""


class Baresip:
    """Answers at once with G.711, and sends silence. A context manager."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("baresip")
        if program is None:
            raise BesideError("baresip is not installed (apt-get install baresip-core)")
        folder.mkdir(parents=True)
        self.port, control = free_port(), free_port()
        self.uri = f"sip:baresip@127.0.0.1:{self.port}"
        (folder / "accounts").write_text(f"<{self.uri}>;regint=0;answermode=auto;audio_codecs=pcmu\n")
        quiet = folder / "quiet.wav"
        with wave.open(str(quiet), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 8000 * QUIET_S))
        (folder / "contacts").write_text("")
        lines = [
            "poll_method epoll",
            f"sip_listen 127.0.0.1:{self.port}",
            "audio_player aubridge,nowhere",
            f"audio_source aufile,{quiet}",
            "audio_alert aubridge,nowhere",
            "ausrc_srate 8000",
            "auplay_srate 8000",
            "ausrc_channels 1",
            "auplay_channels 1",
            "net_interface 127.0.0.1",
            f"module_path {MODULES}",
            *(f"module {name}.so" for name in ("g711", "aubridge", "aufile")),
            "module_tmp uuid.so",
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen 127.0.0.1:{control}",
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen([program, "-f", str(folder)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._socket = self._connect(control)
        self._pending = b""

    def __enter__(self) -> "Baresip":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def command(self, name: str, params: str = "") -> None:
        text = json.dumps({"command": name, "params": params}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))

    def wait(self, kind: str) -> None:
        """Until an event of this kind. Raises BesideError."""
        while not ((message := self._next()).get("event") and message.get("type") == kind):
            pass

    def wait_done(self) -> None:
        """Until a command was answered. Raises BesideError."""
        while not self._next().get("response"):
            pass

    def _next(self) -> dict[str, Any]:
        try:
            while True:
                size, colon, rest = self._pending.partition(b":")
                if colon and len(rest) > int(size):
                    self._pending = rest[int(size) + 1 :]
                    message: dict[str, Any] = json.loads(rest[: int(size)])
                    return message
                # It writes small pieces with Nagle's algorithm on, which wait for our ACK: 40 ms that are no part of a call.
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                chunk = self._socket.recv(65536)
                if not chunk:
                    raise BesideError("baresip ended; try again")
                self._pending += chunk
        except (TimeoutError, ValueError) as error:
            raise BesideError(f"baresip said nothing of use within {EVENT_S:.0f} s ({type(error).__name__}); try again") from None

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + EVENT_S
        while True:
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), timeout=EVENT_S)
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise BesideError("baresip does not start; run it by hand to see why")
            time.sleep(0.05)


class BaresipPair:
    name = "baresip"

    def __enter__(self) -> "BaresipPair":
        with ExitStack() as running:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="softphone-compare-")))
            self._caller, self._called = (running.enter_context(Baresip(folder / name)) for name in ("first", "second"))
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def call(self) -> bool:
        self._caller.command("dial", self._called.uri)
        self._caller.wait("CALL_ESTABLISHED")
        return True

    def hang_up(self) -> bool:
        self._caller.command("hangup")
        # Who hangs up himself is told no event, only that it was done.
        self._caller.wait_done()
        self._called.wait("CALL_CLOSED")
        return True
