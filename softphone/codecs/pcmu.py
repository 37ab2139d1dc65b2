"""G.711 µ-law (RFC 3551, 4.5.14), of the PJSIP wheel."""

from softphone.codecs.codec import CallCodec

PCMU = CallCodec(
    name="PCMU",
    clock_rate=8000,
    label="G.711 µ-law (PCMU)",
    summary="64 kbit/s (G.711); every phone",
    payload_type=0,
)
