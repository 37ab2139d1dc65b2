"""The negotiated media of one call: codec, hold, statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import pjsua2 as pj

from softphone.codecs import PHV, codec_names, find_codec
from softphone.control.protocol import Log, Media
from softphone.engine.calls.environment import CallEnvironment
from softphone.engine.calls.events import codec_note, media_event
from softphone.engine.calls.media.statistics import CallMeter, estimate_delay
from softphone.engine.phv.stream import PhvStream
from softphone.engine.pjsip.abi import load_abi
from softphone.engine.pjsip.negotiated import NegotiatedCodec
from softphone.engine.pjsip.transport.rtcp_clock import set_rtp_clock
from softphone.engine.sdp.attributes import add_packet_times, add_rate_limit
from softphone.engine.sdp.codec_order import order_codecs
from softphone.engine.sdp.compact import shorten, tight
from softphone.engine.sdp.srtp import srtp_suite, without_keys
from softphone.engine.sip.status_text import plain
from softphone.engine.sound.wav import WavError

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall

SLOW_BPS = 2400.0
"""Of a path that carried no sound."""
LOOK_S = 0.2
"""From one look at the packets of a new call to the next."""
MAX_PTIME_MS = 640
"""`a=maxptime`: the longest packets of any codec that this phone decodes."""


NO_ANSWER = (408, 503, 504)
"""Statuses by which PJSIP or a proxy says that nothing came back."""


class CallMedia:
    """`codec_order`: codecs of this call, best first; None leaves it to the configuration.

    Methods that need the call are given it: a reference back would keep it alive.
    """

    def __init__(self, number: int, environment: CallEnvironment, *, offers_srtp: bool) -> None:
        self.codec_order: Sequence[str] | None = None
        self.keep_codec = False
        """Set while we offer a change of hold and nothing else: given several codecs, PJSUA would negotiate the codec again."""
        self.max_rate = environment.max_rate
        """Ceiling in IP bit/s of each direction on our codec, 0 for none."""
        self.held_by_remote = False
        self.last: Media | None = None
        """The last event, for front ends that connect later."""
        self._offers_srtp = offers_srtp
        self._created = ("", "")
        """Our newest SDP, and the offer that it answers, or empty."""
        self._number = number
        self._environment = environment
        self._meter = CallMeter(number)
        self._codec: NegotiatedCodec | None = None
        self._codec_name = ""
        """The codec negotiated last, also while there is no active media."""
        self._index = -1
        self._stream: PhvStream | None = None
        self._wait: str | None = None
        self._next_look = 0.0
        self._is_up = False
        self._is_slow = False  # the path, so that sound ended on it
        self._phv_offered = environment.offers_phv()

    @property
    def silent_s(self) -> float:
        """Seconds since RTP or RTCP last arrived; 0 where none is expected: without active media, or while the remote party holds us."""
        return 0.0 if self._codec is None or self.held_by_remote else self._meter.silent_s

    @property
    def silence_limit_s(self) -> float:
        """How long that may be before the far end counts as gone: several of its RTCP reports would have arrived."""
        codec = find_codec(self._codec_name)
        return codec.media_timeout_s if codec is not None else math.inf

    @property
    def stream(self) -> PhvStream | None:
        """The call's stream to the codec worker, on our codec."""
        return self._stream

    @property
    def codec_now(self) -> str:
        """The codec while media is active, else empty."""
        return "" if self._codec is None else self._codec_name

    @property
    def phv_stream(self) -> PhvStream | None:
        """Our codec's stream in the worker; None on other codecs."""
        return self._stream if self._codec_name == PHV.name else None

    def wait_for_words(self, mode: str) -> None:
        """From now on; see `Phv.wait` of the configuration. Also for the streams of a later renegotiation."""
        self._wait = mode
        if self._stream is not None:
            self._stream.wait(mode)

    def sdp(self, local: str, remote: str) -> str:
        """The SDP to send, made from what PJSIP wrote; `remote` is the offer that it answers, or empty."""
        order = list(self.codec_order or ())
        if not remote and self._codec_name and self.keep_codec:
            order = [self._codec_name]
        elif not remote and self._codec_name:
            # An offer within a call: the codec in use comes first.
            order = [self._codec_name, *(name for name in order or codec_names() if name != self._codec_name)]
        elif not remote and tight(self.max_rate) and self._phv_offered and not order:
            order = [PHV.name]
        text = shorten(local, remote)
        text = order_codecs(text, remote, order) if order else text
        text = add_rate_limit(text, self.max_rate)
        # Keys sent in clear text protect nothing and take space; those of a call that is encrypted already stay.
        if not remote and not self._offers_srtp and not (self.last and self.last.srtp):
            text = without_keys(text)
        text = add_packet_times(text, remote, self._environment.interval_ms, MAX_PTIME_MS)
        self._created = (text, remote)
        return text

    def stream_created(self, call: PhoneCall, index: int, stream: int) -> None:
        """PJSUA made the stream (address of its pjmedia_stream) of this media line; no packet has passed yet."""
        # What the path carried before a hold it will hardly carry less or more of after it. During one nobody reports on it.
        if self._is_up and self._stream is not None and self._codec is not None and not self.held_by_remote:
            self._is_slow = self._stream.sound_ended
        self._stream = self._environment.claim_stream()
        if self._stream is not None and self._is_up:
            self._stream.call_is_up(SLOW_BPS if self._is_slow else self._environment.link_bps(self._number))
        if self._stream is not None and self.max_rate != self._environment.max_rate:
            self._stream.limit(self.max_rate)
        if self._stream is not None and self._wait is not None:
            self._stream.wait(self._wait)
        info = call.getStreamInfo(index)
        codec = find_codec(info.codecName)
        if codec is not None and codec.clock_rate != info.codecClockRate:
            set_rtp_clock(load_abi(), stream, codec.clock_rate)

    def call_is_up(self) -> None:
        """The call was answered, and the answer acknowledged."""
        self._is_up = True
        if self._stream is not None:
            self._stream.call_is_up(self._environment.link_bps(self._number))

    def changed(self, call: PhoneCall) -> None:
        """Read what was negotiated, publish it, and connect it."""
        held = False
        info = call.getInfo()  # kept by name: the media list lives inside it
        for place, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                self.held_by_remote = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
                if media.audioConfSlot != pj.PJSUA_INVALID_ID:
                    self._connect(call, int(media.index), place)
                else:
                    # Inactive, or 0.0.0.0 (RFC 3264, 8.4): there is no stream.
                    self._no_sound(call, "held_by_remote")
                return
            held = held or media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD
        self._no_sound(call, "held" if held else "none")

    def _no_sound(self, call: PhoneCall, state: Literal["held", "held_by_remote", "none"]) -> None:
        self._codec = None
        call.audio.detach()
        self._tell(Media(call=self._number, state=state, codec=self._codec_name))

    def _connect(self, call: PhoneCall, active: int, place: int) -> None:
        """active: of the media line; place: of it in PJSUA2's list, which leaves out lines of kinds that PJSUA does not know."""
        self._index = active
        try:
            self._codec = self._environment.negotiated(call, active)
            self._codec_name = self._codec.codec
            self._meter = CallMeter(self._number)
            far_end = self._environment.far_end(self._number)
            note = codec_note(self._codec_name, self.codec_order, self._phv_offered, self._environment.worker_state()[1], far_end)
            event = media_event(call, self._codec, active, held_by_remote=self.held_by_remote, note=note)
            ours, theirs = self._created
            event.srtp = srtp_suite(theirs, ours) if theirs else srtp_suite(ours, far_end.sdp)
            self._tell(event)
            self._attach(call, call.getAudioMedia(place))
        except WavError as error:
            self._environment.publish(Log(level="error", message=str(error)))
        except pj.Error as error:
            note = f"the sound of the call cannot be connected ({plain(error.reason)})"
            self._tell(Media(call=self._number, state="failed", note=note))

    def tell_hold_refused(self, code: int) -> None:
        refused = f"no answer ({code})" if code in NO_ANSWER else f"the other side refused ({code})"
        note = f"{refused}; the call is silent on this side, resume it to try again"
        self._tell(Media(call=self._number, state="held", codec=self._codec_name, note=note))

    def tell_statistics(self, call: PhoneCall) -> None:
        if self._codec is None:
            return
        try:
            event = self._meter.read(call, self._index, self._codec)
        except pj.Error:
            return
        event.worker = self._environment.worker_state()[0]
        if self._stream is not None:
            event.queues = {**self._environment.dropped(self._stream.number), **self._stream.counters}
            event.codec_counters = self._stream.statistics
            # What PJMEDIA's jitter buffer holds is no sound on our codec (softphone/engine/codecs/phv.py).
            event.jitter_buffer_ms = self._stream.waiting_ms
        if self.phv_stream is not None:
            self.phv_stream.set_up_at(self._environment.link_bps(self._number))
            self.phv_stream.tune(event, self._meter.received, (self._meter.rtcp_reports, self._meter.rtcp_packets))
        estimate_delay(event, self._codec.packet_ms, self._stream.delay_ms if self._stream is not None else 0.0)
        self._environment.publish(event)

    def look(self, call: PhoneCall, now: float) -> None:
        """Called each turn: the packets of a call that has just begun are counted more often than each second."""
        stream = self.phv_stream
        if self._codec is None or stream is None or not stream.is_new or now < self._next_look:
            return
        self._next_look = now + LOOK_S
        with suppress(pj.Error):
            stream.counted(CallMeter.count(call, self._index))

    def hears(self, call: PhoneCall) -> bool:
        """Whether any media has arrived yet."""
        try:
            return self._codec is not None and bool(call.getStreamStat(self._index).rtcp.rxStat.pkt)
        except pj.Error:
            return False

    def _tell(self, event: Media) -> None:
        self.last = event
        self._environment.publish(event)

    def close(self) -> None:
        self._codec = None

    def _attach(self, call: PhoneCall, media: pj.AudioMedia) -> None:
        sound = self._environment.sound
        try:
            call.audio.attach(media)
        except pj.Error as error:
            if not (sound.microphone or sound.loudspeaker):
                raise
            sound.give_up(f"the sound devices failed ({plain(error.reason)}); run: softphone doctor")
            self._environment.publish(Log(level="error", message=sound.note))
            call.audio.attach(media)
