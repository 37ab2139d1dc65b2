"""Which codecs this phone offers now: x-phv without sound only while the codec worker is ready, with sound always."""

from __future__ import annotations

from collections.abc import Iterable
from pkgutil import resolve_name

import pjsua2 as pj

from codec.units.errors import ModelError
from codec.units.phones import INVENTORY_NAME
from codec.units.weights_files import model_id, weights_directory
from codec.wire.packet import VERSION
from softphone.codecs import CODECS, PHV, find_codec
from softphone.codecs.codec import CallCodec, Parameters
from softphone.codecs.fmtp import FmtpError, parse_fmtp
from softphone.codecs.implementation import CodecDescriptor, CodecSetup
from softphone.codecs.phv import accepts_sound, sound_parameters
from softphone.config import Config
from softphone.engine.phv.stream import sound_mode
from softphone.engine.phv.worker import CodecWorker
from softphone.engine.pjsip.endpoint import PhoneEndpoint
from softphone.engine.pjsip.errors import CodecSetupError, MediaError
from softphone.engine.pjsip.install import InstalledCodecs, install_codecs
from softphone.engine.pjsip.match import FormatMatcher
from softphone.engine.pjsip.negotiated import NegotiatedCodec, negotiated_codec
from softphone.engine.pjsip.registry import CodecRegistry
from softphone.engine.sdp.description import Rtpmap
from softphone.link.counters import WorkerFacts


class PhoneCodecs:
    """Main thread only. `refusal` is the sentence why codecs of ours are off, or empty."""

    def __init__(self, endpoint: PhoneEndpoint, config: Config, worker: CodecWorker) -> None:
        self._endpoint = endpoint
        self._config = config
        self._worker = worker
        self._installed: list[InstalledCodecs] = []
        self._descriptors: list[CodecDescriptor] = []
        self._phv_fmtp: dict[str, str] = {}
        self.refusal = ""
        self.offered: list[str] = []

    def install_standard(self) -> None:
        """Whatever needs no codec worker; to be called once, after the endpoint is made."""
        made: dict[CallCodec, CodecDescriptor] = {}
        for codec in CODECS:
            if codec.implementation and not codec.needs_worker and codec.name in self._config.codecs.order:
                try:
                    made[codec] = _make(codec, CodecSetup(self._config))
                except MediaError as error:
                    self.refusal = str(error)
        try:
            self._install(made)
        except MediaError as error:
            self.refusal = str(error)
        self.offer(phv=self._begin_with_sound())

    def _begin_with_sound(self) -> bool:
        """Where x-phv carries sound it is offered at once; it has tokens too as soon as the worker is ready."""
        if PHV.name not in self._config.codecs.order or sound_mode(self._config.phv) is None or self.refusal:
            return False
        try:
            facts = WorkerFacts(VERSION, INVENTORY_NAME, model_id(weights_directory()))
        except ModelError:
            return False  # the worker says so
        return not self.phv_ready(facts)

    def phv_ready(self, facts: WorkerFacts) -> str:
        """The worker is ready with these facts, or will be: offer x-phv from now on. Returns "" or why not."""
        if PHV.name not in self._config.codecs.order:
            return "x-phv is not in codecs.order"
        fmtp = {"version": str(facts.version), "inventory": facts.inventory, "model": facts.model}
        if self._phv_fmtp and fmtp != self._phv_fmtp:
            return "the codec worker came back with another model; start the softphone again to use it"
        if not self._phv_fmtp:
            sound = {} if sound_mode(self._config.phv) is None else sound_parameters()
            setup = CodecSetup(self._config, self._worker.open_stream, fmtp | sound)
            try:
                installed = self._install({PHV: _make(PHV, setup)})
            except MediaError as error:
                return str(error)
            if not installed:
                return self.refusal
            self._phv_fmtp = fmtp
        self.offer(phv=True)
        return ""

    def worker_away(self, *, for_good: bool) -> None:
        """There are no tokens until the worker is ready: x-phv is offered on where it carries sound, except where there is no worker."""
        self.offer(phv=bool(self._phv_fmtp) and sound_mode(self._config.phv) is not None and not for_good)

    def _takes_offer(self, offered: Parameters) -> bool:
        return self._worker.is_ready or accepts_sound(offered)

    def offer(self, *, phv: bool) -> None:
        """Set what is offered in calls from now on."""
        installed = {descriptor.encoding_name for descriptor in self._descriptors}
        usable = {codec.name for codec in CODECS if not codec.implementation or codec.name in installed}
        if not phv:
            usable -= {codec.name for codec in CODECS if codec.needs_worker}
        self.offered = self._endpoint.set_codecs(usable)

    def negotiated(self, call: pj.Call, media_index: int) -> NegotiatedCodec:
        """Codec and SDP lines of an active audio line. Raises pj.Error."""
        return negotiated_codec(call.getStreamInfo(media_index), CodecRegistry(self._descriptors))

    def speaks(self, mapping: Rtpmap, fmtp: str) -> bool:
        """Whether a far end's format is one that is offered now, with parameters that fit ours."""
        codec = find_codec(mapping.name)
        if codec is None or codec.name not in self.offered:
            return False
        if (mapping.clock_rate, mapping.channels) != (codec.clock_rate, codec.channels):
            return False
        descriptor = CodecRegistry(self._descriptors).get(codec.name)
        if descriptor is None:
            return True  # PJSIP's own read their parameters themselves
        try:
            return codec.fits(descriptor.default_fmtp, parse_fmtp(fmtp))
        except FmtpError:
            return False

    def uninstall(self) -> None:
        """After the last call, before the endpoint is destroyed; keep this object until after that."""
        for installed in reversed(self._installed):
            installed.uninstall()

    def _install(self, made: dict[CallCodec, CodecDescriptor]) -> bool:
        if not made:
            return False
        descriptors = list(made.values())
        installed = install_codecs(self._endpoint.library, descriptors, self._matchers(made))
        self._installed.append(installed)
        self.refusal = self.refusal or installed.refusal
        if installed.active:
            self._descriptors += descriptors
        return installed.active

    def _matchers(self, made: Iterable[CallCodec]) -> list[FormatMatcher]:
        return [
            FormatMatcher(codec.name, codec.fits, self._takes_offer) if codec.needs_worker else FormatMatcher(codec.name, codec.fits)
            for codec in made
        ]


def _make(codec: CallCodec, setup: CodecSetup) -> CodecDescriptor:
    """Load the implementation of a codec. Raises MediaError where it cannot work here."""
    made = resolve_name(codec.implementation)(setup)
    if not isinstance(made, CodecDescriptor):
        raise CodecSetupError(f"{codec.implementation} returns no CodecDescriptor, so {codec.name} is not offered.")
    return made
