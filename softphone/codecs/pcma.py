"""G.711 A-law (RFC 3551, 4.5.14), of the PJSIP wheel."""

from softphone.codecs.codec import CallCodec

PCMA = CallCodec(
    name="PCMA",
    clock_rate=8000,
    label="G.711 A-law (PCMA)",
    summary="64 kbit/s (G.711); every phone",
    payload_type=8,
)
