"""Sound files of people, made into what the engine plays: 16 kHz, mono, 16 bit."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.errors import AudioFileError
from softphone.errors import SoftphoneError


class SoundFileError(SoftphoneError):
    """A sound file cannot be read or written."""


def read(path: Path) -> NDArray[np.int16]:
    """Any file that libsndfile reads (WAV, FLAC, Ogg, ...), any rate and channel count, as int16 mono PCM at 16 kHz.

    Raises:
        SoundFileError: unreadable, not a sound file, too long, or empty.
    """
    from codec.units import audio_file  # noqa: PLC0415 - brings scipy, and most commands need no file

    try:
        pcm = audio_file.read(path)
    except AudioFileError as error:
        raise SoundFileError(str(error)) from None
    if not pcm.size:
        raise SoundFileError(f"{path} is empty; give a file with sound in it")
    return pcm


def write_wav(path: Path, pcm: NDArray[np.int16]) -> None:
    """int16 mono PCM at 16 kHz as a WAV file; the name ends in .wav. Raises SoundFileError."""
    from codec.units import audio_file  # noqa: PLC0415

    try:
        audio_file.write(path, pcm)
    except AudioFileError as error:
        raise SoundFileError(str(error)) from None


def playable(path: Path, folder: Path) -> Path:
    """A new WAV file in `folder` with the sound of `path`, as the engine wants it. Raises SoundFileError."""
    pcm = read(path)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".wav", delete=False) as file:
        target = Path(file.name)
    write_wav(target, pcm)
    return target
