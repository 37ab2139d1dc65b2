"""SDP at which PJSIP 2.15.1 ends the process instead of refusing it, found by `python -m tests.fuzzing.fuzz_engine`."""

from __future__ import annotations

import re

LONGEST_ADDRESS = 253
"""Of a host (PJ_MAX_HOSTNAME, and RFC 1035): pj_sockaddr_in_set_str_addr() asserts it."""
_BODY = re.compile(rb"\r?\n\r?\n")
_LONG = re.compile(rb"^(?:c=|o=|a=rtcp:|a=candidate:|a=remote-candidates:)[^\r\n]*?[^\s]{%d}" % (LONGEST_ADDRESS + 1), re.MULTILINE)


def is_harmful(message: bytes) -> bool:
    """Whether PJSIP must not see this request or answer."""
    _head, *bodies = _BODY.split(message, maxsplit=1)
    return bool(bodies) and len(bodies[0]) > LONGEST_ADDRESS and _LONG.search(bodies[0]) is not None
