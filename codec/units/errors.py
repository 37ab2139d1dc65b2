"""Errors of the codec: every message is one sentence that names the cause and the cure."""


class CodecError(Exception):
    """Base of everything the codec raises on bad input."""


class PayloadError(CodecError):
    """A received payload is not one of ours, or is damaged."""


class ModelError(CodecError):
    """Weights are missing, damaged, or of another version."""


class AudioFileError(CodecError):
    """An audio or .phv file cannot be read or written."""


class TextError(CodecError):
    """Typed text cannot be spoken."""
