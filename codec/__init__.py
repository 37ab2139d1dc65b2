"""x-phv, a speech codec that sends what was said and who said it: phones with pitch, level and duration, and a small voice description.

    models = codec.Models.load()
    payloads = codec.Encoder(models).encode(pcm)       # int16, 16 kHz, mono; payloads of some 160 ms of speech, none in silence
    decoder = codec.Decoder(models)
    decoder.receive(payload)                           # in any order, repeated or lost
    sound = decoder.pull(320)                          # exactly so many samples

Whatever is wrong with a payload, a file or a setting is a `CodecError` of one sentence. The names here are loaded when they are first used,
so that `import codec.wire` does not load torch. docs/payload-format.md describes the payloads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec.decoder import Decoder
    from codec.encoder import Encoder
    from codec.models import Models
    from codec.recordings import decode_recording, encode_recording
    from codec.units.errors import CodecError
    from codec.wire.file import PhvFile
    from codec.wire.packet import Packet, parse
    from codec.wire.settings import EncoderSettings

__all__ = [
    "CodecError",
    "Decoder",
    "Encoder",
    "EncoderSettings",
    "Models",
    "Packet",
    "PhvFile",
    "decode_recording",
    "encode_recording",
    "parse",
]

_MODULES = {
    "CodecError": "units.errors",
    "Decoder": "decoder",
    "Encoder": "encoder",
    "EncoderSettings": "wire.settings",
    "Models": "models",
    "Packet": "wire.packet",
    "PhvFile": "wire.file",
    "decode_recording": "recordings",
    "encode_recording": "recordings",
    "parse": "wire.packet",
}


def __getattr__(name: str) -> object:
    """PEP 562."""
    if name not in _MODULES:
        raise AttributeError(f"module 'codec' has no attribute {name!r}")
    return getattr(import_module(f"codec.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
