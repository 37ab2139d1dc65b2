"""baresip as a standard phone on loopback: commanded over its ctrl_tcp, hears from a WAV file, and dumps what it hears to WAV files."""

import contextlib
import json
import queue
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from tests.peers.programs.process import PeerError, PeerProcess, free_port

_MODULES = Path("/usr/lib/baresip/modules")


class Baresip:
    """`codecs` in its own notation, best first, such as ("opus/48000/2", "pcmu"); `says` is a 16-bit mono WAV file.

    `account`: its address of record, registered, instead of a phone without server; `options`: more of it, such as ";mediaenc=srtp";
    `video`: it offers a test picture too.
    What it received lies in `heard()` after the call, as decoded by its codec.
    """

    def __init__(
        self,
        folder: Path,
        codecs: tuple[str, ...],
        says: Path,
        says_rate: int = 16000,
        account: str = "",
        options: str = "",
        video: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._control_port = free_port()
        self._folder = folder
        self._process = PeerProcess("baresip", "baresip-core", folder)
        self._socket: socket.socket | None = None
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.uri = f"sip:baresip@127.0.0.1:{self.port}"
        own = account or f"<{self.uri}>;regint=0"
        (folder / "accounts").write_text(f"{own};answermode=auto;audio_codecs={','.join(codecs)}{options}\n")
        (folder / "contacts").write_text("")
        lines = [
            "poll_method epoll",
            f"sip_listen 127.0.0.1:{self.port}",
            "audio_player aubridge,nowhere",
            f"audio_source aufile,{says}",
            "audio_alert aubridge,nowhere",
            "ausrc_format s16",
            "auplay_format s16",
            f"ausrc_srate {says_rate}",
            "ausrc_channels 1",
            "auplay_srate 16000",
            "auplay_channels 1",
            "net_interface 127.0.0.1",
            "rtp_timeout 0",
            "rtp_ports 26000-30000",  # beside those of free_port
            "call_local_timeout 30",
            f"module_path {_MODULES}",
            *(f"module {name}.so" for name in ("opus", "g711", "aubridge", "aufile", "sndfile", "srtp")),
            *(("video_source fakevideo,nil", "video_display fakevideo,nil", "module fakevideo.so", "module vp8.so") if video else ()),
            "module_tmp uuid.so",
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen 127.0.0.1:{self._control_port}",
            f"snd_path {folder}",
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not come up."""
        self._process.start("-f", str(self._folder), "-p", str(self._folder), ready=self._connect)
        threading.Thread(target=self._read, name="baresip-events", daemon=True).start()

    def stop(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        self._process.stop()

    def command(self, name: str, params: str = "") -> str:
        """Run one of its commands ("dial", "hangup", "reginfo" ...). Raises PeerError when it refuses."""
        if self._socket is None:
            raise PeerError("baresip is not started")
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))
        try:
            answer = self._answers.get(timeout=5)
        except queue.Empty:
            raise PeerError(f"baresip did not answer the command {name}:\n{self.log()}") from None
        if not answer.get("ok"):
            raise PeerError(f"baresip refused the command {name} {params}: {answer}")
        return str(answer.get("data", ""))

    def wait_for(self, kind: str, seconds: float = 15) -> dict[str, Any]:
        """The next event of a kind, such as CALL_ESTABLISHED, CALL_CLOSED, REGISTER_OK; earlier ones of other kinds are dropped."""
        deadline = time.monotonic() + seconds
        seen = []
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                event = self._events.get(timeout=left)
                if event.get("type") == kind:
                    return event
                seen.append(event.get("type"))
        raise PeerError(f"no {kind} from baresip within {seconds:g} s, only {seen}:\n{self.log()}")

    def heard(self) -> Path:
        """The WAV file with what it heard in its last call."""
        return self._dump("dec")

    def said(self) -> Path:
        """The WAV file with what it sent in its last call, before encoding."""
        return self._dump("enc")

    def received_bps(self) -> int:
        """Payload bit/s that it receives, averaged over some seconds; its dump of what it hears ends with the first re-INVITE."""
        found = re.findall(rb"audio=\d+/(\d+) \(bit/s\)", self._process.log.read_bytes())
        return int(found[-1]) if found else 0

    def log(self) -> str:
        return self._process.tail()

    def _dump(self, side: str) -> Path:
        found = sorted(self._folder.glob(f"dump-*-{side}.wav"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise PeerError(f"baresip wrote no dump of its {side}oder side:\n{self.log()}")
        return found[-1]

    def _connect(self) -> bool:
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._control_port), timeout=1)
        except OSError:
            return False
        self._socket.settimeout(None)
        return True

    def _read(self) -> None:
        """Netstrings of JSON: answers have "response", events have "event". The last event says why there are no more."""
        assert self._socket is not None
        end = "baresip closed its control connection"
        try:
            with self._socket.makefile("rb") as stream:
                while message := _netstring(stream):
                    told = json.loads(message)
                    (self._events if told.get("event") else self._answers).put(told)
        except (OSError, ValueError) as error:
            end = f"its control connection broke: {error}"
        self._events.put({"type": end})


def _netstring(stream: BinaryIO) -> bytes:
    """The next one, or nothing at the end. Raises ValueError for anything else."""
    digits = b""
    while (byte := stream.read(1)) not in (b":", b""):
        digits += byte
    return stream.read(int(digits) + 1)[:-1] if byte else b""
