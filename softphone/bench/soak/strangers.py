"""The exercise `strangers`: whoever can reach the phone sends it what `stranger_grammar` makes, calls it, talks, and hangs up.

The phone must stay the same process. Its memory allocator is made strict: what was freed is overwritten (MALLOC_PERTURB_), and its lists
are checked at each call (MALLOC_CHECK_, where glibc's libc_malloc_debug.so is there).
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import socket
import tempfile
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from softphone.bench.ports import free_port
from softphone.bench.soak.environment import environment
from softphone.bench.soak.stranger_grammar import METHODS, Grammar, Talk
from softphone.bench.soak.stranger_orders import Orders
from softphone.bench.soak.two_phones import READY_S, SoakPhone, wait_for
from softphone.config import Account, Audio, Codecs, Config, Network, Privacy, to_toml
from softphone.control.protocol import AutoAnswer, Call, Command, ControlError, Hangup
from softphone.control.supervisor import EngineSupervisor
from softphone.engine.accounts.address_watch import own_address

SOURCES = 12
"""Addresses that strangers have (127.0.0.10 and up), so that one which is refused is not all of them."""
PING_EACH = 40
PING_S = 5.0
LIVE = 3
COMMAND_EACH_S = 0.8
BUSY_ENOUGH = 3
"""Times that the phone says so in a row, before all of its calls are ended."""
INVITE_EACH_S = 0.05
"""More would find the phone busy (limits.PLACES)."""
KEPT = 400
"""Of the messages sent last, kept for whoever looks for the cause of a death."""
_MALLOC_DEBUG = ("/usr/lib/x86_64-linux-gnu/libc_malloc_debug.so.0", "/lib64/libc_malloc_debug.so.0")
_PHONE = "127.0.0.1"
_FIELD = re.compile(rb"(?im)^(from|f|to|t|call-id|i|cseq|contact|m)[ \t]*:[ \t]*([^\r\n]*)")
_TAG = re.compile(rb";[ \t]*tag=([^;\s]+)")
_LONG = {b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact"}
FACES = (("plain", 0.85, Network()), ("with ICE and SRTP", 0.15, Network(ice=True, srtp="offer")))
"""How the phone is set up, and for what share of the messages."""


@dataclass
class StrangersFound:
    """messages: SIP; packets: RTP, RTCP and STUN; calls: that came up; deaths: of the engine; garbled: descriptions of
    the phone that hold what nobody wrote, which is memory that was freed; silent: times without a sign of life."""

    seed: int
    messages: int = 0
    packets: int = 0
    calls: int = 0
    answers: int = 0
    deaths: int = 0
    garbled: int = 0
    silent: int = 0
    seconds: float = 0.0
    last_messages: list[str] = field(default_factory=list)
    """Folders with what was sent before each death or garbled description."""


def strangers(config: Config, messages: int, calls: int, seed: int, deadline: float, say: Callable[[str], None]) -> StrangersFound:
    """At least so many messages and calls, but nothing new after `deadline` (time.monotonic).

    Raises SoftphoneError when no phone starts.
    """
    found = StrangersFound(seed)
    began = time.monotonic()
    preload = next((path for path in _MALLOC_DEBUG if os.path.exists(path)), "")
    strict = {"MALLOC_PERTURB_": "165", "MALLOC_CHECK_": "3", "PYTHONFAULTHANDLER": "1", **({"LD_PRELOAD": preload} if preload else {})}
    for number, (name, share, network) in enumerate(FACES):
        with (
            tempfile.TemporaryDirectory(prefix="softphone-strangers-") as folder,
            environment({**strict, "XDG_DATA_HOME": str(Path(folder) / "data")}),
            _Run(config, network, random.Random(f"{seed} {number}"), found, Path(folder)) as run,
        ):
            run.until(found.messages + round(share * messages), found.calls + round(share * calls), deadline, say)
        say(f"strangers, {name}: {summary(found)}")
    found.seconds = time.monotonic() - began
    return found


def summary(found: StrangersFound) -> str:
    return (
        f"seed {found.seed}: {found.messages} messages, {found.packets} packets of media, {found.calls} calls came up, "
        f"{found.answers} answers; {found.deaths} deaths of the engine, {found.garbled} garbled descriptions, "
        f"{found.silent} times no answer within {PING_S:.0f} s"
    )


class _Run:
    """One phone and its attackers. A context manager."""

    def __init__(self, config: Config, network: Network, rng: random.Random, found: StrangersFound, folder: Path) -> None:
        self._rng, self._grammar, self._found, self._folder = rng, Grammar(rng), found, folder
        self._orders = Orders(self._grammar)
        self._answers = True
        self._sent: deque[tuple[str, bytes]] = deque(maxlen=KEPT)
        self._talks: OrderedDict[str, Talk] = OrderedDict()
        self._live: list[Talk] = []
        self._numbers = 0
        self._next_call = 0.0
        self._next_command = 0.0
        self._busy = 0
        self._requests: deque[bytes] = deque([b""], maxlen=8)
        # Of loopback addresses no ICE candidates are made.
        host = (own_address() if network.ice else "") or _PHONE
        port = free_port(host)
        self._to = (host, port)
        order = tuple(codec for codec in config.codecs.order if codec != "x-phv")
        where = replace(network, bind=host, port=port)
        local = replace(config, account=Account(), accounts=(), network=where, audio=Audio("null", "null"), codecs=Codecs(order))
        local = replace(local, privacy=Privacy())
        file = folder / "phone.toml"
        file.write_text(to_toml(local))
        self._engine = EngineSupervisor(folder / "phone.sock", config=file, stderr_lines=400)
        self._running = contextlib.ExitStack()

    def __enter__(self) -> _Run:
        with contextlib.ExitStack() as running:
            self._sip: list[socket.socket] = []
            self._media: list[socket.socket] = []
            for number in range(SOURCES):
                for kept in (self._sip, self._media):
                    bound = running.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    bound.bind((f"127.0.0.{10 + number}", 0))
                    bound.setblocking(False)
                    kept.append(bound)
            self._phone = SoakPhone(running.enter_context(self._engine))
            self._engine.request(AutoAnswer())
            self._pid = self._engine.pid
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def until(self, messages: int, calls: int, deadline: float, say: Callable[[str], None]) -> None:
        told = time.monotonic()
        rounds = 0
        while (self._found.messages < messages or self._found.calls < calls) and time.monotonic() < deadline:
            self._step(only_calls=self._found.messages >= messages)
            self._listen()
            rounds += 1
            if rounds % PING_EACH == 0:
                self._ping()
            if time.monotonic() - told > 60:
                told = time.monotonic()
                self._phone.forget()
                say(f"strangers: {summary(self._found)}")
        self._look()

    def _step(self, only_calls: bool) -> None:
        rng, grammar = self._rng, self._grammar
        if len(self._live) < LIVE and time.monotonic() >= self._next_call:
            self._next_call = time.monotonic() + INVITE_EACH_S
            self._call()
            return
        kind = rng.uniform(0.6, 1.0) if only_calls else rng.random()
        talk = rng.choice(self._live) if self._live else None
        if kind < 0.2:
            self._send_sip(stray := self._new_talk(), grammar.request(stray, rng.choice(METHODS), wild=0.5))
        elif kind < 0.28:
            stray = self._new_talk()
            answered = rng.choice((self._requests[-1], grammar.request(stray, rng.choice(METHODS), wild=0.3)))
            self._send_sip(
                stray,
                grammar.answer(
                    answered, rng.choice((100, 180, 183, 200, 202, 302, 401, 407, 491, 500, 603)), "x", stray.rtp_port, wild=0.5, sdp=True
                ),
            )
        elif talk is None:
            time.sleep(0.002)
        elif kind < 0.6:
            method = rng.choice(("INVITE", "INVITE", "INVITE", "UPDATE", "UPDATE", "PRACK", *METHODS))
            if rng.random() < 0.15:
                for message in self._orders.again(talk):
                    self._send_sip(talk, message)
            elif method not in ("BYE", "CANCEL", "ACK"):
                self._send_sip(talk, grammar.request(talk, method, wild=0.25))
        elif kind < 0.86:
            for _ in range(rng.choice((1, 5, 30))):
                self._send_media(talk)
        elif time.monotonic() >= self._next_command:
            self._next_command = time.monotonic() + COMMAND_EACH_S
            self._command()
        elif talk.up or rng.random() < (0.05 if self._answers else 0.2):
            self._end(talk)
        else:
            time.sleep(0.001)

    def _command(self) -> None:
        """The phone hangs up, or calls a stranger; or for a moment it lets calls ring."""
        if not self._answers or self._rng.random() < 0.1:
            self._answers = not self._answers
            with contextlib.suppress(ControlError):
                self._engine.request(AutoAnswer(on=self._answers), timeout_s=10)
            for talk in [talk for talk in self._live if self._answers and not talk.up]:
                self._end(talk)
            return
        host, port = self._sip[self._rng.randrange(SOURCES)].getsockname()
        with contextlib.suppress(ControlError):
            commands: tuple[Command[Any], ...] = (Hangup(), Call(uri=f"sip:s@{host}:{port}"))
            self._engine.request(self._rng.choice(commands), timeout_s=10)

    def _new_talk(self) -> Talk:
        self._numbers += 1
        source = self._rng.randrange(SOURCES)
        host, port = self._sip[source].getsockname()
        talk = Talk(self._numbers, host, port, self._media[source].getsockname()[1], f"sip:x@{self._to[0]}:{self._to[1]}")
        self._talks[talk.call_id] = talk
        while len(self._talks) > 3000:
            self._talks.popitem(last=False)
        return talk

    def _call(self) -> None:
        talk = self._new_talk()
        self._live.append(talk)
        invite = self._grammar.request(talk, "INVITE", wild=self._rng.choice((0.0, 0.0, 0.0, 0.1)), sdp=self._rng.random() < 0.85)
        self._send_sip(talk, self._orders.reliable(invite))
        if self._rng.random() < 0.1:
            self._send_sip(talk, self._grammar.request(talk, "UPDATE", wild=0.1, sdp=True))

    def _end(self, talk: Talk) -> None:
        """Media goes on while the call ends, and for a moment after it."""
        self._live.remove(talk)
        for _ in range(self._rng.choice((0, 4))):
            self._send_media(talk)
        self._send_sip(talk, self._grammar.request(talk, "BYE" if talk.tag else "CANCEL", wild=0.0))
        for _ in range(self._rng.choice((0, 4))):
            self._send_media(talk)

    def _send_sip(self, talk: Talk, data: bytes) -> None:
        self._found.messages += 1
        self._send(self._sip[int(talk.source.rpartition(".")[2]) - 10], data, self._to, "sip")

    def _send_media(self, talk: Talk) -> None:
        if not talk.media:
            return
        rng = self._rng
        talk.steps += 1
        self._found.packets += 1
        kind = rng.random()
        data, port = (
            (self._grammar.rtp(talk), talk.media)
            if kind < 0.7
            else (self._grammar.rtcp(), talk.media + 1)
            if kind < 0.9
            else (self._grammar.stun(), talk.media)
        )
        media = self._media[int(talk.source.rpartition(".")[2]) - 10]
        self._send(media, data, (self._to[0], port + (rng.random() < 0.02)), f"media-{port}")

    def _send(self, by: socket.socket, data: bytes, to: tuple[str, int], kind: str) -> None:
        self._sent.append((f"{kind}-from-{by.getsockname()[0]}", data))
        with contextlib.suppress(OSError):  # a full buffer, or nobody there
            by.sendto(data, to)

    def _listen(self) -> bool:
        """Answer what asks, acknowledge what is answered. Whether the answer to a ping was there."""
        came = False
        for number, bound in enumerate(self._sip):
            while True:
                try:
                    data = bound.recv(65535)
                except OSError:
                    break
                came = self._heard(number, data) or came
        return came

    def _heard(self, source: int, data: bytes) -> bool:
        fields = {
            _LONG.get(name.lower(), name.lower()): value.strip() for name, value in reversed(_FIELD.findall(data.partition(b"\r\n\r\n")[0]))
        }
        self._check(data)
        call_id = fields.get(b"call-id", b"").decode("utf-8", "surrogateescape")
        if data.startswith(b"SIP/2.0 "):
            self._found.answers += 1
            if call_id.startswith("ping"):
                return True
            if fields.get(b"cseq", b"").upper().endswith(b"INVITE") and data[8:9].isdigit():
                (self._rings if data[8:9] == b"1" else self._invite_answered)(call_id, data, fields)
            return False
        if not fields.get(b"cseq"):
            return False
        method = data.split(None, 1)[0].decode("ascii", "replace")
        self._requests.append(data)
        if method == "INVITE":
            self._answer_invite(source, call_id, data, fields)
        elif method != "ACK":
            self._reply(source, data, self._rng.choice((200, 200, 200, 200, 481, 500)), sdp=method == "UPDATE")
            if method in ("BYE", "CANCEL"):
                self._live = [talk for talk in self._live if talk.call_id != call_id]
        return False

    def _check(self, data: bytes) -> None:
        """Of a stranger's description nothing but tokens comes back, so what is no printable ASCII is memory that was freed."""
        body = data.partition(b"\r\n\r\n")[2]
        if b"m=" in body and not all(32 <= byte < 127 or byte in b"\r\n" for byte in body):
            self._found.garbled += 1
            self._keep(data)

    def _keep(self, last: bytes) -> None:
        kept = Path(tempfile.mkdtemp(prefix="softphone-strangers-"))
        for number, (kind, data) in enumerate(self._sent):
            (kept / f"{number:03}-{kind}").write_bytes(data)
        (kept / "last").write_bytes(last)
        self._found.last_messages.append(str(kept))

    def _rings(self, call_id: str, data: bytes, fields: dict[bytes, bytes]) -> None:
        talk, tag, number = self._talks.get(call_id), _TAG.search(fields.get(b"to", b"")), fields[b"cseq"].split()[0]
        if talk is not None and not talk.up and tag and number.isdigit():
            for message in self._orders.ringing(talk, data, tag[1].decode("utf-8", "surrogateescape"), int(number[:9])):
                self._send_sip(talk, message)

    def _invite_answered(self, call_id: str, data: bytes, fields: dict[bytes, bytes]) -> None:
        talk = self._talks.get(call_id)
        tag = _TAG.search(fields.get(b"to", b""))
        number = fields[b"cseq"].split()[0]
        if talk is None or not number.isdigit():
            return
        taken = data.startswith(b"SIP/2.0 2")
        if taken and tag:
            talk.tag = tag[1].decode("utf-8", "surrogateescape")
            port = re.search(rb"(?m)^m=audio (\d+)", data)
            talk.media = int(port[1]) if port else talk.media
            self._found.calls += not talk.up
            talk.up = True
        elif not talk.up and talk in self._live:
            self._live.remove(talk)
            self._make_room(busy=data.startswith(b"SIP/2.0 486"))
        kept, talk.sequence = talk.sequence, int(number[:9])
        ack = self._grammar.request(talk, "ACK", wild=0.0, sdp=taken and b"m=audio" in data and self._rng.random() < 0.05)
        if not taken and tag:
            ack = ack.replace(b"\r\nCall-ID", b";tag=" + tag[1] + b"\r\nCall-ID", 1) if not talk.tag else ack
        self._send_sip(talk, ack)
        talk.sequence = kept
        if taken and talk not in self._live:
            self._send_sip(talk, self._grammar.request(talk, "BYE", wild=0.0))

    def _make_room(self, busy: bool) -> None:
        """Calls that cannot come up are ended, so that others can be tried."""
        self._busy = self._busy + 1 if busy else 0
        if self._busy > BUSY_ENOUGH:
            self._busy = 0
            with contextlib.suppress(ControlError):
                self._engine.request(Hangup(), timeout_s=10)

    def _answer_invite(self, source: int, call_id: str, data: bytes, fields: dict[bytes, bytes]) -> None:
        """The phone calls, or changes a call: early media that changes, and then an answer or none."""
        rng = self._rng
        again = b"tag=" in fields.get(b"to", b"")
        if not again:
            for _ in range(rng.choice((0, 1, 3))):
                self._reply(source, data, rng.choice((180, 183, 183, 199)), sdp=True)
        code = rng.choice((200, 200, 200, 486, 488, 491, 302, 401, 503) if again else (200, 200, 486, 302, 407))
        self._reply(source, data, code, sdp=True)
        for later, tag in self._orders.answers(code):
            self._reply(source, data, later, sdp=rng.random() < 0.8, tag={"a": f"r{source}"}.get(tag, tag))

    def _reply(self, source: int, data: bytes, code: int, sdp: bool = False, tag: str | None = None) -> None:
        self._found.messages += 1
        reply = self._grammar.answer(
            data,
            code,
            f"r{source}" if tag is None else tag,
            self._media[source].getsockname()[1],
            wild=self._rng.choice((0.0, 0.2)),
            sdp=sdp,
        )
        self._send(self._sip[source], reply, self._to, "sip")

    def _ping(self) -> None:
        """An OPTIONS that is answered shows that the phone has read what was sent before it; else it is looked at."""
        self._numbers += 1
        ping = Talk(
            self._numbers,
            "127.0.0.10",
            self._sip[0].getsockname()[1],
            9,
            f"sip:x@{self._to[0]}:{self._to[1]}",
            call_id=f"ping{self._numbers}@x",
        )
        deadline = time.monotonic() + PING_S
        self._send(self._sip[0], self._grammar.request(ping, "OPTIONS", wild=0.0), self._to, "sip")
        while not self._listen():
            if time.monotonic() > deadline or self._engine.pid != self._pid:
                self._found.silent += self._engine.pid == self._pid
                self._look()
                return
            select.select(self._sip, [], [], 0.05)

    def _look(self) -> None:
        """Whether the engine is still the same process; what was sent to one that is not is kept."""
        with contextlib.suppress(ControlError):
            self._phone.status()
        if self._engine.pid == self._pid:
            return
        self._found.deaths += 1
        self._keep("\n".join(self._engine.stderr_lines).encode())
        self._live.clear()
        wait_for(lambda: bool(self._engine.pid) and bool(self._phone.status()), READY_S)
        self._pid = self._engine.pid
