"""The engine as the screens see it: found or started, asked without blocking the screen, and found again when it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar, get_args

from softphone.control.client import ControlClient
from softphone.control.protocol import (
    AnyEvent,
    AutoAnswer,
    CallStatistics,
    Command,
    ControlError,
    DoNotDisturb,
    Engine,
    EventName,
    Levels,
    Phones,
    PhoneStatus,
    ResultT,
    Shutdown,
    Status,
    Stay,
    Subscribe,
    Voice,
)
from softphone.control.runtime import default_socket
from softphone.control.supervisor import EngineSupervisor

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 15.0
RESTART_S = 40.0
RESTART_LOOK_S = 0.05
COMES_BACK_S = 8.0
"""How long an engine that somebody else watches over is waited for when it has died."""
REFRESHES = 5
ASKING = 4
"""Commands that may wait for an answer at once."""
# Levels and phones are sent only to those who ask for them by name.
SUBSCRIPTION = Subscribe(events=list(get_args(EventName)))

T = TypeVar("T")


class EngineSession:
    """Made and used on the event loop's thread; `on_event` and `on_status` are called there.

    `run` attaches to the engine at `socket` or starts one there, asks for its status, and does so again whenever it is lost.
    An engine that this session started ends with it, unless `close(keep=True)`.
    """

    def __init__(
        self,
        on_event: Callable[[AnyEvent], None],
        on_status: Callable[[PhoneStatus], None],
        *,
        socket: Path | None = None,
        config: Path | None = None,
        begun: EngineSupervisor | None = None,
    ) -> None:
        self._on_event = on_event
        self._on_status = on_status
        self._socket = socket
        self._config = config
        self._begun = begun
        self._link: ControlClient | EngineSupervisor | None = None
        self._lost = asyncio.Event()
        self._again = asyncio.Event()
        self._ready = asyncio.Event()
        self._restarting = False
        self._closing = False
        self._comes_back = False
        """Another program started the engine, and starts it again if it dies."""
        self._news = 0
        """Events that change what the status says."""
        self._refreshing: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = ThreadPoolExecutor(ASKING, thread_name_prefix="ask-engine")

    @property
    def owns_engine(self) -> bool:
        """Whether this session started the engine."""
        return isinstance(self._link, EngineSupervisor)

    async def run(self) -> None:
        """Stay connected until `close`."""
        self._loop = asyncio.get_running_loop()
        wait_s = FIRST_WAIT_S
        while not self._closing:
            self._lost.clear()
            try:
                link = await self._in_thread(self._open)
            except ControlError as error:
                self._on_event(Engine(state="given_up", reason=f"{error}; trying again in {wait_s:.0f} s"))
                await self._pause(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            if self._closing:
                await self._in_thread(partial(_leave, link))
                return
            self._link = link
            wait_s = FIRST_WAIT_S
            await self.refresh()
            self._ready.set()
            await self._lost.wait()
            self._ready.clear()
            self._link = None
            await self._in_thread(partial(_leave, link))

    @property
    def restarting(self) -> bool:
        """Whether the engine was told to restart and is not back yet."""
        return self._restarting

    async def restarted(self) -> None:
        """Returns when it is back, or does not come back."""
        while self._restarting:
            await asyncio.sleep(RESTART_LOOK_S)

    async def ask(self, command: Command[ResultT], *, timeout_s: float = 30.0) -> ResultT:
        """The engine's answer. Raises ControlError: one sentence for the user, `code` for programs."""
        link = self._link
        if link is None:
            raise ControlError("the phone is starting; try again in a moment", "no_engine")
        return await self._in_thread(lambda: link.request(command, timeout_s=timeout_s))

    async def refresh(self) -> None:
        """Ask for the status and hand it to `on_status`."""
        with contextlib.suppress(ControlError):
            for _ in range(REFRESHES):
                before = self._news
                status = await self.ask(Status())
                self._comes_back = status.supervised and not self.owns_engine
                self._on_status(status)
                # An event that overtook the answer on its way here is newer than what the answer says.
                if self._news == before:
                    return

    async def restart(self) -> None:
        """End the engine and start another, which reads the configuration again; calls that are up end. Returns when it is ready.

        Raises:
            ControlError: it did not come back.
        """
        link, before = self._link, PhoneStatus()
        if link is None:
            self.try_again()
        else:
            with contextlib.suppress(ControlError):
                before = await self.ask(Status(), timeout_s=5)
            self._link, self._restarting = None, True
            self._on_event(Engine(state="restarting", reason="restarting with the new settings"))
            if isinstance(link, ControlClient):
                with contextlib.suppress(ControlError):
                    await self._in_thread(partial(link.request, Shutdown()))
            await self._in_thread(partial(_leave, link))
            self._lost.set()
        self._ready.clear()
        try:
            await asyncio.wait_for(self._ready.wait(), RESTART_S)
        except TimeoutError:
            raise ControlError("the phone did not restart; the reason is on its main screen", "no_engine") from None
        finally:
            self._restarting = False
        with contextlib.suppress(ControlError):
            # What was switched by hand stays so.
            if before.do_not_disturb:
                await self.ask(DoNotDisturb(on=True))
            if before.auto_answer:
                await self.ask(AutoAnswer(on=True))

    def try_again(self) -> None:
        """Do not wait for the next attempt to find an engine."""
        self._again.set()

    async def close(self, *, keep: bool, end: bool = False) -> None:
        """Leave. `keep`: the engine and its calls go on; `end`: also an engine that somebody else started is ended."""
        self._closing = True
        link = self._link
        if link is not None:
            with contextlib.suppress(ControlError):
                if keep:
                    await self.ask(Stay(on=True, until_idle=True), timeout_s=5)
                elif end and not self.owns_engine:
                    await self.ask(Shutdown(), timeout_s=5)
            self._link = None
            await self._in_thread(lambda: _leave(link))
        self._lost.set()
        self._again.set()

    def leave_behind(self) -> bool:
        """When the event loop has failed: the engine goes on as long as it has calls. False where it cannot be told."""
        link = self._link
        if link is None:
            return False
        self._closing = True
        try:
            link.request(Stay(on=True, until_idle=True), timeout_s=5)
        except ControlError:
            return False
        _leave(link)
        return True

    async def _pause(self, seconds: float) -> None:
        self._again.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), seconds)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        assert self._loop is not None
        return await self._loop.run_in_executor(self._threads, work)

    def _open(self) -> ControlClient | EngineSupervisor:
        """On a thread: a running engine, else one of our own. Raises ControlError."""
        path = self._socket or default_socket()
        begun, self._begun = self._begun, None
        client = self._running(path) if begun is None else None
        if client is not None:
            threading.Thread(target=self._listen, args=(client,), name="engine-events", daemon=True).start()
            client.request(SUBSCRIPTION)
            return client
        supervisor = begun or EngineSupervisor(path, config=self._config)
        supervisor.start(self._hand_over)
        supervisor.request(SUBSCRIPTION)
        return supervisor

    def _running(self, path: Path) -> ControlClient | None:
        """The engine that runs at `path`; one that somebody else starts again is waited for: it knows what was set."""
        deadline = time.monotonic() + (COMES_BACK_S if self._comes_back else 0.0)
        self._comes_back = False
        while not self._closing:
            try:
                return ControlClient(path)
            except ControlError:
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.1)
        return None

    def _listen(self, client: ControlClient) -> None:
        for event in client.events():
            self._hand_over(event)
        if not self._closing:
            self._call(lambda: self._gone(client))

    def _hand_over(self, event: AnyEvent) -> None:
        """On the reader's thread."""
        self._call(lambda: self._take(event))

    def _call(self, work: Callable[[], None]) -> None:
        assert self._loop is not None
        # The loop is closed when the program is on its way out.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(work)

    def _take(self, event: AnyEvent) -> None:
        if self._closing:
            return
        if self._restarting and isinstance(event, Engine) and event.state != "ready":
            # It ends because it was asked to: no bad news.
            event = Engine(state="restarting", reason="restarting with the new settings")
        self._on_event(event)
        self._news += not isinstance(event, CallStatistics | Levels | Phones | Voice)
        if isinstance(event, Engine) and self.owns_engine:
            if event.state == "ready":
                self._refreshing = asyncio.ensure_future(self.refresh())
            elif event.state in ("given_up", "stopped"):
                self._lost.set()

    def _gone(self, client: ControlClient) -> None:
        # What an engine left before tells is of no interest; without a link, the one that ended was just being made.
        if self._restarting or (self._link is not None and self._link is not client):
            return
        self._on_event(Engine(state="died", reason="the phone restarted"))
        self._lost.set()


def _leave(link: ControlClient | EngineSupervisor) -> None:
    if isinstance(link, EngineSupervisor):
        link.stop()
    else:
        link.close()
