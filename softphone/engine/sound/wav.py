"""WAV files as ports of the conference bridge."""

from __future__ import annotations

import shutil
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pjsua2 as pj

from codec.units import wav_file
from codec.units.rates import MAX_FILE_RATE, MIN_FILE_RATE
from softphone.engine.pjsip.guard import pjsip_callback
from softphone.engine.sip.status_text import plain
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
            with _as_pjmedia_reads_it(path) as readable:
                self.createPlayer(readable, pj.PJMEDIA_FILE_NO_LOOP)
        except pj.Error as error:
            raise WavError(f"{path} cannot be played ({plain(error.reason)}); give a 16-bit mono WAV file") from None
        except OSError as error:
            raise WavError(f"{path} cannot be played ({error.strerror or error})") from None

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
            raise WavError(f"{path} cannot be written ({plain(error.reason)}); choose another place") from None


def check_playable(path: str) -> None:
    """Raises WavError unless `path` is a WAV file that PJMEDIA reads: 16-bit linear PCM, mono, at least 20 ms."""
    try:
        if not Path(path).is_file():
            raise WavError(f"{path} is not a file; check its name")
        with open(path, "rb") as file:
            head = wav_file.read_head(file)
    except (OSError, ValueError) as error:
        raise WavError(f"{path} cannot be read ({getattr(error, 'strerror', '') or error})") from None
    if head is None or head.format != wav_file.PCM:
        raise WavError(f"{path} is no WAV file of linear PCM; convert it to 16 kHz mono WAV")
    if head.channels != 1 or head.bits != 16:
        raise WavError(f"{path} has {head.channels} channels of {head.bits} bits; convert it to 16-bit mono WAV")
    if not MIN_FILE_RATE <= head.rate <= MAX_FILE_RATE:
        # At a few samples a second a frame of PJMEDIA has none.
        raise WavError(f"{path} has {head.rate} samples a second; convert it to 16 kHz mono WAV")
    if head.frames * 50 < head.rate:
        raise WavError(f"{path} is shorter than 20 ms; there is nothing to play")


@contextmanager
def _as_pjmedia_reads_it(path: str) -> Iterator[str]:
    """PJMEDIA believes each size in the head, and knows no extensible format: what it would not read is copied, for as long as it takes
    to open the copy. Raises OSError."""
    with open(path, "rb") as file:
        head = wav_file.read_head(file)
        if head is None or head.simple:
            yield path
            return
        with tempfile.NamedTemporaryFile(prefix="softphone-", suffix=".wav") as copy:
            shutil.copyfileobj(wav_file.RewrittenWav(file, head), copy, 1 << 20)
            copy.flush()
            yield copy.name


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
