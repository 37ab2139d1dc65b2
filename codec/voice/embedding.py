"""Who speaks: the GE2E voice embedding with resemblyzer's weights, and a running estimate of it during a call.

Wan et al., "Generalized End-to-End Loss for Speaker Verification" (ICASSP 2018); weights and front end of resemblyzer 0.1.4.
Resemblyzer itself is not imported: it pulls in librosa and numba, which cost seconds of start-up. Only its weight file is read.
"""

import importlib.util
from collections import deque
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.units.errors import ModelError
from codec.units.rates import SAMPLE_RATE

EMBEDDING_SIZE = 256
_MEL_BANDS = 40
FFT = 400
HOP = 160
WINDOW_FRAMES = 160
WINDOW_SAMPLES = WINDOW_FRAMES * HOP
"""1.6 s of speech: what one embedding is computed from."""

HALF_WINDOW_SAMPLES = WINDOW_SAMPLES // 2
_FIRST_SAMPLES = WINDOW_SAMPLES // 2
"""The first guess comes from half a window, so that the listener soon hears somebody like the speaker."""

_TARGET_DBFS = -30.0
_MEMORY_WINDOWS = 150
"""Two minutes of speech: from then on the mean forgets, so that a voice that changes slowly is followed."""

_RESUMED_WINDOWS = 40.0
_RECENT_WINDOWS = 4
_KNOWN_WINDOWS = 8
ANOTHER_SPEAKER = 0.70
"""Cosine of the newest four windows to the mean of at least eight before them, below which somebody else talks: of 407 training speakers
one stretch in a thousand falls below it, and nine in ten of the other speakers' do."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker. embedding: GE2E, (256,) float32, unit length, all >= 0; mean_f0: Hz, geometric mean of the voiced frames."""

    embedding: NDArray[np.float32]
    mean_f0: float


@cache
def mel_filters(bands: int = _MEL_BANDS, fft: int = FFT) -> NDArray[np.float32]:
    """Slaney's mel filters as librosa makes them by default: (bands, fft // 2 + 1), 0-8 kHz, each of unit area."""

    def to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4))

    def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hz(np.linspace(0.0, float(to_mel(np.array(SAMPLE_RATE / 2))), bands + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, fft // 2 + 1)
    width = np.diff(edges)
    rising = (bins - edges[:-2, None]) / width[:-1, None]
    falling = (edges[2:, None] - bins) / width[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.asarray(filters, dtype=np.float32)


def mel_spectrogram(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """wave (samples,) in -1..1 at 16 kHz -> mel power (1 + samples // 160, 40); not a logarithm. Equal to resemblyzer's."""
    padded = np.pad(wave, FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype(np.float32)
    spectrum = np.fft.rfft(frames * window, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return np.asarray(power @ mel_filters().T, dtype=np.float32)


def normalise_level(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raise the level to -30 dBFS if it is lower, as the embedding was trained."""
    level = 10 * np.log10(float(np.mean(wave.astype(np.float64) ** 2)) + 1e-12)
    return wave if level >= _TARGET_DBFS else np.asarray(wave * 10 ** ((_TARGET_DBFS - level) / 20), dtype=np.float32)


class VoiceEncoder(nn.Module):
    """GE2E: three LSTM layers of 256 over 40 mel bands; the last hidden state, made positive and of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_MEL_BANDS, EMBEDDING_SIZE, 3, batch_first=True)
        self.linear = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)

    @classmethod
    def load(cls, path: Path | None = None) -> "VoiceEncoder":
        """Weights from `path`, or from the installed package resemblyzer. Raises ModelError."""
        path = path or _weights_of_resemblyzer()
        network = cls()
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
            own = {key: value for key, value in state.items() if key.startswith(("lstm.", "linear."))}
            network.load_state_dict(own)
        except Exception as error:  # torch raises a dozen types on a damaged file
            raise ModelError(f"the voice weights {path} cannot be read ({error}); reinstall resemblyzer") from error
        return network.eval()

    def forward(self, mels: Tensor) -> Tensor:
        """mels (batch, frames, 40) -> embeddings (batch, 256), unit length."""
        _, (hidden, _) = self.lstm(mels)
        raw = torch.relu(self.linear(hidden[-1]))
        return raw / torch.clamp(torch.norm(raw, dim=1, keepdim=True), min=1e-6)

    @torch.inference_mode()
    def embed(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """One window: wave (samples,) up to 1.6 s -> (256,); shorter sound is padded with zeros."""
        wave = normalise_level(wave[:WINDOW_SAMPLES])
        mel = mel_spectrogram(np.pad(wave, (0, WINDOW_SAMPLES - len(wave))))[:WINDOW_FRAMES]
        return np.asarray(self(torch.from_numpy(mel)[None])[0].numpy(), dtype=np.float32)

    @torch.inference_mode()
    def embed_windows(self, wave: NDArray[np.float32], hop: int = 77 * HOP, min_coverage: float = 0.75) -> NDArray[np.float32]:
        """Whole utterance, cut as resemblyzer's embed_utterance cuts it: wave (samples,) -> (windows, 256).

        The utterance's embedding is the mean, made unit length. hop: samples between windows (resemblyzer: 77 frames).
        """
        starts = list(range(0, max(1, len(wave) // HOP + 1 - WINDOW_FRAMES + hop // HOP + 1) * HOP, hop))
        if len(starts) > 1 and (len(wave) - starts[-1]) / WINDOW_SAMPLES < min_coverage:
            starts.pop()
        wave = np.pad(wave, (0, max(0, starts[-1] + WINDOW_SAMPLES - len(wave))))
        mel = mel_spectrogram(wave)
        windows = np.stack([mel[start // HOP : start // HOP + WINDOW_FRAMES] for start in starts])
        return np.asarray(self(torch.from_numpy(windows)).numpy(), dtype=np.float32)


def _weights_of_resemblyzer() -> Path:
    spec = importlib.util.find_spec("resemblyzer")
    if spec is None or spec.origin is None:
        raise ModelError("the voice weights come with the package resemblyzer, which is not installed; run `pip install resemblyzer`")
    return Path(spec.origin).parent / "pretrained.pt"


class VoiceEstimator:
    """The speaker's embedding so far: the mean over windows of speech only, one every 0.8 s of it."""

    def __init__(self, encoder: VoiceEncoder) -> None:
        self._encoder = encoder
        self._speech = np.zeros(0, np.float32)
        self._sum = np.zeros(EMBEDDING_SIZE)
        self._weight = 0.0
        self._guess: NDArray[np.float32] | None = None
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=_RECENT_WINDOWS)
        self.seconds = 0.0
        """Seconds of speech heard so far of this speaker."""
        self.speakers = 0
        """How often the phone was handed on to somebody else."""

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """(256,) of unit length; None before 0.8 s of speech."""
        if self._weight == 0:
            return self._guess
        return np.asarray(self._sum / np.linalg.norm(self._sum), dtype=np.float32)

    def push(self, speech: NDArray[np.int16]) -> bool:
        """More speech, (samples,) int16 at 16 kHz, without the silence around it. True if the estimate has changed."""
        self._speech = np.concatenate((self._speech, speech.astype(np.float32) / 32768))
        self.seconds += len(speech) / SAMPLE_RATE
        if self._weight == 0 and self._guess is None and _FIRST_SAMPLES <= len(self._speech) < WINDOW_SAMPLES:
            self._guess = self._encoder.embed(self._speech)
            return True
        changed = False
        while len(self._speech) >= WINDOW_SAMPLES:
            if self._weight >= _MEMORY_WINDOWS:
                self._sum *= 1 - 1 / _MEMORY_WINDOWS
                self._weight -= 1
            window = self._encoder.embed(self._speech[:WINDOW_SAMPLES])
            self._sum += window
            self._weight += 1
            self._recent.append(window)
            self._notice_another()
            self._speech = self._speech[HALF_WINDOW_SAMPLES:]
            changed = True
        return changed

    def resume(self, embedding: NDArray[np.float32], seconds: float) -> None:
        """Go on from an estimate of earlier calls; what this call hears soon weighs as much."""
        windows = min(seconds * SAMPLE_RATE / HALF_WINDOW_SAMPLES, _RESUMED_WINDOWS)
        self._sum, self._weight, self.seconds = embedding.astype(np.float64) * windows, float(windows), seconds

    def _notice_another(self) -> None:
        if self._weight < _KNOWN_WINDOWS + _RECENT_WINDOWS or len(self._recent) < _RECENT_WINDOWS:
            return
        recent = np.sum(self._recent, axis=0)
        before = self._sum - recent
        if float(recent @ before) >= ANOTHER_SPEAKER * float(np.linalg.norm(recent) * np.linalg.norm(before)):
            return
        # The oldest of the recent windows may still be of the speaker before.
        for _ in range(_RECENT_WINDOWS // 2):
            self._recent.popleft()
        self._sum, self._weight = np.sum(self._recent, axis=0).astype(np.float64), float(len(self._recent))
        self.seconds = len(self._recent) * HALF_WINDOW_SAMPLES / SAMPLE_RATE
        self.speakers += 1
