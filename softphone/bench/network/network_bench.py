"""`softphone bench network`: real calls of the whole phone through the impairment box.

First all calls are made, in real time; then what was heard is judged, so that no speech recogniser takes the processor from a call.
"""

import contextlib
import hashlib
import queue
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import softphone
from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone.bench.codec.rows import Row
from softphone.bench.impairment.impairment import parse_impairment
from softphone.bench.instruments.asr import Asr
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.speech import speech_seconds
from softphone.bench.network.conversation import Conversation, conversations, fill
from softphone.bench.network.live_call import LiveCallError, PhonePair
from softphone.bench.network.network_call import CallStore, NetworkCall, summarise
from softphone.bench.network.network_judge import Ear, judge_turn
from softphone.bench.network.network_rows import JudgedTurn, row
from softphone.bench.network.network_systems import DEFAULT, NetworkSystem, network_system
from softphone.bench.network.trace_rows import stretch_rows
from softphone.bench.systems.fingerprint import fingerprint
from softphone.config import Config
from softphone.control.protocol import ControlError

NONE = "none"
LOSSES = tuple(f"loss {share}%" for share in (10, 20, 30, 40, 60))
IMPAIRMENTS = (
    NONE,
    *LOSSES,
    "burst 30%x3",
    *(f"jitter {ms}ms" for ms in (100, 300, 500)),
    *(f"rate {bps}" for bps in (1200, 2400, 4800, 9600, 24000)),
)
_LIGHT_CALLS = 4
"""Calls on a codec of little work that take the place of one on ours."""
_TRIES = 2
TRACE_CALLS = 4
"""Calls of a system over a link that changes, each as long as that takes."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Task:
    system: NetworkSystem
    impairment: str
    number: int
    conversation: Conversation
    key: str


def bench(
    recordings: Sequence[Recording],
    impairments: Sequence[str] | None,
    systems: Sequence[str] | None,
    say: Say,
    *,
    config: Config | None = None,
    keep: Path | None = None,
    jobs: int = 1,
    ear: Callable[[], Ear] = Asr,
) -> list[Row]:
    """A row for each impairment (None: IMPAIRMENTS) and system (None: DEFAULT), `none` first, with which the others are compared; after
    that of a link that changes one for each of its stretches (`trace_rows.stretch_rows`).

    config: settings of the system `phv`; keep: folder for calls, from which a run that was broken off goes on; jobs: calls on our codec at
    a time, each half a core. Raises SoftphoneError, CodecError.
    """
    texts = list(dict.fromkeys([NONE, *(" ".join(text.split()) for text in impairments or IMPAIRMENTS)]))
    for text in texts:
        parse_impairment(text)
    chosen = [network_system(name, config) for name in dict.fromkeys(systems or DEFAULT)]
    sounds = {one.name: audio_file.read(one.file) for one in recordings}
    talks = conversations(recordings, {name: len(pcm) / SAMPLE_RATE for name, pcm in sounds.items()})
    tasks = [
        _Task(system, text, number, talk, _key(system, text, talk, sounds))
        for system in chosen
        for text in texts
        for number, talk in enumerate(_talks(text, talks))
    ]
    with ExitStack() as open_now:
        store = CallStore(keep or Path(open_now.enter_context(tempfile.TemporaryDirectory(prefix="softphone-bench-"))))
        _call_all(tasks, sounds, store, jobs, say)
        judged = _judge_all(tasks, sounds, store, jobs, say, ear)
    return [each for text in texts for system in chosen for each in _rows(tasks, judged, text, system.name)]


def _talks(impairment: str, talks: list[Conversation]) -> list[Conversation]:
    """For a link that changes during a call, calls that last as long as it; a conversation's next call begins with its next turn."""
    stretches = parse_impairment(impairment).stretches
    if not stretches:
        return talks
    length = sum(seconds for seconds, _ in stretches)
    return [fill(talks[call % len(talks)], length, call // len(talks)) for call in range(TRACE_CALLS)]


def _key(system: NetworkSystem, impairment: str, talk: Conversation, sounds: dict[str, NDArray[np.int16]]) -> str:
    parts = [repr(system.settings), impairment, fingerprint() if system.own else "", _software(system.own)]
    parts += [f"{turn} {hashlib.sha256(sounds[turn.recording.name].tobytes()).hexdigest()}" for turn in talk.turns]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@cache
def _software(own: bool) -> str:
    """Changes with the program: of the engine what makes the sound of standard codecs, and for ours all of it and the codec worker."""
    room = Path(softphone.__file__).parent
    patterns = ("engine/**/*.py", "worker/*.py", "link/*.py") if own else ("engine/codecs/*opus*.py",)
    files = [path for pattern in patterns for path in room.glob(pattern)]
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sorted(files))).hexdigest()


def _call_all(tasks: Sequence[_Task], sounds: dict[str, NDArray[np.int16]], store: CallStore, jobs: int, say: Say) -> None:
    missing = [task for task in tasks if store.get(task.system.name, task.impairment, task.number, task.key) is None]
    total, done, lock = len(missing), 0, threading.Lock()
    left_s = sum(task.conversation.seconds for task in missing)

    def told(task: _Task, call: NetworkCall) -> None:
        nonlocal done, left_s
        with lock:
            done, left_s = done + 1, max(left_s - task.conversation.seconds, 0.0)
            how = f"no call: {call.set_up.failure}" if call.set_up.failure else "talked"
            if call.overload:
                how += f" on a machine with too much to do ({call.overload}); use fewer --jobs, or let it do nothing else"
            say(f"{done} of {total} calls: {task.system.name}, {task.impairment}, {how}; {left_s / 60:.0f} min of talk left")

    def work(waiting: "queue.SimpleQueue[list[_Task]]") -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                _call_with_one_pair(waiting.get_nowait(), sounds, store, told)

    with ThreadPoolExecutor(jobs * (1 + _LIGHT_CALLS)) as pool:
        futures = []
        for own, lanes in ((True, jobs), (False, jobs * _LIGHT_CALLS)):
            waiting = _shared_out([task for task in missing if task.system.own == own], lanes)
            futures += [pool.submit(work, waiting) for _ in range(min(lanes, waiting.qsize()))]
        for future in futures:
            future.result()


def _shared_out(tasks: Sequence[_Task], lanes: int) -> "queue.SimpleQueue[list[_Task]]":
    """Tasks in parts, each of one system, so that all lanes have something to do and phones are not started more often than that takes."""
    by_system: dict[str, list[_Task]] = defaultdict(list)
    for task in tasks:
        by_system[task.system.name].append(task)
    waiting: queue.SimpleQueue[list[_Task]] = queue.SimpleQueue()
    for several in by_system.values():
        parts = -(-lanes // len(by_system))
        size = -(-len(several) // parts)
        for at in range(0, len(several), size):
            waiting.put(several[at : at + size])
    return waiting


def _call_with_one_pair(
    tasks: Sequence[_Task], sounds: dict[str, NDArray[np.int16]], store: CallStore, told: Callable[[_Task, NetworkCall], None]
) -> None:
    """All of one system. Phones that fail for another reason than the network are started again, once for each call."""
    waiting, tries = list(tasks), 0
    while waiting:
        system = waiting[0].system
        try:
            with PhonePair(system.config, system.codec) as pair:
                while waiting:
                    task = waiting[0]
                    outcome = pair.talk(task.conversation, sounds, parse_impairment(task.impairment), f"{task.impairment}/{task.number}")
                    call = summarise(task.conversation, outcome, system.dtx)
                    store.put(system.name, task.impairment, task.number, task.key, call, outcome.heard)
                    told(task, call)
                    waiting.pop(0)
                    tries = 0
        except (LiveCallError, ControlError):
            tries += 1
            if tries >= _TRIES:
                raise


_Judged = dict[tuple[str, str, int], tuple[NetworkCall, list[JudgedTurn]]]


def _judge_all(
    tasks: Sequence[_Task], sounds: dict[str, NDArray[np.int16]], store: CallStore, jobs: int, say: Say, ear: Callable[[], Ear]
) -> _Judged:
    local = threading.local()
    done = 0

    def judge(task: _Task) -> tuple[NetworkCall, list[JudgedTurn]]:
        place = (task.system.name, task.impairment, task.number)
        call = store.get(*place, task.key)
        assert call is not None
        verdicts = store.verdicts(*place, task.key)
        said = [sounds[turn.recording.name] for turn in task.conversation.turns]
        if verdicts is None:
            if not hasattr(local, "ear"):
                local.ear = ear()
            nothing = np.zeros(0, np.int16)
            heard = [store.heard(*place, number) if call.turns else nothing for number in range(len(said))]
            verdicts = tuple(judge_turn(one, other, local.ear) for one, other in zip(said, heard, strict=True))
            store.put_verdicts(*place, task.key, verdicts)
        costs = call.turns or (None,) * len(said)
        turns = zip(task.conversation.turns, said, costs, verdicts, strict=True)
        return call, [JudgedTurn(turn.recording, speech_seconds(pcm, SAMPLE_RATE), cost, verdict) for turn, pcm, cost, verdict in turns]

    found: _Judged = {}
    with ThreadPoolExecutor(jobs) as pool:
        for task, result in zip(tasks, pool.map(judge, tasks), strict=True):
            found[task.system.name, task.impairment, task.number] = result
            done += 1
            say(f"{done} of {len(tasks)} calls judged")
    return found


def _rows(tasks: Sequence[_Task], judged: _Judged, impairment: str, system: str) -> list[Row]:
    """One row, and after it one for each stretch of a link that changes."""

    def of(text: str) -> list[tuple[Conversation, NetworkCall, list[JudgedTurn]]]:
        own = [task for task in tasks if (task.system.name, task.impairment) == (system, text)]
        return [(task.conversation, *judged[system, text, task.number]) for task in own]

    talked = of(impairment)
    calls = [call for _, call, _ in talked]
    turns = [turn for _, _, turns in talked for turn in turns]
    unimpaired = {turn.recording.name: turn for _, _, turns in of(NONE) for turn in turns}
    whole = row(impairment, system, calls, turns, [unimpaired[turn.recording.name] for turn in turns])
    heard = {name: turn.verdict.heard for name, turn in unimpaired.items()}
    return [whole, *stretch_rows(impairment, system, parse_impairment(impairment), talked, heard)]
