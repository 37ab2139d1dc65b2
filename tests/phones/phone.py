"""Our own phone as a peer: an engine process, driven over its control socket."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from softphone.config import Config, to_toml
from softphone.control.client import ControlClient
from softphone.control.event_log import EventLog
from softphone.control.protocol import (
    AnyEvent,
    Call,
    CallState,
    CallStatistics,
    Event,
    File,
    Media,
    Registration,
    Status,
    Worker,
    WorkerFacts,
)
from softphone.store.store import Store, open_store
from tests.peers.programs.process import PeerError, PeerProcess
from tests.places import ROOT

E = TypeVar("E", bound=Event)
WORKER_SECONDS = 90
HASTY = "tests.phones.hasty_engine"
"""The module of an engine that waits less for others."""


class Phone:
    """Keeps every event it has seen, so that a test may ask for one that came already. `root` holds the program that it runs."""

    def __init__(self, folder: Path, config: Config, root: Path = ROOT, module: str = "softphone.engine", namespace: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.socket = folder / "engine.sock"
        self._module = module
        self.config_file = folder / "config.toml"
        self.config_file.write_text(to_toml(config))
        environment = {"PYTHONPATH": str(root), "XDG_DATA_HOME": str(folder / "data")}
        self._process = PeerProcess(sys.executable, "python3.11", folder, environment, namespace)
        self._client: ControlClient | None = None
        self._log: EventLog | None = None

    def start(self) -> None:
        """Returns when the control socket answers; the codec worker may still be loading."""
        arguments = ("-m", self._module, "--socket", str(self.socket), "--config", str(self.config_file))
        self._process.start(*arguments, ready=self._connect, seconds=20)
        # What happened before we listened.
        self._log = EventLog(self.client, self._log.events if self._log is not None else ())
        status = self.client.request(Status())
        self.events.extend([account.last for account in status.accounts if account.last is not None])
        self.events.append(Worker(state=status.worker.state or "starting", reason=status.worker.reason, facts=status.worker.facts))

    def terminate(self) -> None:
        """Ask it to end; `stop` waits for it."""
        self._process.terminate()

    def stop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._process.stop()

    @property
    def client(self) -> ControlClient:
        assert self._client is not None
        return self._client

    @property
    def events(self) -> list[AnyEvent]:
        """All that were read so far."""
        assert self._log is not None
        return self._log.events

    @property
    def uri(self) -> str:
        """For calls from address to address."""
        return f"sip:softphone@{self.client.request(Status()).address}"

    def worker_facts(self) -> WorkerFacts:
        """Version, inventory, model of its codec."""
        facts = self.client.request(Status()).worker.facts
        assert facts is not None
        return facts

    def call(self, uri: str, wav_in: Path | None = None, wav_out: Path | None = None) -> int:
        """Dial; gives the number of the call."""
        files = {"wav_in": str(wav_in) if wav_in else None, "wav_out": str(wav_out) if wav_out else None}
        return self.client.request(Call(uri=uri, **files)).call

    def wait(self, kind: type[E], wanted: Callable[[E], bool] = lambda _event: True, seconds: float = 20, after: int = 0) -> E:
        """The first event of a kind for which `wanted` holds, from the events numbered `after` on, past ones included."""
        assert self._log is not None
        found = self._log.wait(kind, wanted, seconds, after)
        if found is None:
            seen = "\n".join(map(str, self.events[after:]))
            raise PeerError(f"no such {kind.__name__} event within {seconds:g} s; seen:\n{seen}\n{self._process.tail()}")
        return found

    def wait_worker(self) -> None:
        """Until x-phv can be offered."""
        self.wait(Worker, lambda event: event.state == "ready", WORKER_SECONDS)

    def wait_state(self, call: int, state: str, seconds: float = 20) -> CallState:
        return self.wait(CallState, lambda event: event.call == call and event.state == state, seconds)

    def wait_media(self, call: int) -> Media:
        return self.wait(Media, lambda event: event.call == call and event.state == "active")

    def wait_file(self, call: int, action: str, seconds: float = 40) -> File:
        return self.wait(File, lambda event: event.call == call and event.action == action, seconds)

    def last_statistics(self, call: int) -> CallStatistics:
        found = [event for event in self.events if isinstance(event, CallStatistics) and event.call == call]
        assert found, "the engine sent no statistics of this call"
        return found[-1]

    def store(self) -> Store:
        """What it remembers."""
        return open_store(self.folder / "data" / "softphone" / "phone.db")

    def log(self, lines: int = 40) -> str:
        return self._process.tail(lines)

    def _connect(self) -> bool:
        try:
            self._client = ControlClient(self.socket, timeout_s=1)
        except Exception:
            return False
        return True


MakePhone = Callable[..., Phone]
"""The fixture `make_phone` (tests/conftest.py)."""


def wait_registered(phone: Phone, after: int = 0, seconds: float = 20) -> Registration:
    """Of its first account to be registered from event `after` on."""
    return phone.wait(Registration, lambda event: event.state == "registered", seconds, after)
