"""A softphone engine in miniature, run as a process of its own: `python -m tests.engine.pjsip.peer '<json settings>'`.

Commands are JSON lines on stdin (`{"do": "call", "uri": ...}`, hangup, stat, quit), reports JSON lines on stdout.
"""

import json
import os
import select
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import pjsua2 as pj

from softphone.codecs.opus import opus_fits
from softphone.codecs.phv import phv_fits
from softphone.engine.codecs.opus import OpusSettings, opus_descriptor
from softphone.engine.codecs.phv import phv_descriptor
from softphone.engine.pjsip import abi
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.install import configure_media, install_codecs
from softphone.engine.pjsip.match import FormatMatcher
from softphone.engine.sdp.attributes import add_packet_times
from tests.engine.pjsip.tone_stream import ToneStream

# PJSIP logs to stdout until libInit(); the reports get a descriptor of their own.
_REPORTS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def report(**values: Any) -> None:
    print(json.dumps(values), file=_REPORTS, flush=True)


def reported(callback: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """SWIG swallows what a callback raises; a test wants to read it."""

    def wrapped(self: Any, prm: Any) -> None:
        try:
            callback(self, prm)
        except Exception:
            report(event="failure", text=traceback.format_exc())

    return wrapped


class PeerCall(pj.Call):
    def __init__(self, peer: "Peer", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(peer.account, call_id)
        self.peer = peer
        self.negotiated: dict[str, Any] = {}

    @reported
    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        report(event="state", state=info.stateText, code=info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.peer.ended = True

    @reported
    def onCallMediaState(self, prm: Any) -> None:
        # SWIG hands out a pointer into the CallInfo: it must outlive the loop.
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                sound = self.getAudioMedia(index)
                self.peer.connect(sound)
                self.negotiated = vars(self.peer.codecs.negotiated(self, index)).copy()
                report(event="media", began=time.time(), **self.negotiated)

    @reported
    def onCallSdpCreated(self, prm: Any) -> None:
        text = add_packet_times(prm.sdp.wholeSdp, prm.remSdp.wholeSdp, 160, 640)
        for old, new in self.peer.settings.get("sdp_replace", {}).items():
            text = text.replace(old, new)
        prm.sdp.wholeSdp = text
        report(event="sdp", sdp=text)


class PeerAccount(pj.Account):
    def __init__(self, peer: "Peer") -> None:
        super().__init__()
        self.peer = peer

    @reported
    def onIncomingCall(self, prm: Any) -> None:
        self.peer.call = PeerCall(self.peer, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.peer.call.answer(answer)


class Peer:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.streams: list[ToneStream] = []
        self.call: PeerCall | None = None
        self.ended = False
        self.player = self.recorder = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.logConfig.consoleLevel = 0
        if settings.get("log"):
            config.logConfig.filename = settings["log"]
            config.logConfig.level = 5
        configure_media(config.medConfig)
        for name, value in settings.get("media_config", {}).items():
            setattr(config.medConfig, name, value)
        if settings.get("pretend_supported"):
            abi.SUPPORTED_VERSION = settings["pretend_supported"]
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        transport_id = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.codecs = install_codecs(
            self.endpoint,
            [build(settings, self.open_stream) for name, build in BUILDERS.items() if name in settings["codecs"]],
            [FormatMatcher("x-phv", phv_fits), FormatMatcher("opus", opus_fits)],
        )
        for codec_id, priority in settings.get("priorities", {}).items():
            self.endpoint.codecSetPriority(codec_id, priority)
        self.endpoint.libStart()
        port = self.endpoint.transportGetInfo(transport_id).localName.rsplit(":", 1)[1]
        self.account = PeerAccount(self)
        account = pj.AccountConfig()
        account.idUri = f"sip:peer@127.0.0.1:{port}"
        account.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        account.mediaConfig.transportConfig.port = 0
        self.account.create(account)
        report(
            event="ready", port=int(port), codecs=[c.codecId for c in self.endpoint.codecEnum2() if c.priority], refusal=self.codecs.refusal
        )

    def open_stream(self, fmtp: Mapping[str, str]) -> ToneStream:
        if self.settings.get("refuse_open"):
            raise CodecSetupError("The codec worker is not running.")
        stream = ToneStream(fmtp, self.settings.get("tail_frames", 0))
        self.streams.append(stream)
        return stream

    def connect(self, sound: Any) -> None:
        if self.settings.get("wav_in") and self.player is None:
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(self.settings["wav_in"], pj.PJMEDIA_FILE_NO_LOOP)
        if self.settings.get("wav_out") and self.recorder is None:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.settings["wav_out"])
        if self.player is not None:
            self.player.startTransmit(sound)
        if self.recorder is not None:
            sound.startTransmit(self.recorder)

    def stat(self) -> None:
        values: dict[str, Any] = {
            "streams": [{**s.counts, "fmtp": s.fmtp, "pulls": sorted(s.pull_sizes), "waits": s.waits} for s in self.streams]
        }
        if self.call is not None and not self.ended:
            stat = self.call.getStreamStat(0)
            values |= {
                "tx_packets": stat.rtcp.txStat.pkt,
                "tx_bytes": stat.rtcp.txStat.bytes,
                "rx_packets": stat.rtcp.rxStat.pkt,
                "rx_discard": stat.rtcp.rxStat.discard,
                "rx_loss": stat.rtcp.rxStat.loss,
                "rx_duplicate": stat.rtcp.rxStat.dup,
                "jbuf_delay_ms": stat.jbuf.avgDelayMsec,
                "jbuf_discard": stat.jbuf.discard,
            }
        report(event="stat", open_codecs=self.codecs.open_codecs, time=time.time(), **values)

    def do(self, command: dict[str, Any]) -> bool:
        match command["do"]:
            case "call":
                self.ended = False
                self.call = PeerCall(self)
                self.call.makeCall(command["uri"], pj.CallOpParam(True))
            case "hangup":
                self.endpoint.hangupAllCalls()
            case "stat":
                self.stat()
            case "quit":
                return False
        return True

    def run(self) -> None:
        pending = b""
        running = True
        while running:
            self.endpoint.libHandleEvents(10)
            if select.select([0], [], [], 0)[0]:
                chunk = os.read(0, 65536)
                if not chunk:
                    break
                pending += chunk
                while b"\n" in pending:
                    line, pending = pending.split(b"\n", 1)
                    running = self.do(json.loads(line)) and running
        self.close()

    def close(self) -> None:
        self.endpoint.hangupAllCalls()
        until = time.monotonic() + 2
        while self.call is not None and not self.ended and time.monotonic() < until:
            self.endpoint.libHandleEvents(10)
        self.call = None
        self.player = self.recorder = None
        self.endpoint.audDevManager().setNoDev()
        self.account.shutdown()
        self.codecs.uninstall()
        self.endpoint.libDestroy()
        report(event="closed", streams=[s.counts for s in self.streams])


def build_phv(settings: dict[str, Any], opener: Any) -> Any:
    fmtp = {"version": "1", "inventory": "arpabet39", "model": settings.get("model", "0123456789abcdef"), **settings.get("fmtp", {})}
    return phv_descriptor(opener, fmtp)


def build_opus(settings: dict[str, Any], _opener: Any) -> Any:
    return opus_descriptor(OpusSettings(**settings.get("opus", {})))


BUILDERS = {"phv": build_phv, "opus": build_opus}

if __name__ == "__main__":
    Peer(json.loads(sys.argv[1])).run()
    os._exit(0)
