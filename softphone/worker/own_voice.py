"""The user's voice as learned in calls: typed text is spoken in it while the present call has not heard enough."""

from codec.voice.embedding import Voice

ENOUGH_S = 3.0
"""Seconds of speech from which a call's estimate is worth keeping."""


class OwnVoice:
    """Kept in memory until the softphone ends, never on disk. Thread-safe: one reference is replaced by another."""

    def __init__(self) -> None:
        self._kept: tuple[Voice, float] | None = None

    @property
    def voice(self) -> Voice | None:
        """None until some call has heard enough."""
        kept = self._kept
        return None if kept is None else kept[0]

    def learn(self, heard: tuple[Voice, float] | None) -> None:
        """A call's estimate and the seconds of speech it comes from; the newest that is good enough is kept."""
        if heard is not None and heard[1] >= ENOUGH_S:
            self._kept = heard
