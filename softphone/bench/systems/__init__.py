"""Codecs under measurement, each by its name in the tables."""

from collections.abc import Callable

from softphone.bench.systems import codec2, lyra, opus, original, parts, phv
from softphone.bench.systems.system import System

SYSTEMS: dict[str, Callable[[], System]] = {
    "original": original.Original,
    "phv-base": lambda: phv.Phv(redundancy=0),
    "phv-coarse": lambda: phv.Phv(redundancy=0, detail=1),
    "phv-detail": lambda: phv.Phv(redundancy=0, detail=3),
    "phv-detail5": lambda: phv.Phv(redundancy=0, detail=5),
    "phv-detail8": lambda: phv.Phv(redundancy=0, detail=8),
    "phv-base-quick": lambda: phv.Phv(redundancy=0, wait=False),
    "phv-detail-quick": lambda: phv.Phv(redundancy=0, detail=3, wait=False),
    "phv-detail5-quick": lambda: phv.Phv(redundancy=0, detail=5, wait=False),
    "phv-detail8-quick": lambda: phv.Phv(redundancy=0, detail=8, wait=False),
    "phv-base-r1": lambda: phv.Phv(redundancy=1),
    "opus-6k-60ms": lambda: opus.Opus(6000, 60),
    "opus-6k-20ms": lambda: opus.Opus(6000, 20),
    "lyra-3200": lambda: lyra.Lyra(3200),
    "codec2-3200": lambda: codec2.Codec2("3200"),
    "codec2-1200": lambda: codec2.Codec2("1200"),
    "codec2-700C": lambda: codec2.Codec2("700C"),
}
"""Making one loads what it needs, and raises SoftphoneError or CodecError where that is missing."""

OPTIONAL = frozenset({"phv-coarse", "phv-detail5", "phv-detail5-quick", "phv-base-r1", "opus-6k-20ms"})
"""Measured only where they are named."""

PARTS: dict[str, Callable[[], System]] = {
    "phv-known": lambda: phv.Phv(redundancy=0, voice_known=True, wait=False),
    "sent-wire": parts.Sent,
    "heard-live": lambda: parts.Spoken(true_phones=False, wire=True, live=True),
    "heard-wire": lambda: parts.Spoken(true_phones=False, wire=True),
    "heard-exact": lambda: parts.Spoken(true_phones=False, wire=False),
    "true-wire": lambda: parts.Spoken(true_phones=True, wire=True),
    "true-exact": lambda: parts.Spoken(true_phones=True, wire=False),
    "spectrum": parts.CopySynthesis,
}
"""Our codec with parts of it made perfect, for the error analysis. `known`: the voice is known beforehand; `sent`: what packets hold,
spoken without a schedule; `heard`, `true`: phones of the recogniser, which waits for the end unless `live`, or of the alignment; `wire`,
`exact`: prosody rounded as on the wire, or as measured; `spectrum`: the recording's own, through the vocoder."""
