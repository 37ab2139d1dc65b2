"""How far the encoder of a call rests while its sound goes as sound: where nobody speaks, and where the voice is known well enough."""

from codec.recognise.rest import Rest

FIRST_SPEECH_S = 20.0
"""Of speech that is described before the first rest: by then the far end knows the voice, and the training has had its first turns."""
AGAIN_AFTER_S, AGAIN_SPEECH_S = 60.0, 5.0
"""After so much sound that was not heard, so much speech is: the voice is learned more and more finely."""


class RestPlan:
    """learns: whether the voice is described at all."""

    def __init__(self, learns: bool) -> None:
        self.calm = False
        """Whether the engine permits rest."""
        self._wanted_s = FIRST_SPEECH_S if learns else 0.0
        self._learns = learns
        self._rested_s = 0.0

    def heard(self, seconds: float, resting: bool, spoken_s: float) -> Rest:
        """After so much more sound: how far to rest now. resting: whether it was not heard; spoken_s: speech described so far."""
        if not self.calm:
            return Rest.NEVER
        if spoken_s < self._wanted_s:
            return Rest.IN_SILENCE
        self._rested_s += seconds if resting else 0.0
        if self._learns and self._rested_s > AGAIN_AFTER_S:
            self._rested_s, self._wanted_s = 0.0, spoken_s + AGAIN_SPEECH_S
            return Rest.IN_SILENCE
        return Rest.ALWAYS
