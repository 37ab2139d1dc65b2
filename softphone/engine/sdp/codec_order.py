"""The codecs of one call, written into its SDP: PJSIP knows only one order for all calls, and makes the SDP of each from it."""

from __future__ import annotations

from collections.abc import Sequence

from softphone.codecs import CODECS, PHV, find_codec
from softphone.codecs.codec import always_fits
from softphone.codecs.fmtp import FmtpError, parse_fmtp
from softphone.engine.sdp.audio_section import AudioSection, split_lines

_OF_FORMAT = frozenset({"a=rtpmap", "a=fmtp", "a=rtcp-fb"})
"""Attributes whose value begins with a payload type."""
_NOT_SPEECH = ("telephone-event", "cn")
_STATIC = {str(codec.payload_type): codec.name.lower() for codec in CODECS if codec.payload_type is not None}
"""RFC 3551, 6: their rtpmap may be left out."""


def order_codecs(local: str, remote: str, order: Sequence[str]) -> str:
    """`local` with only the codecs of `order`, best first; keys (telephone-event) stay.

    Whole SDP texts as `onCallSdpCreated` gives them; `remote` is "" for an offer. In an answer only the best codec that the offer has too
    is left, because the offerer's order would decide otherwise (RFC 3264, 6.1). Where nothing would be left the text comes back unchanged:
    a call on another codec is better than none.
    """
    ours = AudioSection(local)
    numbers = {_name(ours, number): number for number in reversed(ours.formats)}
    chosen = [numbers[name.lower()] for name in order if name.lower() in numbers]
    if remote:
        theirs = AudioSection(remote)
        chosen = [number for number in chosen if _offered(ours, number, theirs)][:1]
    if not chosen:
        return local
    keys = [number for number in ours.formats if _name(ours, number) in _NOT_SPEECH]
    if chosen == [ours.phv]:
        # Those of the same clock (RFC 4733, 2.6). Standard phones may know them at 8 kHz only, whatever the codec.
        keys = [number for number in keys if ours.rates.get(number) == PHV.clock_rate] or keys
    kept = chosen + keys
    text = []
    for place, line in enumerate(split_lines(local)):
        name, _, value = line.partition(":")
        if place == ours.begin:
            text.append(" ".join([*line.split()[:3], *kept]))
        elif not (ours.begin < place < ours.end and name in _OF_FORMAT) or value.partition(" ")[0] in kept:
            text.append(line)
    return "\r\n".join(text) + "\r\n"


def _name(section: AudioSection, number: str) -> str:
    return section.names.get(number, _STATIC.get(number, number))


def _offered(ours: AudioSection, number: str, theirs: AudioSection) -> bool:
    name = _name(ours, number)
    codec = find_codec(name)
    fits = codec.fits if codec else always_fits
    for other in theirs.formats:
        if _name(theirs, other) == name:
            try:
                if fits(parse_fmtp(ours.fmtp.get(number, "")), parse_fmtp(theirs.fmtp.get(other, ""))):
                    return True
            except FmtpError:
                continue
    return False
