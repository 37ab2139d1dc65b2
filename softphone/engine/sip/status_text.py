"""SIP status codes in plain words: what went wrong and what to do (RFC 3261, 21)."""

from __future__ import annotations

import re

_CALL = {
    400: "the server could not read the request; check the address",
    401: "the server rejected the user name or password; check both in the account's settings",
    403: "the server or the other side refuses this call; ask its operator, or call from a registered account",
    404: "no such user; check the address",
    405: "the other side takes no calls",
    406: "the other side accepts no codec that was offered",
    407: "the proxy rejected the user name or password; check both in the account's settings",
    408: "no answer; check the address and the network",
    410: "this address is no longer in use",
    415: "the other side cannot read the offer (SDP)",
    420: "the other side requires a SIP extension that this phone lacks",
    480: "not available at the moment; try again later",
    481: "the other side no longer has this call",
    482: "the call went in a circle between servers; the address routes back to itself",
    483: "the call passed too many servers; the address may route in a circle",
    484: "the address is incomplete; dial it in full",
    486: "busy; try again later",
    487: "cancelled",
    488: "no codec in common; allow more codecs, or a maximum rate above 8000 bit/s: below it only x-phv is offered",
    491: "both sides changed the call at the same moment; try again",
    500: "internal error of the server; try again later",
    501: "the server does not support this",
    502: "no route to the other side; check the address and the network",
    503: "nothing answers at that address, or the server is overloaded; check address and port, or try again later",
    504: "the server got no answer from another server; try again later",
    600: "busy everywhere; try again later",
    603: "call declined",
    604: "this address does not exist",
    606: "the other side accepts no codec that was offered",
}
_LOST = "lost contact with the other side; check the network and call again"
_GONE = frozenset({408, 481, 500, 502, 503, 504})
"""Statuses with which a call that was up ends when the server, the other side or the network between is gone."""

NO_IPV6 = "the other side offers sound over IPv6 only, which this phone does not support; let it use IPv4"
_CERTIFICATE = "the server's certificate is not trusted; if the server is your own, name its certificate authority in network.tls_ca_file"
_REGISTRATION = {
    400: "the server could not read the registration; check the account's address",
    401: "the server rejected the user name or password",
    403: "the server refuses to register this account; check user name and password, or ask its operator",
    404: "the server knows no such account; check its address",
    405: "that server does not register accounts; check the server's address",
    407: "the proxy rejected the user name or password",
    408: "the server does not answer; check its address and the network",
    423: "the server wants a longer registration time; raise account.register_seconds",
    480: "the server is not available at the moment",
    502: "no route to the server; check its address and the network",
    503: "nothing answers at the server's address, or it is overloaded; check the server and proxy of the account",
    504: "the proxy got no answer from the server",
}

_MESSAGE = {
    404: "no such user; check the address",
    405: "the other side takes no messages",
    406: "the other side takes no text messages",
    408: "no answer; try again later",
    413: "the message is too long for the other side; send it in parts",
    415: "the other side takes no text messages",
    480: "not available at the moment, or no room for more messages; try again later",
    481: "the other side takes no messages outside of calls",
    501: "the server or the other side does not support messages",
    603: "message declined",
}
_PJSIP = (
    ("PJ_ERESOLVE", "cannot find host{}; check the spelling"),
    ("PJLIB_UTIL_EDNS", "cannot find host{}; check the spelling"),
    ("gethostbyname", "cannot find host{}; check the spelling"),
    ("TLS_ECERTVERIF", _CERTIFICATE),
    ("EINVALIDURI", "not a SIP address"),
    ("EINVALIDREQURI", "not a SIP address"),
    ("EINVALIDSCHEME", "not a SIP address"),
    ("ECONNREFUSED", "nothing listens at the server's port; check the address and the port"),
    ("Connection refused", "nothing listens at the server's port; check the address and the port"),
    ("ENETUNREACH", "no network"),
    ("Network is unreachable", "no network"),
    ("EHOSTUNREACH", "no route to the server"),
    ("No route to host", "no route to the server"),
    ("PJ_ETIMEDOUT", "no answer in time"),
    ("Address already in use", "the port is in use already"),
    ("Permission denied", "not permitted"),
    ("ESESSIONTERMINATED", "the call is over already"),
    ("PJSIP_EBUSY", "another change of the call is still under way; try again"),
    ("PJSIP_EUNSUPTRANSPORT", "this transport is switched off; see network.transport"),
    ("ETPNOTAVAIL", "this transport is switched off; see network.transport"),
    ("ETPNOTSUITABLE", "this transport does not fit the address; see network.transport"),
    ("PJ_ETOOMANY", "too many at once"),
    ("PJ_ENOMEM", "out of memory"),
    ("PJ_EINVAL", "not valid here"),
)
"""What PJSIP says, by a part of it, and what it means. The braces take the host."""


_UNKNOWN_WAY = (
    "the server asks for a way to sign in that this phone does not have; "
    "let it ask for Digest with MD5 or SHA-256, and with qop=auth or none"
)
_OF_PJSIP = {
    "SDP negotiation failed": "the other side answered with no audio line, codec or encryption that this phone has",
    "SDP offer/answer incomplete": "the other side answered without a session description",
}
"""Reasons for which PJSIP itself ends a call that was answered."""


def explain_message(code: int, reason: str) -> str:
    """Why a message failed with this final status."""
    return _sentence(_CALL | _MESSAGE, code, reason)


def explain_call(code: int, reason: str, unknown_way: bool = False, *, host: str = "", up: bool = False) -> str:
    """Why a call ended with this final status. `unknown_way`: it asked for a way to sign in that this phone does not have; `host`: where it
    went; `up`: it had been answered."""
    if unknown_way:
        return f"{_UNKNOWN_WAY} ({code})"
    if reason in _OF_PJSIP:
        return f"{_OF_PJSIP[reason]} ({code})"
    if up and code in _GONE:
        return f"{_LOST} ({code})"
    return _sentence(_CALL, code, reason, host)


def explain_registration(code: int, reason: str, unknown_way: bool = False, *, host: str = "") -> str:
    """Why a registration failed with this final status; the rest as above."""
    return f"{_UNKNOWN_WAY} ({code})" if unknown_way else _sentence(_REGISTRATION, code, reason, host)


def plain(reason: str, host: str = "") -> str:
    """What PJSIP gives as the reason of an error, in plain words and without the names of its constants."""
    reason = " ".join(reason.split())[:200]
    for part, words in _PJSIP:
        if part in reason:
            return words.format(f" {host}" if host else "")
    return re.sub(r"\s*[\[(](?:PJ|SSL)[\w ./-]*[\])]|\bPJ[A-Z]*_\w+", "", reason).strip(" :;,") or "no reason was given"


def _sentence(known: dict[int, str], code: int, reason: str, host: str = "") -> str:
    own = plain(reason, host)
    if any(part in reason for part, _ in _PJSIP):
        text = own
    elif code in known:
        text = known[code]
    else:
        text = "moved to another address" if 300 <= code < 400 else own
    return f"{text} ({code})"
