"""SIP status codes in plain words: what went wrong and what to do (RFC 3261, 21)."""

from __future__ import annotations

_CALL = {
    400: "the far end could not read our request; check the address",
    401: "the server did not accept the user name or password; check the account's user and password",
    403: "the server or the far end forbids this call; ask its owner, or call from a registered account",
    404: "the server knows nobody of that name; check the address",
    405: "the far end does not take calls",
    406: "the far end accepts none of what we offer",
    407: "the proxy did not accept the user name or password; check the account's user and password",
    408: "nobody answered at that address within the time limit; check the address and the network",
    410: "that address is no longer in use",
    415: "the far end cannot read our session description",
    420: "the far end asks for a SIP extension that we lack",
    480: "the far end is not reachable now; try later",
    481: "the far end knows no such call (any more)",
    482: "the call ran in a circle between servers; the address routes back to itself",
    483: "the call passed too many servers; the address may route in a circle",
    484: "the address is incomplete; dial it in full",
    486: "the far end is busy; try later",
    487: "the call was cancelled before it was answered",
    488: "no codec in common with the far end; allow more codecs in codecs.order, or a rate above 8000 bit/s: below it there is only x-phv",
    491: "both sides changed the call at the same moment; try again",
    500: "the server had an internal error; try later",
    501: "the server cannot do that",
    502: "no way to the far end; check the address and the network",
    503: "nothing answers there or the server is overloaded; check address and port, or try later",
    504: "the server waited in vain for another server; try later",
    600: "the far end is busy everywhere; try later",
    603: "the far end declined the call",
    604: "that address exists nowhere",
    606: "the far end accepts none of what we offer",
}

NO_IPV6 = "its media is to go over IPv6, which PJSIP is built without here; let the far end use IPv4"
_CERTIFICATE = (
    "the server's certificate does not prove that it is that server; if it is your own, name its authority in network.tls_ca_file"
)
_REGISTRATION = {
    400: "the registrar could not read our request; check the account's address",
    401: "the registrar did not accept the user name or password; check account.user and the password",
    403: "the registrar forbids this account to register; check user and password, or ask its owner",
    404: "the registrar knows no such account; check account.id",
    405: "there is no registrar at that address; check account.registrar",
    407: "the proxy did not accept the user name or password; check account.user and the password",
    408: "the registrar did not answer; check its address and the network",
    423: "the registrar wants a longer registration time; raise account.register_seconds",
    480: "the registrar is not reachable now",
    502: "no way to the registrar; check its address and the network",
    503: "nothing answers at the registrar's address, or it is overloaded; check account.registrar and account.proxy",
    504: "the proxy waited in vain for the registrar",
}

_MESSAGE = {
    404: "the server knows nobody of that name; check the address",
    405: "the far end does not take messages",
    406: "the far end does not take text messages",
    408: "nobody answered at that address; try later",
    413: "the message is too long for the far end; send it in parts",
    415: "the far end does not take text messages",
    480: "the far end is not reachable or takes no more messages now; try later",
    481: "the far end does not take messages outside of calls",
    501: "the server or the far end does not know messages",
    603: "the far end declined the message",
}


_UNKNOWN_WAY = (
    "the server asks for a way to sign in that this phone does not have; "
    "let it ask for Digest with MD5 or SHA-256, and with qop=auth or none"
)
_OF_PJSIP = {
    "SDP negotiation failed": "the far end answered with no audio line, codec or encryption that this phone has",
    "SDP offer/answer incomplete": "the far end answered without a session description",
}
"""Reasons for which PJSIP itself ends a call that was answered."""


def explain_message(code: int, reason: str) -> str:
    """Why a message failed with this final status."""
    return _sentence(_CALL | _MESSAGE, code, reason)


def explain_call(code: int, reason: str, unknown_way: bool = False) -> str:
    """Why a call ended with this final status. unknown_way: it wanted an authentication that this phone does not support."""
    if unknown_way:
        return f"{code}: {_UNKNOWN_WAY}"
    return f"{code}: {_OF_PJSIP[reason]}" if reason in _OF_PJSIP else _sentence(_CALL, code, reason)


def explain_registration(code: int, reason: str, unknown_way: bool = False) -> str:
    """Why a registration failed with this final status. unknown_way: as above."""
    if unknown_way:
        return f"{code}: {_UNKNOWN_WAY}"
    return _sentence(_REGISTRATION, code, reason)


def _sentence(known: dict[int, str], code: int, reason: str) -> str:
    reason = " ".join(reason.split())[:200]
    text = _CERTIFICATE if "TLS_ECERTVERIF" in reason else known.get(code)
    if text is None:
        text = "moved or redirected" if 300 <= code < 400 else reason or "no reason was given"
    return f"{code} {reason}: {text}" if reason and reason != text else f"{code}: {text}"
