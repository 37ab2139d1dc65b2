"""The faults that are injected; each exercise says whether the phones recovered."""

import contextlib
import os
import resource
import signal
import socket
import time
from dataclasses import replace

from softphone.bench.impairment.impairment import NONE, parse_impairment
from softphone.bench.soak.process_figures import is_alive
from softphone.bench.soak.registrar import DOMAIN, Registrar
from softphone.bench.soak.two_phones import EVENT_S, READY_S, TwoPhones, wait_for
from softphone.bench.soak.wall_clock import WallClock
from softphone.config import Codecs, Config
from softphone.control.protocol import Call, CallState, ControlError, Engine, Log, Worker

GONE_S = 8.0
"""How long the network is away: less than the time after which a call is given up."""
MAX_CALLS = 4
FLOOD = 3000
FLOOD_EACH_S = 0.001
JUMPS_S = (3600, 0, 30 * 86400, -3600)
"""The time of day against the true one: summer time by hand, a clock that was wrong by a month, and one that ends an hour behind."""


def calls_in_a_row(phones: TwoPhones) -> bool:
    """A call is set up, has sound at both ends, and is hung up."""
    return phones.call() is not None and phones.hang_up()


def calls_at_once(config: Config, count: int) -> int:
    """How many of `count` calls on PCMU are up at the same time: a phone holds four (PJSUA_MAX_CALLS of the wheel), so there are more."""
    wanted = [min(MAX_CALLS, count - begun) for begun in range(0, count, MAX_CALLS)]
    with contextlib.ExitStack() as running:
        quiet = replace(config, codecs=Codecs(("PCMU",)))
        pairs = [(running.enter_context(TwoPhones(quiet)), calls) for calls in wanted]

        def up() -> int:
            # Each call but the last is held by the next one, which costs a re-INVITE.
            return sum(
                min(sum(call.state == "confirmed" for call in phone.status().calls) for phone in (phones.a, phones.b))
                for phones, _ in pairs
            )

        for number in range(MAX_CALLS):
            for phones, calls in pairs:
                if number < calls:
                    with contextlib.suppress(ControlError):
                        phones.a.engine.request(Call(uri=phones.direct))
            # A phone takes no more of others' calls while three of them are not acknowledged.
            so_far = sum(min(calls, number + 1) for _, calls in pairs)
            wait_for(lambda so_far=so_far: up() == so_far, EVENT_S)  # type: ignore[misc]
        reached = up()
        return reached if all([phones.hang_up() for phones, _ in pairs]) else 0


def worker_killed(phones: TwoPhones) -> bool:
    """In a call: the call stays, the worker comes back, and sound arrives through the new one."""
    numbers = phones.call()
    if numbers is None:
        return False
    victim = phones.b.worker
    if not victim:
        return False
    os.kill(victim, signal.SIGKILL)
    phones.b.wait(Worker, lambda event: event.state == "died", EVENT_S)
    back = wait_for(lambda: phones.b.worker not in (0, victim) and phones.b.status().worker.state == "ready", READY_S)
    stays = [call.call for call in phones.b.status().calls] == [numbers[1]]
    return phones.hang_up() and back and stays and not is_alive(victim) and phones.works()


def engine_killed(phones: TwoPhones) -> bool:
    """In a call: the front end is told, the engine comes back with what was set, its worker does not outlive it, and calls work."""
    numbers = phones.call()
    if numbers is None:
        return False
    victim, worker = phones.b.engine.pid, phones.b.worker
    if not victim:
        return False
    os.kill(victim, signal.SIGKILL)
    over = phones.b.wait(CallState, lambda event: event.call == numbers[1] and event.state == "disconnected", EVENT_S)
    ready = phones.b.wait(Engine, lambda event: event.state == "ready", EVENT_S)
    told = over is not None and "signal 9" in over.reason and ready is not None
    phones.hang_up()
    gone = not worker or wait_for(lambda: not is_alive(worker), EVENT_S)
    return told and gone and (not worker or phones.b.wait_worker()) and phones.works()


def network_gone(phones: TwoPhones) -> bool:
    """In a call nothing passes for some seconds: the call stays, and sound arrives again afterwards."""
    numbers = phones.call(phones.through_box, codec="PCMU")
    if numbers is None:
        return False
    wait_for(lambda: phones.b.received(numbers[1]) > 0, EVENT_S)
    phones.box.impair(parse_impairment("loss 100%"), "soak", sip=True)
    time.sleep(GONE_S)
    before = phones.b.received(numbers[1])
    phones.box.impair(NONE, "")
    heard = wait_for(lambda: phones.b.received(numbers[1]) > before + 50, EVENT_S)
    stays = [call.state for call in phones.a.status().calls] == ["confirmed"]
    return phones.hang_up() and heard and stays and phones.works()


def disk_full(phones: TwoPhones) -> bool:
    """No file of the engine can grow: calls work all the same, it is said, and the history has them when there is room again."""
    engine = phones.b.engine.pid
    limits = resource.prlimit(engine, resource.RLIMIT_FSIZE)
    phones.b.forget()
    resource.prlimit(engine, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        works = phones.works()
        said = wait_for(lambda: bool(phones.b.status().history), EVENT_S)
    finally:
        resource.prlimit(engine, resource.RLIMIT_FSIZE, limits)
    again = phones.b.wait(Log, lambda event: "saved again" in event.message, EVENT_S)
    return works and said and again is not None


def flood(phones: TwoPhones) -> bool:
    """Strangers send INVITEs and MESSAGEs by the thousand: the call that is up stays, and calls work soon afterwards."""
    # What the last flood left is still being refused when the next one begins.
    if not wait_for(lambda: phones.call() is not None, EVENT_S):
        return False
    numbers = (phones.a.status().calls[0].call, phones.b.status().calls[0].call)
    engine = phones.b.engine.pid
    host, port = phones.b_address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, 0))
        stranger.setblocking(False)
        for number in range(FLOOD):
            with contextlib.suppress(OSError):
                method = "MESSAGE" if number % 3 else "INVITE"
                stranger.sendto(_stranger(method, number, host, stranger.getsockname()[1], port), (host, port))
            with contextlib.suppress(OSError):
                while stranger.recv(65535):
                    pass
            time.sleep(FLOOD_EACH_S)
    stays = any(call.call == numbers[1] and call.state == "confirmed" for call in phones.b.status().calls)
    return phones.hang_up() and stays and phones.b.engine.pid == engine and phones.works()


def registrar_killed(phones: TwoPhones, registrar: Registrar) -> bool:
    """In a call through it: the call goes on, both register again at the new one by themselves, and calls through it work."""
    if not wait_for(lambda: phones.call(f"sip:b@{DOMAIN}", "PCMU") is not None, EVENT_S):
        return False
    call = phones.b.status().calls[0].call
    registrar.kill()
    before = phones.b.received(call)
    heard = wait_for(lambda: phones.b.received(call) > before + 50 * GONE_S, EVENT_S)
    registrar.start()
    stays = [one.state for one in phones.a.status().calls] == ["confirmed"]
    ended = phones.hang_up()
    return heard and stays and ended and wait_for(lambda: phones.call(f"sip:b@{DOMAIN}") is not None, 2 * EVENT_S) and phones.hang_up()


def clock_jumps(phones: TwoPhones, clock: WallClock) -> bool:
    """In a call the time of day jumps to and fro: sound goes on, the call's length is right, and calls work afterwards."""
    began = time.monotonic()
    clock.jump(0)
    numbers = phones.call(codec="PCMU")
    if numbers is None:
        return False
    for jump in JUMPS_S:
        clock.jump(jump)
        seen = wait_for(lambda jump=jump: abs(phones.b.newest(numbers[1]).time - time.time() - jump) < 10, EVENT_S)  # type: ignore[misc]
        before = phones.b.received(numbers[1])
        if not seen or not wait_for(lambda before=before: phones.b.received(numbers[1]) > before + 50, EVENT_S):  # type: ignore[misc]
            return False
    passed = time.monotonic() - began
    ended = phones.hang_up()
    over = phones.b.wait(CallState, lambda event: event.call == numbers[1] and event.state == "disconnected", EVENT_S)
    return ended and over is not None and passed - 5 < over.duration_s < passed + 5 and phones.works()


def _stranger(method: str, number: int, host: str, own: int, port: int) -> bytes:
    body = (
        "hello"
        if method == "MESSAGE"
        else "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
    )
    kind = "text/plain" if method == "MESSAGE" else "application/sdp"
    return (
        f"{method} sip:x@{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{own};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:stranger{number}@{host}:{own}>;tag={number}\r\nTo: <sip:x@{host}:{port}>\r\nCall-ID: {number}@stranger\r\n"
        f"CSeq: 1 {method}\r\nContact: <sip:stranger@{host}:{own}>\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
