"""What PJSIP gets of a far end's session description: one audio line that this phone supports, rewritten, and nothing else.

PJSIP 2.15.1 takes what it should refuse (keying that it does not have, clock rates of 0), refuses what it should take (a dynamic format
without rtpmap beside good ones, RFC 3264, 5.1), resolves names while the phone stands still, and has fixed room for much of the rest. So
no text of a stranger reaches its parser: it is read here, and PJSIP gets what we print. The number and the order of the media lines stay,
because an answer must have the same (RFC 3264, 6); all but one have port 0, and so that one alone is taken.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from softphone.engine.limits import (
    MAX_CANDIDATES,
    MAX_CHANNELS,
    MAX_CLOCK_HZ,
    MAX_CRYPTO,
    MAX_FORMATS,
    MAX_ICE_WORD,
    MAX_PACKET_MS,
    MAX_SOUND_PACKET_MS,
)
from softphone.engine.sdp.description import ANYWHERE, Description, MediaSection, Rtpmap, is_ipv4

STATIC: Mapping[str, Rtpmap] = {
    "0": Rtpmap("PCMU", 8000), "3": Rtpmap("GSM", 8000), "4": Rtpmap("G723", 8000), "8": Rtpmap("PCMA", 8000),
    "9": Rtpmap("G722", 8000), "13": Rtpmap("CN", 8000), "15": Rtpmap("G728", 8000), "18": Rtpmap("G729", 8000),
}  # fmt: skip
"""RFC 3551, table 4: what stands there without an rtpmap too."""
FIRST_DYNAMIC = 96
LAST_TYPE = 127
KEYS = "telephone-event"
_PLAIN = frozenset({"RTP/AVP", "RTP/AVPF"})
_SECURE = frozenset({"RTP/SAVP", "RTP/SAVPF"})
_KEY_BYTES = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AES_256_CM_HMAC_SHA1_80": 46, "AES_256_CM_HMAC_SHA1_32": 46}
"""Master key and salt (RFC 4568, 6.2; RFC 6188)."""
_CRYPTO = re.compile(
    r"(0|[1-9][0-9]{0,8})[ \t]+([A-Za-z0-9_]{1,64})[ \t]+inline:([A-Za-z0-9+/]{1,128}={0,2})((?:\|[0-9^]{1,12})?)((?:[ \t]+\S{1,64})*)",
    re.IGNORECASE | re.ASCII,
)
_HARMLESS = re.compile(r"-\S+|WSH=[0-9]+", re.IGNORECASE | re.ASCII)
"""Session parameters that may be passed over (RFC 4568, 6.3.6 and 6.3.7); any other one changes the packets."""
_CANDIDATE = re.compile(
    r"([A-Za-z0-9+/]{1,32}) ([1-9][0-9]{0,2}) UDP ([0-9]{1,10}) (\S{7,15}) ([0-9]{1,5}) typ (host|srflx|prflx|relay)"
    r"(?: raddr (\S{7,15}) rport ([0-9]{1,5}))?(?: .*)?",
    re.IGNORECASE | re.ASCII,
)
_RTCP = re.compile(r"([0-9]{1,5})(?: IN IP4 (\S{7,15}))?")
_TOKEN = re.compile(r"[A-Za-z0-9.!#$%&'*+^_`{|}~-]{1,32}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True)
class Ability:
    """What this phone can do now. `speaks(rtpmap, fmtp)`: whether it has a codec for this format of a far end."""

    speaks: Callable[[Rtpmap, str], bool]
    plain: bool = True
    """Whether a line without encryption is taken."""
    suites: frozenset[str] = frozenset()
    """SRTP suites that are taken; empty where there is no SRTP."""
    ice: bool = False


def write(theirs: Description, able: Ability) -> tuple[str, bool]:
    """(`theirs` for PJSIP, whether one of its lines is taken)."""
    taken = next((line for line in theirs.media if _written(theirs, line, able)), None)
    # PJSIP ends the process where a line with port 0 has no address (sdp_neg.c, create_answer).
    address = theirs.address(taken) if taken is not None else ANYWHERE
    text = ["v=0", f"o={theirs.origin}", "s=-", f"c=IN IP4 {address}", "t=0 0"]
    if taken is not None and able.ice and any(key == "ice-lite" for key, _ in theirs.session.attributes):
        text.append("a=ice-lite")
    for line in theirs.media:
        text += _written(theirs, line, able) if line is taken else _rejected(line)
    return "\r\n".join(text) + "\r\n", taken is not None


def _rejected(line: MediaSection) -> list[str]:
    # One format stands for all of them: of a line with port 0 they mean nothing (RFC 3264, 6), and the answer repeats them.
    word = next((word for word in line.formats if _TOKEN.fullmatch(word)), "0")
    if word[0].isdigit() and not (word.isdigit() and int(word) <= LAST_TYPE):
        word = "0"  # PJSIP makes an error of the whole description
    kind = line.kind if _TOKEN.fullmatch(line.kind) else "unknown"
    return [f"m={kind} 0 {line.protocol} {word}"]


def _written(theirs: Description, line: MediaSection, able: Ability) -> list[str]:
    """The lines of a media line that can be taken; empty where it cannot."""
    address = theirs.address(line)
    protocol = line.protocol.upper()
    if line.kind.lower() != "audio" or not line.port or line.ports != 1 or address is None or not _reachable(address):
        return []
    crypto = _crypto(line, able)
    if not (protocol in _PLAIN and able.plain) and not (protocol in _SECURE and crypto):
        return []
    formats = _formats(line, able)
    if not any(mapping.name.lower() != KEYS for mapping, _ in formats.values()):
        return []
    text = [f"m=audio {line.port} {protocol} {' '.join(formats)}"]
    for number, (mapping, fmtp) in formats.items():
        text.append(f"a=rtpmap:{number} {mapping}")
        if fmtp:
            text.append(f"a=fmtp:{number} {fmtp}")
    names = {mapping.name.lower() for mapping, _ in formats.values()}
    text += _packet_times(theirs, line, MAX_PACKET_MS if "x-phv" in names else MAX_SOUND_PACKET_MS)
    text += [f"a=crypto:{value}" for value in crypto]
    text += _ice(theirs, line) if able.ice else []
    text += _rtcp(line)
    # Held in the old way; with ICE it says that the candidates are to follow (RFC 8838, 5.1).
    held = address == ANYWHERE and not (able.ice and line.values("candidate"))
    text.append(f"a={'inactive' if held else theirs.direction(line)}")
    return text


def _reachable(address: str) -> bool:
    """Whether our sound may go there. To a group or to everybody in the network nobody may send it."""
    parsed = ipaddress.IPv4Address(address)
    return address == ANYWHERE or not (parsed.is_multicast or parsed.packed[0] in (0, 255) or int(parsed) >= 0xF0000000)


def _formats(line: MediaSection, able: Ability) -> dict[str, tuple[Rtpmap, str]]:
    """The formats that this phone knows, in their order: codecs that it speaks, and keys."""
    maps = line.rtpmaps()
    fmtp = {number: text for number, text in line.fmtp().items() if _PRINTABLE.fullmatch(text)}
    numbers = [number for number in dict.fromkeys(line.formats) if number.isdigit() and int(number) <= LAST_TYPE]
    speech = {number: mapping for number in numbers if (mapping := _speech(number, maps.get(number, []), fmtp.get(number, ""), able))}
    rates = {mapping.clock_rate for mapping in speech.values()}
    found: dict[str, tuple[Rtpmap, str]] = {}
    for number in numbers:
        mapping = speech.get(number) or _keys(number, maps.get(number, []), rates)
        if mapping is not None and len(found) < MAX_FORMATS:
            found[number] = mapping, fmtp.get(number, "")
    return found


def _speech(number: str, maps: list[Rtpmap], fmtp: str, able: Ability) -> Rtpmap | None:
    if int(number) >= FIRST_DYNAMIC:
        return next((mapping for mapping in maps if _sane(mapping) and able.speaks(mapping, fmtp)), None)
    # Such a number alone says what it is; who calls it something else means what we do not know.
    fixed = STATIC.get(number)
    return fixed if fixed is not None and all(_same(mapping, fixed) for mapping in maps) and able.speaks(fixed, fmtp) else None


def _keys(number: str, maps: list[Rtpmap], rates: set[int]) -> Rtpmap | None:
    # In lower case: PJMEDIA's streams know no other (stream_info.c).
    known = [
        Rtpmap(KEYS, mapping.clock_rate) for mapping in maps if mapping.name.lower() == KEYS and mapping.channels == 1 and _sane(mapping)
    ]
    if int(number) < FIRST_DYNAMIC or not known:
        return None
    # One number for several clocks: that of the speech is meant (RFC 4733, 2.6).
    return next((mapping for mapping in known if mapping.clock_rate in rates), known[0])


def _same(one: Rtpmap, other: Rtpmap) -> bool:
    return (one.name.lower(), one.clock_rate, one.channels) == (other.name.lower(), other.clock_rate, other.channels)


def _sane(mapping: Rtpmap) -> bool:
    return 0 < mapping.clock_rate <= MAX_CLOCK_HZ and 0 < mapping.channels <= MAX_CHANNELS


def _packet_times(theirs: Description, line: MediaSection, longest_ms: int) -> list[str]:
    """What the far end would like best (ptime), and bears (maxptime); more than `longest_ms` we do not send (RFC 8866, 6.4)."""
    found = []
    for name, limit in (("ptime", longest_ms), ("maxptime", MAX_PACKET_MS)):
        # Some write fractions, or a list.
        whole = re.match(r"[0-9]{1,9}", line.first(name) or theirs.session.first(name) or "")
        if whole and 0 < int(whole[0]) <= MAX_PACKET_MS:
            found.append(f"a={name}:{min(int(whole[0]), limit)}")
    return found


def _crypto(line: MediaSection, able: Ability) -> list[str]:
    """The keys that can be used, a tag once."""
    found: dict[str, str] = {}
    for value in line.values("crypto"):
        match = _CRYPTO.fullmatch(value)
        if match is None or match[2].upper() not in able.suites or match[1] in found or len(found) >= MAX_CRYPTO:
            continue
        if not all(_HARMLESS.fullmatch(word) for word in match[5].split()) or _key_bytes(match[3]) != _KEY_BYTES.get(match[2].upper()):
            continue
        found[match[1]] = f"{match[1]} {match[2].upper()} inline:{match[3]}{match[4]}"
    return list(found.values())


def _key_bytes(key: str) -> int:
    try:
        return len(base64.b64decode(key + "=" * (-len(key) % 4), validate=True))
    except ValueError:
        return -1


def _rtcp(line: MediaSection) -> list[str]:
    match = _RTCP.fullmatch(line.first("rtcp") or "")
    if match is None or not 0 < int(match[1]) <= 65535 or (match[2] and (not is_ipv4(match[2]) or match[2] == ANYWHERE)):
        return []
    if match[2] and not _reachable(match[2]):
        return []
    return [f"a=rtcp:{int(match[1])}" + (f" IN IP4 {match[2]}" if match[2] else "")]


def _ice(theirs: Description, line: MediaSection) -> list[str]:
    words = [(name, line.first(name) or theirs.session.first(name) or "") for name in ("ice-ufrag", "ice-pwd")]
    if not all(0 < len(value) <= MAX_ICE_WORD and re.fullmatch(r"[A-Za-z0-9+/]+", value) for _, value in words):
        return []
    candidates = [value for value in line.values("candidate") if _is_candidate(value)][:MAX_CANDIDATES]
    remote = line.first("remote-candidates") or ""
    found = [f"a={name}:{value}" for name, value in words] + [f"a=candidate:{value}" for value in candidates]
    if re.fullmatch(r"[0-9]{1,3} \S{7,15} [0-9]{1,5}(?: [0-9]{1,3} \S{7,15} [0-9]{1,5})*", remote) and all(
        map(is_ipv4, remote.split()[1::3])
    ):
        found.append(f"a=remote-candidates:{remote}")
    return found


def _is_candidate(value: str) -> bool:
    match = _CANDIDATE.fullmatch(value)
    if match is None or int(match[3]) >= 2**32 or int(match[5]) > 65535 or not _PRINTABLE.fullmatch(value) or len(value) > MAX_ICE_WORD:
        return False
    return is_ipv4(match[4]) and (match[7] is None or (is_ipv4(match[7]) and int(match[8]) <= 65535))
