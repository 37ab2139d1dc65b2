"""One call's sound and payloads on their way to the codec worker and back. No method waits for the worker."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from codec.units.rates import CHUNK_SAMPLES
from codec.wire.packet import TIME_MODULO
from codec.wire.settings import EncoderSettings
from codec.wire.sound import is_sound
from softphone.codecs import OPUS
from softphone.codecs.phv import accepts_sound, most_sound_bps
from softphone.config import Phv
from softphone.control.protocol import CallStatistics
from softphone.engine.codecs import libopus
from softphone.engine.phv.rate_model import RTCP_BPS, WORDS_WAIT_S
from softphone.engine.phv.receiver_report import Received, TransitTimes
from softphone.engine.phv.sound.choice import NOTED_LOSS, QUEUE_MS, Mode
from softphone.engine.phv.sound.half import SoundHalf
from softphone.engine.phv.sound.level import LEVELS
from softphone.engine.phv.token_sound import FILL_CHUNKS, SILENT, TokenSound
from softphone.engine.phv.tuning import PhvTuning
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.link.messages import (
    CHUNK_BYTES,
    Close,
    Keep,
    Memory,
    Message,
    Observe,
    Observed,
    Open,
    PathQuality,
    Payload,
    Pcm,
    Pull,
    Statistics,
    StreamStatistics,
    Tune,
    VoiceProgress,
)
from softphone.link.queue import BoundedQueue

PAYLOAD_QUEUE = 16
REPORT_QUEUE = 8
LOST_GROUPS, LOST_S = 6, 1.0
"""Of tokens: for so long after sound ended so many groups are repeated, a second of speech."""
QUEUED_S = 10.0
"""So long after packets waited in a queue loss is taken for the queue's, and not for the path's."""
QUICK_S = 3.0
"""So long after that nothing waits for its words, unless the path is slow: who hears nothing should hear something soon."""
RELEASE_S = 1.0
"""When sound begins the tokens that wait for words go at once, and for so long none wait: they are heard before the sound."""
EMPTY_BYTES = 2
"""A payload of no more is a keep-alive."""


def sound_mode(phv: Phv) -> Mode | None:
    """What the configuration says of sound; None: never. With a fixed profile the user chose tokens, at their rate, without a voice
    to be nobody in particular; a ceiling may leave no room for sound; and without libopus there is none."""
    if phv.sound == "never" or 0 < phv.max_rate < LEVELS[0].ip_bps + RTCP_BPS:
        return None
    try:
        libopus.version()
    except CodecSetupError:
        return None
    if phv.sound == "always":
        return "always"
    return "auto" if phv.profile == "adaptive" and phv.voice else None


class PhvStream:
    """Implements `media.stream.CodecStream`.

    Each `take_pcm` asks the worker for as much as it takes, so that `FILL_CHUNKS` are always here or under way. Where both ends negotiated
    sound, `SoundHalf` sends and plays it in place of tokens, or beside them.
    """

    def __init__(
        self,
        number: int,
        phv: Phv,
        send: Callable[[Message], bool],
        closed: Callable[[PhvStream], None],
        encoder_delay_ms: Callable[[], float] = lambda: 0.0,
        fmtp_remote: Mapping[str, str] | None = None,
        is_ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.number = number
        self.counters: Counter[str] = Counter()
        self.statistics = StreamStatistics()
        """The worker's counters of this stream, newest."""
        self.voice_told = VoiceProgress()
        """What was published last of the voice."""
        self.voices: Keep | None = None
        """What a later call may begin with, newest."""
        self._memory: Memory | None = None
        self.encoder_delay_ms = encoder_delay_ms
        """Of our encoder; the far end's is taken to be as slow."""
        self.transit = TransitTimes()
        self.tuning = PhvTuning(phv, fmtp_remote or {})
        """What is sent; main thread only."""
        self.sound: SoundHalf | None = None
        """Where the call may carry sound too."""
        if (mode := sound_mode(phv)) is not None and accepts_sound(fmtp_remote or {}):
            ceiling = self.tuning.adaptation.ceiling_bps
            self.sound = SoundHalf(mode, most_sound_bps(fmtp_remote or {}), ceiling, self.transit, is_ready, self.counters)
        self._again_until = self._queued_at = float("-inf")
        self._worker_has = self._settings
        self._tick = 0  # of the own sound, which is the clock of what is sent
        self._first_tick = 0  # at which the worker's clock began
        self._tokens_wait_ms = 0.0
        self._observed = (False, False)
        self._rests = False  # what the worker was told
        self._sound_goes = False
        self._sound_since = float("-inf")
        self._reports: BoundedQueue[Observed] = BoundedQueue(REPORT_QUEUE)
        self._learn = phv.learn
        self._send = send
        self._closed = closed
        self._payloads: BoundedQueue[bytes] = BoundedQueue(PAYLOAD_QUEUE)
        self._is_up = False
        self._held: bytes | None = None  # a keep-alive, until the call is up
        self._tokens = TokenSound(self.counters)
        self._played = b""
        self._lock = threading.Lock()

    def open(self) -> None:
        """Tell a worker, new or restarted, of this stream."""
        with self._lock:
            self._tokens.clear()
        self._payloads.clear()
        self._first_tick = self._tick
        self._worker_has, self._rests = self._settings, False
        self._send(Open(self.number, self._worker_has, self._learn))
        self._send(Pull(self.number, FILL_CHUNKS * CHUNK_SAMPLES))
        if self._observed[0]:
            self._send(Observe(self.number, *self._observed))
        if self._memory is not None:
            self._send(Tune(self.number, memory=self._memory))

    def call_is_up(self, link_bps: float | None = None) -> None:
        """Keep-alives and sound may leave from now on: earlier, on a slow link, they would delay the answer. link_bps: see `set_up_at`."""
        self._is_up = True
        if self.sound is not None:
            self.sound.begin(link_bps)
        if self._held is not None:
            self._put_payload_out(self._held)
            self._held = None

    def observe(self, on: bool, words: bool = False) -> None:
        """Whether the worker reports what it sends and speaks, and its words."""
        if (on, words) != self._observed:
            self._observed = (on, words)
            if self.sound is not None:
                self.sound.words = words
            self._send(Observe(self.number, on, words))

    def limit(self, ceiling_bps: int) -> None:
        """Another ceiling in IP bit/s than the configuration's, RTCP counted; 0 for none."""
        self.tuning.limit(ceiling_bps)
        if self.sound is not None:
            self.sound.choice.limit(self.tuning.adaptation.ceiling_bps)
        self._tell()

    @property
    def _settings(self) -> EncoderSettings:
        """Of the worker's encoder. Tokens beside sound wait for their words, as nobody waits for them: what waits when the sound ends goes
        at once, as it is then known, or, on a slow path, where it comes late in any case, when its words are there."""
        settings = self.tuning.settings
        if self.sound is None:
            return settings
        now = time.monotonic()
        if self.sound.level is not None:
            return replace(settings, wait=self.tuning.wait != "quick" and now > self._sound_since + RELEASE_S)
        if now < self._again_until + QUICK_S and not self.sound.choice.seems_slow:
            settings = replace(settings, wait=False)
        return self._again(settings) if now < self._again_until else settings

    def _again(self, settings: EncoderSettings) -> EncoderSettings:
        """The same, with what was said since the far end told for the last time that it hears us: that went with sound that was lost."""
        return replace(settings, redundancy=max(settings.redundancy, min(LOST_GROUPS, self.tuning.most_redundancy)))

    def _follow_sound(self, sound: SoundHalf) -> None:
        """At once, and not with the next second: what the worker has to know when sound ends, or is no longer sure to go on."""
        rests = sound.calm and not self._observed[1]
        if rests != self._rests:
            self._rests = rests
            self._send(Tune(self.number, rest=rests))
        goes = sound.level is not None
        if goes == self._sound_goes:
            return
        now, self._sound_goes = time.monotonic(), goes
        if goes:
            self._sound_since = now
        else:
            self._again_until = now + LOST_S
            self._follow(sound, now)
        self._tell()

    def _tell(self, report: PathQuality | None = None) -> None:
        """Tell the worker what has changed for its encoder."""
        settings = self._settings
        changed = settings if settings != self._worker_has else None
        if changed is not None or report is not None:
            self._send(Tune(self.number, changed, report))
        self._worker_has = settings

    @property
    def delay_ms(self) -> float:
        """From the beginning of a phone to when its packet leaves, on average; of the far end's, which is taken to do as we do."""
        if self.sound is not None and not self.sound.join.hears_tokens:
            return self.sound.packet_ms + OPUS.look_ahead_ms
        return self.encoder_delay_ms() + 1000 * WORDS_WAIT_S * self.tuning.waits

    @property
    def sound_ended(self) -> bool:
        """Whether sound could go, and does not, because the path does not carry it."""
        return self.sound is not None and self.sound.choice.level is None

    def wait(self, mode: str) -> None:
        """Whether what is said waits for its words from now on: "clear", "quick" or "auto"."""
        self.tuning.wait = mode
        self._tell()

    def set_up_at(self, bps: float | None) -> None:
        """How fast the call's SIP messages travelled, None while unknown; may be called repeatedly."""
        self.tuning.set_up_at(time.monotonic(), bps)
        self._tell()

    def tune(self, event: CallStatistics, received: Received, rtcp: tuple[int, int] = (0, 0)) -> None:
        """Called each second: adapt what is sent, and report to the far end on its packets. rtcp: how often the far
        end reported on our packets, and on how many the last time."""
        now, beside_sound = time.monotonic(), None
        queue_ms = self.transit.queue_ms(now)
        if self.sound is not None:
            self.sound.path.counted(received)
            self.sound.pace.look(now, self.statistics, self.counters["playout_underruns"])
            if queue_ms > QUEUE_MS:
                self._queued_at = now
            self._follow(self.sound, now)
            beside_sound = self.sound.take_report()
        report = self.tuning.turn(now, event, self.statistics, received, rtcp, queue_ms, beside_sound)[1]
        self._tell(report)
        if self.sound is not None:
            event.sends = "tokens" if self.sound.level is None else "sound"
            event.hears = "tokens" if self.sound.join.hears_tokens else "sound"
            event.sends_why = self.sound.why
            event.sound_bps = 0 if self.sound.level is None else self.sound.level.bit_rate

    @property
    def is_new(self) -> bool:
        """Whether `counted` is welcome before the next `tune`."""
        return self.sound is not None and self.sound.path.is_new

    def counted(self, received: Received) -> None:
        """Packets of the far end in the first seconds."""
        if self.sound is not None:
            self.sound.path.counted_early(received)

    def _follow(self, sound: SoundHalf, now: float) -> None:
        """What sound met on the path holds for tokens too. Where many of the far end's packets are lost, and no queue is why, ours are lost
        as well, and that is why nothing was heard, unless no sound ever arrived: then the link is too slow for it."""
        choice, loss = sound.choice, 0.0 if now - self._queued_at < QUEUED_S else sound.path.loss
        fallen, choice.fallen_bps = choice.fallen_bps, None
        risen, choice.risen_bps = choice.risen_bps, None
        lost, choice.ended_in_loss = choice.ended_in_loss, None
        if fallen is not None and (loss <= NOTED_LOSS or not choice.is_confirmed):
            self.tuning.adaptation.fell(now, fallen)
        elif risen is not None:
            self.tuning.adaptation.probed(now, risen)
        elif lost is not None:
            self.tuning.adaptation.loses(now, *lost)

    @property
    def types_tokens(self) -> bool:
        """Whether typed text goes as tokens; else it is spoken here, and sent as sound."""
        return self.sound is None or self.sound.may_send_tokens_alone

    def typed(self, seconds: float) -> None:
        """So much typed text is about to be spoken, as tokens."""
        if self.sound is not None:
            self.sound.type_until(seconds)

    def remember(self, memory: Memory) -> None:
        """What earlier calls learned. Any thread."""
        self._memory = memory
        self._send(Tune(self.number, memory=memory))

    def take_reports(self) -> Iterator[Observed]:
        """The reports that came since the last time, oldest first."""
        while (report := self._reports.get()) is not None:
            yield report

    @property
    def waiting_ms(self) -> float:
        """How long what arrived waits to be heard while somebody speaks: as tokens in the worker, then as sound here."""
        if self.sound is not None and self.sound.join.on_sound:
            return self.sound.waiting_ms
        with self._lock:
            return self._tokens_wait_ms + self._tokens.waiting_ms

    def put_pcm(self, pcm: bytes) -> None:
        if not self._send(Pcm(self.number, pcm)):
            self.counters["pcm_without_worker"] += 1
        if self.sound is not None:
            self.sound.send(pcm, self._tick)
            self._follow_sound(self.sound)
        self._tick += 1

    def take_payload(self) -> bytes | None:
        return self._payloads.get() if self.sound is None else self.sound.payload(self._payloads.get)

    def put_payload(self, payload: bytes, timestamp: int) -> None:
        self.transit.arrived(timestamp, time.monotonic(), len(payload))
        if is_sound(payload):
            if self.sound is None:
                self.counters["sound_not_agreed"] += 1
                return
            payload = self.sound.receive(payload, timestamp)
        elif self.sound is not None and payload:
            self.sound.tokens_came(timestamp, len(payload), payload[0])
        if payload and not self._send(Payload(self.number, payload)):
            self.counters["payloads_without_worker"] += 1

    def take_pcm(self, samples: int) -> bytes:
        holds = self.sound is not None and self.sound.join.holds_tokens
        if not holds:
            self._send(self._pull(samples))
        while len(self._played) < 2 * samples:
            with self._lock:
                taken = None if holds else self._tokens.take()
            tokens, at = taken or (bytes(CHUNK_BYTES), SILENT)
            if self.sound is not None:
                self._played += self.sound.play(tokens, at)
            else:
                self._played += tokens
            if taken is None and (self.sound is None or self.sound.join.hears_tokens):
                self.counters["playout_underruns"] += 1
        pcm, self._played = self._played[: 2 * samples], self._played[2 * samples :]
        return pcm

    def _pull(self, samples: int) -> Pull:
        if self.sound is None:
            return Pull(self.number, samples)
        join = self.sound.join
        # While sound is heard its tokens pass in their own time, for whoever writes down the words.
        since = join.heard_until if join.wants_tokens else None
        return Pull(self.number, samples, join.wants_tokens, -1 if since is None else since)

    def close(self) -> None:
        self._send(Close(self.number))
        self._closed(self)

    def receive(self, message: Pcm | Payload | Statistics | Observed | Keep) -> None:
        """An answer of the worker; called on the pump thread."""
        match message:
            case Payload(_, payload) if not self._is_up and len(payload) <= EMPTY_BYTES:
                self._held = self._timed(payload)
            case Payload(_, payload):
                self._put_payload_out(self._timed(payload))
            case Observed():
                self._reports.put(message)
            case Keep():
                self.voices = message
            case Statistics(_, counters):
                self.statistics = counters
                # Speech arrives as fast as it is spoken, so its waiting time is the amount that waits (Little's law).
                if waiting := counters.waiting_ms:
                    self._tokens_wait_ms = float(waiting) if not self._tokens_wait_ms else 0.8 * self._tokens_wait_ms + 0.2 * waiting
            case Pcm(_, pcm, ticks):
                with self._lock:
                    self._tokens.put(pcm, ticks)

    def _put_payload_out(self, payload: bytes) -> None:
        if self._payloads.put(payload) is not None:
            self.counters["payloads_not_taken"] += 1

    def _timed(self, payload: bytes) -> bytes:
        """By the clock of the stream, which outlives the worker's."""
        return bytes([(payload[0] + self._first_tick) % TIME_MODULO]) + payload[1:]
