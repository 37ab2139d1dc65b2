"""Sound as it comes from other speakers and real microphones: vocal tract, speed, noise, reverberation, band limits, codecs, level."""

from collections.abc import Sequence

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from codec.train.recogniser.lossy_codecs import through_any
from codec.units.rates import SAMPLE_RATE

Sound = NDArray[np.float32]

WARP_FFT, WARP_HOP = 512, 128
ENVELOPE_QUEFRENCY = 24, 40
"""Samples of cepstrum that are envelope whole, and not at all: 40 of them are the period of a pitch of 400 Hz."""


def speed(pcm: Sound, factor: float) -> Sound:
    """Plays `factor` times faster, pitch and formants moving along: another speaker. Times in the labels divide by `factor`."""
    length = int(len(pcm) / factor)
    return np.asarray(np.interp(np.arange(length) * factor, np.arange(len(pcm)), pcm), np.float32)


def reverberate(pcm: Sound, random: np.random.Generator) -> Sound:
    """A synthetic room: exponentially decaying noise after the direct sound, RT60 of 0.1 to 0.6 s."""
    rt60 = random.uniform(0.1, 0.6)
    tail = random.standard_normal(int(rt60 * SAMPLE_RATE)) * 10 ** (-3 * np.arange(int(rt60 * SAMPLE_RATE)) / (rt60 * SAMPLE_RATE))
    tail[: int(random.uniform(0.001, 0.01) * SAMPLE_RATE)] = 0
    ratio = 10 ** (random.uniform(-15, -3) / 20)
    response = tail / (np.linalg.norm(tail) + 1e-9) * ratio
    response[0] = 1.0
    wet = scipy.signal.fftconvolve(pcm, response)[: len(pcm)]
    return np.asarray(wet, np.float32)


def add_noise(pcm: Sound, noise: Sound, snr_db: float, random: np.random.Generator) -> Sound:
    """Mixes a random part of `noise` at a ratio of powers over the whole utterance."""
    start = int(random.integers(0, len(noise)))
    cut = np.resize(np.roll(noise, -start), len(pcm))
    power, noise_power = float(np.mean(pcm**2)) + 1e-10, float(np.mean(cut**2)) + 1e-10
    return np.asarray(pcm + cut * np.sqrt(power / noise_power * 10 ** (-snr_db / 10)), np.float32)


def band_limit(pcm: Sound, random: np.random.Generator) -> Sound:
    """A telephone or a poor microphone: a random band-pass."""
    low, high = random.uniform(50, 350), random.uniform(3000, 7600)
    sections = scipy.signal.butter(4, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(scipy.signal.sosfilt(sections, pcm), np.float32)


def warp_formants(pcm: Sound, factor: float) -> Sound:
    """Moves the formants up by `factor` (below 1: down) and leaves pitch and time: a shorter or longer vocal tract.

    The spectral envelope, from the low cepstrum of each frame, is stretched along frequency, and each frame filtered by the ratio.
    """
    window = np.sqrt(scipy.signal.windows.hann(WARP_FFT, sym=False))
    padded = np.pad(pcm, (WARP_FFT, WARP_FFT + -len(pcm) % WARP_HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WARP_FFT)[::WARP_HOP] * window
    spectrum = np.fft.rfft(frames)
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum) + 1e-5))
    whole, none = ENVELOPE_QUEFRENCY
    quefrency = np.minimum(np.arange(WARP_FFT), WARP_FFT - np.arange(WARP_FFT))
    lifter = np.clip((none - quefrency) / (none - whole), 0, 1)
    envelope = np.fft.rfft(cepstrum * lifter).real
    bins = np.arange(envelope.shape[1]) / factor
    low = np.minimum(bins.astype(np.int64), envelope.shape[1] - 2)
    share = np.minimum(bins - low, 1)
    moved = envelope[:, low] * (1 - share) + envelope[:, low + 1] * share
    changed = np.fft.irfft(spectrum * np.exp(np.clip(moved - envelope, -4, 4))) * window
    out = np.zeros(len(padded))
    for late in range(WARP_FFT // WARP_HOP):
        part = changed[late :: WARP_FFT // WARP_HOP]
        out[late * WARP_HOP : late * WARP_HOP + part.size] += part.reshape(-1)
    return np.asarray(out[WARP_FFT : WARP_FFT + len(pcm)] * (2 * WARP_HOP / WARP_FFT), np.float32)


def other_speaker(pcm: Sound, random: np.random.Generator) -> Sound:
    """Four times in ten somebody with another vocal tract (VTLP, Jaitly and Hinton 2013)."""
    return warp_formants(pcm, random.uniform(0.87, 1.15)) if random.random() < 0.4 else pcm


def at_peak(pcm: Sound, peak: float) -> Sound:
    """The sound as loud as this at its loudest."""
    return np.asarray(pcm * (peak / (float(np.abs(pcm).max()) + 1e-6)), np.float32)


def augment(pcm: Sound, noises: Sequence[Sound], random: np.random.Generator) -> Sound:
    """One random distortion chain; the timing of the sound stays (see `speed` for the one that changes it)."""
    if random.random() < 0.3:
        pcm = reverberate(pcm, random)
    if random.random() < 0.25:
        pcm = band_limit(pcm, random)
    chance = random.random()
    if chance < 0.35 and noises:
        pcm = add_noise(pcm, noises[int(random.integers(len(noises)))], random.uniform(5, 30), random)
    elif chance < 0.55:
        coloured = scipy.signal.lfilter([1], [1, -random.uniform(0, 0.95)], random.standard_normal(len(pcm)))
        pcm = add_noise(pcm, coloured.astype(np.float32), random.uniform(8, 35), random)
    if random.random() < 0.12:
        pcm = through_any(at_peak(pcm, 0.7), random)
    return at_peak(pcm, 10 ** (random.uniform(-26, 0) / 20))
