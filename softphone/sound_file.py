"""Sound files of people, made into what the engine plays: 16 kHz, mono, 16 bit."""

import math
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softphone.errors import SoftphoneError

SAMPLE_RATE = 16000
_LONGEST_SECONDS = 3600
_CLIPPED_AT = 32767


class SoundFileError(SoftphoneError):
    """A sound file cannot be read or written."""


def read(path: Path) -> NDArray[np.int16]:
    """Any file that libsndfile reads (WAV, FLAC, Ogg, ...), any rate and channel count, as int16 mono PCM at 16 kHz.

    Raises:
        SoundFileError: unreadable, not a sound file, empty, or longer than an hour.
    """
    import soundfile  # noqa: PLC0415 - these two are slow to import, and most commands need no file
    from scipy.signal import resample_poly  # noqa: PLC0415

    try:
        with path.open("rb") as stream, soundfile.SoundFile(stream) as file:
            if not 0 < file.frames <= _LONGEST_SECONDS * file.samplerate:
                raise SoundFileError(
                    f"{path} holds {file.frames / file.samplerate:.0f} s of sound; give a file of at most an hour that is not empty"
                )
            rate, sound = file.samplerate, file.read(dtype="float32", always_2d=True).mean(axis=1)
    except OSError as error:
        raise SoundFileError(f"cannot read {path} ({error.strerror or error})") from None
    except soundfile.LibsndfileError as error:
        raise SoundFileError(
            f"{path} is no sound file that can be read ({error.error_string.rstrip('.')}); give WAV, FLAC or Ogg"
        ) from None
    if not np.isfinite(sound).all():
        raise SoundFileError(f"{path} holds values that are no numbers; write it anew with 16-bit samples")
    if rate != SAMPLE_RATE:
        common = math.gcd(rate, SAMPLE_RATE)
        sound = resample_poly(sound, SAMPLE_RATE // common, rate // common)
    return np.asarray(np.clip(np.rint(sound * 32768), -_CLIPPED_AT, _CLIPPED_AT), dtype=np.int16)


def write_wav(path: Path, pcm: NDArray[np.int16]) -> None:
    """int16 mono PCM at 16 kHz as a WAV file. Raises SoundFileError."""
    import soundfile  # noqa: PLC0415

    try:
        with path.open("wb") as stream:
            soundfile.write(stream, pcm, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    except OSError as error:
        raise SoundFileError(f"cannot write {path} ({error.strerror or error})") from None


def playable(path: Path, folder: Path) -> Path:
    """A WAV file in `folder` with the sound of `path`, as the engine wants it. Raises SoundFileError."""
    handle, name = tempfile.mkstemp(dir=folder, suffix=".wav")
    with open(handle, "wb"):
        pass
    write_wav(Path(name), read(path))
    return Path(name)
