"""The codecs for calls, a file each. Whatever lists codecs derives from `CODECS`; its order is that of a phone without settings.

To add a codec: a file that describes it as a `CallCodec`, and its name in `CODECS`.
"""

from softphone.codecs.codec import CallCodec as CallCodec
from softphone.codecs.opus import OPUS as OPUS
from softphone.codecs.pcma import PCMA as PCMA
from softphone.codecs.pcmu import PCMU as PCMU
from softphone.codecs.phv import PHV as PHV

CODECS: tuple[CallCodec, ...] = (PHV, OPUS, PCMU, PCMA)


def codec_names() -> tuple[str, ...]:
    """Names of all codecs, in the order of `CODECS`."""
    return tuple(codec.name for codec in CODECS)


def find_codec(name: str) -> CallCodec | None:
    """The codec of that encoding name, in any case (RFC 8866, 6.6); None where there is none."""
    return next((codec for codec in CODECS if codec.name.lower() == name.lower()), None)
