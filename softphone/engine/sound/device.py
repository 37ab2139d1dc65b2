"""Sound cards for PJSIP through PortAudio: a pjmedia_aud_dev_factory over the Python package `sounddevice`.

The wheel of PJSIP has no sound device at all. With this factory PJSIP drives ours as if it were its own, with its echo canceller in
between (`MediaConfig.ecOptions`, `ecTailLen`). Until `SoundDevices.register` is called, and wherever it fails, the null device stays.
"""

import importlib
import logging
from dataclasses import dataclass
from typing import Any

from codec.units.rates import SAMPLE_RATE
from softphone.engine.pjsip.abi import Abi
from softphone.engine.pjsip.errors import SoundDeviceError
from softphone.engine.pjsip.status_codes import PJ_SUCCESS, PJMEDIA_EAUD_INVCAP, PJMEDIA_EAUD_SYSERR
from softphone.engine.sound.stream import SoundStream

log = logging.getLogger(__name__)
DRIVER = "portaudio"
MAX_DEVICES = 60
"""PJMEDIA has room for 64 devices of all drivers."""
_CAPTURE, _PLAYBACK = 1, 2
_INVALID_DEVICE = -3


@dataclass(frozen=True)
class SoundDeviceInfo:
    """One sound device as the user may choose it."""

    index: int
    """PJSIP's number, for `AudDevManager.setCaptureDev` and `setPlaybackDev`."""
    name: str
    inputs: int
    outputs: int


def load_backend() -> Any:
    """The module `sounddevice`. Raises SoundDeviceError, with the cure, when it or the PortAudio library is missing."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError as error:
        raise SoundDeviceError("The Python package sounddevice is not installed; run pip install sounddevice.") from error
    except OSError as error:
        raise SoundDeviceError("The PortAudio library is not installed; run apt install libportaudio2.") from error


_NOTHING = {"name": "null", "number": None, "max_input_channels": 1, "max_output_channels": 1, "default_samplerate": float(SAMPLE_RATE)}
"""A last device beside the real ones, for one direction only: silence, or what is played is not heard."""


class SoundDevices:
    """The sound devices of this machine, offered to PJSIP. Keep the object until after `libDestroy()`."""

    def __init__(self, abi: Abi, backend: Any = None, *, rescan: bool = False) -> None:
        """`backend` is a module like `sounddevice`; `rescan`: also find devices that were plugged in since the process began.

        Raises SoundDeviceError when there is no backend, or no device.
        """
        self._abi = abi
        self._backend = backend or load_backend()
        if rescan:
            self._start_backend_anew()
        self._devices = self._query()
        self._streams: dict[int, tuple[Any, SoundStream]] = {}
        self._make_callbacks()
        self.index_of_first = 0

    def register(self) -> list[SoundDeviceInfo]:
        """Announce the devices; call once, after libInit(). The machine's default device comes first. Raises SoundDeviceError."""
        self.index_of_first = int(self._abi.lib.pjmedia_aud_dev_count())
        status = self._abi.lib.pjmedia_aud_register_factory(self._create)
        if status != PJ_SUCCESS:
            raise SoundDeviceError(f"PJSIP refused the sound devices with status {status}; calls use the null device.")
        return self._read_back()

    def refresh(self) -> list[SoundDeviceInfo]:
        """Look for devices that came or went, and say what is there now, perhaps nothing.

        Without effect while a device is open: PortAudio must be restarted, which would end its streams.
        """
        if not self._streams:
            self._start_backend_anew()
            try:
                self._devices = self._query()
            except SoundDeviceError:
                self._devices = []
            self._abi.lib.pjmedia_aud_dev_refresh()
        return self._read_back()

    @property
    def index_of_null(self) -> int:
        """PJSIP's number of the device that is none: silence as input, nothing heard as output."""
        return self.index_of_first + len(self._devices)

    @property
    def is_open(self) -> bool:
        """Whether a device is open now."""
        return bool(self._streams)

    @property
    def lost(self) -> bool:
        """Whether an open device has gone away."""
        return any(stream.lost for _struct, stream in list(self._streams.values()))

    def _start_backend_anew(self) -> None:
        # PortAudio lists the devices only when it starts, and the package offers no public way to restart it.
        try:
            self._backend._terminate()
            self._backend._initialize()
        except Exception as error:
            raise SoundDeviceError(f"PortAudio cannot be restarted: {error}.") from error

    def _all(self) -> list[dict[str, Any]]:
        return [*self._devices, _NOTHING]

    def _query(self) -> list[dict[str, Any]]:
        try:
            devices = [dict(d, number=i) for i, d in enumerate(self._backend.query_devices())]
            defaults = list(self._backend.default.device)
        except Exception as error:
            raise SoundDeviceError(f"PortAudio cannot list the sound devices: {error}.") from error
        usable = [d for d in devices if d["max_input_channels"] or d["max_output_channels"]]
        if not usable:
            raise SoundDeviceError(
                "no sound device was found; plug one in, or start a sound server (commands work with files: --wav-in, --wav-out)"
            )
        usable.sort(key=lambda d: d["number"] not in defaults)
        return usable[:MAX_DEVICES]

    def _read_back(self) -> list[SoundDeviceInfo]:
        """Ask PJSIP for what it was told: a wrong layout shows here, before a stream is opened."""
        info = self._abi.ffi.new("pjmedia_aud_dev_info *")
        found = []
        for offset, device in enumerate(self._devices):
            index = self.index_of_first + offset
            status = self._abi.lib.pjmedia_aud_dev_get_info(index, info)
            name = self._abi.ffi.string(info.name).decode("utf-8", "replace")
            if status != PJ_SUCCESS or name != _clip(device["name"]).decode("utf-8", "replace") or info.routes or info.ext_fmt_cnt:
                raise SoundDeviceError(
                    "PJSIP does not understand our sound devices, so calls use the null device; install the pinned wheel."
                )
            found.append(SoundDeviceInfo(index, name, int(info.input_count), int(info.output_count)))
        return found

    def _make_callbacks(self) -> None:
        ffi, guard = self._abi.ffi, self._guard
        stream, factory = "pjmedia_aud_stream *", "pjmedia_aud_dev_factory *"
        self._stream_op = ffi.new("pjmedia_aud_stream_op *")
        self._factory_op = ffi.new("pjmedia_aud_dev_factory_op *")
        self._factory = ffi.new("pjmedia_aud_dev_factory *", {"op": self._factory_op})
        self._keep = {
            "get_param": ffi.callback(f"int({stream}, pjmedia_aud_param *)", guard(self._get_param)),
            "get_cap": ffi.callback(f"int({stream}, int, void *)", lambda _stream, _cap, _value: PJMEDIA_EAUD_INVCAP),
            "set_cap": ffi.callback(f"int({stream}, int, const void *)", lambda _stream, _cap, _value: PJMEDIA_EAUD_INVCAP),
            "start": ffi.callback(f"int({stream})", guard(lambda s: self._stream(s).start())),
            "stop": ffi.callback(f"int({stream})", guard(lambda s: self._stream(s).stop())),
            "destroy": ffi.callback(f"int({stream})", guard(self._destroy_stream)),
        }
        for name, callback in self._keep.items():
            setattr(self._stream_op, name, callback)
        self._keep_factory = {
            "init": ffi.callback(f"int({factory})", lambda _factory: PJ_SUCCESS),
            "destroy": ffi.callback(f"int({factory})", lambda _factory: PJ_SUCCESS),
            "get_dev_count": ffi.callback(f"unsigned({factory})", lambda _factory: len(self._all())),
            "get_dev_info": ffi.callback(f"int({factory}, unsigned, pjmedia_aud_dev_info *)", guard(self._get_dev_info)),
            "default_param": ffi.callback(f"int({factory}, unsigned, pjmedia_aud_param *)", guard(self._default_param)),
            "create_stream": ffi.callback(
                f"int({factory}, const pjmedia_aud_param *, pjmedia_aud_cb, pjmedia_aud_cb, void *, pjmedia_aud_stream **)",
                guard(self._create_stream),
            ),
            "refresh": ffi.callback(f"int({factory})", lambda _factory: PJ_SUCCESS),
        }
        for name, callback in self._keep_factory.items():
            setattr(self._factory_op, name, callback)
        self._create = ffi.callback("pjmedia_aud_factory_create", lambda _pool_factory: self._factory)

    def _guard(self, operation: Any) -> Any:
        def guarded(*args: Any) -> int:
            try:
                operation(*args)
            except BaseException as error:  # nothing may unwind through C frames
                log.error("The sound device failed: %s", error)
                return PJMEDIA_EAUD_SYSERR
            return PJ_SUCCESS

        return guarded

    def _get_dev_info(self, _factory: Any, index: int, info: Any) -> None:
        # Field by field: nothing past ext_fmt_cnt is written, so even a longer name field could not be overrun.
        device = self._all()[index]
        info.name = _clip(device["name"])
        info.input_count = device["max_input_channels"]
        info.output_count = device["max_output_channels"]
        info.default_samples_per_sec = int(device["default_samplerate"])
        info.driver = DRIVER.encode()
        info.caps = info.routes = info.ext_fmt_cnt = 0

    def _default_param(self, _factory: Any, index: int, param: Any) -> None:
        device = self._all()[index]
        size = self._abi.ffi.sizeof("pjmedia_aud_param")
        self._abi.ffi.memmove(param, bytes(size), size)
        param.dir = (_CAPTURE if device["max_input_channels"] else 0) | (_PLAYBACK if device["max_output_channels"] else 0)
        param.rec_id = index if param.dir & _CAPTURE else _INVALID_DEVICE
        param.play_id = index if param.dir & _PLAYBACK else _INVALID_DEVICE
        param.clock_rate = int(device["default_samplerate"])
        param.channel_count = 1
        param.samples_per_frame = param.clock_rate // 50
        param.bits_per_sample = 16

    def _create_stream(self, _factory: Any, param: Any, record: Any, play: Any, user_data: Any, out: Any) -> None:
        if param.bits_per_sample != 16:
            raise SoundDeviceError("Only 16-bit sound is supported.")
        copy = self._abi.ffi.new("pjmedia_aud_param *", param[0])
        capture = self._all()[param.rec_id]["number"] if param.dir & _CAPTURE else None
        playback = self._all()[param.play_id]["number"] if param.dir & _PLAYBACK else None
        stream = SoundStream(self._abi, self._backend, copy, (capture, playback), (record, play), user_data)
        struct = self._abi.ffi.new("pjmedia_aud_stream *", {"op": self._stream_op})
        self._streams[self._address(struct)] = (struct, stream)
        out[0] = struct

    def _get_param(self, struct: Any, param: Any) -> None:
        param[0] = self._stream(struct).param[0]

    def _destroy_stream(self, struct: Any) -> None:
        _struct, stream = self._streams.pop(self._address(struct))
        stream.close()

    def _stream(self, struct: Any) -> SoundStream:
        return self._streams[self._address(struct)][1]

    def _address(self, struct: Any) -> int:
        return int(self._abi.ffi.cast("uintptr_t", struct))


def _clip(name: str) -> bytes:
    """`name` in 63 bytes of UTF-8 at most, cut between characters."""
    return name.encode("utf-8")[:63].decode("utf-8", "ignore").encode("utf-8")
