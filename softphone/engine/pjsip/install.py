"""Registers our codecs with an initialised PJSUA endpoint, and removes them in the order that PJSIP needs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codec.units.rates import CHUNK_MS, SAMPLE_RATE
from softphone.codecs import CODECS
from softphone.codecs.implementation import CodecDescriptor
from softphone.engine.pjsip.abi import Abi, load_abi, self_check
from softphone.engine.pjsip.errors import AbiError
from softphone.engine.pjsip.factory import CodecFactory
from softphone.engine.pjsip.match import FormatMatch, FormatMatcher
from softphone.engine.pjsip.negotiated import NegotiatedCodec, negotiated_codec
from softphone.engine.pjsip.registry import CodecRegistry

log = logging.getLogger(__name__)
HIGHEST_PRIORITY = 254
"""PJSIP turns 255 into 254, so it would lose its rank (codec.c, sort_codecs)."""


@dataclass
class InstalledCodecs:
    """What was installed. Keep this object until after `Endpoint.libDestroy()`: PJSIP holds pointers into it."""

    registry: CodecRegistry
    pjsip_version: str
    refusal: str
    """Why our own codecs are off, in one sentence; "" when they are on. PCMU and PCMA work either way."""
    _factory: CodecFactory | None = None
    _match: FormatMatch | None = None

    @property
    def active(self) -> bool:
        """Whether our own codecs are offered."""
        return self._factory is not None

    @property
    def open_codecs(self) -> int:
        """Codec instances that calls hold open now."""
        return self._factory.open_codecs if self._factory else 0

    def negotiated(self, call: Any, media_index: int) -> NegotiatedCodec:
        """Codec and SDP lines of an active audio line of a `pjsua2.Call`."""
        return negotiated_codec(call.getStreamInfo(media_index), self.registry)

    def uninstall(self) -> None:
        """Withdraw the codecs: after the last call ended, before `libDestroy()`."""
        if self._match is not None:
            self._match.unregister()
            self._match = None
        if self._factory is not None:
            self._factory.unregister()


def install_codecs(
    endpoint: Any, descriptors: Sequence[CodecDescriptor], matchers: Sequence[FormatMatcher] = (), abi: Abi | None = None
) -> InstalledCodecs:
    """Register `descriptors` in the order in which they are to be offered, ahead of PCMU and PCMA; every other codec is switched off.

    `endpoint` is the `pjsua2.Endpoint` after `libInit()`, on a thread that PJSIP knows. `matchers` decide whether a peer's fmtp fits (see
    match.py). Nothing is registered when the self-check fails: the result then carries the reason and the phone speaks PCMU and PCMA.
    Raises CodecSetupError when PJSIP refuses the codecs themselves.
    """
    abi = abi or load_abi()
    registry = CodecRegistry(descriptors)
    standard = [codec.codec_id for codec in CODECS if not codec.implementation]
    try:
        version = self_check(abi)
    except AbiError as error:
        log.error("%s", error)
        _set_priorities(endpoint, standard)
        return InstalledCodecs(CodecRegistry(), "", str(error))
    factory = CodecFactory(abi, registry)
    factory.register()
    match = FormatMatch(abi, matchers)
    match.register()
    _set_priorities(endpoint, [d.codec_id for d in registry] + standard)
    return InstalledCodecs(registry, version, "", factory, match)


def configure_media(media_config: Any) -> None:
    """Set the fields of a `pjsua2.MediaConfig` that our codecs count on; call before `libInit()`.

    jbMax holds the play credit of x-phv (see phv.PlayCredit) and bounds the delay that a burst may leave behind with the other codecs;
    jbMaxPre keeps their prefetch where PJSIP has it by default.
    """
    media_config.clockRate = SAMPLE_RATE
    media_config.audioFramePtime = CHUNK_MS
    media_config.jbMax = 1500
    media_config.jbMaxPre = 400
    media_config.noVad = True


def _set_priorities(endpoint: Any, codec_ids: Sequence[str]) -> None:
    # Off first: PJSIP sorts unstably, and equal ranks would let a codec of its own slip between ours.
    for info in endpoint.codecEnum2():
        endpoint.codecSetPriority(info.codecId, 0)
    for rank, codec_id in enumerate(codec_ids):
        endpoint.codecSetPriority(codec_id, HIGHEST_PRIORITY - rank)
