"""Digest credentials for one request (RFC 3261, 22; RFC 2617, RFC 8760), where PJSUA answers no challenge to a request of ours."""

from __future__ import annotations

import hashlib
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from urllib.error import URLError

_CHALLENGE = re.compile(r"^(WWW|Proxy)-Authenticate[ \t]*:[ \t]*Digest[ \t]+([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


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
    """urllib's, which knows MD5 and SHA-1, with the algorithm that RFC 8760 adds to SIP."""

    def get_algorithm_impls(self, algorithm: str) -> tuple[Callable[[str], str], Callable[[str, str], str]]:
        if algorithm.upper() != "SHA-256":
            plain: tuple[Callable[[str], str], Callable[[str, str], str]] = super().get_algorithm_impls(algorithm)
            return plain

        def hashed(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        return hashed, lambda secret, data: hashed(f"{secret}:{data}")


def credentials(response: str, method: str, uri: str, user: str, password: str, realm: str = "*") -> tuple[str, str] | None:
    """(header name, value) that answers the challenge in a 401 or 407; None when there is none that can be answered.

    response: the whole message. realm: the only one that gets the password, "*" for any.
    """
    for kind, text in _CHALLENGE.findall(response):
        handler = _Digest(_Passwords(user, password))
        try:
            challenge = urllib.request.parse_keqv_list(urllib.request.parse_http_list(text))
            if realm not in ("*", challenge.get("realm")):
                continue
            value = handler.get_authorization(_Request(method, uri), challenge)  # type: ignore[arg-type]
        except (ValueError, IndexError, KeyError, URLError):
            continue  # not a challenge, or of an algorithm or quality of protection that is not known here
        if value:
            return ("Authorization" if kind.upper() == "WWW" else "Proxy-Authorization"), f"Digest {value}"
    return None
