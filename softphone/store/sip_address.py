"""SIP addresses as people type them and as they stand in headers (RFC 3261, 19.1 and 20.10), and what makes two of them the same."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from softphone.store import phone_number

MAX_URI = 512
_USER_SAFE = "!*'()~-_.&=+$,;?/"
_URI = re.compile(
    r"(?P<scheme>sips?):"
    r"(?:(?P<user>(?:[^\s\x00-\x20\x7f@<>\"\\:%\[\]{}|^`#]|%[0-9a-fA-F]{2})+)(?::[^\s\x00-\x20\x7f@<>\"]*)?@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<tail>[;?][^\s\x00-\x20\x7f<>\"]*)?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class SipAddress:
    """The parts of a SIP URI that matter; `user` without escapes, `host` in lower case, without port, parameters and headers."""

    user: str
    host: str

    @property
    def key(self) -> str:
        """`user@host`, or `@host`: the same for all spellings of one address. The user part tells upper from lower case (19.1.4)."""
        return f"{self.user}@{self.host}"

    @property
    def host_is_address(self) -> bool:
        """Whether the host is an IP address: then it names one machine, whoever uses it."""
        try:
            ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return False
        return True


def bare_uri(text: str) -> tuple[str, str]:
    """URI and display name of a header value such as `"Bob" <sip:bob@example.org>;tag=1`; a URI alone has no name. Never raises."""
    text = text.strip()
    start, end = text.rfind("<"), text.rfind(">")
    if start < 0:
        return text, ""
    name = text[:start].strip()
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return text[start + 1 : end if end > start else None].strip(), name


def parse(uri: str) -> SipAddress | None:
    """The address in a SIP URI or header value; None when it is none."""
    found = _URI.fullmatch(bare_uri(uri)[0])
    if found is None or int(found["port"] or 0) > 65535:
        return None
    return SipAddress(unquote(found["user"] or ""), found["host"].lower().rstrip("."))


def valid(uri: str) -> bool:
    """Whether `uri` may stand in a request line, in form and length."""
    return len(uri) <= MAX_URI and "<" not in uri and parse(uri) is not None


def escape_user(text: str) -> str:
    """A user part that says `text`: what RFC 3261 forbids there is escaped as UTF-8."""
    return quote(text, safe=_USER_SAFE, errors="replace")


def corrected(uri: str) -> str:
    """A SIP URI as people write it, `sip://bob@host` or `sip:#31#@host`, as RFC 3261 wants it; what cannot be corrected stays as it is."""
    scheme, colon, rest = uri.partition(":")
    rest = rest.removeprefix("//")
    user, at, host = rest.rpartition("@")
    if at and not valid(f"{scheme}:{rest}"):
        found = phone_number.read(user) if " " in user else None
        if found is not None and not found.keys:
            user = found.digits
        if not {" ", "@"} & set(user):
            user = quote(user, safe=f"{_USER_SAFE}:%")
    elif user and not user.isascii():
        user = quote(user, safe=f"{_USER_SAFE}:%")
    return f"{scheme}{colon}{user}{at}{host}"


def number(text: str) -> str:
    """The digits of a telephone number as people write it (`+49 (30) 12-34`), `+`, `*` and `#` kept; "" when it is none. See
    `phone_number.read`, which also tells the keys that are to be pressed later."""
    found = phone_number.read(text)
    return found.digits if found is not None else ""


def key_of(uri: str) -> str:
    """What two spellings of one address or number have in common: `user@host`, a number's digits and later keys, else the text itself."""
    address = parse(uri)
    if address is not None:
        return address.key
    found = phone_number.read(uri)
    return found.text if found is not None else uri.strip()
