"""The sounds that a phone makes itself: ringing, ringback, call waiting, the notice of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import pjsua2 as pj

from codec.units.rates import SAMPLE_RATE


@dataclass(frozen=True)
class Beep:
    """One beep and the pause after it. `volume`: amplitude out of 32767."""

    hz: int
    on_ms: int
    off_ms: int
    volume: int
    hz_too: int = 0


# Cadences of ETSI TR 101 041-2 and ITU-T E.180, at 425 Hz as most of Europe has them; a ring that carries over a room.
RING = (Beep(440, 400, 200, 9000, hz_too=480), Beep(440, 400, 3000, 9000, hz_too=480))
RINGBACK = (Beep(425, 1000, 4000, 3000),)
WAITING = (Beep(425, 200, 200, 1500), Beep(425, 200, 5000, 1500))
NOTICE = (Beep(1400, 500, 100, 6000),)
"""1400 Hz is the tone that recorders warn with (47 CFR 64.501); half a second of it, once."""


class Tone(pj.ToneGenerator):  # type: ignore[misc]
    """A source of the conference bridge that beeps. Let go of it before `libDestroy()`. Raises pj.Error."""

    def __init__(self, beeps: tuple[Beep, ...], *, loop: bool) -> None:
        super().__init__()
        self.createToneGenerator(SAMPLE_RATE, 1)
        tones = pj.ToneDescVector()
        for beep in beeps:
            tone = pj.ToneDesc()
            tone.freq1, tone.freq2, tone.on_msec, tone.off_msec, tone.volume = beep.hz, beep.hz_too, beep.on_ms, beep.off_ms, beep.volume
            tones.append(tone)
        self.play(tones, loop)


class Silence(pj.ToneGenerator):  # type: ignore[misc]
    """A source of the conference bridge that says nothing. Raises pj.Error."""

    def __init__(self) -> None:
        super().__init__()
        self.createToneGenerator(SAMPLE_RATE, 1)
