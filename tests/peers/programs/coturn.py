"""coturn as a TURN server (RFC 8656) in a network of the tests."""

from collections.abc import Sequence
from pathlib import Path

from tests.peers.programs.namespaces import listens
from tests.peers.programs.process import PeerProcess

PORT = 3478
USER, PASSWORD = "relayed", "turn-secret"


class Coturn:
    """Listens at `addresses` of `namespace`, relays from the first of them."""

    def __init__(self, folder: Path, namespace: str, addresses: Sequence[str]) -> None:
        folder.mkdir(parents=True)
        self._namespace = namespace
        self._addresses = addresses
        self._process = PeerProcess("turnserver", "coturn", folder, namespace=namespace)

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not listen."""
        folder = self._process.folder
        listen = [word for address in self._addresses for word in ("-L", address)]
        self._process.start(
            *(
                "-n",
                "--log-file=stdout",
                "--simple-log",
                "--no-cli",
                "--no-tls",
                "--no-dtls",
                "--lt-cred-mech",
                f"--user={USER}:{PASSWORD}",
            ),
            *("--realm=softphone.test", f"--listening-port={PORT}", "-E", self._addresses[0], *listen),
            *(f"--pidfile={folder}/pid", f"--userdb={folder}/users", "--min-port=50000", "--max-port=50100", "--verbose"),
            ready=lambda: listens(self._namespace, PORT),
        )

    def stop(self) -> None:
        self._process.stop()

    def log(self) -> str:
        return self._process.log.read_text(errors="replace")
