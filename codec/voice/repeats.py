"""Which piece of a description is sent when: each one once, then again those that the far end has not confirmed."""

FIRST_SECONDS, REPEAT_SECONDS, RARE_SECONDS = 2.0, 4.0, 8.0
"""One piece in so many seconds of speech: while a version goes out for the first time, while it is repeated, and after that, for a
listener that joins late and sends no receipts. With its byte of version and index a piece costs 40 bits."""

CYCLES = 3
"""How often all pieces of a version are sent before they become rare, if the far end sends no receipts."""


class Repeats:
    """One description. urgent: how many pieces of the first version go with the first packets, without waiting."""

    def __init__(self, urgent: int) -> None:
        self.versions = 0
        """How many versions have begun."""
        self._urgent = urgent
        self._hurry = 0
        self._count = 0
        self._sent = 0
        self._due = 0.0
        self._held: int | None = None

    def begin(self, count: int, urgent: bool = False) -> None:
        """A new version of so many pieces; what arrived of older ones does not count."""
        self._count, self._sent = count, 0
        self._hurry = self._urgent if urgent else 0
        self.versions += 1
        if self._held is not None:
            self._held = 0
        if urgent:
            self._due = 0.0

    def assume_received(self, count: int) -> None:
        """A version of so many pieces that the far end is assumed to have."""
        self.begin(count)
        self._held, self._sent = (1 << count) - 1, count

    def assume_forgotten(self) -> None:
        """Send all of them again: the far end may have none of them."""
        self._held, self._sent = None, 0

    def acknowledge(self, held: int) -> None:
        """The far end has these pieces (bit i for piece i), and sends receipts."""
        self._held = held

    def next(self, spoken_seconds: float) -> int | None:
        """Index of the piece that goes with a packet now, if any."""
        if spoken_seconds < self._due:
            return None
        index = self._missing()
        if index is None:
            return None
        self._sent += 1
        if self._sent >= self._hurry:
            cycle = self._sent // self._count
            often = cycle < CYCLES or self._held is not None
            self._due = spoken_seconds + (FIRST_SECONDS if cycle == 0 else REPEAT_SECONDS if often else RARE_SECONDS)
        return index

    def _missing(self) -> int | None:
        """The next piece in turn that the far end is not known to have."""
        if self._sent >= self._count and self._held is not None:
            places = (place % self._count for place in range(self._sent, self._sent + self._count))
            missing = next((place for place in places if not self._held >> place & 1), None)
            return missing
        return self._sent % self._count if self._count else None
