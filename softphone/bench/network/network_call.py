"""What is kept of a call through the impairment box until it is judged: what each turn sounded like, and what it cost."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.errors import AudioFileError
from softphone.bench.codec.result import StoreError
from softphone.bench.network.conversation import PAUSE_S, Conversation, Turn
from softphone.bench.network.lateness import BEARABLE_SHARE
from softphone.bench.network.live_call import SIDES, CallOutcome, SetUp
from softphone.bench.network.network_judge import VERSION, TurnVerdict

_STEPS_A_SECOND = 50
_LATE_COUNTERS = ("encoder_pcm_dropped", "playout_underruns")
"""Steps of 20 ms that the codec worker did not take or give in time."""
_BEARABLE_S = 0.1
_BEARABLE_STEP_MS = 500
"""Lateness of a packet without any impairment; on an idle core the longest step takes 100 ms."""


@dataclass(frozen=True)
class TurnCost:
    """RTP of one turn as its sender gave it to the network, with IPv4, UDP and RTP headers; arrived: of its packets, each once."""

    recording: str
    ip_bytes: int
    packets: int
    arrived: int


@dataclass(frozen=True)
class NetworkCall:
    """set_up: see `live_call.SetUp`; turns: none where there was no call; rtcp_bytes: of both ends over `seconds`, with headers;
    counters: what each engine counted, by side, for the search for faults; box_late_s: see `live_call.CallOutcome`."""

    set_up: SetUp
    turns: tuple[TurnCost, ...] = ()
    rtcp_bytes: int = 0
    seconds: float = 0.0
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    box_late_s: float = 0.0
    bytes_by_second: tuple[int, ...] = ()
    """Of RTP and RTCP of both ends, with headers."""

    def bytes_between(self, begin: float, end: float) -> int:
        """Seconds since the conversation began."""
        return sum(self.bytes_by_second[round(begin) : None if end == float("inf") else round(end)])

    @property
    def overload(self) -> str:
        """What this machine was too slow for, in words; empty when it kept up. Such a call does not measure the network."""
        steps = 2 * self.seconds * _STEPS_A_SECOND
        lost = sum(counted.get(name, 0) for counted in self.counters.values() for name in _LATE_COUNTERS)
        if steps and lost > BEARABLE_SHARE * steps:
            return f"the codec was late for {lost / steps:.0%} of the sound"
        longest = max((counted.get("encoder_longest_ms", 0) for counted in self.counters.values()), default=0)
        if longest > _BEARABLE_STEP_MS:
            return f"the encoder once took {longest:.0f} ms for a step"
        return f"the box was up to {1000 * self.box_late_s:.0f} ms late" if self.box_late_s > _BEARABLE_S else ""


def summarise(conversation: Conversation, outcome: CallOutcome, dtx: bool) -> NetworkCall:
    """The costs of a call. dtx: packets after a turn's last word belong to it too, because a codec with delay sends them then; without
    it only those until that word do, for silence is sent as well."""
    if outcome.set_up.failure:
        return NetworkCall(outcome.set_up)
    turns = tuple(_cost(turn, outcome, PAUSE_S if dtx else 0.0) for turn in conversation.turns)
    rtcp = sum(one.ip_bytes for one in outcome.sent if one.kind == "rtcp")
    counters: dict[str, dict[str, Any]] = {}
    for side in SIDES:
        last = outcome.counters.get(side)
        if last is not None:
            counters[side] = {**msgspec.structs.asdict(last.codec_counters), **last.queues, "jitter_buffer_ms": last.jitter_buffer_ms}
    first = min(outcome.began.values())
    by_second = [0] * (round(conversation.seconds) + 1)
    for one in outcome.sent:
        if one.kind != "sip" and 0 <= (second := int(one.time - first)) < len(by_second):
            by_second[second] += one.ip_bytes
    return NetworkCall(outcome.set_up, turns, rtcp, conversation.seconds, counters, outcome.box_late_s, tuple(by_second))


def _cost(turn: Turn, outcome: CallOutcome, after_s: float) -> TurnCost:
    begin = outcome.began[turn.side] + turn.start_s
    end = begin + turn.seconds + after_s
    sent = [one for one in outcome.sent if one.kind == "rtp" and one.side == turn.side and begin <= one.time < end]
    return TurnCost(turn.recording.name, sum(one.ip_bytes for one in sent), len(sent), sum(one.copies > 0 for one in sent))


@dataclass(frozen=True)
class _Entry:
    key: str
    call: NetworkCall


@dataclass(frozen=True)
class _Verdicts:
    key: str
    version: str
    turns: tuple[TurnVerdict, ...]


class CallStore:
    """A folder with a folder for each system and impairment; in it for each call a JSON file, and a sound file for each turn."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, system: str, impairment: str, number: int, key: str) -> NetworkCall | None:
        """The call kept under this key; None where there is none, or one of another key."""
        try:
            entry = msgspec.json.decode((self._path(system, impairment) / f"{number}.json").read_bytes(), type=_Entry)
        except (OSError, msgspec.MsgspecError):
            return None
        return entry.call if entry.key == key else None

    def put(self, system: str, impairment: str, number: int, key: str, call: NetworkCall, heard: tuple[NDArray[np.int16], ...]) -> None:
        """Keep a call. Raises StoreError."""
        folder = self._path(system, impairment)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}-judged.json").unlink(missing_ok=True)
            for place, pcm in enumerate(heard):
                audio_file.write(folder / f"{number}-{place}.flac", pcm)
            _write(folder / f"{number}.json", _Entry(key, call))  # last: what is there is complete
        except (OSError, AudioFileError) as error:
            raise StoreError(f"{folder} cannot be written ({error}); name another folder with --keep") from None

    def verdicts(self, system: str, impairment: str, number: int, key: str) -> tuple[TurnVerdict, ...] | None:
        """What was made of the turns of the kept call; None where nothing was yet, or by other instruments."""
        try:
            kept = msgspec.json.decode((self._path(system, impairment) / f"{number}-judged.json").read_bytes(), type=_Verdicts)
        except (OSError, msgspec.MsgspecError):
            return None
        return kept.turns if (kept.key, kept.version) == (key, VERSION) else None

    def put_verdicts(self, system: str, impairment: str, number: int, key: str, turns: tuple[TurnVerdict, ...]) -> None:
        """Raises StoreError."""
        path = self._path(system, impairment) / f"{number}-judged.json"
        try:
            _write(path, _Verdicts(key, VERSION, turns))
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error}); name another folder with --keep") from None

    def heard(self, system: str, impairment: str, number: int, place: int) -> NDArray[np.int16]:
        """What was heard of a turn of a kept call. Raises AudioFileError."""
        return audio_file.read(self._path(system, impairment) / f"{number}-{place}.flac")

    def _path(self, system: str, impairment: str) -> Path:
        plain = re.sub(r"[^\w.%-]", "_", impairment)[:80]
        if plain != impairment.replace(" ", "_"):
            plain += "-" + hashlib.sha256(impairment.encode()).hexdigest()[:8]
        return self._folder / system / plain


def _write(path: Path, entry: _Entry | _Verdicts) -> None:
    """At once: no reader sees a part of it."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(entry))
    os.replace(name, path)
