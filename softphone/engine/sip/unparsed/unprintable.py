"""Header fields that PJSIP 2.15.1 parses, and then ends the process when it is to print them: it asserts what its parser does not check.

An answer repeats From, To, Via and Record-Route, so one request was enough. Besides those, what a dialog keeps of its far end is printed in
our next request.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_ROUTES = frozenset({b"route", b"record-route", b"service-route", b"path"})
_WITH_ADDRESS = _ROUTES | {b"via", b"from", b"to", b"contact", b"refer-to", b"referred-by"}
QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)')
"""One that is not closed goes on to the end, so that it is looked at once (and PJSIP's parser refuses it)."""
_HIDE = re.compile(rb";\s*hide\s*(?=[;?>=,]|$)", re.IGNORECASE)
_NO_HOST = re.compile(rb"[:@]\s*\[(?![0-9A-Za-z:.%_~-]+\])")
_NO_SENDER = re.compile(rb"(?<!=)\[(?![0-9A-Za-z:.%_~-]+\])")


def target_fault(first: bytes) -> str:
    """What is wrong with the address in the first line of a request; empty if nothing is."""
    return "has an address without a host" if _NO_HOST.search(first) else ""


def fault(name: bytes, value: bytes) -> str:
    """What is wrong with a header field; empty if nothing is."""
    if name not in _WITH_ADDRESS:
        return ""
    value = QUOTED.sub(b"", value)
    if name in _ROUTES and _HIDE.search(unquote_to_bytes(value)):
        return (
            "names a hidden route"  # PJSIP's own mark of routes that it must not print (sip_msg.c), which it asserts never comes without lr
        )
    no_host = _NO_SENDER if name == b"via" else _NO_HOST
    return "has an address without a host" if no_host.search(value) else ""  # sip_uri.c
