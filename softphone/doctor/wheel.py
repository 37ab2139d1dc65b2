"""The doctor's checks of what the PJSIP wheel lacks, where the configuration needs it: a new OpenSSL, and IPv6."""

import queue
import re
import socket
import threading
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from softphone.config import Account, Config
from softphone.doctor.finding import Finding

WHEEL = "pjsua2-python"
RESOLVE_S = 4.0
_VERSION = re.compile(rb"OpenSSL ([0-9]+\.[0-9]+\.[0-9]+[a-z]*)[^\0\n]{0,60}")
_HOST = re.compile(r"sips?:(?:[^@]*@)?(\[[^\]]*\]?|[^;:?>]+)", re.IGNORECASE)


def check_wheel(config: Config) -> Iterator[Finding]:
    """One finding for TLS, one for IPv6."""
    yield check_tls(config)
    yield check_ipv6(config)


def check_tls(config: Config) -> Finding:
    version = openssl_version()
    network = config.network
    if network.transport != "tls":
        return Finding("TLS", "ok", f"not used (network.transport is {network.transport}); the wheel would use OpenSSL {version}")
    if not network.tls_verify:
        fix = "set network.tls_verify = true; for a server with certificates of its own name them in network.tls_ca_file"
        return Finding("TLS", "missing", "any server is believed (network.tls_verify is false), and whoever sits between", fix)
    if version.startswith(("0.", "1.0.")):
        found = f"the PJSIP wheel brings OpenSSL {version}, which gets no security updates and knows no TLS 1.3; TLS 1.2 is used"
        return Finding("TLS", "missing", found, "over networks that you do not trust, reach the server through a VPN as well")
    return Finding("TLS", "ok", f"OpenSSL {version}, the server is verified")


def openssl_version() -> str:
    """Of the library in the wheel, as it says itself; "of unknown version" where there is none."""
    try:
        files = [Path(str(file.locate())) for file in metadata.files(WHEEL) or () if "libcrypto" in file.name]
        found = next((match for file in files if (match := _VERSION.search(file.read_bytes()))), None)
    except (metadata.PackageNotFoundError, OSError):
        found = None
    return found[1].decode() if found else "of unknown version"


def check_ipv6(config: Config) -> Finding:
    """Whether something that is configured can only be reached over IPv6."""
    accounts = [account for _, account in config.named_accounts().values()]
    for host, key in _hosts(accounts):
        if host.startswith("["):
            fix = f"write the IPv4 address, or a name that has one, into {key}"
            return Finding("IPv6", "broken", f"{host} is an IPv6 address, and the PJSIP wheel is built without IPv6", fix)
        families = _families(host)
        if families == {socket.AF_INET6}:
            fix = f"ask its owner for a server with an IPv4 address, and name it in {key}"
            return Finding("IPv6", "broken", f"{host} has only IPv6 addresses, and the PJSIP wheel is built without IPv6", fix)
    return Finding("IPv6", "ok", "not needed by what is configured; the PJSIP wheel is built without it")


def _hosts(accounts: list[Account]) -> Iterator[tuple[str, str]]:
    for account in accounts:
        # What is asked first: the proxy, else the registrar, else the domain.
        key = next(key for key in ("proxy", "registrar", "id") if getattr(account, key) or key == "id")
        found = _HOST.match(getattr(account, key))
        if found:
            yield found[1], f"account.{key}"


def _families(host: str) -> set[int]:
    """Kinds of addresses that `host` has; empty when nobody knows in time (a domain may have SRV records only)."""
    answer: queue.Queue[set[int]] = queue.Queue()

    def ask() -> None:
        try:
            answer.put({int(entry[0]) for entry in socket.getaddrinfo(host, None)})
        except OSError:
            answer.put(set())

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.get(timeout=RESOLVE_S)
    except queue.Empty:
        return set()
