"""PJSUA's settings for TLS, SRTP and NAT traversal."""

from __future__ import annotations

import pjsua2 as pj

from softphone.config.network import Network

CRYPTO_SUITES = ("AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80")
"""RFC 4568, 6.2; RFC 6188. The short tag first: of packets that hold 20 bytes of speech the long one is a third more, and RFC 3711, 7.5
has it for voice."""
_SRTP = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "offer": pj.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
}
_TLS_MS = 8000


def set_tls(config: pj.TlsConfig, network: Network) -> None:
    """TLS 1.2, the newest that the wheel's OpenSSL has. Raises ConfigError when the authorities cannot be read."""
    config.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2
    config.verifyServer = network.tls_verify
    config.verifyClient = False
    config.msecTimeout = _TLS_MS
    config.CaListFile = network.authorities() if network.tls_verify else ""


def set_encryption(config: pj.AccountMediaConfig, network: Network) -> None:
    """SRTP as the configuration wants it."""
    config.srtpUse = _SRTP[network.srtp]
    config.srtpSecureSignaling = 0
    config.srtpOpt.keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
    for name in CRYPTO_SUITES:
        suite = pj.SrtpCrypto()
        suite.name = name
        config.srtpOpt.cryptos.append(suite)


def set_ways(config: pj.AccountNatConfig, network: Network) -> None:
    """STUN, TURN, ICE and keep-alive. Raises ConfigError when the password of the relay cannot be read."""
    config.udpKaIntervalSec = network.keep_alive_s
    config.sipStunUse = pj.PJSUA_STUN_USE_DEFAULT if network.stun else pj.PJSUA_STUN_USE_DISABLED
    config.mediaStunUse = pj.PJSUA_STUN_RETRY_ON_FAILURE if network.stun else pj.PJSUA_STUN_USE_DISABLED
    # PJNATH takes no address of this machine alone for a candidate, and without any there is no call.
    config.iceEnabled = network.with_ice and not network.bind.startswith("127.")
    if network.turn:
        config.turnEnabled = True
        config.turnServer = network.turn if ":" in network.turn else f"{network.turn}:3478"
        config.turnConnType = pj.PJ_TURN_TP_TCP if network.turn_transport == "tcp" else pj.PJ_TURN_TP_UDP
        config.turnUserName = network.turn_user
        config.turnPasswordType = 0
        config.turnPassword = network.turn_password()
