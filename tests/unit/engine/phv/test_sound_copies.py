"""Sound that is sent again in later packets: what is lost of packets is heard all the same."""

import random

import numpy as np
import pytest

from codec.units.rates import CHUNK_SAMPLES
from softphone.engine.phv.sound.level import LEVELS, SoundLevel, form
from softphone.engine.phv.sound.player import SoundPlayer
from softphone.engine.phv.sound.sender import SoundSender

SECONDS = 40


class Path:
    """One direction: 20 ms of noise each time, of which some packets are lost."""

    def __init__(self, level: SoundLevel, loss: float, burst: float) -> None:
        self.level, self.player, self._sender = level, SoundPlayer(), SoundSender()
        self._rng, self._bad = random.Random(3), False
        self._leave, self._enter = 1 / burst, loss / (1 - loss) / burst
        self._noise = np.random.default_rng(4)
        self.real: list[bool] = []
        self.waiting: list[float] = []

    def go(self, seconds: float) -> None:
        for tick in range(round(50 * seconds)):
            pcm = self._noise.integers(-3000, 3000, CHUNK_SAMPLES, np.int16).tobytes()
            packet = self._sender.take(pcm, tick, self.level, 0.1)
            if packet is not None:
                copies = self._sender.copies(packet, self.level)
                self._bad = self._rng.random() < (1 - self._leave if self._bad else self._enter)
                if not self._bad:
                    for age, copied in reversed(copies):
                        self.player.put((packet[0] - age) % 256, copied)
                    self.player.put(packet[0] % 256, packet[1])
            lost = self.player.lost
            frame = self.player.take()
            self.real.append(frame is not None and frame.real and self.player.lost == lost)
            self.waiting.append(self.player.waiting_ms)


@pytest.mark.parametrize(
    ("loss", "burst", "most_lost"),
    [(0.1, 1.1, 0.03), (0.2, 1.25, 0.05), (0.3, 3.0, 0.09), (0.4, 1.7, 0.07)],
    ids=["10", "20", "bursts", "40"],
)
def test_copies_take_the_place_of_lost_packets(loss: float, burst: float, most_lost: float) -> None:
    protected = form(len(LEVELS) - 1, loss, burst)
    assert protected.copies
    path = Path(protected, loss, burst)
    path.go(SECONDS)
    settled = path.real[len(path.real) // 4 :]
    assert 1 - sum(settled) / len(settled) < most_lost
    plain = Path(SoundLevel(protected.bit_rate, protected.packet_ms), loss, burst)
    plain.go(SECONDS)
    settled = plain.real[len(plain.real) // 4 :]
    assert 1 - sum(settled) / len(settled) > 2 * most_lost
    assert max(path.waiting) < 700


def test_without_loss_copies_are_not_heard_twice() -> None:
    path = Path(SoundLevel(8000, 40, 3, 2), 1e-9, 1.0)
    path.go(10)
    assert path.player.packets == 250 and path.player.lost == 0
    assert sum(path.real) > 495
    assert max(path.waiting) <= 80
