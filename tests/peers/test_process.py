"""A peer that is missing or broken fails its test with a sentence; it is never a reason to skip."""

import socket
from pathlib import Path

import pytest

from tests.peers.programs.process import PeerError, PeerProcess, free_port


def test_a_missing_peer_is_a_failure_that_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="apt-get install the-package"):
        PeerProcess("no-such-phone", "the-package", tmp_path)
    assert issubclass(PeerError, AssertionError)


def test_a_peer_that_ends_or_hangs_at_its_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"status 3(?s:.*)last words"):
        PeerProcess("sh", "dash", tmp_path).start("-c", "echo last words; exit 3", ready=lambda: False)
    hanging = PeerProcess("sh", "dash", tmp_path)
    with pytest.raises(PeerError, match="not ready within"):
        hanging.start("-c", "trap '' TERM; sleep 30", ready=lambda: False, seconds=0.3)


def test_free_ports_are_free_and_no_connection_has_them() -> None:
    found = {free_port() for _ in range(20)}
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(found) == 20 and max(found) < first


def test_a_port_in_use_is_not_given_out() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as used:
        port = free_port()
        used.bind(("127.0.0.1", port + 2))
        assert free_port() != port + 2
