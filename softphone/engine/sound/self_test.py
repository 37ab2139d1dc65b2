"""Trying the sound devices without a call: hear the own level, record a few seconds, play them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pjsua2 as pj

from codec.units.rates import SAMPLE_RATE
from softphone.engine.sip.status_text import plain
from softphone.engine.sound.devices import Sound
from softphone.engine.sound.wav import Player, Recorder, wait_complete
from softphone.errors import SoftphoneError

RECORD_S = 5.0
LISTEN_S = 60.0
"""A forgotten test stops after this, so that no microphone stays open."""
Action = Literal["listen", "record", "play", "stop"]


class SoundTestError(SoftphoneError):
    """The test cannot be made; one sentence."""


class SoundTest:
    """One test at a time. Main thread only; `tick` often; `close` before `libDestroy()`."""

    def __init__(self, sound: Sound, defer: Callable[[Callable[[], None]], None]) -> None:
        self.running = False
        """Levels of microphone and loudspeaker are worth telling."""
        self._sound = sound
        self._defer = defer
        self._sink: pj.AudioMediaPort | None = None
        self._recorder: Recorder | None = None
        self._player: Player | None = None
        self._until = 0.0
        self._folder: Path | None = None

    def perform(self, action: Action) -> None:
        """Begin or end. Raises SoundTestError."""
        self.stop()
        if action == "stop":
            return
        try:
            if action == "play":
                self._play()
            else:
                self._listen(record=action == "record")
        except pj.Error as error:
            self.stop()
            raise SoundTestError(
                f"the sound devices cannot be opened ({plain(error.reason)}); choose another one, or run: softphone doctor"
            ) from None
        self.running = True

    def tick(self, calls: bool) -> None:
        """Ends what has lasted long enough, and everything when there are `calls`."""
        if self.running and (calls or time.monotonic() > self._until):
            self.stop()

    def stop(self) -> None:
        """End what runs; what was recorded is kept for `play`."""
        self.running = False
        recorder, self._recorder, self._sink, self._player = self._recorder, None, None, None
        if recorder is not None:
            path = recorder.path
            del recorder
            wait_complete(path)

    def close(self) -> None:
        """End it and forget what was recorded."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _listen(self, record: bool) -> None:
        microphone = self._sound.microphone_port()
        if microphone is None:
            raise SoundTestError(self._sound.note or "there is no microphone; choose one")
        if record:
            self._recorder = Recorder(str(self._file()))
            microphone.startTransmit(self._recorder)
        else:
            self._sink = pj.AudioMediaPort()
            sound = pj.MediaFormatAudio()
            sound.init(pj.PJMEDIA_FORMAT_PCM, SAMPLE_RATE, 1, 20000, 16)
            self._sink.createPort("sound test", sound)
            microphone.startTransmit(self._sink)
        self._until = time.monotonic() + (RECORD_S if record else LISTEN_S)

    def _play(self) -> None:
        if not self._sound.loudspeaker:
            raise SoundTestError(self._sound.note or "there is no loudspeaker; choose one")
        if self._folder is None:
            raise SoundTestError("nothing was recorded yet; record first")
        loudspeaker = self._sound.loudspeaker_port()
        assert loudspeaker is not None
        self._player = Player(str(self._file()), lambda: self._defer(self._played))
        self._player.startTransmit(loudspeaker)
        self._until = time.monotonic() + RECORD_S + 1

    def _played(self) -> None:
        if self._player is not None:
            self.stop()

    def _file(self) -> Path:
        # The own voice: readable by the user alone, and gone with the engine.
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="softphone-sound-test-"))
        return self._folder / "test.wav"
