"""A pjmedia_codec_factory whose operations are Python functions, for any set of codec descriptors.

PJMEDIA calls these on threads of its own, with its locks held. An exception must not cross into C, so each operation is wrapped: the
first failure of its kind is logged, the status says failed, and sound becomes silence. All C memory that PJSIP may keep a pointer to is
held by the factory until `release`, which must come after PJSIP is destroyed.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from softphone.codecs.implementation import CodecDescriptor, CodecInstance, OpenRequest, ParsedFrame
from softphone.engine.pjsip.abi import FLAG_PLC, MAX_FMTP, MAX_PARSED_FRAMES, PJMEDIA_FRAME_TYPE_AUDIO, PJMEDIA_TYPE_AUDIO, Abi
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.registry import CodecRegistry
from softphone.engine.pjsip.status_codes import PJ_SUCCESS, PJMEDIA_CODEC_EFAILED, PJMEDIA_CODEC_EUNSUP

log = logging.getLogger(__name__)
MAX_FMTP_CHARS = 150
MAX_VALUE_CHARS = 256
_PTIME_CHANGED = 0x10000
"""Bit of bit_info that tells PJMEDIA of a new frame length (stream.c, on_rx_rtp)."""
_F = TypeVar("_F", bound=Callable[..., int])


class _Codec:
    """One pjmedia_codec: the C struct that PJMEDIA holds and what Python keeps beside it."""

    def __init__(self, factory: "CodecFactory", descriptor: CodecDescriptor) -> None:
        self.descriptor = descriptor
        self.instance: CodecInstance | None = None
        self.struct = factory.abi.ffi.new("pjmedia_codec *", {"factory": factory.struct, "op": factory.codec_op})
        # Frames of one parse() are copied by the jitter buffer before the next one, so one buffer serves the whole call.
        self.frame_bytes = descriptor.max_frame_bytes
        self.frames = factory.abi.ffi.new("char[]", self.frame_bytes * MAX_PARSED_FRAMES)


class CodecFactory:
    """Offers the codecs of a registry to PJMEDIA."""

    def __init__(self, abi: Abi, registry: CodecRegistry) -> None:
        self.abi = abi
        self._registry = registry
        self._codecs: dict[int, _Codec] = {}
        self._failures: set[tuple[str, type[BaseException]]] = set()
        self._names = {d.encoding_name: abi.ffi.new("char[]", d.encoding_name.encode("ascii")) for d in registry}
        self._fmtp = {d.encoding_name: self._fmtp_strings(d) for d in registry}
        self._manager: Any = None
        self.codec_op = self._codec_operations()
        self._factory_op = self._factory_operations()
        self.struct = abi.ffi.new("pjmedia_codec_factory *", {"op": self._factory_op})

    def register(self) -> None:
        """Announce the codecs. Call on a thread known to PJSIP, after libInit(). Raises CodecSetupError."""
        self._manager = self.abi.lib.pjmedia_endpt_get_codec_mgr(self.abi.lib.pjsua_get_pjmedia_endpt())
        status = self.abi.lib.pjmedia_codec_mgr_register_factory(self._manager, self.struct)
        if status != PJ_SUCCESS:
            raise CodecSetupError(f"PJSIP refused our codecs with status {status}; they may be registered already.")

    def unregister(self) -> None:
        """Withdraw the codecs; calls must have ended. The C memory stays valid as long as this object lives."""
        if self._manager is not None:
            self.abi.lib.pjmedia_codec_mgr_unregister_factory(self._manager, self.struct)
            self._manager = None

    @property
    def open_codecs(self) -> int:
        """How many codec instances are open now; 0 when no call has media of ours."""
        return sum(codec.instance is not None for codec in list(self._codecs.values()))

    # Factory operations

    def _factory_operations(self) -> Any:
        ffi, guard = self.abi.ffi, self._guard
        self._factory_callbacks = {
            "test_alloc": ffi.callback("int(pjmedia_codec_factory *, const pjmedia_codec_info *)", guard(self._test_alloc)),
            "default_attr": ffi.callback(
                "int(pjmedia_codec_factory *, const pjmedia_codec_info *, pjmedia_codec_param *)", guard(self._default_attr)
            ),
            "enum_info": ffi.callback("int(pjmedia_codec_factory *, unsigned *, pjmedia_codec_info *)", guard(self._enum_info)),
            "alloc_codec": ffi.callback(
                "int(pjmedia_codec_factory *, const pjmedia_codec_info *, pjmedia_codec **)", guard(self._alloc_codec)
            ),
            "dealloc_codec": ffi.callback("int(pjmedia_codec_factory *, pjmedia_codec *)", guard(self._dealloc_codec)),
            "destroy": ffi.callback("int(void)", guard(self._destroy)),
        }
        return ffi.new("pjmedia_codec_factory_op *", self._factory_callbacks)

    def _test_alloc(self, _factory: Any, info: Any) -> int:
        return PJ_SUCCESS if self._descriptor(info) else PJMEDIA_CODEC_EUNSUP

    def _default_attr(self, _factory: Any, info: Any, param: Any) -> int:
        descriptor = self._descriptor(info)
        if descriptor is None:
            return PJMEDIA_CODEC_EUNSUP
        self.abi.ffi.memmove(param, bytes(self.abi.ffi.sizeof("pjmedia_codec_param")), self.abi.ffi.sizeof("pjmedia_codec_param"))
        param.info.clock_rate = descriptor.clock_rate
        param.info.channel_cnt = descriptor.channels
        param.info.avg_bps = descriptor.average_bps
        param.info.max_bps = descriptor.max_bps
        param.info.max_rx_frame_size = descriptor.max_frame_bytes
        param.info.frm_ptime = descriptor.frame_ms
        param.info.pcm_bits_per_sample = 16
        param.info.pt = info.pt
        param.setting.frm_per_pkt = descriptor.frames_per_packet
        param.setting.flags = FLAG_PLC
        fmtp = self._fmtp[descriptor.encoding_name]
        param.setting.dec_fmtp.cnt = len(fmtp)
        for entry, (name, value) in zip(param.setting.dec_fmtp.param, fmtp, strict=False):
            entry.name.ptr, entry.name.slen = name, len(name) - 1
            entry.val.ptr, entry.val.slen = value, len(value) - 1
        return PJ_SUCCESS

    def _enum_info(self, _factory: Any, count: Any, infos: Any) -> int:
        count[0] = min(count[0], len(self._registry))
        for index, descriptor in zip(range(count[0]), self._registry, strict=False):
            info, name = infos[index], self._names[descriptor.encoding_name]
            info.type = PJMEDIA_TYPE_AUDIO
            info.pt = descriptor.payload_type
            info.encoding_name.ptr, info.encoding_name.slen = name, len(name) - 1
            info.clock_rate = descriptor.clock_rate
            info.channel_cnt = descriptor.channels
        return PJ_SUCCESS

    def _alloc_codec(self, _factory: Any, info: Any, out: Any) -> int:
        descriptor = self._descriptor(info)
        if descriptor is None:
            return PJMEDIA_CODEC_EUNSUP
        codec = _Codec(self, descriptor)
        self._codecs[self._address(codec.struct)] = codec
        out[0] = codec.struct
        return PJ_SUCCESS

    def _dealloc_codec(self, _factory: Any, struct: Any) -> int:
        codec = self._codecs.pop(self._address(struct), None)
        if codec is not None and codec.instance is not None:
            codec.instance.close()
        return PJ_SUCCESS

    def _destroy(self) -> int:
        return PJ_SUCCESS

    # Codec operations

    def _codec_operations(self) -> Any:
        ffi, guard = self.abi.ffi, self._guard
        self._codec_callbacks = {
            "init": ffi.callback("int(pjmedia_codec *, void *)", lambda _codec, _pool: PJ_SUCCESS),
            "open": ffi.callback("int(pjmedia_codec *, pjmedia_codec_param *)", guard(self._open)),
            "close": ffi.callback("int(pjmedia_codec *)", guard(self._close)),
            # PJMEDIA modifies to switch its own silence detection on or off; ours is in the codecs.
            "modify": ffi.callback("int(pjmedia_codec *, const pjmedia_codec_param *)", lambda _codec, _param: PJ_SUCCESS),
            "parse": ffi.callback(
                "int(pjmedia_codec *, void *, size_t, const uint64_t *, unsigned *, pjmedia_frame *)", guard(self._parse)
            ),
            "encode": ffi.callback("int(pjmedia_codec *, const pjmedia_frame *, unsigned, pjmedia_frame *)", guard(self._encode)),
            "decode": ffi.callback("int(pjmedia_codec *, const pjmedia_frame *, unsigned, pjmedia_frame *)", guard(self._decode)),
            "recover": ffi.callback("int(pjmedia_codec *, unsigned, pjmedia_frame *)", guard(self._recover)),
        }
        return ffi.new("pjmedia_codec_op *", self._codec_callbacks)

    def _open(self, struct: Any, param: Any) -> int:
        codec = self._codecs[self._address(struct)]
        codec.instance = codec.descriptor.open(
            OpenRequest(
                fmtp_local=self._read_fmtp(param.setting.dec_fmtp),
                fmtp_remote=self._read_fmtp(param.setting.enc_fmtp),
                clock_rate=param.info.clock_rate,
                channels=param.info.channel_cnt,
                packet_ms=param.setting.frm_per_pkt * codec.descriptor.frame_ms,
            )
        )
        # What the instance packs counts, not what the peer's ptime made of it. Not by enc_ptime: PJMEDIA 2.15.1 then counts RTP time
        # once per frame instead of once per packet (stream.c, put_frame_imp after rebuffer), and sends silence in every frame.
        param.setting.frm_per_pkt = codec.instance.encode_ms // codec.descriptor.frame_ms
        param.info.enc_ptime = 0
        param.info.enc_ptime_denum = 1
        return PJ_SUCCESS

    def _close(self, struct: Any) -> int:
        codec = self._codecs.get(self._address(struct))
        if codec is not None and codec.instance is not None:
            instance, codec.instance = codec.instance, None
            instance.close()
        return PJ_SUCCESS

    def _encode(self, struct: Any, source: Any, capacity: int, output: Any) -> int:
        output.size = 0
        output.type = PJMEDIA_FRAME_TYPE_AUDIO
        output.timestamp = source.timestamp
        payload = self._instance(struct).encode(self.abi.ffi.buffer(source.buf, source.size)[:])
        if payload:
            if len(payload) > capacity:
                raise CodecSetupError(f"A payload of {len(payload)} bytes does not fit into the {capacity} that PJMEDIA has room for.")
            self.abi.ffi.memmove(output.buf, payload, len(payload))
            output.size = len(payload)
        return PJ_SUCCESS

    def _parse(self, struct: Any, packet: Any, size: int, timestamp: Any, count: Any, frames: Any) -> int:
        room, count[0] = min(count[0], MAX_PARSED_FRAMES), 0
        codec = self._codecs[self._address(struct)]
        parsed = self._instance(struct).parse(self.abi.ffi.buffer(packet, size)[:], timestamp[0])
        for index, frame in enumerate(parsed[:room]):
            self._put_frame(codec, index, frame, frames[index])
        count[0] = min(len(parsed), room)
        return PJ_SUCCESS

    def _put_frame(self, codec: _Codec, index: int, frame: ParsedFrame, out: Any) -> None:
        if len(frame.data) > codec.frame_bytes:
            raise CodecSetupError(f"A frame of {len(frame.data)} bytes is longer than the {codec.frame_bytes} that were announced.")
        buffer = codec.frames + index * codec.frame_bytes
        self.abi.ffi.memmove(buffer, frame.data, len(frame.data))
        out.type = PJMEDIA_FRAME_TYPE_AUDIO
        out.buf = buffer
        out.size = len(frame.data)
        out.timestamp = frame.timestamp
        out.bit_info = frame.samples | (_PTIME_CHANGED if frame.changed else 0)

    def _decode(self, struct: Any, source: Any, capacity: int, output: Any) -> int:
        frame = self.abi.ffi.buffer(source.buf, source.size)[:]
        return self._write_pcm(output, capacity, self._instance(struct).decode(frame, capacity // 2))

    def _recover(self, struct: Any, capacity: int, output: Any) -> int:
        return self._write_pcm(output, capacity, self._instance(struct).recover(capacity // 2))

    def _write_pcm(self, output: Any, capacity: int, pcm: bytes) -> int:
        size = min(len(pcm), capacity)
        # PJMEDIA counts a whole slot whatever we report, so what is missing must not be what the buffer held before.
        self.abi.ffi.memmove(output.buf, pcm.ljust(capacity, b"\0"), capacity)
        output.size = size
        output.type = PJMEDIA_FRAME_TYPE_AUDIO
        return PJ_SUCCESS

    # Helpers

    def _guard(self, operation: _F) -> _F:
        @functools.wraps(operation)
        def guarded(*args: Any) -> int:
            try:
                return operation(*args)
            except BaseException as error:  # nothing may unwind through C frames, not even KeyboardInterrupt
                key = (operation.__name__, type(error))
                if key not in self._failures:
                    self._failures.add(key)
                    log.error(
                        "%s of a codec failed, further failures of this kind are not logged: %s", operation.__name__.strip("_"), error
                    )
                    log.debug("details", exc_info=error)
                return PJMEDIA_CODEC_EFAILED

        return guarded  # type: ignore[return-value]

    def _address(self, struct: Any) -> int:
        return int(self.abi.ffi.cast("uintptr_t", struct))

    def _instance(self, struct: Any) -> CodecInstance:
        instance = self._codecs[self._address(struct)].instance
        if instance is None:
            raise CodecSetupError("PJMEDIA used a codec that is closed.")
        return instance

    def _descriptor(self, info: Any) -> CodecDescriptor | None:
        if info.type != PJMEDIA_TYPE_AUDIO:
            return None
        return self._registry.get(self.abi.text(info.encoding_name, 64))

    def _fmtp_strings(self, descriptor: CodecDescriptor) -> list[tuple[Any, Any]]:
        text = ";".join(f"{name}={value}" for name, value in descriptor.default_fmtp.items())
        if len(text) > MAX_FMTP_CHARS or len(descriptor.default_fmtp) > MAX_FMTP:
            raise CodecSetupError(
                f"The fmtp of {descriptor.encoding_name} is too long for PJSIP: keep it under {MAX_FMTP_CHARS} characters."
            )
        new = self.abi.ffi.new
        return [(new("char[]", n.encode("ascii")), new("char[]", v.encode("ascii"))) for n, v in descriptor.default_fmtp.items()]

    def _read_fmtp(self, fmtp: Any) -> dict[str, str]:
        """A peer's parameters, bounded: 16 of them, 256 characters each; the first of a name counts."""
        read: dict[str, str] = {}
        for entry in fmtp.param[0 : min(fmtp.cnt, MAX_FMTP)]:
            name = self.abi.text(entry.name, MAX_VALUE_CHARS).lower()
            read.setdefault(name, self.abi.text(entry.val, MAX_VALUE_CHARS))
        return read
