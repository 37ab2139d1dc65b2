"""The modified rhyme test without listeners: ABC-MRT16 (Voran, ICASSP 2017; NTIA, 2016) on NIST's recordings of the test's words.

A talker says "Please select the word ..." and one of six words that differ in their first or last consonant (ANSI S3.2). The instrument
knows how each of these recordings sounds in each of 21 bands, takes the 16 bands that resemble any of the six words most, and says in which
share of them it is the right word. The recordings that it compares with are the talker's own: what is timed or coloured otherwise loses.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from codec.models import use_one_thread
from codec.units.rates import SAMPLE_RATE
from softphone.errors import SoftphoneError

HOW_TO_GET = (
    "install both packages with: make rhyme-setup "
    "(or: pip install 'softphone[rhyme]', then pip install --no-deps mcvqoe-intelligibility==1.1.3)"
)
TALKERS = 4
MOST_WORDS = 300
"""Of a talker."""
_RATE = 48000


class RhymeTestError(SoftphoneError):
    """The instrument or its recordings are not installed, or cannot be read."""


@dataclass(frozen=True)
class Word:
    """One recording of the test; `number` is how ABC-MRT16 calls it, 1 to 1200; `name` holds talker, batch and word."""

    number: int
    name: str
    talker: str
    file: Path


class RhymeTest:
    """Holds a gigabyte. Raises RhymeTestError."""

    def __init__(self) -> None:
        self._folder = _recordings()
        try:
            import abcmrt  # noqa: PLC0415 - an optional extra, and slow to import
        except ImportError as error:
            raise RhymeTestError(f"the package abcmrt16 is missing, or one that it needs ({error}); {HOW_TO_GET}") from None
        self._abcmrt: Any = abcmrt
        use_one_thread()
        try:
            abcmrt.load_templates()
        except Exception as error:  # scipy raises types of its own
            raise RhymeTestError(f"the templates of the package abcmrt16 cannot be read ({error}); install it again") from None

    def words(self, per_talker: int) -> list[Word]:
        """So many words of each of the four talkers, those whose mean ABC-MRT16's authors found to be nearest to that of all 1200.

        Raises RhymeTestError where a recording is missing, or there are not so many.
        """
        if not 1 <= per_talker <= MOST_WORDS:
            raise RhymeTestError(f"the rhyme test has 1 to {MOST_WORDS} words a talker, not {per_talker}")
        return [self._word(number) for number in self._abcmrt.file_order()[: TALKERS * per_talker]]

    def _word(self, number: int) -> Word:
        name = Path(self._abcmrt.number2file(number)).stem
        file = self._folder / f"{name}_orig.wav"
        if not file.is_file():
            raise RhymeTestError(f"the recording {file} is missing; install mcvqoe-intelligibility 1.1.3 again")
        return Word(number, name, name.split("_")[0], file)

    def score(self, heard: NDArray[np.int16], word: Word) -> float:
        """How surely `word` is told from its five rivals in heard (samples,) int16 at 16 kHz, however late: 0 to 1, guessing 1/6; 0 where
        nobody speaks."""
        wave = resample_poly(heard.astype(np.float64) / 32768, _RATE // SAMPLE_RATE, 1)
        with np.errstate(divide="ignore", invalid="ignore"):  # digital silence resembles nothing
            _, scores = self._abcmrt.process(wave, word.number)
        return float(scores[0])

    def intelligibility(self, scores: Sequence[float]) -> float:
        """Mean of such scores, corrected for guessing: 1 is every word, 0 is no better than chance."""
        return float(self._abcmrt.guess_correction(np.mean(scores)))


def _recordings() -> Path:
    """NIST's package is only looked into: its code would load what measures radios."""
    try:
        spec = importlib.util.find_spec("mcvqoe.intelligibility")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise RhymeTestError(f"the package mcvqoe-intelligibility, which holds the recordings, is missing; {HOW_TO_GET}")
    return Path(spec.origin).parent / "audio_clips"
