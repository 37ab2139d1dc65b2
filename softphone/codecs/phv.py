"""Our own codec: phones and a voice in place of sound.

`version` of the fmtp is `major` or `major.minor`; the major number must be equal, the minor one may differ, because a minor version may
only add things that an older decoder skips. `inventory` (names of the phones) and `model` (hash of everything the decoder needs) must be
equal, since tokens mean nothing to another model. Unknown parameters are ignored.
"""

from codec.units.rates import SAMPLE_RATE
from softphone.codecs.codec import CallCodec, Parameters
from softphone.codecs.fmtp import FmtpError, integer, word

SOUND_CODEC = "opus"
HIGHEST_SOUND_BPS = 24_000


def phv_fits(one: Parameters, other: Parameters) -> bool:
    """Rules of x-phv (see the module's text); symmetrical. Raises FmtpError on a malformed or missing parameter."""
    return _major(one) == _major(other) and all(word(one, name) == word(other, name) for name in ("inventory", "model"))


def sound_parameters() -> dict[str, str]:
    """What says that sound is taken in place of tokens; its highest rate is the one that goes without saying."""
    return {"sound": SOUND_CODEC}


def accepts_sound(parameters: Parameters) -> bool:
    """Whether this side takes sound; a value that is not known means no."""
    return parameters.get("sound") == SOUND_CODEC and most_sound_bps(parameters) > 0


def most_sound_bps(parameters: Parameters) -> int:
    """The highest bit rate of Opus that this side takes; 0 where the parameter is malformed."""
    try:
        return integer(parameters, "soundrate", 6000, 510_000, HIGHEST_SOUND_BPS)
    except FmtpError:
        return 0


def _major(parameters: Parameters) -> int:
    major, _, minor = parameters.get("version", "").partition(".")
    numbers = {"version": major, "version minor": minor or "0"}
    integer(numbers, "version minor", 0, 999)
    return integer(numbers, "version", 1, 999)


PHV = CallCodec(
    name="x-phv",
    clock_rate=SAMPLE_RATE,
    label="x-phv (phonemes, voice)",
    summary="speech as symbols, a few hundred bit/s; between phones like this one",
    media_timeout_s=90.0,  # silence sends nothing, RTCP is rare, and the network may lose half of it
    needs_worker=True,
    fits=phv_fits,
    implementation="softphone.engine.codecs.phv:phv_codec",
)
