"""A callee of sockets that rings, then sends sound before it answers: 180, 183 with SDP, RTP with a tone, 200 when told to (RFC 3960)."""

import math
import re
import struct
import threading
import time

from tests.peers.sockets.callee import Callee

TONE_HZ = 900


class EarlyMediaPeer(Callee):
    """PCMU. `play()` sends the 183 and begins with the tone, `answer()` sends the 200."""

    def __init__(self) -> None:
        super().__init__("m=audio PORT RTP/AVP 0\na=rtpmap:0 PCMU/8000")
        self.invited = threading.Event()
        self._invite: tuple[str, tuple[str, int]] = ("", ("", 0))

    def play(self) -> None:
        head, sender = self._invite
        self._sip.sendto(self.ok(head, self.description()).replace(b"200 OK", b"183 Session Progress", 1), sender)
        found = re.search(r"m=audio (\d+)", self.offer)
        assert found
        self._threads.append(threading.Thread(target=self._send, args=(("127.0.0.1", int(found[1])),), daemon=True))
        self._threads[-1].start()

    def answer(self) -> None:
        head, sender = self._invite
        self._sip.sendto(self.ok(head, self.description()), sender)

    def invited_by(self, head: str, body: str, sender: tuple[str, int]) -> None:
        if not self.invited.is_set():
            self.offer, self._invite = body, (head, sender)
            self._sip.sendto(self.ok(head, "").replace(b"200 OK", b"180 Ringing", 1), sender)
            self.invited.set()

    def _send(self, to: tuple[str, int]) -> None:
        due, packet = time.monotonic(), 0
        while self.is_open:
            samples = (0.4 * math.sin(2 * math.pi * TONE_HZ * (160 * packet + n) / 8000) for n in range(160))
            payload = bytes(_ulaw(int(32767 * sample)) for sample in samples)
            self._media.sendto(struct.pack("!BBHII", 0x80, 0, packet & 0xFFFF, 160 * packet, 77) + payload, to)
            packet += 1
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))


def _ulaw(sample: int) -> int:
    """One sample in the coding of ITU-T G.711."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0xF) & 0xFF
