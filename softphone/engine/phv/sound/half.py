"""The sound of one x-phv stream: what is sent in place of tokens or with them, and what arrives.

Threads: `send` and `payload` on PJMEDIA's clock thread, `receive` on a network thread, `play` on the clock thread or that of the sound
device; the rest on the main thread.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from codec.units.errors import PayloadError
from codec.units.rates import CHUNK_MS
from codec.wire.link_report import LinkReport
from codec.wire.packet import MAX_PAYLOAD, TIME_MODULO
from codec.wire.sound import MAX_TOKENS, SoundPayload, parse_sound, serialize_sound
from softphone.engine.phv.pace import WorkerPace
from softphone.engine.phv.receiver_report import SMALL_BYTES, TransitTimes
from softphone.engine.phv.sound.choice import Mode, SoundChoice
from softphone.engine.phv.sound.join import SoundJoin
from softphone.engine.phv.sound.level import SoundLevel
from softphone.engine.phv.sound.path import LOSSY, RECENT_PACKETS, SoundPath
from softphone.engine.phv.sound.player import SoundPlayer
from softphone.engine.phv.sound.sender import SoundSender

CHOOSE_EACH_TICKS = 5
LONGEST_WAIT_TICKS = 4
"""Tokens wait so long at most for a packet of sound to go with."""
MOST_BESIDES = 32
"""Bytes of a payload that are neither Opus nor tokens: flags, counts, a report."""
PROBE_PADDING = 27
"""Makes the packets of a probe 70 bytes with their headers: 28 kbit/s, where two go in 40 ms."""
LARGE_PROBE_PADDING = 97
"""The same beside sound: 140 bytes, which show 56 kbit/s;"""
LOSSY_PROBE_PADDING = 150
"""and 193 where packets are lost, and with them most probes: they show enough though they meet a little jitter."""
BUSY_S = 0.2
"""A far end that speaks sends sound more often; Opus's signs of silence come each 400 ms."""
DEAF_EACH_S = 0.4
"""A far end that must not send tokens is told so often."""
DEAF_HOLDS_S = 2.0
AS_FAST_S = 0.08
"""A packet that travels so much longer than the fastest did while sound went met no slower link: at 2400 bit/s 60 bytes take 0.2 s."""
TYPED_TAIL_S = 1.5
WORDS_HOLD_S = 5.0
"""A far end that writes down words says so with each payload of sound; so long its wish holds."""


class SoundHalf:
    """Where both ends negotiated sound. tokens_possible: whether the own worker is there; whether it keeps up: `pace`."""

    def __init__(
        self,
        mode: Mode,
        most_bps: int,
        ceiling_bps: int,
        transit: TransitTimes,
        tokens_possible: Callable[[], bool],
        counters: Counter[str],
    ) -> None:
        self.choice = SoundChoice(mode, most_bps, ceiling_bps)
        self.player = SoundPlayer()
        self.join = SoundJoin()
        self.path = SoundPath(transit)
        self.level: SoundLevel | None = None
        """What is sent now; None: tokens alone,"""
        self.why = "the call is not up yet"
        """and why, in a few words."""
        self.pace = WorkerPace()
        self.calm = False
        """Whether sound goes, and neither the path nor the far end needs tokens beside it."""
        self.words = False
        """Whether the words of what arrives are written down, so that tokens are needed here."""
        self._mode = mode
        self._sender = SoundSender()
        self._tokens_possible = tokens_possible
        self._counters = counters
        self._lock = threading.Lock()
        self._is_up = False
        self._packet: tuple[int, bytes] | None = None
        self._tokens: deque[tuple[int, bytes]] = deque()
        self._tick = 0
        self._probes = 0
        self._deaf_told_at = float("-inf")
        self._they_are_deaf_until = float("-inf")
        self._typed_until = self._words_until = float("-inf")
        self._sound_came_at = float("-inf")
        self._was_needed = False
        self._told: LinkReport | None = None
        self._transit = transit
        self._usual_s: float | None = None  # that packets travelled while sound went

    def begin(self, link_bps: float | None) -> None:
        """The call is up: sound may leave. What is sent is chosen now, and can be told, before anything was captured."""
        self._is_up = True
        self.choice.begin(time.monotonic(), link_bps)
        self._choose(time.monotonic())

    def type_until(self, seconds: float) -> None:
        """Typed text is spoken for so long from now on, as tokens."""
        self._typed_until = max(self._typed_until, time.monotonic() + seconds + TYPED_TAIL_S)

    @property
    def may_send_tokens_alone(self) -> bool:
        return self._mode == "auto" and not self.needed

    @property
    def needed(self) -> bool:
        """Whether tokens cannot be made here, or not be spoken there."""
        now = time.monotonic()
        return not self._tokens_possible() or not self.pace.makes_tokens(now) or now < self._they_are_deaf_until

    @property
    def _deaf(self) -> bool:
        return not self._tokens_possible() or not self.pace.speaks_tokens(time.monotonic())

    def _reason(self, now: float) -> str:
        if not self._tokens_possible():
            return "the codec is not ready here"
        if not self.pace.makes_tokens(now):
            return "this machine is too busy for the codec"
        if now < self._they_are_deaf_until:
            return "the codec is not ready at the other side"
        if now < self._typed_until:
            return "typed text is spoken"
        return self.choice.reason

    def send(self, pcm: bytes, tick: int) -> None:
        """20 ms of the microphone, which began at `tick`."""
        now, self._tick = time.monotonic(), tick
        if tick % CHOOSE_EACH_TICKS == 0 or self.needed != self._was_needed:
            self._choose(now)
        if self.level is None or not self._is_up:
            return
        packet = self._sender.take(pcm, tick, self.level, self.choice.loss)
        if packet is not None:
            self._packet = packet

    def _choose(self, now: float) -> None:
        needed = self._was_needed = self.needed
        self.choice.busy = now - self._sound_came_at < BUSY_S
        level = self.choice.step(now, needed=needed) if self._is_up else None
        if now < self._typed_until and not needed:
            level = None
        if level is None and self.level is not None:
            self._sender.stop()
            self._packet = None
        self.level, self.why = level, self._reason(now)
        if level is not None:
            self._usual_s = self._transit.fastest_s
        self.calm = level is not None and not needed and now > self._words_until and self.choice.is_calm(now)

    def payload(self, take_tokens: Callable[[], bytes | None]) -> bytes | None:
        """What leaves now, if anything. take_tokens: the worker's oldest payload that waits."""
        now = time.monotonic()
        while (tokens := take_tokens()) is not None:
            self._tokens.append((self._tick, tokens))
        if not self._is_up:
            return self._tokens.popleft()[1] if self._tokens else None
        packet, self._packet = self._packet, None
        deaf = self._deaf
        if self._probes:
            self._probes -= 1
            self._packet = packet  # 20 ms later: nothing comes between the two of a pair
            return self._probe_payload()
        report = self.path.report(now)
        if (
            packet is None
            and self.level is not None
            and self._tokens
            and self._tick - self._tokens[0][0] < LONGEST_WAIT_TICKS
            and not report
        ):
            return None
        if packet is None and not report:
            if self._tokens:
                return self._tokens.popleft()[1]
            if deaf and now - self._deaf_told_at > DEAF_EACH_S:
                self._deaf_told_at = now
                return serialize_sound(SoundPayload(self._tick % TIME_MODULO, deaf=True, words=self.words))
            return self._probe(now)
        time_8, opus = (packet[0] % TIME_MODULO, packet[1]) if packet is not None else (self._tick % TIME_MODULO, b"")
        if deaf:
            self._deaf_told_at = now
        copies = self._sender.copies(packet, self.level) if packet is not None and self.level is not None else ()
        room = MAX_PAYLOAD - MOST_BESIDES - len(opus) - sum(len(copied) + 2 for _, copied in copies)
        tokens = b""
        if self._tokens and len(self._tokens[0][1]) <= min(MAX_TOKENS, room):
            tokens = self._tokens.popleft()[1]
        if packet is not None:
            self.choice.sent(now)
            self._counters["sound_packets_sent"] += 1
        return serialize_sound(SoundPayload(time_8, opus, tokens, report, deaf, copies=copies, words=self.words))

    def _probe(self, now: float) -> bytes | None:
        if not self.choice.wants_probe(now):
            return None
        self._probes = self.choice.probe_packets - 1
        return self._probe_payload()

    def _probe_payload(self) -> bytes:
        padding = PROBE_PADDING
        if self.choice.probes_for_much:
            padding = LOSSY_PROBE_PADDING if self.choice.loss > LOSSY else LARGE_PROBE_PADDING
        return serialize_sound(SoundPayload(self._tick % TIME_MODULO, padding=padding))

    def receive(self, payload: bytes, timestamp: int) -> bytes:
        """A payload of sound; the tokens that it holds, or nothing."""
        now = time.monotonic()
        try:
            sound = parse_sound(payload)
            if sound.opus:
                with self._lock:
                    for age, copied in reversed(sound.copies):
                        self.player.put((sound.time - age) % TIME_MODULO, copied)
                    self.player.put(sound.time, sound.opus)
        except PayloadError:
            self._counters["sound_unreadable"] += 1
            return b""
        self._they_are_deaf_until = now + DEAF_HOLDS_S if sound.deaf else float("-inf")
        if sound.words:
            self._words_until = now + WORDS_HOLD_S
        if sound.report is not None:
            self._told = sound.report.path
            self.choice.report(now, sound.report)
        if sound.opus:
            self._counters["sound_packets"] += 1
            self._sound_came_at = now
            self.path.arrived(now, len(payload))
            self._compare(now)
        if sound.padding:
            self.path.probe(timestamp, now, len(payload))
        if len(sound.tokens) > SMALL_BYTES:
            with self._lock:
                self.join.expect(sound.tokens[0], alone=False)
        return sound.tokens

    def take_report(self) -> LinkReport | None:
        """The newest report on what is sent, once; None where no sound is sent: then the worker hears of the path."""
        told, self._told = self._told, None
        return told if self.level is not None else None

    def tokens_came(self, timestamp: int, size: int, time_8: int) -> None:
        """A payload of tokens alone, of so many bytes, with the first 8 bits of its time: the far end's worker lives."""
        now = time.monotonic()
        self._they_are_deaf_until = float("-inf")
        self.path.tokens(timestamp, now, size)
        if size > SMALL_BYTES:
            self._compare(now)
            self.choice.gives_way(now, self._transit.queue_ms(now, RECENT_PACKETS))
            with self._lock:
                self.join.expect(time_8)

    def _compare(self, now: float) -> None:
        """A packet came that was not small: did it travel as fast as packets did before the sound ended?"""
        newest_s = self._transit.newest_s
        if self.level is None and self._usual_s is not None and newest_s is not None and newest_s - self._usual_s < AS_FAST_S:
            self.choice.heard_fast(now)

    def play(self, tokens: bytes, at: int) -> bytes:
        """20 ms to be heard; see `SoundJoin.next`."""
        with self._lock:
            sound = self.player.take()
            return self.join.next(tokens, at, sound)

    @property
    def waiting_ms(self) -> float:
        """Sound that waits to be heard."""
        return self.player.waiting_ms + self.join.late_ms

    @property
    def packet_ms(self) -> int:
        """Of what is sent."""
        return self.level.packet_ms if self.level is not None else CHUNK_MS
