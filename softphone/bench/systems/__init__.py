"""Codecs under measurement, each by its name in the tables."""

from collections.abc import Callable

from softphone.bench.systems import codec2, opus, original, phv
from softphone.bench.systems.system import System

SYSTEMS: dict[str, Callable[[], System]] = {
    "original": original.Original,
    "phv-base": lambda: phv.Phv(redundancy=0),
    "phv-base-r1": lambda: phv.Phv(redundancy=1),
    "opus-6k-60ms": lambda: opus.Opus(6000, 60),
    "opus-6k-20ms": lambda: opus.Opus(6000, 20),
    "codec2-3200": lambda: codec2.Codec2("3200"),
    "codec2-1200": lambda: codec2.Codec2("1200"),
    "codec2-700C": lambda: codec2.Codec2("700C"),
}
"""Making one loads what it needs, and raises SoftphoneError or CodecError where that is missing."""
