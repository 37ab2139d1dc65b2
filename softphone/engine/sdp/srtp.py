"""Keys of SRTP in SDP (RFC 4568)."""

from softphone.engine.sdp.audio_section import read_media, split_lines


def srtp_suite(offer: str, answer: str) -> str:
    """The suite that was agreed on, such as AES_CM_128_HMAC_SHA1_32; empty where the media is not encrypted. The answer has exactly one
    (RFC 4568, 5.1.2)."""
    chosen = next(iter(_suites(answer)), "")
    return chosen if chosen in _suites(offer) else ""


def without_keys(text: str) -> str:
    """An SDP text without them; one that can do without: RTP/SAVP (RFC 3711) stays as it is."""
    if "RTP/SAVP" in text or "a=crypto:" not in text:
        return text
    return "\r\n".join(line for line in split_lines(text) if not line.startswith("a=crypto:")) + "\r\n"


def _suites(text: str) -> list[str]:
    keys = [value.split() for media in read_media(text) for value in media.values("crypto")]
    return [words[1] for words in keys if len(words) > 2 and words[0].isdigit()]
