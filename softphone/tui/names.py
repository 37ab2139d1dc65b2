"""SIP addresses as people read them: `"Bob B." <sip:bob@example.org;lr>` is Bob B."""

from __future__ import annotations

import re
from collections.abc import Callable

_NAME_ADDR = re.compile(r'^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^>]*)>')
NameOf = Callable[[str], str]
"""The name of a remote in the contacts (or that it gives itself), "" when there is none."""


def display_name(remote: str) -> str:
    """The display name of a name-addr (RFC 3261, 25.1), harmless for a terminal; "" when there is none."""
    found = _NAME_ADDR.match(remote)
    if found is None:
        return ""
    quoted, plain, _ = found.groups()
    return harmless(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain).strip()


def address(remote: str) -> str:
    """The SIP URI of a name-addr or addr-spec, without parameters."""
    found = _NAME_ADDR.match(remote)
    uri = found.group(3) if found else remote.strip()
    return harmless(uri.partition(";")[0].partition("?")[0])


def short(remote: str) -> str:
    """An address without its scheme, and without a port that nobody chose."""
    return re.sub(r"^sips?:", "", address(remote), flags=re.IGNORECASE)


def who(remote: str, name_of: NameOf | None = None) -> str:
    """The name in the contacts, else the name that the far end gives itself, else its address."""
    known = name_of(remote) if name_of is not None else ""
    return harmless(known) or display_name(remote) or short(remote) or "somebody unknown"


def harmless(text: str) -> str:
    """Names come from the network; control characters in them could drive the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
