"""The doctor's checks that need the engine and the codec worker: they are started, asked, and ended."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from softphone.config import Account, Audio, Config, Network, to_toml
from softphone.control.protocol import PhoneStatus, Status, WorkerStatus
from softphone.control.supervisor import EngineSupervisor
from softphone.doctor.finding import Finding
from softphone.errors import SoftphoneError

_WORKER_SECONDS = 90.0
_REINSTALL = "install the softphone again with its exact versions: make setup"


def check_engine(config: Config) -> Iterator[Finding]:
    """Wheel, ABI self-check, codecs on offer, codec worker. Sound and network are checked elsewhere, so none is used here."""
    quiet = replace(config, account=Account(), network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"))
    with tempfile.TemporaryDirectory(prefix="softphone-doctor-") as folder:
        settings = Path(folder) / "config.toml"
        settings.write_text(to_toml(quiet))
        try:
            with EngineSupervisor(Path(folder) / "engine.sock", config=settings) as engine:
                status = _wait_for_worker(engine)
        except SoftphoneError as error:
            yield Finding("engine", "broken", str(error), _REINSTALL)
            return
    yield Finding("engine", "ok", f"PJSIP {status.pjsip} of the wheel pjsua2-python")
    if status.refusal:
        yield Finding("codec interface", "broken", status.refusal, _REINSTALL)
    else:
        yield Finding("codec interface", "ok", "the layout of PJMEDIA's structures is the one that is known (ABI self-check)")
    yield _worker(status.worker, config)
    yield _codecs(status.codecs, config)


def _wait_for_worker(engine: EngineSupervisor) -> PhoneStatus:
    deadline = time.monotonic() + _WORKER_SECONDS
    while True:
        status = engine.request(Status())
        if status.worker.state not in ("starting", "died") or time.monotonic() > deadline:
            return status
        time.sleep(0.2)


def _worker(worker: WorkerStatus, config: Config) -> Finding:
    if "x-phv" not in config.codecs.order:
        return Finding(
            "codec worker", "missing", "not wanted: codecs.order has no x-phv", 'add "x-phv" to codecs.order to use our own codec'
        )
    if worker.state != "ready" or worker.facts is None:
        return Finding("codec worker", "broken", worker.reason, f"repair the weights if they are named above, or {_REINSTALL}")
    facts = worker.facts
    return Finding("codec worker", "ok", f"version {facts.version}, inventory {facts.inventory}, model {facts.model}")


def _codecs(offered: list[str], config: Config) -> Finding:
    absent = [name for name in config.codecs.order if name not in offered]
    if absent:
        return Finding(
            "codecs", "broken", f"offered: {', '.join(offered) or 'none'}; not usable: {', '.join(absent)}", "fix what is named above"
        )
    return Finding("codecs", "ok", f"offered in this order: {', '.join(offered)}")
