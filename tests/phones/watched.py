"""A supervised engine whose events are kept, and whether its processes are still there."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from softphone.config import Audio, Codecs, Config, Network, to_toml
from softphone.control.event_log import EventLog
from softphone.control.protocol import Event, PhoneStatus, Status, Worker
from softphone.control.supervisor import EngineSupervisor

E = TypeVar("E", bound=Event)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def config_file(folder: Path, *codecs: str) -> Path:
    path = folder / "engine.toml"
    order = codecs or ("x-phv", "opus", "PCMU", "PCMA")
    path.write_text(to_toml(Config(network=Network(bind="127.0.0.1"), audio=Audio("null", "null"), codecs=Codecs(order))))
    return path


class Watched:
    """A supervised engine whose events are all kept."""

    def __init__(self, folder: Path, *codecs: str) -> None:
        folder.mkdir(exist_ok=True)
        self.engine = EngineSupervisor(folder / "engine.sock", config=config_file(folder, *codecs))
        self._log = EventLog(self.engine)
        self.events = self._log.events

    def wait(self, kind: type[E], wanted: Callable[[E], bool] = lambda _event: True, seconds: float = 60, after: int = 0) -> E:
        found = self._log.wait(kind, wanted, seconds, after)
        assert found is not None, f"no such {kind.__name__}; seen: " + "\n".join(map(str, self.events[after:]))
        return found

    def status(self) -> PhoneStatus:
        return self.engine.request(Status())

    def worker(self) -> int:
        return int(self.engine.request(Status()).worker.pid)

    def wait_worker(self) -> int:
        if self.engine.request(Status()).worker.state != "ready":
            self.wait(Worker, lambda event: event.state == "ready")
        return self.worker()
