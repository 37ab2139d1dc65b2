"""WAV files as ports of the conference bridge."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable
from pathlib import Path

import pjsua2 as pj

from softphone.engine.pjsip.guard import pjsip_callback
from softphone.errors import SoftphoneError

WAV_HEADER_BYTES = 44


class WavError(SoftphoneError):
    """The file cannot be played or written; one sentence."""


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    """Plays a 16-bit mono WAV file once; `ended` is called on the main thread at its end."""

    def __init__(self, path: str, ended: Callable[[], None]) -> None:
        check_playable(path)
        super().__init__()
        self.path = path
        self._ended = ended
        try:
            self.createPlayer(path, pj.PJMEDIA_FILE_NO_LOOP)
        except pj.Error as error:
            raise WavError(f"{path} cannot be played ({error.reason}); give a 16-bit mono WAV file") from None

    @pjsip_callback
    def onEof2(self) -> None:
        self._ended()


class Recorder(pj.AudioMediaRecorder):  # type: ignore[misc]
    """Writes a 16-bit mono 16 kHz WAV file; its header is right only once the object is gone."""

    def __init__(self, path: str) -> None:
        check_writable(path)
        super().__init__()
        self.path = path
        try:
            self.createRecorder(path)
        except pj.Error as error:
            raise WavError(f"{path} cannot be written ({error.reason}); choose another place") from None


def check_playable(path: str) -> None:
    """Raises WavError unless `path` is a WAV file that PJMEDIA reads: 16-bit linear PCM, mono, at least 20 ms."""
    try:
        with wave.open(path, "rb") as file:
            channels, width, rate, frames = file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()
    except OSError as error:
        raise WavError(f"{path} cannot be read ({error.strerror or error})") from None
    except (wave.Error, EOFError) as error:
        raise WavError(f"{path} is no WAV file of linear PCM ({error or 'it ends too early'}); convert it to 16 kHz mono WAV") from None
    if channels != 1 or width != 2:
        raise WavError(f"{path} has {channels} channels of {8 * width} bits; convert it to 16-bit mono WAV")
    if frames * 50 < rate:
        raise WavError(f"{path} is shorter than 20 ms; there is nothing to play")


def wait_complete(path: str, limit_s: float = 0.5) -> bool:
    """Wait until the header of a recording states its length; False when it does not within `limit_s`."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            with wave.open(path, "rb") as file:
                if file.getnframes() or Path(path).stat().st_size <= WAV_HEADER_BYTES:
                    return True
        except (OSError, wave.Error, EOFError):
            pass
        time.sleep(0.005)
    return False


def check_writable(path: str) -> None:
    """Raises WavError unless a WAV file can be made at `path`."""
    target = Path(path)
    if target.suffix.lower() != ".wav":
        raise WavError(f"the name of {path} does not end in .wav, which is the only format written")
    try:
        with target.open("ab"):
            pass
    except OSError as error:
        raise WavError(f"{path} cannot be written ({error.strerror or error}); choose another place") from None
