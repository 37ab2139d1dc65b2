"""A scripted engine in whose one call both ends talk: what a real call on our codec tells, at its real pace, without a codec."""

import math
import random
import threading
import time
from pathlib import Path
from typing import Literal

import msgspec

from softphone.control.protocol import CallStatistics, Direction, Levels, Phone, Phones, Status, Voice
from tests.tui import recorded
from tests.tui.scripted_engine import ScriptedEngine

LEVELS_PER_S = 5
PHONES_PER_S = 12
_LABELS = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY K L M N NG OW P R S SH T TH UH UW V W Y Z SIL".split()


class TalkingEngine(ScriptedEngine):
    """Its call 1 with Bob goes on until `stop`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        began = time.monotonic()
        state = msgspec.structs.replace(recorded.call_state(1, "confirmed", code=200), monotonic=began)
        media = msgspec.structs.replace(recorded.media(1), monotonic=began)
        self.answers[Status] = recorded.status(calls=[state], media=[media])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        super().stop()

    def _talk(self) -> None:
        chance, began, turn, sent, lost = random.Random(3), time.monotonic(), 0, 0, 0
        while not self._over.wait(max(began + turn / LEVELS_PER_S - time.monotonic(), 0)):
            now = time.monotonic()
            self.tell(Levels(monotonic=now, call=1, tx=chance.uniform(-45, -8), rx=chance.uniform(-45, -8)))
            count = PHONES_PER_S // LEVELS_PER_S + (turn % LEVELS_PER_S < PHONES_PER_S % LEVELS_PER_S)
            said = [Phone(label=chance.choice(_LABELS), duration_ms=80, state="sent") for _ in range(count)]
            heard = [Phone(label=chance.choice(_LABELS), duration_ms=80, state=_state(chance)) for _ in range(count)]
            self.tell(Phones(monotonic=now, call=1, tx=said, rx=heard))
            if turn % LEVELS_PER_S == 0:
                sent, lost = sent + 6, lost + (chance.random() < 0.1)
                tx, rx = (_direction(chance, turn, sent, lost) for _ in range(2))
                self.tell(
                    CallStatistics(
                        monotonic=now, call=1, codec="x-phv", seconds=now - began, tx=tx, rx=rx, rtt_ms=84 + chance.uniform(-6, 6)
                    )
                )
            if turn % (10 * LEVELS_PER_S) == 0:
                self.tell(Voice(monotonic=now, call=1, tx_bytes=38 + turn, tx_similarity=0.86, rx_bytes=24 + turn))
            turn += 1


def _direction(chance: random.Random, turn: int, sent: int, lost: int) -> Direction:
    payload, headers = 1100 + chance.uniform(-200, 200), 3000 + chance.uniform(-300, 300)
    jitter = 8 + 6 * math.sin(turn / 9) + chance.random()
    percent = 100 * lost / sent
    return Direction(packets=sent, bytes=sent * 70, payload_bps=payload, ip_bps=headers, lost=lost, loss_percent=percent, jitter_ms=jitter)


def _state(chance: random.Random) -> Literal["received", "recovered", "lost"]:
    states: tuple[Literal["received"], Literal["recovered"], Literal["lost"]] = ("received", "recovered", "lost")
    return chance.choices(states, (90, 7, 3))[0]
