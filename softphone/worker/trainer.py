"""The training process beside the codec worker: `python -m softphone.worker.trainer --fd N`, started by `trainer_client`.

A process of its own, of the lowest priority (`trainer_client` sees to that, before torch is loaded): a thread in the worker would hold
the interpreter when a packet is due. It never uses more than its share of a core, sleeps when there is nothing to train, and ends with
the worker.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from multiprocessing.connection import Connection

import torch

from codec.learning.trainer import ListenerNetworks, VoiceTrainer
from softphone.worker.trainer_messages import TO_TRAINER, Forget, Pipe, Train, TrainingProgress, TrainingResult

SHARE = 0.25
"""Of a core."""
MAX_STREAMS = 8


class Trainer:
    """Serves one worker over a pipe."""

    def __init__(self, pipe: Pipe[Train | Forget]) -> None:
        self._pipe = pipe
        self._streams: dict[int, VoiceTrainer] = {}
        self._spent: dict[int, float] = {}

    def run(self) -> None:
        """Until the worker ends. Raises ModelError."""
        torch.set_num_threads(1)
        networks = ListenerNetworks.load()
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._take(networks, wait=not any(each.wants_work for each in self._streams.values()))
                for stream, trainer in list(self._streams.items()):
                    if trainer.wants_work:
                        self._work(stream, trainer)

    def _take(self, networks: ListenerNetworks, wait: bool) -> None:
        while self._pipe.waits(None if wait else 0):
            wait = False
            match self._pipe.receive():
                case Forget(stream):
                    self._streams.pop(stream, None)
                    self._spent.pop(stream, None)
                case Train(stream) as message if stream in self._streams or len(self._streams) < MAX_STREAMS:
                    self._streams.setdefault(stream, VoiceTrainer(networks)).take(message.batch())
                case Train():
                    pass

    def _work(self, stream: int, trainer: VoiceTrainer) -> None:
        began = time.process_time()
        update = trainer.work()
        took = time.process_time() - began
        self._spent[stream] = self._spent.get(stream, 0.0) + took
        self._pipe.send(TrainingProgress(stream, trainer.steps, self._spent[stream]))
        if update is not None:
            self._pipe.send(TrainingResult.of(stream, update))
        time.sleep(took * (1 / SHARE - 1))


def main(arguments: list[str] | None = None) -> int:
    """Serve until the other end of the pipe is closed."""
    parser = argparse.ArgumentParser(prog="python -m softphone.worker.trainer", description="Training process of a codec worker.")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the pipe to the worker, which starts it")
    options = parser.parse_args(arguments)
    # Ctrl-C in a terminal goes to the whole group; this process ends with the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Trainer(Pipe(Connection(options.fd), TO_TRAINER)).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
