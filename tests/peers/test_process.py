"""A peer that is missing or broken fails its test with a sentence; it is never a reason to skip."""

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


def test_free_ports_are_free(tmp_path: Path) -> None:
    assert len({free_port() for _ in range(20)}) > 10
