"""When a packet has to go although nothing is said: a NAT forgets a port that nothing leaves, and then nothing comes in any more.

Who only listens would never be reached: the far end learns from our packets where to send its own (symmetric RTP, RFC 4961).
"""

EACH_S = 15.0
"""RFC 6263, 4.6: the interval that it advises."""
AGAIN_S = 1.0
"""After the first packet, which may have come before the far end had taken the call."""


class KeepAlive:
    """One stream's. Time is that of the sound that came, so a test needs no clock."""

    def __init__(self) -> None:
        self._silent_s = 0.0
        self._count = 0

    def due(self) -> bool:
        """Whether one has to go now; it is taken to be sent."""
        if self._silent_s < (0.0, AGAIN_S, EACH_S)[min(self._count, 2)]:
            return False
        self._sent()
        return True

    def passed(self, seconds: float, sent: bool) -> None:
        """So much sound went by, and packets went with it, or not."""
        self._silent_s += seconds
        if sent:
            self._sent()

    def _sent(self) -> None:
        self._silent_s = 0.0
        self._count += 1
