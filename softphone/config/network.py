"""The section [network]: addresses and transports of SIP, encryption, and the way through NATs."""

import os
from dataclasses import dataclass
from pathlib import Path

from softphone.config.fields import ConfigError, allowed, limited, matching, shown
from softphone.files import text_file
from softphone.files.text_file import TextFileError

_HOST = r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?"
_HOST_MEANING = "a host and perhaps a port, such as stun.example.org:3478"
_PATH = r"[^\x00-\x1f\x7f]+"
SYSTEM_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


@dataclass(frozen=True)
class Network:
    bind: str = matching("0.0.0.0", r"[0-9]{1,3}(\.[0-9]{1,3}){3}", "an IPv4 address of this machine, or 0.0.0.0 for all")
    """The stock PJSIP wheel is built without IPv6."""
    port: int = limited(0, 0, 65535)
    """SIP port; 0 takes a free one."""
    transport: str = allowed("udp", "udp", "tcp", "tls")
    rtp_port: int = limited(0, 0, 65000)
    """First RTP port; 0 takes free ones."""
    tls_verify: bool = True
    """Whether a server must prove that it is the one which was called (RFC 5922)."""
    tls_ca_file: str = matching("", _PATH, "the path of a file with certificates in PEM format")
    """Certificate authorities to trust; empty: those of the system."""
    srtp: str = allowed("optional", "off", "optional", "offer", "mandatory")
    """Encryption of media with keys in the SDP (RFC 4568). optional: offered where SIP is encrypted too (RFC 4568, 7 wants that), and
    taken from who offers it; offer: offered in any case; mandatory: no call without it."""
    keep_alive_s: int = limited(15, 0, 3600)
    """Time between packets that hold the way from a registrar through a NAT open (UDP); 0 is none."""
    stun: str = matching("", _HOST, _HOST_MEANING)
    """A server that tells which public address this machine has (RFC 8489)."""
    ice: bool = False
    """Try several ways for the media and take one that works (RFC 8445)."""
    turn: str = matching("", _HOST, _HOST_MEANING)
    """A relay for media without a direct way (RFC 8656); implies ice."""
    turn_transport: str = allowed("udp", "udp", "tcp")
    """How the relay is reached; tcp for networks that let no UDP out."""
    turn_user: str = matching("", _PATH, "one line of text without control characters")
    turn_password_file: str = matching("", _PATH, "the path of a file whose first line is the password")

    @property
    def offers_srtp(self) -> bool:
        """Whether our offers have keys."""
        return self.srtp in ("offer", "mandatory") or (self.srtp == "optional" and self.transport == "tls")

    @property
    def with_ice(self) -> bool:
        return self.ice or bool(self.turn)

    def authorities(self) -> str:
        """File of the certificates that TLS believes. Raises ConfigError."""
        if self.tls_ca_file:
            path = Path(self.tls_ca_file).expanduser()
            if not os.access(path, os.R_OK):
                raise ConfigError(f"network.tls_ca_file: cannot read {path}; name a file with certificates in PEM format")
            return str(path)
        return next((name for name in SYSTEM_AUTHORITIES if os.access(name, os.R_OK)), "")

    def turn_password(self) -> str:
        """Read now and kept nowhere; "" when none is configured. Raises ConfigError."""
        return secret(self.turn_password_file, "network.turn_password_file") if self.turn_password_file else ""


def secret(file_name: str, key: str) -> str:
    """The first line of a file that only its owner can read. Raises ConfigError, which names `key`."""
    path = Path(file_name).expanduser()
    try:
        file = text_file.read(path)
    except FileNotFoundError as error:
        raise ConfigError(f"{key}: cannot read {path} ({error.strerror})") from None
    except TextFileError as error:
        raise ConfigError(f"{key}: cannot read {path} ({error})") from None
    first = file.text.partition("\n")[0].rstrip("\r")
    if file.mode & 0o077:
        raise ConfigError(f"{key}: {path} can be read by other users; run: chmod 600 {path}")
    if not first:
        raise ConfigError(f"{key}: the first line of {path} is empty; write the password there")
    return first


def check_network(network: Network) -> None:
    """What no field alone can tell. Raises ConfigError."""
    if network.bind == "":
        raise ConfigError("network.bind: must be an IPv4 address of this machine, or 0.0.0.0 for all, not empty")
    if any(int(part) > 255 for part in network.bind.split(".")):
        raise ConfigError(f"network.bind: must be an IPv4 address of this machine, or 0.0.0.0 for all, not {shown(network.bind)}")
    for key in ("stun", "turn"):
        port = getattr(network, key).partition(":")[2]
        if port and not 0 < int(port) < 65536:
            raise ConfigError(f"network.{key}: {port} is no port; it must be 1 to 65535")
    for key in ("turn_user", "turn_password_file"):
        if getattr(network, key) and not network.turn:
            raise ConfigError(f"network.turn: must be set, such as turn.example.org:3478, when network.{key} is")
