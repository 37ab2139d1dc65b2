"""SIP addresses as people read them: `"Bob B." <sip:bob@example.org;lr>` is Bob B."""

from __future__ import annotations

import re
from collections.abc import Callable

from softphone.plain_text import LONGEST_NAME, visible

_NAME_ADDR = re.compile(r'^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^>]*)>')
NameOf = Callable[[str], str]
"""The name of a remote in the contacts (or that it gives itself), "" when there is none."""


def display_name(remote: str) -> str:
    """The display name of a name-addr (RFC 3261, 25.1), fit to be shown; "" when there is none."""
    found = _NAME_ADDR.match(remote)
    if found is None:
        return ""
    quoted, plain, _ = found.groups()
    return visible(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain, LONGEST_NAME).strip()


def address(remote: str) -> str:
    """The SIP URI of a name-addr or addr-spec, without parameters."""
    found = _NAME_ADDR.match(remote)
    uri = found.group(3) if found else remote.strip()
    return visible(uri.partition(";")[0].partition("?")[0], LONGEST_NAME)


def short(remote: str) -> str:
    """An address without its scheme, and without a port that nobody chose."""
    return re.sub(r"^sips?:", "", address(remote), flags=re.IGNORECASE)


def who(remote: str, name_of: NameOf | None = None) -> str:
    """The name in the contacts, else the name that the remote party gives, else its address."""
    known = name_of(remote) if name_of is not None else ""
    return visible(known, LONGEST_NAME) or display_name(remote) or short(remote) or "somebody unknown"
