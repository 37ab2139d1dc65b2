"""One call between two engines on loopback, with everything that is needed to measure it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone import sound_file
from softphone.bench.network.lateness import STEP_MS, late_to_listen, late_to_speak
from softphone.config import Config, to_toml
from softphone.control.event_log import EventLog
from softphone.control.protocol import (
    AnyEvent,
    AutoAnswer,
    Call,
    CallState,
    CallStatistics,
    Engine,
    Event,
    File,
    Hangup,
    Media,
    Status,
    Worker,
)
from softphone.control.supervisor import EngineSupervisor
from softphone.errors import SoftphoneError

_READY_SECONDS = 120.0
_CONNECT_SECONDS = 20.0
_TAIL_SECONDS = 3.0
"""How long the call goes on after the last word: more than the delay, and long enough for the last statistics."""
_LEAD_SECONDS = 0.5
"""Silence before the first word, so that both ends are there when it comes."""


class LoopbackCallError(SoftphoneError):
    """The call did not come about."""


@dataclass(frozen=True)
class CallRecord:
    """What the caller's engine said of the call, and when (CLOCK_MONOTONIC) the two sound files began."""

    media: Media
    statistics: CallStatistics
    playing_began: float
    recording_began: float
    late_share: float = 0.0
    """Of the sound, what this machine was too busy to take from the speaker or to give to the listener in time."""


class _Side:
    """One engine, and the events it has sent."""

    def __init__(self, engine: EngineSupervisor) -> None:
        self.engine = engine
        self._log = EventLog(engine)
        self.events = self._log.events

    def wait(self, what: str, seconds: float, wanted: Callable[[Event], bool]) -> Event:
        """The first event for which `wanted` holds, past ones included. Raises LoopbackCallError naming `what`."""
        found = self._log.wait(Event, wanted, seconds, give_up=lambda event: self._fail_if_over(event, what))
        if found is None:
            raise LoopbackCallError(f"{what} did not come within {seconds:.0f} s; run: softphone doctor")
        return found

    def wait_worker(self) -> None:
        """Until our codec is there, or is known to be out of order."""
        worker = self.engine.request(Status()).worker
        if worker.state in ("starting", "died"):
            self.wait(
                "the codec worker", _READY_SECONDS, lambda event: isinstance(event, Worker) and event.state in ("ready", "unavailable")
            )

    def _fail_if_over(self, event: AnyEvent, what: str) -> bool:
        if isinstance(event, CallState) and event.state == "disconnected" and not what.startswith("the end"):
            raise LoopbackCallError(f"the call ended before {what}: {event.reason}")
        if isinstance(event, Engine) and event.state in ("died", "given_up"):
            raise LoopbackCallError(f"the engine ended before {what}: {event.reason}; run: softphone doctor")
        return False


def call_on_loopback(config: Config, sent: NDArray[np.int16], received: Path, folder: Path, say: Callable[[str], None]) -> CallRecord:
    """Let one engine call another, say `sent` (int16, 16 kHz mono), and write what arrives to `received`.

    Raises:
        SoftphoneError: an engine does not start, or the call does not come about.
    """
    lead = np.zeros(int(_LEAD_SECONDS * SAMPLE_RATE), dtype=np.int16)
    spoken = folder / "spoken.wav"
    sound_file.write_wav(spoken, np.concatenate([lead, sent]))
    (folder / "config.toml").write_text(to_toml(config))
    with ExitStack() as running:
        say("starting two softphones and warming up their codecs")
        sides = []
        for name in ("caller", "called"):
            sides.append(_Side(running.enter_context(EngineSupervisor(folder / f"{name}.sock", config=folder / "config.toml"))))
        for side in sides:
            side.wait_worker()
        caller, called = sides
        called.engine.request(AutoAnswer(wav_out=str(received)))
        address = called.engine.request(Status()).address
        say(f"one calls the other and speaks for {len(sent) / SAMPLE_RATE:.0f} s")
        call = caller.engine.request(Call(uri=f"sip:softphone@{address}", wav_in=str(spoken))).call
        playing = caller.wait("the sound", _CONNECT_SECONDS, lambda event: isinstance(event, File) and event.action == "playing")
        recording = called.wait("the sound", _CONNECT_SECONDS, lambda event: isinstance(event, File) and event.action == "recording")
        seconds = len(sent) / SAMPLE_RATE + _LEAD_SECONDS
        caller.wait("the last word", seconds + _CONNECT_SECONDS, lambda event: isinstance(event, File) and event.action == "played")
        say("waiting for the last words to arrive")
        over = time.monotonic() + _TAIL_SECONDS
        caller.wait("the statistics", _TAIL_SECONDS + 5, lambda event: isinstance(event, CallStatistics) and event.monotonic >= over)
        media = [event for event in caller.events if isinstance(event, Media) and event.state == "active"]
        statistics = [event for event in caller.events if isinstance(event, CallStatistics)]
        heard = [event for event in called.events if isinstance(event, CallStatistics)]
        caller.engine.request(Hangup(call=call))
        called.wait("the end of the recording", _CONNECT_SECONDS, lambda event: isinstance(event, File) and event.action == "recorded")
    if not media:
        raise LoopbackCallError("the two softphones agreed on no codec; allow more in codecs.order")
    late = late_to_speak(statistics[-1]) + sum(late_to_listen(event) for event in heard[-1:])
    late_share = late * STEP_MS / 1000 / max(statistics[-1].seconds, 1.0)
    return CallRecord(media[-1], statistics[-1], playing.monotonic + _LEAD_SECONDS, recording.monotonic, late_share)
