"""kamailio as registrar and proxy of the domain `softphone.test`, on loopback."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.peers.programs.certificates import Authority
from tests.peers.programs.namespaces import listens
from tests.peers.programs.process import PeerError, PeerProcess, free_port
from tests.peers.programs.rtpengine import Rtpengine

DOMAIN = "softphone.test"
_TABLES = Path("/usr/share/kamailio/dbtext/kamailio")

PASSWORDS = {"alice": "alice-secret", "bob": "bob-secret", "carol": "carol-secret"}
"""Whom it knows in most tests."""


class Kamailio:
    """Users and locations live in its memory: after `stop()` and `start()` it knows the users, and no location."""

    def __init__(
        self,
        folder: Path,
        users: dict[str, str],
        *,
        contacts: int = 1,
        algorithm: str = "MD5",
        relay: Rtpengine | None = None,
        namespace: str = "",
        addresses: Sequence[str] = ("127.0.0.1",),
        presence: bool = False,
    ) -> None:
        """contacts: how many places a user may have, all of which ring; relay: what all media passes through; namespace: the network
        that it runs in; addresses: of it there, on port 5060; presence: it keeps that of its users (kamailio-presence-modules)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = (5060, 5061) if namespace else (free_port(), free_port())
        self._namespace = namespace
        self.authority = Authority(folder / "authority")
        certificate, key = self.authority.certify(addresses[0])
        ports = {"udp": self.port, "tcp": self.port, "tls": self.tls_port}
        listen = [f"listen={kind}:{address}:{port}" for address in addresses for kind, port in ports.items()]
        self._process = PeerProcess("kamailio", "kamailio", folder, namespace=namespace)
        self._config = folder / "kamailio.cfg"
        entries = "\n".join(f'    $sht(users=>{name}) = "{password}";' for name, password in users.items())
        text = Path(__file__).with_name("kamailio.cfg").read_text()
        words = {
            "LISTEN": "\n".join(listen),
            "SEVERAL": int(len(addresses) > 1),
            "DOMAIN": DOMAIN,
            "USERS": entries,
            "CERTIFICATE": certificate,
            "KEY": key,
        }
        words |= {"CONTACTS": contacts, "ALGORITHM": algorithm, "RELAY_PORT": relay.port if relay else 0}
        words |= {"DATABASE": folder / "tables", "PORT": self.port}
        self._defines = (*(("-A", "WITH_RELAY") if relay else ()), *(("-A", "WITH_PRESENCE") if presence else ()))
        if presence:
            copy_tables(folder / "tables")
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        self._config.write_text(text)

    @property
    def proxy(self) -> str:
        """Outbound proxy URI."""
        return f"sip:127.0.0.1:{self.port};lr"

    def proxy_over(self, transport: str) -> str:
        """Outbound proxy URI for "udp", "tcp" or "tls"."""
        return f"sip:127.0.0.1:{self.tls_port};transport=tls;lr" if transport == "tls" else self.proxy

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not answer."""
        folder = str(self._process.folder)
        # -DD keeps the main process in the foreground, -E logs to stderr, -m/-M are MB of shared and private memory.
        self._process.start(
            "-DD", "-E", "-m", "32", "-M", "8", *self._defines, "-f", str(self._config), "-Y", folder, "-w", folder, ready=self.answers
        )

    def answers(self) -> bool:
        """Whether it answers a SIP request over UDP (any answer will do); in another network, whether it listens."""
        if self._namespace:
            return listens(self._namespace, self.port)
        request = (
            f"OPTIONS sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:@;branch=z9hG4bKping;rport\r\nMax-Forwards: 5\r\n"
            f"From: <sip:ping@{DOMAIN}>;tag=ping\r\nTo: <sip:{DOMAIN}>\r\nCall-ID: ping@{DOMAIN}\r\nCSeq: 1 OPTIONS\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            udp.settimeout(0.3)
            try:
                udp.sendto(request.replace("@", str(udp.getsockname()[1]), 1).encode(), ("127.0.0.1", self.port))
                return udp.recv(2000).startswith(b"SIP/2.0 ")
            except OSError:
                return False

    def stop(self) -> None:
        self._process.stop()

    def log(self) -> str:
        return self._process.tail()


def copy_tables(folder: Path) -> None:
    """What the presence modules want to find of a database, empty, as text files. Raises PeerError."""
    if not (_TABLES / "presentity").exists():
        raise PeerError("kamailio's tables are not installed; run: apt-get install kamailio kamailio-presence-modules")
    folder.mkdir(exist_ok=True)
    for name in ("version", "presentity", "active_watchers", "watchers", "xcap"):
        shutil.copy(_TABLES / name, folder / name)
