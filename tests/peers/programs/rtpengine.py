"""rtpengine as media relay on loopback, in user space, for kamailio to steer."""

import socket
from pathlib import Path

from tests.peers.programs.process import PeerProcess, free_port


class Rtpengine:
    """`port`: of its control protocol ("ng", bencode over UDP). `relayed(...)` tells what passed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._process = PeerProcess("rtpengine", "rtpengine-daemon", folder)

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not answer."""
        (self._process.folder / "rtpengine.conf").write_text("[rtpengine]\n")
        self._process.start(
            *("--config-file", str(self._process.folder / "rtpengine.conf"), "--foreground", "--log-stderr", "--table=-1"),
            *("--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{self.port}", "--port-min=40000", "--port-max=41000"),
            *("--num-threads=1", "--log-level=6"),
            ready=lambda: self.ask("ping") == b"d6:result4:ponge",
        )

    def ask(self, command: str) -> bytes:
        """Its answer to a command without arguments, bencoded; empty when none came."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.5)
            try:
                udp.sendto(f"cookie d7:command{len(command)}:{command}e".encode(), ("127.0.0.1", self.port))
                return udp.recv(65535).partition(b" ")[2]
            except OSError:
                return b""

    def stop(self) -> None:
        self._process.stop()

    def log(self) -> str:
        return self._process.log.read_text(errors="replace")
