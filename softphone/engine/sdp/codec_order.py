"""The codecs of one call, written into its SDP: PJSIP knows only one order for all calls, and makes the SDP of each from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from softphone.engine.pjsip.errors import FmtpError
from softphone.engine.pjsip.fmtp import parse_fmtp
from softphone.engine.pjsip.match import opus_fits, phv_fits
from softphone.engine.sdp.attributes import MAX_SDP, AudioSection

_OF_FORMAT = re.compile(r"^a=(?:rtpmap|fmtp|rtcp-fb):([0-9]{1,3}) ")
_NOT_SPEECH = ("telephone-event", "cn")
_STATIC = {"0": "pcmu", "8": "pcma"}
"""RFC 3551, 6: their rtpmap may be left out."""
_PHV_RATE = "16000"
_FITS: dict[str, Callable[[Mapping[str, str], Mapping[str, str]], bool]] = {"x-phv": phv_fits, "opus": opus_fits}


def order_codecs(local: str, remote: str, order: Sequence[str]) -> str:
    """`local` with only the codecs of `order`, best first; keys (telephone-event) stay.

    Whole SDP texts as `onCallSdpCreated` gives them; `remote` is "" for an offer. In an answer only the best codec that the offer has too
    is left, because the offerer's order would decide otherwise (RFC 3264, 6.1). Where nothing would be left the text comes back unchanged:
    a call on another codec is better than none.
    """
    if len(local) > MAX_SDP or len(remote) > MAX_SDP:
        return local
    lines = local.splitlines()
    ours = AudioSection(lines)
    numbers = {_name(ours, number): number for number in reversed(ours.formats)}
    chosen = [numbers[name.lower()] for name in order if name.lower() in numbers]
    if remote:
        theirs = AudioSection(remote.splitlines())
        chosen = [number for number in chosen if _offered(ours, number, theirs)][:1]
    if not chosen:
        return local
    keys = [number for number in ours.formats if _name(ours, number) in _NOT_SPEECH]
    if chosen == [ours.phv()]:
        # Those of the same clock (RFC 4733, 2.6). Standard phones may know them at 8 kHz only, whatever the codec.
        keys = [number for number in keys if ours.rates.get(number) == _PHV_RATE] or keys
    kept = chosen + keys
    text = []
    for place, line in enumerate(lines):
        of_format = _OF_FORMAT.match(line) if ours.begin < place < ours.end else None
        if place == ours.begin:
            text.append(" ".join([*line.split()[:3], *kept]))
        elif of_format is None or of_format[1] in kept:
            text.append(line)
    return "\r\n".join(text) + "\r\n"


def _name(section: AudioSection, number: str) -> str:
    return section.names.get(number, _STATIC.get(number, number))


def _always(_ours: Mapping[str, str], _theirs: Mapping[str, str]) -> bool:
    return True


def _offered(ours: AudioSection, number: str, theirs: AudioSection) -> bool:
    name = _name(ours, number)
    fits = _FITS.get(name, _always)
    for other in theirs.formats:
        if _name(theirs, other) == name:
            try:
                if fits(parse_fmtp(ours.fmtp.get(number, "")), parse_fmtp(theirs.fmtp.get(other, ""))):
                    return True
            except FmtpError:
                continue
    return False
