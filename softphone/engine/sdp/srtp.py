"""Keys of SRTP in SDP (RFC 4568)."""

import re

from softphone.engine.sdp.attributes import MAX_SDP

_CRYPTO = re.compile(r"^a=crypto:[ \t]*[0-9]{1,9}[ \t]+([A-Za-z0-9_]{1,64})", re.MULTILINE)


def srtp_suite(offer: str, answer: str) -> str:
    """The suite that was agreed on, such as AES_CM_128_HMAC_SHA1_32; empty where the media is not encrypted. The answer has exactly one
    (RFC 4568, 5.1.2)."""
    if len(offer) > MAX_SDP or len(answer) > MAX_SDP:
        return ""
    chosen = _CRYPTO.search(answer)
    return chosen[1] if chosen and chosen[1] in _CRYPTO.findall(offer) else ""


def without_keys(text: str) -> str:
    """An SDP text without them; one that can do without: RTP/SAVP (RFC 3711) stays as it is."""
    if "RTP/SAVP" in text or "a=crypto:" not in text:
        return text
    return "\r\n".join(line for line in text.splitlines() if not line.startswith("a=crypto:")) + "\r\n"
