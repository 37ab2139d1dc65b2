"""Sound files in the format of the codec: 16 kHz, mono, int16."""

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from codec.units import wav_file
from codec.units.errors import AudioFileError
from codec.units.rates import MAX_FILE_RATE, MIN_FILE_RATE, SAMPLE_RATE

MAX_SECONDS = 4 * 3600
_KAISER_BETA = 8.0
"""Stop band below -80 dB."""


def read(path: Path) -> NDArray[np.int16]:
    """Any rate and channel count that libsndfile reads -> (samples,) int16 at 16 kHz, channels averaged. Raises AudioFileError."""
    if not path.is_file():
        raise AudioFileError(f"{path} is not a file: check its name.")
    try:
        rewritten = wav_file.opened(path)
        with soundfile.SoundFile(path if rewritten is None else rewritten) as file:
            rate, frames = file.samplerate, file.frames
            if not MIN_FILE_RATE <= rate <= MAX_FILE_RATE:
                raise AudioFileError(
                    f"{path} has {rate} samples a second: convert it to something between {MIN_FILE_RATE} and {MAX_FILE_RATE}."
                )
            if frames > MAX_SECONDS * rate:
                raise AudioFileError(f"{path} is longer than {MAX_SECONDS // 3600} hours: split it.")
            # Some formats, such as GSM 06.10 in WAV, cannot be read to "the end".
            sound = file.read(frames, dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError) as error:
        raise AudioFileError(f"{path} is not a sound file that can be read ({error}): convert it to WAV or FLAC.") from None
    return to_pcm(resample(np.nan_to_num(sound), rate))


def resample(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """sound (samples,) at `rate` Hz -> the same at 16 kHz, by polyphase filtering."""
    if rate == SAMPLE_RATE or len(sound) == 0:
        return sound
    common = gcd(rate, SAMPLE_RATE)
    return np.asarray(resample_poly(sound, SAMPLE_RATE // common, rate // common, window=("kaiser", _KAISER_BETA)), dtype=np.float32)


def to_pcm(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Full scale 1 -> int16, clipped."""
    return np.asarray(np.clip(np.round(np.clip(sound, -1, 1) * 32768), -32768, 32767), dtype=np.int16)


def write(path: Path, pcm: NDArray[np.int16]) -> None:
    """pcm (samples,) int16 at 16 kHz into a file whose format the suffix names (WAV, FLAC, OGG ...). Raises AudioFileError."""
    try:
        soundfile.write(path, pcm, SAMPLE_RATE)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise AudioFileError(f"{path} cannot be written ({error}): choose another place, and a name that ends in .wav or .flac.") from None
