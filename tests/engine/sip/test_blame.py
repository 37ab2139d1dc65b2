"""Who is refused because the engine ended at their messages: known to the next engine, for a while, and nobody else."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from softphone.engine import limits
from softphone.engine.sip.blame import FILE, Blame, read_deaths, refused_sources, source_of
from tests.fuzzing.sip_talk import Dialog
from tests.peers.sockets.stranger import Stranger
from tests.phones.quiet import start

NOW = 1_000_000.0
MESSAGE = Dialog(1, 5062, 4000, "sip:x@127.0.0.1:5060").request("OPTIONS")
_DIES = """
import os, sys
from pathlib import Path
from softphone.engine.sip.blame import Blame
blame = Blame(Path(sys.argv[1]), "phone")
assert blame.admits("192.0.2.9:5060", b"OPTIONS sip:x SIP/2.0\\r\\n\\r\\n")
os.abort()
"""


def die(folder: Path) -> None:
    """A process that ends while it works on a message of 192.0.2.9."""
    ended = subprocess.run([sys.executable, "-c", _DIES, str(folder)], check=False, env={**os.environ, "PYTHONFAULTHANDLER": ""})
    assert ended.returncode == -signal.SIGABRT


def test_a_source_is_refused_when_its_messages_ended_two_engines(tmp_path: Path) -> None:
    die(tmp_path)
    first = Blame(tmp_path, "phone")
    assert first.died_of == "192.0.2.9" and first.admits("192.0.2.9:1", MESSAGE) and "192.0.2.9" in first.notice()
    first.done()
    die(tmp_path)
    second = Blame(tmp_path, "phone")
    assert not second.admits("192.0.2.9:7", MESSAGE) and second.admits("192.0.2.10:7", MESSAGE)
    assert "nothing is taken from there for 10 minutes" in second.notice()
    second.done()
    third = Blame(tmp_path, "phone")
    assert third.died_of == "" and not third.notice() and not third.admits("192.0.2.9:7", MESSAGE)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_it_is_refused_for_a_while(tmp_path: Path) -> None:
    deaths = [(NOW - 60, "a"), (NOW, "a"), (NOW, "b"), (NOW - 2 * limits.DEATHS_WITHIN_S, "c"), (NOW, "c")]
    assert refused_sources(deaths, NOW + 1) == {"a": NOW + limits.REFUSED_S}
    assert refused_sources(deaths, NOW + limits.REFUSED_S + 1) == {}
    (tmp_path / FILE).write_text(json.dumps([{"time": when, "source": source} for when, source in deaths]))
    time = [NOW + 1]
    blame = Blame(tmp_path, "phone", lambda: time[0])
    assert not blame.admits("a:1", b"OPTIONS x SIP/2.0\r\n\r\n")
    time[0] = NOW + limits.REFUSED_S + 1
    assert blame.admits("a:1", b"OPTIONS x SIP/2.0\r\n\r\n")


def test_behind_a_proxy_the_caller_counts() -> None:
    proxied = MESSAGE.replace(b"Via:", b"Via: SIP/2.0/UDP proxy;branch=z9hG4bK1\r\nVia:", 1)
    assert source_of("192.0.2.1:5060", MESSAGE) == "192.0.2.1"
    assert source_of("192.0.2.1:5060", proxied) == "192.0.2.1 sip:fuzz@127.0.0.1:5062"


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"time": "x"}]', '[{"time": null, "source": 1}]'])
def test_a_file_that_is_damaged_refuses_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_deaths(tmp_path) == [] and Blame(tmp_path, "phone").refused == {}


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blame = Blame(tmp_path / "file" / "folder", "phone")
    assert blame.admits("a:1", MESSAGE) and not blame.notice()
    blame.done()


def test_an_engine_takes_nothing_from_who_is_refused(tmp_path: Path) -> None:
    import time  # noqa: PLC0415

    data = tmp_path / "phone" / "data" / "softphone"
    data.mkdir(parents=True)
    (data / FILE).write_text(json.dumps([{"time": time.time() - number, "source": "127.0.0.1"} for number in range(2)]))
    phone = start(tmp_path / "phone")
    try:
        with Stranger(phone.uri.partition("@")[2], wait_s=0.5) as refused, pytest.raises(TimeoutError):
            refused.request("OPTIONS")
    finally:
        phone.stop()
