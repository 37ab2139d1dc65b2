"""Log-mel + F0 -> PCM: pulses and noise through time-varying filters (DDSP; neural homomorphic vocoder, Liu 2020).

Filters belong to frame centres; between two centres the sound fades from one filter to the next. A frame therefore
yields 160 samples that end at its centre: the output lags the frames by half a frame, and nothing looks ahead.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from codec.speak.mel import MEL_BANDS, N_FFT, band_centres
from codec.units.rates import FRAME_SAMPLES, SAMPLE_RATE

LAG_SAMPLES = FRAME_SAMPLES // 2
"""The first sample of a stream belongs this long before the first frame: skip it, or count it as delay."""
BINS = N_FFT // 2 + 1
TAIL_BLOCKS = -(-N_FFT // FRAME_SAMPLES)
NOISE_SAMPLES = 1 << 17
PHASE_TERMS = 32


@dataclass
class VocoderState:
    """Everything one stream remembers; leading dimension is the batch. Made by `Vocoder.stream`."""

    conv: Tensor
    hidden: Tensor
    filters: Tensor
    f0: Tensor
    phase: Tensor
    noise_at: Tensor
    tail: Tensor


class Vocoder(nn.Module):
    """Weights only; `stream()` makes the state of one stream, `push` and `flush` speak."""

    noise: Tensor
    spread: Tensor
    phase_basis: Tensor
    breath: Tensor

    def __init__(self, hidden: int = 192) -> None:
        super().__init__()
        self.conv = nn.Linear((MEL_BANDS + 2) * 3, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, 2 * MEL_BANDS + PHASE_TERMS)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        rng = np.random.Generator(np.random.PCG64(16000))
        noise = torch.from_numpy(rng.standard_normal(NOISE_SAMPLES).astype(np.float32))
        self.register_buffer("noise", noise, persistent=False)
        self.register_buffer("spread", _spread(), persistent=False)
        hertz = torch.linspace(0, SAMPLE_RATE / 2, BINS)
        self.register_buffer("breath", ((hertz - 3000) / 3500).clamp(0, 0.85), persistent=False)
        angles = torch.arange(BINS)[None] * torch.arange(1, PHASE_TERMS + 1)[:, None] * (2 * np.pi / N_FFT)
        self.register_buffer("phase_basis", torch.sin(angles), persistent=False)

    @classmethod
    def from_weights(cls, weights: dict[str, Tensor]) -> "Vocoder":
        """The module in evaluation mode; sizes come from the shapes of the weights."""
        vocoder = cls(hidden=weights["gru.weight_hh_l0"].shape[1])
        vocoder.load_state_dict({name: value.float() for name, value in weights.items()})
        return vocoder.eval()

    def stream(self, batch: int = 1) -> VocoderState:
        device = self.out.bias.device
        return VocoderState(
            conv=torch.zeros(batch, 2, MEL_BANDS + 2, device=device),
            hidden=torch.zeros(1, batch, self.gru.hidden_size, device=device),
            filters=torch.zeros(batch, 1, 2, BINS, dtype=torch.complex64, device=device),
            f0=torch.zeros(batch, 1, device=device),
            phase=torch.zeros(batch, dtype=torch.float64, device=device),
            noise_at=torch.zeros(batch, dtype=torch.int64, device=device),
            tail=torch.zeros(batch, (TAIL_BLOCKS - 1) * FRAME_SAMPLES, device=device),
        )

    @torch.inference_mode()
    def push(self, state: VocoderState, mel: Tensor, f0: Tensor) -> Tensor:
        """Speak some frames.

        mel: (frames, 80) of `codec.speak.mel.log_mel`; f0: (frames,) Hz, 0 where unvoiced. Returns (frames * 160,)
        float32, full scale 1, not clipped. The result does not depend on how the frames are cut into pushes.
        """
        if len(mel) == 0:
            return torch.zeros(0)
        spoken: Tensor = self(state, mel[None], f0[None])
        return spoken[0]

    @torch.inference_mode()
    def flush(self, state: VocoderState) -> Tensor:
        """The last half frame and the fading of the last filter: (480,) samples. Start a new stream afterwards."""
        excitation = self._excitation(state, torch.zeros_like(state.f0))
        last = self._filter(state, excitation, torch.zeros_like(state.filters))[0]
        return torch.cat((last, state.tail[0, : 2 * FRAME_SAMPLES]))

    def forward(self, state: VocoderState, mel: Tensor, f0: Tensor) -> Tensor:
        """Batched `push` that can be differentiated: mel (batch, frames, 80), f0 (batch, frames) -> (batch, samples)."""
        filters = self._filters(state, mel, f0)
        excitation = self._excitation(state, f0)
        return self._filter(state, excitation, filters)

    def _filters(self, state: VocoderState, mel: Tensor, f0: Tensor) -> Tensor:
        """Complex filters of pulses and noise at each frame centre: (batch, frames, 2, BINS)."""
        voiced = (f0 > 0).float()
        height = torch.where(f0 > 0, torch.log2(f0.clamp_min(20) / 150), 0)
        features = torch.cat(((mel + 3.5) / 2.5, voiced[..., None], height[..., None]), dim=2)
        padded = torch.cat((state.conv, features), dim=1)
        state.conv = padded[:, -2:]
        windows = torch.cat((padded[:, :-2], padded[:, 1:-1], padded[:, 2:]), dim=2)
        narrow = nn.functional.gelu(self.conv(windows))
        wide, state.hidden = self.gru(narrow, state.hidden)
        bands = self.out(torch.cat((narrow, wide), dim=2))
        change, phase_terms = bands[..., : 2 * MEL_BANDS], bands[..., 2 * MEL_BANDS :]
        log_bands = mel[:, :, None] - BASE_GAIN + change.unflatten(2, (2, MEL_BANDS))
        log_magnitude = self._breathe(log_bands @ self.spread, voiced)
        cepstrum = torch.fft.irfft(log_magnitude, N_FFT)
        half = N_FFT // 2
        folded = torch.cat((cepstrum[..., :1], 2 * cepstrum[..., 1:half], cepstrum[..., half : half + 1]), dim=-1)
        phase = torch.fft.rfft(folded, N_FFT).imag
        turn = phase_terms @ self.phase_basis
        phase = torch.stack((phase[:, :, 0] + turn, phase[:, :, 1]), dim=2)
        return torch.polar(torch.exp(log_magnitude.clamp(-16, 6)), phase)

    def _breathe(self, log_magnitude: Tensor, voiced: Tensor) -> Tensor:
        """Above 3 kHz turn a growing share of the power of the pulses into noise, as voices do.

        Spectral losses prefer lines to noise where the mel is smooth, and a predicted mel is smooth: it would buzz.
        """
        share = self.breath * voiced[..., None]
        pulses, noise = log_magnitude[:, :, 0], log_magnitude[:, :, 1]
        noise = 0.5 * torch.log(torch.exp(2 * noise) + share * torch.exp(2 * pulses) + 1e-12)
        return torch.stack((pulses + 0.5 * torch.log(1 - share), noise), dim=2)

    def _excitation(self, state: VocoderState, f0: Tensor) -> Tensor:
        """Pulses and noise, both of unit power, between the frame centres: (batch, frames, 2, 160)."""
        batch, frames = f0.shape
        before = torch.cat((state.f0, f0[:, :-1]), dim=1)
        state.f0 = f0[:, -1:]
        gain_from, gain_to = (before > 0).float(), (f0 > 0).float()
        start = torch.where(before > 0, before, f0)
        end = torch.where(f0 > 0, f0, before)
        ramp = (torch.arange(FRAME_SAMPLES, device=f0.device) + 0.5) / FRAME_SAMPLES
        hertz = start[..., None] + (end - start)[..., None] * ramp
        gain = gain_from[..., None] + (gain_to - gain_from)[..., None] * ramp
        turns = state.phase[:, None] + torch.cumsum(hertz.double().flatten(1) / SAMPLE_RATE, dim=1)
        state.phase = torch.remainder(turns[:, -1], 1)
        angle = ((torch.remainder(turns + 0.5, 1) - 0.5) * np.pi).float().view(batch, frames, FRAME_SAMPLES)
        harmonics = torch.floor(SAMPLE_RATE / 2 / hertz.clamp_min(20))
        sine = torch.sin(angle)
        safe = torch.where(sine.abs() < 1e-5, 1e-5, sine)
        kernel = torch.where(sine.abs() < 1e-5, 2 * harmonics + 1, torch.sin((2 * harmonics + 1) * angle) / safe)
        pulses = gain * (kernel - 1) * torch.rsqrt(2 * harmonics)
        index = state.noise_at[:, None] + torch.arange(frames * FRAME_SAMPLES, device=f0.device)
        noise = self.noise[index % NOISE_SAMPLES].view(batch, frames, FRAME_SAMPLES)
        state.noise_at = (state.noise_at + frames * FRAME_SAMPLES) % NOISE_SAMPLES
        return torch.stack((pulses, noise), dim=2)

    def _filter(self, state: VocoderState, excitation: Tensor, filters: Tensor) -> Tensor:
        """Fade each stretch from the filter before it to the filter after it, and overlap the responses."""
        before = torch.cat((state.filters, filters[:, :-1]), dim=1)
        state.filters = filters[:, -1:]
        fade = torch.sin((torch.arange(FRAME_SAMPLES, device=excitation.device) + 0.5) * (np.pi / 2 / FRAME_SAMPLES)) ** 2
        rising = torch.fft.rfft(excitation * fade, N_FFT)
        falling = torch.fft.rfft(excitation * (1 - fade), N_FFT)
        spectrum = (falling * before + rising * filters).sum(dim=2)
        blocks = nn.functional.pad(torch.fft.irfft(spectrum, N_FFT), (0, TAIL_BLOCKS * FRAME_SAMPLES - N_FFT))
        batch, frames = blocks.shape[:2]
        pieces = blocks.view(batch, frames, TAIL_BLOCKS, FRAME_SAMPLES)
        total = nn.functional.pad(state.tail, (0, frames * FRAME_SAMPLES)).view(batch, -1, FRAME_SAMPLES)
        for late in range(TAIL_BLOCKS):
            total = total + nn.functional.pad(pieces[:, :, late], (0, 0, late, TAIL_BLOCKS - 1 - late))
        state.tail = total[:, frames:].flatten(1)
        return total[:, :frames].flatten(1)


BASE_GAIN = float(np.log(np.sqrt(192.0) * 0.886))
"""Log of the mean STFT amplitude of white noise of unit power under the window of `log_mel`."""


def _spread() -> Tensor:
    """Linear interpolation from band centres to FFT bins: (MEL_BANDS, BINS)."""
    bins = np.arange(BINS) * SAMPLE_RATE / N_FFT
    centres = band_centres()[1:-1]
    columns = [np.interp(bins, centres, row) for row in np.eye(MEL_BANDS)]
    return torch.from_numpy(np.stack(columns).astype(np.float32))
