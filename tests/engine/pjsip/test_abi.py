"""The self-check passes on the pinned wheel and refuses, in one sentence and before anything is registered, on every difference."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.engine.pjsip.abi import FLAG_PLC, FLAG_VAD, Probe, load_abi, self_check
from softphone.engine.pjsip.errors import AbiError
from tests.engine.pjsip.harness import PeerProcess

ABI = load_abi()


class RecordedProbe(Probe):
    """What PJSIP 2.15.1 answers, made from its documented values, with room for one lie."""

    def __init__(self) -> None:
        self.reported_version = "2.15.1"
        self.params = {
            "PCMU/8000/1": self._param(clock_rate=8000, channel_cnt=1, avg_bps=64000, frm_ptime=10),
            "speex/16000/1": self._param(clock_rate=16000, channel_cnt=1, frm_ptime=20),
            "iLBC/8000/1": self._param(clock_rate=8000, channel_cnt=1, frm_ptime=30),
        }
        self.params["PCMU/8000/1"].setting.frm_per_pkt = 2
        self.texts = {"mode": ABI.ffi.new("char[]", b"mode"), "30": ABI.ffi.new("char[]", b"30")}
        fmtp = self.params["iLBC/8000/1"].setting.dec_fmtp
        fmtp.cnt = 1
        fmtp.param[0].name = {"ptr": self.texts["mode"], "slen": 4}
        fmtp.param[0].val = {"ptr": self.texts["30"], "slen": 2}
        self.surplus = 0

    def _param(self, **info: int) -> object:
        param = ABI.ffi.new("pjmedia_codec_param *")
        for name, value in info.items():
            setattr(param.info, name, value)
        param.setting.frm_per_pkt = 1
        param.setting.flags = FLAG_PLC
        return param

    def version(self) -> str:
        return self.reported_version

    def default_param(self, codec_id: str) -> bytes:
        raw = bytes(ABI.ffi.buffer(self.params[codec_id])) + bytes(self.surplus)
        return raw.ljust(2048, b"\xa5")

    def text_at(self, address: int, length: int) -> bytes:
        return bytes(ABI.ffi.buffer(ABI.ffi.cast("char *", address), length))


def test_recorded_values_pass() -> None:
    assert self_check(ABI, RecordedProbe()) == "2.15.1"


@pytest.mark.parametrize("version", ["2.14.1", "2.16", "2.150", "", "3.15.1"])
def test_another_version_is_refused(version: str) -> None:
    probe = RecordedProbe()
    probe.reported_version = version
    with pytest.raises(AbiError, match=r"2\.15\.x; install pjsua2-python==2\.15\.1\.post1\.$"):
        self_check(ABI, probe)


def _clock(probe: RecordedProbe) -> None:
    probe.params["PCMU/8000/1"].info.clock_rate = 8001  # type: ignore[attr-defined]


def _frames(probe: RecordedProbe) -> None:
    probe.params["PCMU/8000/1"].setting.frm_per_pkt = 1  # type: ignore[attr-defined]


def _larger(probe: RecordedProbe) -> None:
    probe.surplus = 8


def _speex(probe: RecordedProbe) -> None:
    probe.params["speex/16000/1"].info.frm_ptime = 0  # type: ignore[attr-defined]


def _plc(probe: RecordedProbe) -> None:
    probe.params["speex/16000/1"].setting.flags = FLAG_VAD  # type: ignore[attr-defined]


def _count(probe: RecordedProbe) -> None:
    probe.params["iLBC/8000/1"].setting.dec_fmtp.cnt = 0  # type: ignore[attr-defined]


def _wild(probe: RecordedProbe) -> None:
    entry = probe.params["iLBC/8000/1"].setting.dec_fmtp.param[0]  # type: ignore[attr-defined]
    entry.name.ptr, entry.name.slen = ABI.ffi.cast("char *", 1), 77


def _text(probe: RecordedProbe) -> None:
    ABI.ffi.memmove(probe.texts["30"], b"20", 2)


@pytest.mark.parametrize("lie", [_clock, _frames, _larger, _speex, _plc, _count, _wild, _text])
def test_another_layout_is_refused(lie: Callable[[RecordedProbe], None]) -> None:
    probe = RecordedProbe()
    lie(probe)
    with pytest.raises(AbiError, match=r"^This PJSIP binary has another memory layout .* install pjsua2-python==2\.15\.1\.post1\.$"):
        self_check(ABI, probe)


def test_the_wheel_itself_passes_and_a_refused_one_still_makes_calls(tmp_path: Path) -> None:
    with PeerProcess(codecs=["phv", "opus"]) as good, PeerProcess(codecs=["phv", "opus"], pretend_supported="2.14") as refused:
        ready = good.wait("ready")
        assert ready["refusal"] == ""
        assert ready["codecs"] == ["x-phv/16000/1", "opus/48000/2", "PCMU/8000/1", "PCMA/8000/1"]
        other = refused.wait("ready")
        assert "know only 2.14.x" in other["refusal"]
        assert other["codecs"] == ["PCMU/8000/1", "PCMA/8000/1"]
        good.do("call", uri=f"sip:peer@127.0.0.1:{other['port']}")
        assert good.wait("media")["codec"] == refused.wait("media")["codec"] == "PCMU"
        time.sleep(0.2)
        good.quit()
        refused.quit()
