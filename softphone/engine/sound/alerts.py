"""What the user hears of calls that are not up yet: ringing, ringback, call waiting. Only where there is a loudspeaker."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

import pjsua2 as pj

from softphone.engine.calls.call import PhoneCall
from softphone.engine.sound.devices import Sound
from softphone.engine.sound.tones import RING, RINGBACK, WAITING, Beep, Tone

LOOK_S = 0.1
log = logging.getLogger(__name__)


class Alerts:
    """One tone at a time. `close` before `libDestroy()`."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._beeps: tuple[Beep, ...] = ()
        self._tone: Tone | None = None
        self._next_look = 0.0
        self._on_ringer = False

    def update(self, calls: Mapping[int, PhoneCall]) -> None:
        """Begin or end what is to be heard now. To be called often."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        beeps = self._wanted(calls) if self._sound.loudspeaker or self._sound.ringer else ()
        if beeps != self._beeps or (self._on_ringer and not self._sound.ringer_is_open):
            self.close()
            self._beeps = beeps
            if beeps:
                self._play(beeps)

    def close(self) -> None:
        """Nothing is to be heard."""
        self._tone, self._on_ringer = None, False
        self._sound.close_ringer()

    def _play(self, beeps: tuple[Beep, ...]) -> None:
        try:
            port = self._sound.ringer_port() if beeps is RING else self._sound.loudspeaker_port() if self._sound.loudspeaker else None
            self._on_ringer = self._sound.ringer_is_open
            if port is not None:
                self._tone = Tone(beeps, loop=True)
                self._tone.startTransmit(port)
        except pj.Error as error:
            # A phone that does not ring still takes the call.
            log.warning("no tone: %s", error.reason)

    def _wanted(self, calls: Mapping[int, PhoneCall]) -> tuple[Beep, ...]:
        up = [call for call in calls.values() if not call.over]
        ringing = [call for call in up if call.direction == "incoming" and call.state in ("incoming", "early")]
        if ringing:
            return WAITING if any(call.waiting for call in ringing) else RING
        # RFC 3960, 3.2: ringback where the other phone rings, until sound comes from there.
        rung = [call for call in up if call.state == "early" and call.rang and not call.held]
        return RINGBACK if any(not call.media.hears(call) for call in rung) else ()
