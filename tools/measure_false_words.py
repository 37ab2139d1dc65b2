"""Counts what is said where nobody speaks: `python -m tools.measure_false_words --noise DIR --minutes 10`.

Noise, one clip after the other as a microphone would hear it, and digital silence go through the encoder that waits for words. Counted are
words of the word recogniser that went out as words, and the seconds of speech that were sent at all.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from codec.encoder import STEP_SAMPLES, Encoder
from codec.models import Models
from codec.recognise.second_pass import WordService
from codec.units import audio_file
from codec.units.errors import AudioFileError
from codec.units.rates import SAMPLE_RATE
from codec.wire.settings import EncoderSettings


def clips(folder: Path) -> Iterator[NDArray[np.int16]]:
    """One of each kind (folder) in turn, endless; files that cannot be read are passed over."""
    kinds = [sorted(path for path in kind.iterdir() if path.is_file()) for kind in sorted(folder.iterdir()) if kind.is_dir()]
    kinds = kinds or [sorted(folder.rglob("*.*"))]
    for path in itertools.chain.from_iterable(itertools.zip_longest(*kinds)):
        if path is None:
            continue
        try:
            yield audio_file.read(path)
        except (AudioFileError, soundfile.LibsndfileError):
            continue


def measure(models: Models, sounds: Iterator[NDArray[np.int16]], minutes: float) -> str:
    """A line of figures."""
    encoder = Encoder(models, EncoderSettings(wait=True, comfort_noise=False))
    left = int(minutes * 60 * SAMPLE_RATE)
    heard = 0
    for sound in sounds:
        for at in range(0, min(len(sound), left) // STEP_SAMPLES * STEP_SAMPLES, STEP_SAMPLES):
            encoder.encode(sound[at : at + STEP_SAMPLES])
        heard += len(sound)
        left -= len(sound)
        if left <= 0:
            break
    counted = encoder.words
    spoken, length = encoder.spoken_ms / 1000, heard / SAMPLE_RATE / 60
    return (
        f"{length:.1f} minutes: {counted.get('words', 0) / length:.2f} words a minute said, {counted.get('words_rejected', 0)} words "
        f"rejected, {counted.get('loops', 0)} loops, {spoken / length:.1f} s of speech sent a minute"
    )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=Path, required=True, help="folder of recordings without speech")
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models = Models.load()
    models.recogniser.words = WordService.load()
    with torch.inference_mode():
        print("silence", measure(models, itertools.repeat(np.zeros(SAMPLE_RATE, np.int16)), arguments.minutes), flush=True)
        print(arguments.noise.name, measure(models, clips(arguments.noise), arguments.minutes), flush=True)


if __name__ == "__main__":
    main()
