"""A control socket whose answers a test chooses, to see which command each key sends and how its refusal is shown."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from softphone.control.protocol import AnyCommand, AnyEvent, Command, Failure, Reply, Status, reply_with
from softphone.engine.server import ControlServer
from tests.tui import recorded

Answer = msgspec.Struct | Mapping[str, Any] | str
"""A result or its fields, or the sentence of a refusal."""


class ScriptedEngine:
    """Serves `path`; commands without an answer of their own get an empty result."""

    def __init__(self, path: Path) -> None:
        self.commands: list[Command[Any]] = []
        self.answers: dict[type[Command[Any]], Answer | Callable[[Any], Answer]] = {Status: recorded.status()}
        self._came = threading.Condition()
        self._server = ControlServer(path, self._obey)
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def tell(self, *events: AnyEvent) -> None:
        for event in events:
            self._server.publish(event)

    def wait_for(self, kind: type[Command[Any]], seconds: float = 30.0) -> Any:
        """The newest command of this kind."""
        with self._came:
            assert self._came.wait_for(lambda: any(isinstance(command, kind) for command in self.commands), seconds), (
                f"no {kind.__name__} came, but {self.commands}"
            )
            return [command for command in self.commands if isinstance(command, kind)][-1]

    def _obey(self, connection: int, command: AnyCommand) -> None:
        answer = self.answers.get(type(command), {})
        if callable(answer):
            answer = answer(command)
        if isinstance(answer, str):
            reply = Reply(id=command.id, error=Failure(code="refused", message=answer))
        else:
            result = answer if isinstance(answer, msgspec.Struct) else msgspec.convert(answer, command.result_type())
            reply = reply_with(command.id, result)
        with self._came:
            self.commands.append(command)
            self._came.notify_all()
        self._server.reply(connection, reply)
