"""Networks of the tests' own: two places that reach a server between them, and not each other (network namespaces, needs root)."""

import os
import subprocess
from types import TracebackType

from tests.peers.programs.process import PeerError

SERVER_TO_A, SERVER_TO_B, AT_A, AT_B = "10.77.1.1", "10.77.2.1", "10.77.1.2", "10.77.2.2"


class TwoPlaces:
    """Namespaces `a` and `b`, each linked to `server`, which forwards nothing. A context manager. Raises PeerError."""

    def __init__(self) -> None:
        self.server, self.a, self.b = (f"softphone-{name}-{os.getpid()}" for name in ("server", "a", "b"))

    def __enter__(self) -> "TwoPlaces":
        try:
            for name in (self.server, self.a, self.b):
                _run("ip", "netns", "add", name)
                _run("ip", "-n", name, "link", "set", "lo", "up")
            for name, own, server in ((self.a, AT_A, SERVER_TO_A), (self.b, AT_B, SERVER_TO_B)):
                link = f"to-{name.split('-')[1]}"
                _run("ip", "-n", self.server, "link", "add", link, "type", "veth", "peer", "name", "wire", "netns", name)
                _run("ip", "-n", self.server, "addr", "add", f"{server}/24", "dev", link)
                _run("ip", "-n", name, "addr", "add", f"{own}/24", "dev", "wire")
                _run("ip", "-n", self.server, "link", "set", link, "up")
                _run("ip", "-n", name, "link", "set", "wire", "up")
                # The server's other side, and nothing behind it: it forwards nothing.
                _run("ip", "-n", name, "route", "add", "default", "via", server)
            _run("ip", "netns", "exec", self.server, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        except PeerError:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._remove()

    def _remove(self) -> None:
        for name in (self.server, self.a, self.b):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=30, check=False)

    def move_a(self, address: str) -> None:
        """Give place a another address of the same network in the place of its own."""
        _run("ip", "-n", self.a, "addr", "flush", "dev", "wire")
        _run("ip", "-n", self.a, "addr", "add", f"{address}/24", "dev", "wire")
        _run("ip", "-n", self.a, "route", "replace", "default", "via", SERVER_TO_A)

    def hide_a(self) -> None:
        """The server becomes a NAT: a reaches b under the server's address there, and b reaches nobody behind it by itself."""
        rules = "-t nat -A POSTROUTING -o to-b -j MASQUERADE", "-A FORWARD -i to-b -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP"
        for rule in (*rules, "-A INPUT -i to-b -p udp -j DROP"):
            _run("ip", "netns", "exec", self.server, "iptables", *rule.split())
        _run("ip", "netns", "exec", self.server, "sysctl", "-qw", "net.ipv4.ip_forward=1")


def listens(namespace: str, port: int) -> bool:
    """Whether somebody has this UDP port there."""
    shown = _run("ip", "netns", "exec", namespace, "ss", "-Hlun")
    return any(f":{port} " in line for line in shown.splitlines())


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        raise PeerError(f"{command[0]} is not installed; run: apt-get install iproute2 procps iptables") from None
    if done.returncode:
        raise PeerError(f"{' '.join(command)} failed ({done.stderr.strip()}); these tests make networks of their own, which needs root")
    return done.stdout
