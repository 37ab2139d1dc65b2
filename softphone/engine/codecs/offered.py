"""Which codecs this phone offers now: Opus and G.711 always, ours while the codec worker is ready."""

from __future__ import annotations

from typing import Any

import pjsua2 as pj

from softphone.config import Config
from softphone.engine.codecs.opus import OpusSettings, opus_descriptor
from softphone.engine.codecs.phv import phv_descriptor
from softphone.engine.pjsip.codec import CodecDescriptor, CodecRegistry
from softphone.engine.pjsip.endpoint import CODEC_IDS, PhoneEndpoint
from softphone.engine.pjsip.errors import FmtpError, MediaError
from softphone.engine.pjsip.fmtp import parse_fmtp
from softphone.engine.pjsip.install import InstalledCodecs, install_codecs
from softphone.engine.pjsip.match import FormatMatcher, opus_fits, phv_fits
from softphone.engine.pjsip.negotiated import NegotiatedCodec, negotiated_codec
from softphone.engine.pjsip.stream import StreamOpener
from softphone.engine.sdp.description import Rtpmap

_FMTP = ("version", "inventory", "model")


class PhoneCodecs:
    """Main thread only. `refusal` is the sentence why codecs of ours are off, or empty."""

    def __init__(self, endpoint: PhoneEndpoint, config: Config) -> None:
        self._endpoint = endpoint
        self._config = config
        self._installed: list[InstalledCodecs] = []
        self._descriptors: list[CodecDescriptor] = []
        self._phv_fmtp: dict[str, str] = {}
        self.refusal = ""
        self.offered: list[str] = []

    def install_standard(self) -> None:
        """Opus beside the wheel's G.711; to be called once, after the endpoint is made."""
        try:
            self._install(*_opus(self._config))
        except MediaError as error:
            self.refusal = str(error)
        self.offer(phv=False)

    def phv_ready(self, facts: dict[str, Any], opener: StreamOpener) -> str:
        """The worker is ready with these facts: offer x-phv from now on. Returns "" or why not."""
        if "x-phv" not in self._config.codecs.order:
            return "x-phv is not in codecs.order"
        fmtp = {name: str(facts[name]) for name in _FMTP if name in facts}
        if len(fmtp) != len(_FMTP):
            return "the codec worker did not say its version, inventory and model; worker and engine are of different versions"
        if self._phv_fmtp and fmtp != self._phv_fmtp:
            return "the codec worker came back with another model; start the softphone again to use it"
        if not self._phv_fmtp:
            descriptor = phv_descriptor(opener, fmtp, packet_ms=int(facts.get("interval_ms", self._config.phv.interval_ms)))
            try:
                installed = self._install([descriptor], [FormatMatcher("x-phv", phv_fits)])
            except MediaError as error:
                return str(error)
            if not installed:
                return self.refusal
            self._phv_fmtp = fmtp
        self.offer(phv=True)
        return ""

    def offer(self, *, phv: bool) -> None:
        """Set what is offered in calls from now on."""
        usable = {"PCMU", "PCMA"} | {descriptor.encoding_name for descriptor in self._descriptors}
        if not phv:
            usable.discard("x-phv")
        self.offered = self._endpoint.set_codecs(usable)

    def negotiated(self, call: pj.Call, media_index: int) -> NegotiatedCodec:
        """Codec and SDP lines of an active audio line. Raises pj.Error."""
        return negotiated_codec(call.getStreamInfo(media_index), CodecRegistry(self._descriptors))

    def speaks(self, mapping: Rtpmap, fmtp: str) -> bool:
        """Whether a far end's format is one that is offered now, with parameters that fit ours."""
        name = next((name for name in self.offered if name.lower() == mapping.name.lower()), None)
        if name is None or f"{mapping.name.lower()}/{mapping.clock_rate}/{mapping.channels}" != CODEC_IDS[name].lower():
            return False
        fits = {"x-phv": phv_fits, "opus": opus_fits}.get(name)
        try:
            return fits is None or fits(self._phv_fmtp if name == "x-phv" else {}, parse_fmtp(fmtp))
        except FmtpError:
            return False

    def uninstall(self) -> None:
        """After the last call, before the endpoint is destroyed; keep this object until after that."""
        for installed in reversed(self._installed):
            installed.uninstall()

    def _install(self, descriptors: list[CodecDescriptor], matchers: list[FormatMatcher]) -> bool:
        if not descriptors:
            return False
        installed = install_codecs(self._endpoint.library, descriptors, matchers)
        self._installed.append(installed)
        self.refusal = self.refusal or installed.refusal
        if installed.active:
            self._descriptors += descriptors
        return installed.active


def _opus(config: Config) -> tuple[list[CodecDescriptor], list[FormatMatcher]]:
    """Raises MediaError when libopus is missing."""
    if "opus" not in config.codecs.order:
        return [], []
    chosen = config.opus
    settings = OpusSettings(
        bit_rate=chosen.bitrate,
        packet_ms=chosen.ptime_ms,
        fec=chosen.fec,
        expected_loss_percent=chosen.expected_loss_percent,
        dtx=chosen.dtx,
    )
    return [opus_descriptor(settings)], [FormatMatcher("opus", opus_fits)]
