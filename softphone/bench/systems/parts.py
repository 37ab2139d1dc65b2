"""Our codec with some of its parts made perfect: what remains of the word errors is the others'."""

import itertools

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import SILENCE
from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems import analysis
from softphone.bench.systems.fingerprint import fingerprint
from softphone.bench.systems.own_models import own_models
from softphone.bench.systems.system import Passed
from softphone.errors import SoftphoneError


class PartsError(SoftphoneError):
    """The truth is not known."""


class Spoken:
    """Phones of the recogniser or of the alignment, spoken by the synthesiser in the recording's own voice, nothing sent."""

    hold_ms = None

    def __init__(self, true_phones: bool, wire: bool, live: bool = False, wait: bool = False) -> None:
        """live: the recogniser decides as early as in a call; wait: which waits for words."""
        self._true_phones, self._wire, self._live, self._wait = true_phones, wire, live, wait
        self._models = own_models(words=wait)
        self.fingerprint = f"{fingerprint()} {true_phones} {wire} {live} {wait}"

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        """Raises PartsError where true phones are asked for and the recording has none."""
        spans = self._truth(recording, len(pcm)) if self._true_phones else analysis.spans_heard(pcm, self._models, self._live, self._wait)
        phones = tuple(phone for phone, _ in itertools.groupby(span[0] for span in spans) if phone != SILENCE)
        return Passed(analysis.speak(spans, pcm, self._models, self._wire), phones=phones)

    def _truth(self, recording: Recording, samples: int) -> list[analysis.Span]:
        if recording.phones is None:
            raise PartsError(f"the phones of {recording.name} are not known; give them in the list, or leave the recording out")
        try:
            return analysis.spans_aligned(recording.phones, samples // 160)
        except KeyError as error:
            raise PartsError(f"{recording.name} has a phone {error} that is not ARPAbet; correct the list") from None


class Sent:
    """What is sent in a call, each token spoken at its own time in the recording's own voice."""

    hold_ms = None

    def __init__(self) -> None:
        self._models = own_models()
        self.fingerprint = fingerprint()

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        sent, sound = analysis.speak_sent(pcm, self._models)
        phones = tuple(phone for phone, _ in itertools.groupby(sent) if phone != SILENCE)
        return Passed(sound, phones=phones)


class CopySynthesis:
    """The recording's own spectrum and pitch through the vocoder."""

    hold_ms = None

    def __init__(self) -> None:
        self._models = own_models()
        self.fingerprint = fingerprint()

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        return Passed(analysis.copy_synthesis(pcm, self._models))
