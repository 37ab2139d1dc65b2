"""What the media room raises: one sentence each, cause and cure."""


class MediaError(Exception):
    """Base of everything this room raises."""


class AbiError(MediaError):
    """The PJSIP binary is not the one whose memory layout we know, so no Python codec may be registered in it."""


class FmtpError(MediaError, ValueError):
    """A format parameter line (`a=fmtp`, RFC 8866 section 6.15) is malformed or out of range."""


class CodecSetupError(MediaError):
    """A codec could not be registered, opened or configured."""


class SoundDeviceError(MediaError):
    """No sound device can be used."""
