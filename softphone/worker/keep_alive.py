"""When a packet is sent in silence: a NAT closes the binding of a port that sends nothing, and then nothing gets in any more.

It also serves calls in which one side only listens: the far end learns from our packets where to send its own (symmetric RTP, RFC 4961).
"""

EACH_S = 15.0
"""The interval that RFC 6263, 4.6 recommends."""
AGAIN_S = 1.0
"""After the first packet, which may arrive before the remote party has answered."""


class KeepAlive:
    """One stream. Time is counted in sound, so a test needs no clock."""

    def __init__(self) -> None:
        self._silent_s = 0.0
        self._count = 0

    def due(self) -> bool:
        """Whether a keep-alive is due; it is then assumed to be sent."""
        if self._silent_s < (0.0, AGAIN_S, EACH_S)[min(self._count, 2)]:
            return False
        self._sent()
        return True

    def passed(self, seconds: float, sent: bool) -> None:
        """So much sound was processed; sent: whether packets left with it."""
        self._silent_s += seconds
        if sent:
            self._sent()

    def _sent(self) -> None:
        self._silent_s = 0.0
        self._count += 1
