"""Speech as it comes out of other codecs: Opus, AMR narrow-band (the successor of GSM's), G.711 and G.722, by libav."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from codec.units.errors import CodecError
from codec.units.rates import SAMPLE_RATE

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LossyCodec:
    """libav's name of encoder and decoder; Hz at which it works; samples by which its output lags; bit rates to choose from."""

    name: str
    rate: int
    lag: int = 0
    bit_rates: tuple[int, ...] = ()


CODECS = {
    "opus": LossyCodec("libopus", 16000, bit_rates=(6000, 8000, 12000, 16000, 24000)),
    "amr": LossyCodec("libopencore_amrnb", 8000, 40, (4750, 5900, 7950, 12200)),
    "pcmu": LossyCodec("pcm_mulaw", 8000),
    "pcma": LossyCodec("pcm_alaw", 8000),
    "g722": LossyCodec("g722", 16000, 22),
}


def through(pcm: Sound, codec: LossyCodec, bit_rate: int | None = None) -> Sound:
    """pcm (samples,) at 16 kHz, full scale 1 -> what the remote party hears, as long and at the same time. Raises CodecError."""
    import av  # noqa: PLC0415 - only training needs it
    from av.audio.codeccontext import AudioCodecContext  # noqa: PLC0415

    narrow = pcm if codec.rate == SAMPLE_RATE else scipy.signal.resample_poly(pcm, codec.rate, SAMPLE_RATE)
    scaled = np.asarray(np.clip(narrow * 32767, -32768, 32767), np.int16)
    try:
        encoder, decoder = (cast(AudioCodecContext, av.CodecContext.create(codec.name, mode)) for mode in ("w", "r"))
        for context in (encoder, decoder):
            context.sample_rate, context.layout = codec.rate, "mono"
        encoder.format = "s16"
        if codec.bit_rates:
            encoder.bit_rate = bit_rate or codec.bit_rates[-1]
        encoder.open()
        decoder.extradata = encoder.extradata
        step = encoder.frame_size or codec.rate // 50
        # Two frames more, so that what an encoder keeps inside comes out.
        padded = np.pad(scaled, (0, -len(scaled) % step + 2 * step))
        heard = []
        for at in range(0, len(padded), step):
            frame = av.AudioFrame.from_ndarray(padded[None, at : at + step], format="s16", layout="mono")
            frame.sample_rate, frame.pts = codec.rate, at
            heard += [out for packet in encoder.encode(frame) for out in decoder.decode(packet)]
        heard += [out for packet in encoder.encode(None) for out in decoder.decode(packet)]
    except (av.error.FFmpegError, ValueError) as error:
        raise CodecError(f"libav cannot send sound through {codec.name} ({error}): install the package av as it is pinned.") from error
    sound = np.concatenate([out.to_ndarray().reshape(-1) for out in heard]).astype(np.float32) / 32768
    rate = heard[0].sample_rate
    sound = sound[codec.lag :]
    if rate != SAMPLE_RATE:
        sound = scipy.signal.resample_poly(sound, SAMPLE_RATE // 1000, rate // 1000)
    return np.asarray(np.pad(sound[: len(pcm)], (0, max(0, len(pcm) - len(sound)))), np.float32)


def through_any(pcm: Sound, random: np.random.Generator) -> Sound:
    """Through one of the codecs at one of its bit rates."""
    codec = CODECS[str(random.choice(list(CODECS)))]
    return through(pcm, codec, int(random.choice(codec.bit_rates)) if codec.bit_rates else None)
