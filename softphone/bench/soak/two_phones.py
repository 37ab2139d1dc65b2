"""Two real phones on this machine that call each other, and what can be done to them."""

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from softphone.bench.impairment.box import Box
from softphone.bench.impairment.gateway import loopback_addresses
from softphone.bench.ports import free_port
from softphone.bench.soak.environment import environment
from softphone.bench.soak.registrar import DOMAIN, Registrar
from softphone.config import Account, Audio, Config, Network, Privacy, to_toml
from softphone.control.event_log import EventLog
from softphone.control.protocol import AutoAnswer, Call, CallState, CallStatistics, ControlError, Hangup, Media, PhoneStatus, Status
from softphone.control.supervisor import EngineSupervisor
from softphone.errors import SoftphoneError

READY_S = 180.0
EVENT_S = 40.0
REGISTER_S = 20
_STEP_S = 0.05


class SoakError(SoftphoneError):
    """The phones do not start."""


class SoakPhone(EventLog):
    """A supervised engine and its events."""

    def __init__(self, engine: EngineSupervisor) -> None:
        super().__init__(engine)
        self.engine = engine

    def status(self) -> PhoneStatus:
        """Raises ControlError."""
        return self.engine.request(Status())

    @property
    def worker(self) -> int:
        """The process id of the codec worker, 0 while there is none."""
        return int(self.status().worker.pid or 0)

    def wait_worker(self) -> bool:
        """Whether the worker is ready, within the time that it may take."""
        return wait_for(lambda: self.status().worker.state == "ready", READY_S)

    def dial(self, uri: str, codec: str | None = None) -> int | None:
        """The number of the call; None when it is refused here."""
        try:
            return self.engine.request(Call(uri=uri, codecs=[codec] if codec else None)).call
        except ControlError:
            return None

    def wait_state(self, call: int, state: str, seconds: float = EVENT_S) -> CallState | None:
        return self.wait(CallState, lambda event: event.call == call and event.state in (state, "disconnected"), seconds)

    def newest(self, call: int) -> CallStatistics:
        """What was told last of this call. Raises ControlError when nothing was."""
        self.catch_up()
        found = next((event for event in reversed(self.events) if isinstance(event, CallStatistics) and event.call == call), None)
        if found is None:
            raise ControlError(f"nothing was told of call {call}", "no_call")
        return found

    def received(self, call: int) -> int:
        """RTP packets that came in this call, as told last."""
        with contextlib.suppress(ControlError):
            return self.newest(call).rx.packets
        return 0


def wait_for(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether `holds` within `seconds`; an engine that is just not there does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ControlError):
            if holds():
                return True
        time.sleep(_STEP_S)
    return False


class TwoPhones:
    """a calls b, who answers at once. They share one data folder; a box can stand between them. A context manager."""

    def __init__(self, config: Config, registrar: Registrar | None = None) -> None:
        """registrar: where both are registered, as a and b. Raises SoftphoneError when they do not start."""
        with contextlib.ExitStack() as running:
            self.folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="softphone-soak-")))
            running.enter_context(environment({"XDG_DATA_HOME": str(self.folder / "data")}))
            addresses = loopback_addresses()
            self.box = running.enter_context(Box(addresses))
            phones, ports = [], []
            for side in ("a", "b"):
                host = addresses.of("a" if side == "a" else "b")
                ports.append(free_port(host))
                network = Network(bind=host, port=ports[-1])
                account = Account()
                if registrar is not None:
                    uri = f"sip:{side}@{DOMAIN}"
                    account = Account(id=uri, proxy=registrar.proxy, register_seconds=REGISTER_S, message_waiting=False)
                local = replace(config, account=account, accounts=(), network=network, audio=Audio("null", "null"), privacy=Privacy())
                file = self.folder / f"{side}.toml"
                file.write_text(to_toml(local))
                phones.append(SoakPhone(running.enter_context(EngineSupervisor(self.folder / f"{side}.sock", config=file))))
            self.a, self.b = phones
            if "x-phv" in config.codecs.order and not (self.a.wait_worker() and self.b.wait_worker()):
                raise SoakError(f"the codec workers were not ready within {READY_S:.0f} s; run: softphone doctor")
            self.b.engine.request(AutoAnswer())
            self.box.connect(*ports)
            self.direct = f"sip:softphone@{addresses.of('b')}:{ports[1]}"
            self.through_box = f"sip:softphone@{addresses.facing('a')}:{ports[1]}"
            self.b_address = (addresses.of("b"), ports[1])
            self._running = running.pop_all()

    def __enter__(self) -> "TwoPhones":
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def call(self, uri: str | None = None, codec: str | None = None) -> tuple[int, int] | None:
        """Call until both have sound: the numbers of the call at both ends, or None."""
        for phone in (self.a, self.b):
            phone.forget()
        number = self.a.dial(uri or self.direct, codec)
        state = None if number is None else self.a.wait_state(number, "confirmed")
        if number is None or state is None or state.state != "confirmed":
            return None
        other = self.b.wait(CallState, lambda event: event.state in ("confirmed", "disconnected"), EVENT_S)
        both = other is not None and all(phone.wait(Media, lambda event: event.state == "active", EVENT_S) for phone in (self.a, self.b))
        return (number, other.call) if both and other is not None and other.state == "confirmed" else None

    def hang_up(self) -> bool:
        """End all calls; whether both ends are free then."""
        for phone in (self.a, self.b):
            with contextlib.suppress(ControlError):
                phone.engine.request(Hangup())
        return all(wait_for(lambda phone=phone: not phone.status().calls, EVENT_S) for phone in (self.a, self.b))  # type: ignore[misc]

    def works(self) -> bool:
        """Whether a call comes about and ends."""
        return wait_for(lambda: self.call() is not None, EVENT_S) and self.hang_up()
