"""kamailio as registrar and proxy of the domain `softphone.test`, on loopback."""

import socket
from pathlib import Path

from tests.peers.certificates import Authority
from tests.peers.process import PeerProcess, free_port

DOMAIN = "softphone.test"


class Kamailio:
    """Users and locations live in its memory: after `stop()` and `start()` it knows the users, and no location."""

    def __init__(self, folder: Path, users: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = free_port(), free_port()
        self.authority = Authority(folder / "authority")
        certificate, key = self.authority.certify("127.0.0.1")
        self._process = PeerProcess("kamailio", "kamailio", folder)
        self._config = folder / "kamailio.cfg"
        entries = "\n".join(f'    $sht(users=>{name}) = "{password}";' for name, password in users.items())
        text = Path(__file__).with_name("kamailio.cfg").read_text()
        words = {"PORT": self.port, "TLS_PORT": self.tls_port, "DOMAIN": DOMAIN, "USERS": entries, "CERTIFICATE": certificate, "KEY": key}
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
        self._process.start("-DD", "-E", "-m", "32", "-M", "8", "-f", str(self._config), "-Y", folder, "-w", folder, ready=self.answers)

    def answers(self) -> bool:
        """Whether it answers a SIP request over UDP (any answer will do)."""
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
