"""One open sound device: PortAudio's blocks of any size on one side, PJMEDIA's frames of 20 ms on the other.

PortAudio is asked for blocks of its own choice (`blocksize=0`), since fixed blocks of 320 or 960 samples stalled PulseAudio; two short
FIFOs bridge the difference. PJMEDIA is called on PortAudio's thread, which must be known to PJSIP first, or PJSIP aborts the process.
"""

import logging
import threading
import time
from typing import Any

from softphone.engine.pjsip.abi import PJMEDIA_FRAME_TYPE_AUDIO, Abi

log = logging.getLogger(__name__)
PJMEDIA_AUD_DEV_CAP_INPUT_LATENCY = 2
PJMEDIA_AUD_DEV_CAP_OUTPUT_LATENCY = 4
_PLAYBACK = 2
_SILENT_S = 2.0
"""PortAudio calls every few milliseconds; a device that does not for so long is gone."""
_ABANDON_S = 1.0
_THREAD_DESC_BYTES = 4096
"""pj_thread_desc is 512 bytes; there is no harm in more."""


class SoundStream:
    """A PortAudio stream that calls PJMEDIA's record and play functions.

    `param` is a pjmedia_aud_param; `devices` are PortAudio's numbers (capture, playback), None where that direction is unused; `callbacks`
    are PJMEDIA's (record, play). PJMEDIA's play function is its clock: without a playback device it is called as sound is captured.
    Raises whatever PortAudio raises when the devices cannot be opened.
    """

    def __init__(
        self,
        abi: Abi,
        backend: Any,
        param: Any,
        devices: tuple[int | None, int | None],
        callbacks: tuple[Any, Any],
        user_data: Any,
    ) -> None:
        self.param = param
        self._abi = abi
        self._record, self._play = callbacks
        self._user_data = user_data
        self._bytes = 2 * param.samples_per_frame
        self._frame = abi.ffi.new("pjmedia_frame *")
        self._buffer = abi.ffi.new("char[]", self._bytes)
        self._captured = bytearray()
        self._to_play = bytearray()
        self._timestamps = {"record": 0, "play": 0}
        self._known_threads: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._running = False
        self._ended = False
        self._called_at = 0.0
        capture, playback = devices
        common = {"samplerate": param.clock_rate, "blocksize": 0, "dtype": "int16", "finished_callback": self._finished}
        latency = (_seconds(param, PJMEDIA_AUD_DEV_CAP_INPUT_LATENCY), _seconds(param, PJMEDIA_AUD_DEV_CAP_OUTPUT_LATENCY))
        channels = param.channel_count
        if capture is not None and playback is not None:
            self._stream = backend.RawStream(
                device=(capture, playback), channels=(channels, channels), latency=latency, callback=self._duplex, **common
            )
        elif capture is not None:
            self._stream = backend.RawInputStream(device=capture, channels=channels, latency=latency[0], callback=self._capture, **common)
        else:
            self._stream = backend.RawOutputStream(
                device=playback, channels=channels, latency=latency[1], callback=self._playback, **common
            )

    @property
    def lost(self) -> bool:
        """Whether PortAudio ended the stream, or fell silent: the device was unplugged, or its server is gone."""
        return self._running and (self._ended or time.monotonic() - self._called_at > _SILENT_S)

    def start(self) -> None:
        self._captured.clear()
        self._to_play.clear()
        self._called_at = time.monotonic()
        self._ended = False
        self._running = True
        self._stream.start()

    def stop(self) -> None:
        lost = self.lost
        with self._lock:
            self._running = False
        if lost:
            self._abandon()
        elif self._stream is not None and self._stream.active:
            self._stream.stop()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _abandon(self) -> None:
        """Leave a stream whose device is gone: PortAudio may wait for it, and the main thread must not."""
        stream, self._stream = self._stream, None

        def end() -> None:
            try:
                stream.abort()
                stream.close()
            except Exception as error:
                log.debug("a lost sound device: %s", error)

        thread = threading.Thread(target=end, name="lost-sound-device", daemon=True)
        thread.start()
        thread.join(_ABANDON_S)

    def _finished(self) -> None:
        self._ended = True

    def _duplex(self, indata: Any, outdata: Any, _frames: int, _time: Any, _status: Any) -> None:
        with self._lock:
            if self._called(outdata):
                self._take(bytes(indata))
                self._give(outdata)

    def _capture(self, indata: Any, _frames: int, _time: Any, _status: Any) -> None:
        with self._lock:
            if self._called():
                self._take(bytes(indata))
                if self.param.dir & _PLAYBACK:
                    self._give(memoryview(bytearray(len(indata))))

    def _playback(self, outdata: Any, _frames: int, _time: Any, _status: Any) -> None:
        with self._lock:
            if self._called(outdata):
                self._give(outdata)

    def _called(self, outdata: Any = None) -> bool:
        """False when PJMEDIA must not be called any more; then there is silence."""
        self._called_at = time.monotonic()
        if self._running:
            self._register_thread()
        elif outdata is not None:
            outdata[:] = bytes(len(outdata))
        return self._running

    def _take(self, pcm: bytes) -> None:
        self._captured += pcm
        while len(self._captured) >= self._bytes:
            self._abi.ffi.memmove(self._buffer, bytes(self._captured[: self._bytes]), self._bytes)
            del self._captured[: self._bytes]
            self._call(self._record, "record")

    def _give(self, outdata: Any) -> None:
        wanted = len(outdata)
        while len(self._to_play) < wanted:
            # PJMEDIA fills the buffer, with silence at worst; a failure must not play the last frame again.
            self._abi.ffi.memmove(self._buffer, bytes(self._bytes), self._bytes)
            self._call(self._play, "play")
            self._to_play += self._abi.ffi.buffer(self._buffer, self._bytes)
        outdata[:] = bytes(self._to_play[:wanted])
        del self._to_play[:wanted]

    def _call(self, function: Any, direction: str) -> None:
        frame = self._frame
        frame.type = PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = self._buffer
        frame.size = self._bytes
        frame.timestamp = self._timestamps[direction]
        frame.bit_info = 0
        self._timestamps[direction] += self.param.samples_per_frame // self.param.channel_count
        function(self._user_data, frame)

    def _register_thread(self) -> None:
        if threading.get_ident() in self._known_threads or self._abi.lib.pj_thread_is_registered():
            return
        description = self._abi.ffi.new("char[]", _THREAD_DESC_BYTES)
        handle = self._abi.ffi.new("void **")
        self._abi.lib.pj_thread_register(b"portaudio", self._abi.ffi.cast("long *", description), handle)
        self._known_threads[threading.get_ident()] = description
        _REGISTERED.append(description)


_REGISTERED: list[Any] = []
"""Thread descriptions that PJSIP points to; a thread can outlive the stream."""


def _seconds(param: Any, capability: int) -> float | str:
    """Latency that PJSIP asks for, or PortAudio's own choice."""
    field = param.input_latency_ms if capability == PJMEDIA_AUD_DEV_CAP_INPUT_LATENCY else param.output_latency_ms
    return int(field) / 1000 if param.flags & capability and field else "low"
