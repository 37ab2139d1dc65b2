"""Phones of one direction until the speaker pauses, then their words."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache

from codec.recognise.word_lookup import WordLookup
from codec.units.errors import ModelError
from codec.units.phones import SILENCE

PAUSE_TICKS = 12
"""Silence of 240 ms ends a stretch of speech,"""
STILL_LOOKS = 4
"""and so does as many looks, a quarter of a second apart, at which nothing new was there,"""
MOST_PHONES = 120
"""and so many phones: some ten seconds."""
MOST_CHARACTERS = 600
log = logging.getLogger(__name__)


class Utterance:
    """Call `push` a few times a second."""

    def __init__(self) -> None:
        self._phones: list[int] = []
        self._still = 0

    def push(self, phones: Iterable[tuple[int, int]]) -> str:
        """phones: index and ticks of 20 ms each of what is new -> the words of what is over, "" for none."""
        over: list[str] = []
        came = False
        for phone, ticks in phones:
            came = True
            if phone != SILENCE:
                self._phones.append(phone)
            if (phone == SILENCE and ticks >= PAUSE_TICKS) or len(self._phones) >= MOST_PHONES:
                over.append(self._end())
        self._still = 0 if came else self._still + 1
        if self._still >= STILL_LOOKS:
            over.append(self._end())
        return " ".join(filter(None, over))[:MOST_CHARACTERS]

    def _end(self) -> str:
        phones, self._phones = self._phones, []
        lookup = _lookup()
        return lookup(phones) if phones and lookup is not None else ""


@cache
def _lookup() -> WordLookup | None:
    try:
        return WordLookup.load()
    except ModelError as error:
        log.warning("no transcripts: %s", error)
        return None
