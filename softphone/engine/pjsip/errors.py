"""What our codecs and the glue to PJSIP raise: one sentence each, cause and cure."""


class MediaError(Exception):
    """Base of the errors of this module."""


class AbiError(MediaError):
    """The PJSIP binary is not the one whose memory layout we know, so no Python codec may be registered in it."""


class CodecSetupError(MediaError):
    """A codec could not be registered, opened or configured."""


class SoundDeviceError(MediaError):
    """No sound device can be used."""
