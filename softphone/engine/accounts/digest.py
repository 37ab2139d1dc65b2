"""Digest challenges (RFC 3261, 22; RFC 2617, RFC 8760): which of several is answered, and credentials for a request of ours where PJSUA
answers none."""

from __future__ import annotations

import hashlib
import re
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.error import URLError

from softphone.engine.sip.head import Head

_KINDS = {"www-authenticate": "www", "proxy-authenticate": "proxy"}
_SCHEME = re.compile(r"([A-Za-z][\w-]*)(?:[ \t]+([^ \t=].*))?")
"""The start of a challenge; a parameter has "=" after its name."""
ALGORITHMS = {"": "md5", "MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
"""RFC 8760, 2.1; hashlib's names."""


@dataclass(frozen=True)
class Challenge:
    """One of a WWW-Authenticate or Proxy-Authenticate header, the `place`th of its kind. `kind` is "www" or "proxy", names in lower
    case."""

    kind: str
    place: int
    scheme: str
    fields: dict[str, str]

    @property
    def algorithm(self) -> str:
        return self.fields.get("algorithm", "").strip().upper()

    def answerable(self, algorithms: Collection[str]) -> bool:
        """Whether it is a Digest of one of these algorithms that asks for no more than auth (RFC 2617, 3.2.1)."""
        qop = {word.strip().lower() for word in self.fields.get("qop", "").split(",")}
        known = self.scheme == "digest" and {"realm", "nonce"} <= self.fields.keys()
        return known and self.algorithm in algorithms and bool(qop & {"auth", ""})


def challenges(response: str) -> list[Challenge]:
    """Of a 401 or 407, the whole message, in order; some servers put several into one header. What cannot be read is left out."""
    found: list[Challenge] = []
    places = {"www": 0, "proxy": 0}
    for name, value in Head(response).raw:
        kind = _KINDS.get(name.decode("ascii"))
        if kind is None:
            continue
        for item in urllib.request.parse_http_list(value.decode("utf-8", "surrogateescape")):
            start = _SCHEME.fullmatch(item)
            if start is not None:
                found.append(Challenge(kind, places[kind], start[1].lower(), {}))
            key, equals, text = (start[2] or "" if start else item).partition("=")
            if equals and found:
                found[-1].fields.setdefault(key.strip().lower(), _unquoted(text.strip()))
        places[kind] += 1
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def chosen(offered: list[Challenge], algorithms: Collection[str]) -> list[Challenge]:
    """The challenges to answer: for each realm the topmost supported one (RFC 8760, 2.4); unknown schemes are ignored (RFC 3261, 22.3)."""
    found: dict[tuple[str, str], Challenge] = {}
    for challenge in offered:
        if challenge.answerable(algorithms):
            found.setdefault((challenge.kind, challenge.fields["realm"]), challenge)
    return list(found.values())


def header(challenge: Challenge) -> str:
    """The challenge as a header of its own, with the parameters that PJSIP's parser knows."""
    name = "WWW-Authenticate" if challenge.kind == "www" else "Proxy-Authenticate"
    quoted = [f'{key}="{challenge.fields[key]}"' for key in ("realm", "nonce", "opaque", "domain", "qop") if key in challenge.fields]
    plain = [f"{key}={challenge.fields[key]}" for key in ("algorithm", "stale") if challenge.fields.get(key)]
    return f"{name}: Digest {', '.join(quoted + plain)}"


def unknown_way(response: str, algorithms: Collection[str]) -> bool:
    """Whether a 401 or 407 asks for nothing that can be answered with these algorithms, whatever the password is."""
    return not any(challenge.answerable(algorithms) for challenge in challenges(response))


@dataclass(frozen=True)
class _Request:
    """What urllib's digest looks at: the request, as a web request would show it."""

    method: str
    selector: str

    @property
    def full_url(self) -> str:
        return self.selector

    data = None

    def get_method(self) -> str:
        return self.method


class _Passwords(urllib.request.HTTPPasswordMgr):
    def __init__(self, user: str, password: str) -> None:
        super().__init__()
        self._known = (user, password)

    def find_user_password(self, realm: str, authuri: str) -> tuple[str | None, str | None]:
        return self._known


class _Digest(urllib.request.AbstractDigestAuthHandler):
    """urllib's, which knows MD5 and SHA-1, with the algorithms that RFC 8760 adds to SIP."""

    def get_algorithm_impls(self, algorithm: str) -> tuple[Callable[[str], str], Callable[[str, str], str]]:
        name = ALGORITHMS[algorithm.upper()]

        def hashed(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        return hashed, lambda secret, data: hashed(f"{secret}:{data}")


def credentials(response: str, method: str, uri: str, user: str, password: str, realm: str = "*") -> tuple[str, str] | None:
    """(header name, value) that answers the challenge in a 401 or 407; None when there is none that can be answered.

    response: the whole message. realm: the only one that gets the password, "*" for any.
    """
    for challenge in chosen(challenges(response), ALGORITHMS):
        if realm not in ("*", challenge.fields["realm"]):
            continue
        fields = dict(challenge.fields)
        if "qop" in fields:
            fields["qop"] = "auth"
        try:
            value = _Digest(_Passwords(user, password)).get_authorization(_Request(method, uri), fields)  # type: ignore[arg-type]
        except (ValueError, KeyError, URLError):
            continue
        if value and "\r" not in value and "\n" not in value:
            return ("Authorization" if challenge.kind == "www" else "Proxy-Authorization"), f"Digest {value}"
    return None
