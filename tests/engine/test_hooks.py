"""Hooks: programs that run at events, told in their environment, bounded in time and number, and never in the engine's way."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.config import Audio, Codecs, Config, ConfigError, Hooks, Network, parse, to_toml
from softphone.control.protocol import Answer, CallState, Event, Hangup, Log, Message, SendMessage
from softphone.engine.hooks import MOST_AT_ONCE, HookRunner
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


def script(folder: Path, name: str, body: str) -> tuple[str, ...]:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return (str(path),)


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def told(path: Path) -> dict[str, str]:
    """The environment that a hook wrote with `env -0`."""
    wait_for(path.exists)
    return dict(entry.split("=", 1) for entry in path.read_text().split("\0") if entry)


def call_state(state: str, direction: str = "incoming", call: int = 1, **fields: object) -> Event:
    return CallState(call=call, state=state, direction=direction, **fields)  # type: ignore[arg-type]


class Running:
    def __init__(self, hooks: Hooks, secret: tuple[str, ...] = ()) -> None:
        self.logs: list[Log] = []
        self.runner = HookRunner(hooks, Path("/run/engine.sock"), self.logs.append, secret)

    def __enter__(self) -> "Running":
        self.runner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.stop()


def test_hooks_of_a_real_call(tmp_path: Path, make_phone: MakePhone) -> None:
    write = 'env -0 > "$1.part" && mv "$1.part" "$1"'
    program = script(tmp_path, "hook", write)
    out = {name: tmp_path / name for name in ("ring", "answer", "hangup", "message")}
    hooks = Hooks(**{name: (*program, str(path)) for name, path in out.items()})
    alice = make_phone("alice", codecs=("PCMU",))
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio("null", "null"), codecs=Codecs(("PCMU",)), hooks=hooks)
    bob = Phone(tmp_path / "bob", config)
    try:
        bob.start()
        call = alice.call(bob.uri)
        ring = told(out["ring"])
        assert (
            ring["SOFTPHONE_EVENT"] == "ring" and ring["SOFTPHONE_DIRECTION"] == "incoming" and "sip:softphone@" in ring["SOFTPHONE_REMOTE"]
        )
        assert ring["SOFTPHONE_SOCKET"] == str(bob.socket) and not out["answer"].exists()
        bob.client.request(Answer(call=int(ring["SOFTPHONE_CALL"])))
        assert told(out["answer"])["SOFTPHONE_CALL"] == ring["SOFTPHONE_CALL"]
        alice.wait_state(call, "confirmed")
        alice.client.request(Hangup(call=call))
        over = told(out["hangup"])
        assert over["SOFTPHONE_REASON"] == "the other side hung up" and float(over["SOFTPHONE_SECONDS"]) >= 0
        alice.client.request(SendMessage(uri=bob.uri, text="come to $(touch /tmp/never) `id`; now"))
        assert told(out["message"])["SOFTPHONE_TEXT"] == "come to $(touch /tmp/never) `id`; now"
        assert not Path("/tmp/never").exists()
    finally:
        bob.stop()


def test_each_hook_once_a_call_and_ring_only_where_it_rings(tmp_path: Path) -> None:
    note = script(tmp_path, "hook", f'echo "$SOFTPHONE_EVENT $SOFTPHONE_CALL" >> {tmp_path / "log"}')
    with Running(Hooks(note, note, note, note)) as running:
        for event in (
            call_state("incoming"),
            call_state("early"),
            call_state("early"),
            call_state("confirmed"),
            call_state("confirmed", muted=True),
            call_state("disconnected"),
            call_state("calling", "outgoing", 2),
            call_state("early", "outgoing", 2),
            call_state("disconnected", "outgoing", 2),
        ):
            running.runner.take(event)
    lines = sorted((tmp_path / "log").read_text().splitlines())
    assert lines == ["answer 1", "hangup 1", "hangup 2", "ring 1"]


def test_what_strangers_say_stays_in_its_variable_and_passwords_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORK_PASSWORD", "geheim")
    monkeypatch.setenv("SOFTPHONE_TEXT", "of somebody else")
    out = tmp_path / "out"
    hook = script(tmp_path, "hook", f"env -0 > {out}.part; mv {out}.part {out}")
    evil = "x\x00y\x1b[31m\nLD_PRELOAD=/tmp/evil.so \ud800" + "z" * 10000
    with Running(Hooks(message=hook), ("WORK_PASSWORD",)) as running:
        running.runner.take(Message(account="a", remote='"\x07" <sip:x@y>', text=evil))
        values = told(out)
    assert "WORK_PASSWORD" not in values and "LD_PRELOAD" not in values
    assert values["SOFTPHONE_TEXT"].startswith("x␀y␛[31m\nLD_PRELOAD=/tmp/evil.so <U+D800>zz") and len(values["SOFTPHONE_TEXT"]) <= 4000
    assert values["SOFTPHONE_REMOTE"] == '"␇" <sip:x@y>'


def test_a_hook_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hook = script(tmp_path, "hook", f"trap '' TERM; sleep 600 & echo $$ $! > {pids}; wait; sleep 600")
    with Running(Hooks(message=hook, timeout_seconds=1)) as running:
        running.runner.take(Message(account="a", remote="sip:x@y", text="hello"))
        wait_for(lambda: bool(running.logs))
        assert "hooks.timeout_seconds" in running.logs[0].message
        wait_for(lambda: not any(map(_runs, pids.read_text().split())))


def test_too_many_at_once_wait_or_are_refused_and_the_caller_never_waits(tmp_path: Path) -> None:
    body = f"sleep 600 & echo $$ $! > {tmp_path}/run.part$$; mv {tmp_path}/run.part$$ {tmp_path}/pids.$SOFTPHONE_CALL; wait"
    hook = script(tmp_path, "hook", body)
    with Running(Hooks(hangup=hook, timeout_seconds=600)) as running:
        began = time.monotonic()
        for number in range(200):
            running.runner.take(call_state("disconnected", call=number))
        took = time.monotonic() - began
        wait_for(lambda: len(list(tmp_path.glob("pids.*"))) == MOST_AT_ONCE)
        assert any("too slow" in log.message for log in running.logs)
        started = [pid for path in tmp_path.glob("pids.*") for pid in path.read_text().split()]
        assert len(started) == 2 * MOST_AT_ONCE and all(map(_runs, started))
    assert took < 2, "it only queues"
    wait_for(lambda: not any(map(_runs, started)))


def _runs(pid: str) -> bool:
    """A zombie does not."""
    return Path(f"/proc/{pid}/exe").exists()


@pytest.mark.parametrize(("body", "words"), [("exit 3", "exit status 3"), ("kill -9 $$", "signal 9"), (None, "cannot be run")])
def test_a_hook_that_fails_is_told_of(tmp_path: Path, body: str | None, words: str) -> None:
    hook = script(tmp_path, "hook", body) if body else (str(tmp_path / "none"),)
    with Running(Hooks(message=hook)) as running:
        running.runner.take(Message(account="a", remote="sip:x@y", text="hello"))
        wait_for(lambda: bool(running.logs))
    assert words in running.logs[0].message and "\n" not in running.logs[0].message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"touch /x"', "must be a list"),
        ('["bin/x"]', "whole path"),
        ('[""]', "whole path"),
        ('["/x", 3]', "list"),
        ('["/x\\n"]', "control"),
    ],
)
def test_a_hook_is_a_list_with_a_program(value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"hooks.ring.*{words}"):
        parse(f"[hooks]\nring = {value}\n")


def test_hooks_go_through_the_file_and_back() -> None:
    config = Config(hooks=Hooks(ring=("~/bin/ring", "a b", '"$(x)"'), timeout_seconds=5))
    assert parse(to_toml(config)) == config
