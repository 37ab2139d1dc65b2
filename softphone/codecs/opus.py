"""Opus in RTP (RFC 7587): one clock rate and two channels in `a=rtpmap`, whatever is sent."""

from softphone.codecs.codec import CallCodec, Parameters
from softphone.codecs.fmtp import integer


def opus_fits(one: Parameters, other: Parameters) -> bool:
    """PJSIP runs Opus at the smaller of our sprop-maxcapturerate and the peer's maxplaybackrate, whatever number that is, and libopus knows
    five rates. A peer with another one below ours gets the next codec."""
    for parameters in (one, other):
        rate = integer(parameters, "maxplaybackrate", 8000, 48000, 48000)
        if rate < 16000 and rate not in (8000, 12000):
            return False
    return True


OPUS = CallCodec(
    name="opus",
    clock_rate=48000,
    channels=2,
    label="Opus",
    summary="about 8 kbit/s; most current phones",
    look_ahead_ms=6.5,  # RFC 6716, 2: of the encoder, at its low delay
    fits=opus_fits,
    implementation="softphone.engine.codecs.opus:opus_codec",
)
