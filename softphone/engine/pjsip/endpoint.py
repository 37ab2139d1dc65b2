"""The PJSUA2 endpoint: start, codecs in the configured order, transport, sound, and the one order of shutdown that does not crash.

Everything here runs on the main thread. threadCnt 0 and mainThreadOnly make PJSUA2 deliver its callbacks inside `poll`, so the
codec callbacks of the media threads are the only Python that PJSIP calls elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import pjsua2 as pj

from codec.units.rates import SAMPLE_RATE
from softphone import __version__
from softphone.codecs import CODECS
from softphone.config import Config
from softphone.engine.limits import MAX_CALLS, MAX_URI_BYTES
from softphone.engine.pjsip.guard import pjsip_callback
from softphone.engine.pjsip.install import HIGHEST_PRIORITY, configure_media
from softphone.engine.pjsip.transport.security import set_tls
from softphone.engine.sip.status_text import plain
from softphone.errors import SoftphoneError

USER_AGENT = f"softphone/{__version__}"
_TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
ECHO_CANCELLERS = {"off": 0, "speex": pj.PJMEDIA_ECHO_SPEEX, "webrtc": pj.PJMEDIA_ECHO_WEBRTC}
log = logging.getLogger(__name__)


class EndpointError(SoftphoneError):
    """PJSIP cannot start here; one sentence."""


class _Endpoint(pj.Endpoint):  # type: ignore[misc]
    """A `pj.Endpoint` that reports lost connections."""

    def __init__(self, connection_lost: Callable[[int], None]) -> None:
        super().__init__()
        self._connection_lost = connection_lost

    @pjsip_callback
    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:
        if prm.state == pj.PJSIP_TP_STATE_DISCONNECTED:
            self._connection_lost(int(prm.hnd))


class PhoneEndpoint:
    """Owns the process's only `pj.Endpoint`. `connection_lost` is given the address of a pjsip_transport of TCP or TLS that is gone."""

    def __init__(self, config: Config, connection_lost: Callable[[int], None]) -> None:
        self._config = config
        self._endpoint = _Endpoint(connection_lost)
        self._endpoint.libCreate()
        settings = pj.EpConfig()
        settings.logConfig.level = 1
        settings.logConfig.consoleLevel = 1
        settings.uaConfig.threadCnt = 0
        settings.uaConfig.mainThreadOnly = True
        settings.uaConfig.userAgent = USER_AGENT
        settings.uaConfig.maxCalls = MAX_CALLS
        if config.network.stun:
            settings.uaConfig.stunServer.append(config.network.stun)
            # If it does not respond, calls work as if there were no NAT.
            settings.uaConfig.stunIgnoreFailure = True
        configure_media(settings.medConfig)
        settings.medConfig.sndClockRate = SAMPLE_RATE
        settings.medConfig.channelCount = 1
        settings.medConfig.threadCnt = 1
        settings.medConfig.hasIoqueue = True
        settings.medConfig.ecOptions = ECHO_CANCELLERS[config.audio.echo_canceller]
        settings.medConfig.ecTailLen = 0 if config.audio.echo_canceller == "off" else config.audio.echo_tail_ms
        self._endpoint.libInit(settings)
        self.version: str = self._endpoint.libVersion().full
        self.address = ""

    def start(self) -> None:
        """Open the SIP transport and start the library. Raises EndpointError if the address cannot be bound."""
        network = self._config.network
        transport = pj.TransportConfig()
        transport.port = network.port
        if network.bind != "0.0.0.0":
            transport.boundAddress = network.bind
        if network.transport == "tls":
            set_tls(transport.tlsConfig, network)
        kind = _TRANSPORTS[network.transport]
        try:
            number = self._endpoint.transportCreate(kind, transport)
        except pj.Error as error:
            raise EndpointError(
                f"the {network.transport.upper()} port {network.bind}:{network.port} cannot be opened ({plain(error.reason)}); "
                "is another phone using it, and is network.bind an address of this machine?"
            ) from None
        self._transport = int(number)
        self.address = self._endpoint.transportGetInfo(number).localName
        self._endpoint.libStart()

    def move(self) -> None:
        """This machine has another address: listen there, register again, and tell the far ends of calls (RFC 3261, 14; RFC 3264, 8.3.1).
        Raises EndpointError."""
        change = pj.IpChangeParam()
        change.restartListener = True
        try:
            self._endpoint.handleIpChange(change)
            self.address = self._endpoint.transportGetInfo(self._transport).localName
        except pj.Error as error:
            raise EndpointError(f"the phone cannot go on at the new address ({plain(error.reason)}); start it again") from None

    def set_codecs(self, usable: set[str]) -> list[str]:
        """Offer the codecs of `codecs.order` that are in `usable` (and in the wheel), in that order; returns them."""
        known = {info.codecId for info in self._endpoint.codecEnum2()}
        ids = {codec.name: codec.codec_id for codec in CODECS}
        order = [name for name in self._config.codecs.order if name in usable and ids[name] in known]
        # Off first: PJSIP sorts unstably, and equal ranks would let a codec of its own slip between ours.
        for codec_id in known:
            self._endpoint.codecSetPriority(codec_id, 0)
        for place, name in enumerate(order):
            self._endpoint.codecSetPriority(ids[name], HIGHEST_PRIORITY - place)
        return order

    @property
    def library(self) -> pj.Endpoint:
        """The `pj.Endpoint`, for the codecs."""
        return self._endpoint

    def use_null_device(self) -> None:
        """Use no microphone and no loudspeaker; a clock drives the media."""
        self._endpoint.audDevManager().setNullDev()

    def close_sound(self) -> None:
        """Close any sound device, so that no clock runs during shutdown."""
        try:
            self._endpoint.audDevManager().setNoDev()
        except pj.Error:
            log.debug("no sound device to close")

    def audio(self) -> pj.AudDevManager:
        return self._endpoint.audDevManager()

    def poll(self, timeout_ms: int) -> None:
        """Process PJSIP's events and callbacks, for at most about `timeout_ms`."""
        self._endpoint.libHandleEvents(timeout_ms)

    def is_sip_uri(self, uri: str) -> bool:
        return len(uri.encode("utf-8", "replace")) <= MAX_URI_BYTES and bool(self._endpoint.utilVerifySipUri(uri) == pj.PJ_SUCCESS)

    def destroy(self) -> None:
        """Call it last, when calls, players and accounts are gone: any other order crashes PJSIP."""
        self._endpoint.libDestroy()
