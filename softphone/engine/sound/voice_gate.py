"""Voice activation: the microphone is sent only while somebody speaks into it.

What was heard just before is sent too, so that no word loses its first sound; the delay of that is made up for in the first pause.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pjsua2 as pj

from codec.units.rates import CHUNK_MS, CHUNK_SAMPLES, SAMPLE_RATE
from softphone.engine.pjsip.guard import pjsip_callback

FLOOR_FRAMES = 4000 // CHUNK_MS
"""The noise floor is a low percentile of the levels of the last 4 s: people pause more often than that."""
FLOOR_PERCENTILE = 10
FEWEST_FRAMES = 20
UNKNOWN_FLOOR_DB, HIGHEST_FLOOR_DB = -60.0, -38.0
"""dBFS: before enough was heard, and where speech without any pause must not count as noise."""
OPENS_DB, CLOSES_DB = 9.0, 6.0
"""Above the floor: what begins speech, and what goes on being speech."""
AUDIBLE_DB = -55.0
"""Nothing quieter opens the gate."""
LOUD_OF, LOUD_FRAMES = 5, 3
"""So many of the last five frames are loud when speech begins: a click of a key is shorter."""
BEFORE_FRAMES = 240 // CHUNK_MS
"""What is sent of the time before speech was noticed; soft consonants take up to 150 ms."""
AFTER_FRAMES = 600 // CHUNK_MS
"""Silence that ends speech: words end softly, and people pause between them."""
PAUSE_FRAMES = 100 // CHUNK_MS
"""A shorter silence is part of a word, such as that before a p."""
SLACK_FRAMES = 5
"""Beside what was heard before: frames that wait because two clocks are not one."""
_SILENCE = bytes(2 * CHUNK_SAMPLES)


class SpeechDetector:
    """Frames of 20 ms in (int16, mono), whether somebody speaks out; adapts to the noise around."""

    def __init__(self) -> None:
        self.speaking = False
        self.quiet_frames = 0
        """How many frames in a row were no louder than the noise."""
        self._levels: deque[float] = deque(maxlen=FLOOR_FRAMES)
        self._loud: deque[bool] = deque(maxlen=LOUD_OF)

    @property
    def floor_db(self) -> float:
        """The noise around, dBFS."""
        if len(self._levels) < FEWEST_FRAMES:
            return UNKNOWN_FLOOR_DB
        return min(float(np.percentile(np.fromiter(self._levels, np.float32), FLOOR_PERCENTILE)), HIGHEST_FLOOR_DB)

    def hear(self, pcm: bytes) -> bool:
        """One more frame; whether somebody speaks now."""
        level, floor = level_db(pcm), self.floor_db
        self._levels.append(level)
        self._loud.append(level >= max(floor + OPENS_DB, AUDIBLE_DB))
        if level >= max(floor + CLOSES_DB, AUDIBLE_DB - OPENS_DB + CLOSES_DB):
            self.quiet_frames = 0
        else:
            self.quiet_frames += 1
        if sum(self._loud) >= LOUD_FRAMES:
            self.speaking = True
        elif self.quiet_frames > AFTER_FRAMES:
            self.speaking = False
        return self.speaking

    def forget(self) -> None:
        """Nobody speaks; the noise around is still known."""
        self.speaking = False
        self._loud.clear()


class SpeechBuffer:
    """What the microphone gives, cut to what is spoken: frames of 20 ms in, frames of speech or silence out, in the same pace."""

    def __init__(self) -> None:
        self._detector = SpeechDetector()
        self._waiting: deque[bytes] = deque()
        self.open = False

    def put(self, pcm: bytes) -> None:
        """A frame of the microphone."""
        self.open = self._detector.hear(pcm)
        self._waiting.append(pcm)
        quiet = self._detector.quiet_frames
        if not self.open:
            most = BEFORE_FRAMES
        elif quiet >= PAUSE_FRAMES and quiet >= len(self._waiting):
            # A pause, of which nobody misses a part: what comes next is less late.
            most = max(len(self._waiting) - 1, 1)
        else:
            most = BEFORE_FRAMES + SLACK_FRAMES
        while len(self._waiting) > most:
            self._waiting.popleft()

    def get(self) -> bytes:
        """The next frame to send."""
        return self._waiting.popleft() if self.open and self._waiting else _SILENCE

    def forget(self) -> None:
        """What was heard is of another time."""
        self._waiting.clear()
        self._detector.forget()
        self.open = False


class VoiceGate(pj.AudioMediaPort):  # type: ignore[misc]
    """A `SpeechBuffer` as a port of the conference bridge, between the microphone and one call. PJMEDIA calls it on its own thread.

    Raises pj.Error. Let go of it only when no clock runs any more: PJMEDIA would call a port that is gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffer = SpeechBuffer()
        self._stale = False
        sound = pj.MediaFormatAudio()
        sound.init(pj.PJMEDIA_FORMAT_PCM, SAMPLE_RATE, 1, CHUNK_MS * 1000, 16)
        self.createPort("voice activation", sound)

    @property
    def open(self) -> bool:
        """Whether the microphone is sent now."""
        return self._buffer.open and not self._stale

    def begin_again(self) -> None:
        """It was not connected for a while."""
        self._stale = True

    @pjsip_callback
    def onFrameReceived(self, frame: pj.MediaFrame) -> None:
        if self._stale:
            self._buffer.forget()
            self._stale = False
        heard = frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO and frame.size == len(_SILENCE)
        self._buffer.put(bytes(frame.buf) if heard else _SILENCE)

    @pjsip_callback
    def onFrameRequested(self, frame: pj.MediaFrame) -> None:
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = pj.ByteVector(self._buffer.get() if not self._stale else _SILENCE)


def level_db(pcm: bytes) -> float:
    """Of one frame (int16), dBFS, without its offset: cheap microphones have one."""
    sound = np.frombuffer(pcm, np.int16).astype(np.float32)
    return float(20 * np.log10(max(float(sound.std()), 1.0) / 32768))
