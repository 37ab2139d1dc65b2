"""The worker, the engine, the front end or the far end dies: each is reported, recovered from where possible, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.config import Audio, Config, Network, Phv, to_toml
from softphone.control.client import ControlClient
from softphone.control.protocol import (
    AutoAnswer,
    Call,
    CallState,
    CallStatistics,
    ControlError,
    Engine,
    File,
    Hangup,
    Media,
    Play,
    Shutdown,
    Status,
    Stay,
    Worker,
)
from softphone.control.supervisor import EngineSupervisor, begun_engine
from softphone.engine.phv.worker import CodecWorker, WorkerCommand
from tests.phones.hasty_engine import MEDIA_TIMEOUT_S
from tests.phones.phone import HASTY, MakePhone
from tests.phones.watched import Watched, alive, config_file, gone
from tests.places import ROOT


def test_a_killed_worker_comes_back_and_the_call_goes_on(watch: Callable[..., Watched], speech: Path, tmp_path: Path) -> None:
    alice, bob = watch("alice"), watch("bob")
    alice.wait_worker()
    victim = bob.wait_worker()
    heard = tmp_path / "heard.wav"
    bob.engine.request(AutoAnswer(wav_out=str(heard)))
    address = bob.status().address
    call = alice.engine.request(Call(uri=f"sip:softphone@{address}")).call
    assert alice.wait(Media, lambda event: event.state == "active").codec == "x-phv"
    os.kill(victim, signal.SIGKILL)
    died = bob.wait(Worker, lambda event: event.state == "died")
    assert "signal 9" in died.reason and "started again" in died.reason
    bob.wait(Worker, lambda event: event.state == "ready", after=bob.events.index(died))
    assert bob.worker() != victim
    calls = bob.engine.request(Status()).calls
    assert [call.state for call in calls] == ["confirmed"]
    # The same call, and the far end hears speech through the new worker.
    alice.engine.request(Play(call=call, wav=str(speech)))
    played = alice.wait(File, lambda event: event.action == "played")
    counted = bob.wait(
        CallStatistics,
        lambda event: (
            event.monotonic > played.monotonic and event.codec_counters.tokens_received > 5 and event.codec_counters.waiting_ms == 0
        ),
    )
    assert counted.worker == "ready"
    alice.engine.request(Hangup(call=call))
    bob.wait(CallState, lambda event: event.state == "disconnected")
    sound, _ = soundfile.read(heard, dtype="int16")
    assert np.sqrt(np.mean(sound[-6 * 16000 :].astype(float) ** 2)) > 100


def test_while_the_worker_is_away_calls_carry_sound_and_say_why(watch: Callable[..., Watched]) -> None:
    alice, bob = watch("alice"), watch("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.engine.request(AutoAnswer())
    address = bob.status().address
    os.kill(alice.worker(), signal.SIGKILL)
    alice.wait(Worker, lambda event: event.state == "died")
    alice.engine.request(Call(uri=f"sip:softphone@{address}"))
    media = alice.wait(Media, lambda event: event.state == "active")
    assert media.codec == "x-phv" and not media.note
    counted = alice.wait(CallStatistics, lambda event: event.sends == "sound")
    assert counted.sends_why == "the codec is not ready here"


def test_a_killed_engine_is_said_its_calls_are_ended_and_it_comes_back(watch: Callable[..., Watched], make_phone: MakePhone) -> None:
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    alice = watch("alice", "x-phv", "PCMU")
    worker = alice.worker()
    alice.engine.request(AutoAnswer())
    call = alice.engine.request(Call(uri=bob.uri)).call
    alice.wait(CallState, lambda event: event.state == "confirmed")
    before = alice.engine.pid
    os.kill(before, signal.SIGKILL)
    over = alice.wait(CallState, lambda event: event.state == "disconnected")
    assert over.call == call and "signal 9" in over.reason and "call again" in over.reason
    died = alice.wait(Engine, lambda event: event.state == "died")
    assert "signal 9" in died.reason
    alice.wait(Engine, lambda event: event.state == "restarting")
    ready = alice.wait(Engine, lambda event: event.state == "ready", after=alice.events.index(died))
    assert ready.pid == alice.engine.pid != before
    assert gone(worker), "the worker of the dead engine lives on"
    assert alice.status().auto_answer is True, "what was set by command is set again"
    assert alice.engine.restarts == 1
    alice.engine.request(Call(uri=bob.uri))
    alice.wait(CallState, lambda event: event.state == "confirmed", after=alice.events.index(ready))


def test_after_the_end_nothing_is_left(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "alice")
    with watched.engine:
        engine, worker = watched.engine.pid, watched.worker()
        assert alive(engine) and alive(worker)
    assert not alive(engine) and gone(worker, 3)
    assert not watched.engine.socket.exists()


FRONT_END = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from softphone.control.protocol import Status, Stay
    from softphone.control.supervisor import EngineSupervisor
    engine = EngineSupervisor(Path(sys.argv[1]), config=Path(sys.argv[2]))
    engine.start()
    if sys.argv[3] == "stay":
        engine.request(Stay())
    print(engine.pid, engine.request(Status()).worker.pid, flush=True)
    time.sleep(60)
    """
)


def test_when_the_front_end_dies_its_engine_leaves_unless_it_was_told_to_stay(tmp_path: Path) -> None:
    fronts = {}
    for wish in ("stay", "leave"):
        path = tmp_path / f"{wish}.sock"
        arguments = [sys.executable, "-c", FRONT_END, str(path), str(config_file(tmp_path)), wish]
        fronts[wish] = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    started: dict[str, list[int]] = {}
    for wish, front in fronts.items():
        assert front.stdout is not None
        started[wish] = list(map(int, front.stdout.readline().split()))
    for front in fronts.values():
        front.kill()
        front.wait()
    assert all(map(gone, started["leave"])), "told nothing, it leaves"
    assert not (tmp_path / "leave.sock").exists()
    # It has noticed as much, and as long ago.
    assert all(map(alive, started["stay"]))
    engine, worker = started["stay"]
    with ControlClient(tmp_path / "stay.sock") as client:
        assert client.request(Status()).stay is True
        client.request(Shutdown())
    assert gone(engine) and gone(worker)


def test_an_engine_that_was_told_to_stay_outlives_its_supervisor(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "alice", "PCMU")
    with watched.engine:
        watched.engine.request(Stay())
        pid = watched.engine.pid
    assert alive(pid)
    os.kill(pid, signal.SIGTERM)
    assert gone(pid)


def test_an_engine_that_was_kept_for_its_calls_goes_when_they_are_over_and_nobody_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("softphone.control.supervisor.ENGINE", HASTY)
    visited, left = Watched(tmp_path / "alice", "PCMU"), Watched(tmp_path / "bob", "PCMU")
    with visited.engine, left.engine:
        for watched in (visited, left):
            watched.engine.request(Stay(until_idle=True))
        pid, pid_of_left = visited.engine.pid, left.engine.pid
        with ControlClient(visited.engine.socket) as another:
            visited.engine.stop()
            left.engine.stop()
            assert gone(pid_of_left, 40)
            assert alive(pid) and another.is_open, "another front end is there"
    assert gone(pid, 40)


def test_an_engine_begins_before_it_is_waited_for_and_only_where_none_runs(tmp_path: Path) -> None:
    config = config_file(tmp_path, "PCMU")
    begun = begun_engine(tmp_path / "s.sock", config)
    assert begun is not None and begun.pid
    pid = begun.pid
    with begun:
        assert begun.pid == pid and begun.request(Status()).address, "the one that was begun answers"
        assert begun_engine(tmp_path / "s.sock", config) is None
    assert gone(pid)


def test_an_engine_that_began_ends_with_a_front_end_that_never_came_to_it(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom softphone.control.supervisor import begun_engine\n"
        "print(begun_engine(Path(sys.argv[1]), Path(sys.argv[2])).pid)"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "s.sock"), str(config_file(tmp_path, "PCMU"))]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert gone(int(done.stdout))


def test_an_engine_that_cannot_start_says_why(tmp_path: Path, make_phone: MakePhone) -> None:
    running = make_phone("bob", codecs=("PCMU",))
    path = tmp_path / "taken.toml"
    port = int(running.uri.rpartition(":")[2])
    path.write_text(to_toml(Config(network=Network(bind="127.0.0.1", port=port), audio=Audio("null", "null"))))
    with pytest.raises(ControlError, match="another phone") as caught, EngineSupervisor(tmp_path / "s.sock", config=path):
        pass
    assert caught.value.code == "no_engine"


def test_an_engine_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "alice", "PCMU")
    with watched.engine:
        config_file(tmp_path / "alice").write_text("nonsense")
        os.kill(watched.engine.pid, signal.SIGKILL)
        given_up = watched.wait(Engine, lambda event: event.state == "given_up")
        assert "not valid TOML" in given_up.reason
        with pytest.raises(ControlError):
            watched.engine.request(Status())
    assert watched.engine.pid == 0


def worker_script(folder: Path, body: str) -> WorkerCommand:
    path = folder / "worker.py"
    imports = "import os, socket, sys, time\nfrom softphone.link.messages import Failure, Ready, WorkerFacts, pack\n"
    path.write_text(imports + "link = socket.socket(fileno=int(sys.argv[2]))\n" + textwrap.dedent(body))
    return WorkerCommand(argv=(sys.executable, str(path)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(7)", "exit status 7"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("link.send(b'nonsense, and a lot of it'); time.sleep(60)", "codec worker ended|closed|no message"),
        ("link.send(pack(Failure(0, 'the models are broken'))); sys.exit(1)", "the models are broken"),
        ("time.sleep(60)", "not ready within"),
    ],
)
def test_a_worker_that_does_not_come_up_is_given_up_with_the_reason(tmp_path: Path, body: str, words: str) -> None:
    events: list[Worker] = []
    worker = CodecWorker(events.append, Phv(), worker_script(tmp_path, body), deadline_s=1.5)
    worker.start()
    deadline = time.monotonic() + 40
    while worker.state != "unavailable":
        assert time.monotonic() < deadline, events
        time.sleep(0.05)
    assert [event.state for event in events] == ["starting", "died", "starting", "died", "starting", "unavailable"]
    assert re.search(words, events[-1].reason) and "Opus" in events[-1].reason
    stream = worker.open_stream({})
    stream.put_pcm(bytes(640))
    stream.put_payload(b"x", 0)
    assert stream.take_pcm(320) == bytes(640) and stream.take_payload() is None
    assert stream.counters["pcm_without_worker"] == 1
    stream.close()
    worker.stop()


def test_a_worker_that_hangs_in_a_call_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softphone.engine.phv.worker.HANG_S", 0.3)
    events: list[Worker] = []
    body = "link.send(pack(Ready(WorkerFacts(1, 'arpabet-39', '00000000')))); time.sleep(60)"
    worker = CodecWorker(events.append, Phv(), worker_script(tmp_path, body))
    worker.start()
    deadline = time.monotonic() + 20
    while not worker.is_ready:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.8)
    assert worker.is_ready, "without a call silence is no hang"
    stream = worker.open_stream({})
    while not any(event.state == "died" for event in events):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "said nothing" in next(event.reason for event in events if event.state == "died")
    stream.close()
    pid = worker.pid
    worker.stop()
    assert gone(pid) if pid else True


def test_a_far_end_that_vanishes_ends_the_call_and_a_silent_one_does_not(make_phone: MakePhone, tmp_path: Path) -> None:
    alice, quiet = make_phone("alice", hasty=True), make_phone("quiet")
    alice.wait_worker()
    quiet.wait_worker()
    quiet.client.request(AutoAnswer())
    with EngineSupervisor(tmp_path / "bob.sock", config=config_file(tmp_path, "PCMU")) as bob:
        bob.request(AutoAnswer())
        silent = alice.call(quiet.uri)
        vanishing = alice.call(f"sip:softphone@{bob.request(Status()).address}")
        assert alice.wait_media(silent).codec == "x-phv"
        alice.wait_state(vanishing, "confirmed")
        os.kill(bob.pid, signal.SIGKILL)
        began = time.monotonic()
        # PJSIP reports a call as over only when the far end answered the BYE or its time ran out.
        over = alice.wait_state(vanishing, "disconnected", 90)
        assert "nothing arrived for" in over.reason and time.monotonic() - began > 0.8 * MEDIA_TIMEOUT_S
    assert [call.call for call in alice.client.request(Status()).calls] == [silent]
