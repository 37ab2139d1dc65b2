"""The C operations of the codec factory, called as PJMEDIA calls them: exceptions, sizes and bounds stop at the boundary."""

import logging
from typing import Any

import pytest

from softphone.codecs.implementation import CodecDescriptor, OpenRequest, ParsedFrame
from softphone.engine.pjsip.abi import FLAG_PLC, PJMEDIA_TYPE_AUDIO, load_abi
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.factory import CodecFactory
from softphone.engine.pjsip.registry import CodecRegistry
from softphone.engine.pjsip.status_codes import PJMEDIA_CODEC_EFAILED, PJMEDIA_CODEC_EUNSUP

ABI = load_abi()
FFI = ABI.ffi


class Scripted:
    """A codec whose every method does what the test put there."""

    def __init__(self, request: OpenRequest, **methods: Any) -> None:
        self.request = request
        self.encode_ms = 20
        self.closed = 0
        self.encode = methods.get("encode", lambda pcm: pcm[:10])
        self.parse = methods.get("parse", lambda payload, timestamp: [ParsedFrame(payload[:8], timestamp)])
        self.decode = methods.get("decode", lambda frame, samples: b"\x01\x02" * samples)
        self.recover = methods.get("recover", lambda samples: b"\x03\x04" * samples)

    def close(self) -> None:
        self.closed += 1


class Driver:
    """Drives one codec through the operation tables, with PJMEDIA's buffers."""

    def __init__(self, **methods: Any) -> None:
        self.opened: list[Scripted] = []

        def open_codec(request: OpenRequest) -> Scripted:
            if "open" in methods:
                methods["open"]()
            self.opened.append(Scripted(request, **methods))
            return self.opened[-1]

        descriptor = CodecDescriptor("x-test", 16000, 1, 20, 8, 600, 4800, 32, open_codec, {"model": "ab", "version": "1"})
        self.factory = CodecFactory(ABI, CodecRegistry([descriptor]))
        self.info = FFI.new("pjmedia_codec_info *")
        assert self.factory.struct.op.enum_info(self.factory.struct, FFI.new("unsigned *", 1), self.info) == 0
        self.param = FFI.new("pjmedia_codec_param *")
        assert self.factory.struct.op.default_attr(self.factory.struct, self.info, self.param) == 0
        out = FFI.new("pjmedia_codec **")
        assert self.factory.struct.op.alloc_codec(self.factory.struct, self.info, out) == 0
        self.codec = out[0]
        self.op = self.codec.op
        self.out = FFI.new("pjmedia_frame *")
        self.room = FFI.new("char[]", b"\x7f" * 640)
        self.out.buf = self.room

    def open(self) -> int:
        return int(self.op.open(self.codec, self.param))

    def encode(self, capacity: int = 600) -> tuple[int, int]:
        pcm = FFI.new("char[]", bytes(range(256)) * 2 + bytes(128))
        frame = FFI.new("pjmedia_frame *", {"type": 1, "buf": pcm, "size": 640, "timestamp": 77})
        return self.op.encode(self.codec, frame, capacity, self.out), self.out.size

    def parse(self, payload: bytes, room: int = 16) -> tuple[int, list[tuple[bytes, int, int]]]:
        frames, count = FFI.new("pjmedia_frame[16]"), FFI.new("unsigned *", room)
        packet = FFI.new("char[]", payload or b"\0")
        status = self.op.parse(self.codec, packet, len(payload), FFI.new("uint64_t *", 3200), count, frames)
        return status, [(FFI.buffer(f.buf, f.size)[:], f.timestamp, f.bit_info) for f in frames[0 : count[0]]]

    def decode(self) -> int:
        frame = FFI.new("pjmedia_frame *", {"buf": self.room, "size": 4})
        return int(self.op.decode(self.codec, frame, 640, self.out))


def boom(*_args: Any) -> Any:
    raise RuntimeError("the worker is gone")


def test_defaults_are_announced_in_pjsips_layout() -> None:
    driver = Driver()
    info, setting = driver.param.info, driver.param.setting
    assert ABI.text(driver.info.encoding_name) == "x-test"
    assert (driver.info.clock_rate, driver.info.channel_cnt, driver.info.type) == (16000, 1, PJMEDIA_TYPE_AUDIO)
    assert (info.clock_rate, info.frm_ptime, info.avg_bps, info.max_rx_frame_size) == (16000, 20, 600, 32)
    assert (setting.frm_per_pkt, setting.flags, setting.dec_fmtp.cnt) == (8, FLAG_PLC, 2)
    assert ABI.text(setting.dec_fmtp.param[0].name) == "model"
    assert ABI.text(setting.dec_fmtp.param[0].val) == "ab"


def test_names_match_in_any_case_and_others_are_refused() -> None:
    driver = Driver()
    test = driver.factory.struct.op.test_alloc
    for text, wanted in ((b"X-TEST", 0), (b"x-tes", PJMEDIA_CODEC_EUNSUP), (b"opus", PJMEDIA_CODEC_EUNSUP)):
        name = FFI.new("char[]", text)
        driver.info.encoding_name = {"ptr": name, "slen": len(text)}
        assert test(driver.factory.struct, driver.info) == wanted


def test_open_hands_over_what_sdp_negotiated_and_sets_the_packet_time_back() -> None:
    driver = Driver()
    name, value = FFI.new("char[]", b"Model"), FFI.new("char[]", b"cd")
    driver.param.setting.enc_fmtp.cnt = 1
    driver.param.setting.enc_fmtp.param[0] = {"name": {"ptr": name, "slen": 5}, "val": {"ptr": value, "slen": 2}}
    assert driver.open() == 0
    request = driver.opened[0].request
    assert request == OpenRequest({"model": "ab", "version": "1"}, {"model": "cd"}, 16000, 1, 160)
    assert driver.param.setting.frm_per_pkt == 1
    assert driver.param.info.enc_ptime == 0
    assert driver.factory.open_codecs == 1
    assert driver.op.close(driver.codec) == 0
    assert driver.factory.struct.op.dealloc_codec(driver.factory.struct, driver.codec) == 0
    assert driver.opened[0].closed == 1
    assert driver.factory.open_codecs == 0


def test_sound_and_payloads_pass() -> None:
    driver = Driver()
    driver.open()
    assert driver.encode() == (0, 10)
    assert FFI.buffer(driver.room, 10)[:] == bytes(range(10))
    assert driver.out.timestamp == 77
    assert driver.parse(b"0123456789") == (0, [(b"01234567", 3200, 0)])
    assert driver.decode() == 0
    assert FFI.buffer(driver.room, 640)[:] == b"\x01\x02" * 320
    assert driver.op.recover(driver.codec, 640, driver.out) == 0
    assert FFI.buffer(driver.room, 640)[:] == b"\x03\x04" * 320


def test_no_payload_is_an_empty_frame() -> None:
    driver = Driver(encode=lambda pcm: None)
    driver.open()
    assert driver.encode() == (0, 0)


def test_short_sound_is_filled_with_silence_and_long_sound_is_cut() -> None:
    short, long = Driver(decode=lambda frame, samples: b"\x01\x02"), Driver(decode=lambda frame, samples: b"\x01\x02" * 5000)
    for driver, expected in ((short, b"\x01\x02" + bytes(638)), (long, b"\x01\x02" * 320)):
        driver.open()
        assert driver.decode() == 0
        assert FFI.buffer(driver.room, 640)[:] == expected


@pytest.mark.parametrize("method", ["encode", "parse", "decode", "recover"])
def test_an_exception_is_a_status_and_logged_once(method: str, caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver(**{method: boom})
    driver.open()
    calls = {
        "encode": lambda: driver.encode()[0],
        "parse": lambda: driver.parse(b"abc")[0],
        "decode": driver.decode,
        "recover": lambda: driver.op.recover(driver.codec, 640, driver.out),
    }
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert calls[method]() == PJMEDIA_CODEC_EFAILED
    assert [r.getMessage() for r in caplog.records].count(caplog.records[0].getMessage()) == len(caplog.records) == 1
    assert "the worker is gone" in caplog.text
    assert driver.encode()[1] in (0, 10)


def test_an_exception_in_open_is_a_status_and_leaves_nothing_open() -> None:
    driver = Driver(open=boom)
    assert driver.open() == PJMEDIA_CODEC_EFAILED
    assert driver.factory.open_codecs == 0
    assert driver.decode() == PJMEDIA_CODEC_EFAILED
    assert driver.factory.struct.op.dealloc_codec(driver.factory.struct, driver.codec) == 0


def test_a_codec_that_returns_rubbish_cannot_overrun_buffers() -> None:
    driver = Driver(encode=lambda pcm: bytes(601), parse=lambda payload, timestamp: [ParsedFrame(bytes(33), 0)])
    driver.open()
    assert driver.encode() == (PJMEDIA_CODEC_EFAILED, 0)
    assert driver.parse(b"x") == (PJMEDIA_CODEC_EFAILED, [])
    many = Driver(parse=lambda payload, timestamp: [ParsedFrame(bytes([i]), i) for i in range(40)])
    many.open()
    assert len(many.parse(b"x")[1]) == 16
    assert len(many.parse(b"x", room=3)[1]) == 3


def test_changed_slot_length_is_told_in_bit_info() -> None:
    driver = Driver(parse=lambda payload, timestamp: [ParsedFrame(b"a", 0, 160, True), ParsedFrame(b"b", 160, 160)])
    driver.open()
    assert [bit_info for _, _, bit_info in driver.parse(b"x")[1]] == [0x10000 | 160, 160]


def test_twice_the_same_name_and_overlong_fmtp_are_refused() -> None:
    descriptor = CodecDescriptor("a", 8000, 1, 20, 1, 600, 4800, 32, Scripted, {"x": "y" * 200})
    with pytest.raises(CodecSetupError, match="twice"):
        CodecRegistry([descriptor, descriptor])
    with pytest.raises(CodecSetupError, match="too long"):
        CodecFactory(ABI, CodecRegistry([descriptor]))
