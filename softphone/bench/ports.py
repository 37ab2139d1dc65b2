"""Ports for programs that are started on this machine for a measurement or a test."""

import itertools
import os
import socket
from collections.abc import Iterator

from softphone.errors import SoftphoneError

_PORTS = range(10000, 26000, 2)
"""Even ones: who listens for SIP listens for SIP over TLS at the next port (RFC 3261, 19.1.2), as baresip does unasked. And below those
that the system gives to connections (32768 and up): none of these is in the way of a program that starts, and nobody who waits for
a program by connecting to its port is connected to himself (RFC 9293, 3.5, simultaneous open)."""
_APART = 4973
"""Processes with pids close together begin far apart, so that none is given a port that another has been given a moment ago."""


def _walk() -> Iterator[int]:
    began = os.getpid() * _APART % len(_PORTS)
    return itertools.cycle([*_PORTS[began:], *_PORTS[:began]])


_own_walk = _walk()


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for UDP and for TCP at this moment; this process gives it out once only. Raises SoftphoneError."""
    for port in itertools.islice(_own_walk, len(_PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
            except OSError:
                continue
            return port
    raise SoftphoneError(
        f"no port of {host} from {_PORTS.start} to {_PORTS.stop} is free for both UDP and TCP; stop programs that listen there"
    )
