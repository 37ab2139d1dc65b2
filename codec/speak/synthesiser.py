"""Tokens + voice -> log-mel frames and F0, causal, one token of look-ahead.

A token network (MLP and GRU at about 12 tokens a second) sees a token with its neighbours and the voice; a frame
network (gated causal convolutions and a GRU at 100 frames a second) turns its vector into the frames of the phone.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from codec.speak.mel import LOG_PER_DB, MEL_BANDS
from codec.speak.shift import Shift
from codec.speak.token_features import FRAME_FEATURES, TOKEN_FEATURES, TokenContext
from codec.units.convolution import convolve
from codec.units.phones import INVENTORY, PHONES
from codec.units.token import Token

EMBEDDING = 256
"""Values of a GE2E voice embedding."""
PHONE_WIDTH = 48
VOICE_WIDTH = 64
KERNEL = 3


class SpokenFrames(NamedTuple):
    """Frames of 10 ms: mel (n, 80) as `codec.speak.mel.log_mel`; f0 (n,) Hz, 0 where unvoiced; voicing (n,) 0..1.

    level (n,) dB, the contour that the tokens told. shift: of the speaker, None where there is none; kind: of the phone, which of its
    bands holds.
    """

    mel: Tensor
    f0: Tensor
    voicing: Tensor
    level: Tensor
    shift: Shift | None = None
    kind: int = 0


class TokenBatch(NamedTuple):
    """Input of the networks.

    phones (batch, N, 3) indices; tokens (batch, N, TOKEN_FEATURES); voice (batch, 257) of `voice_features`; owner
    (batch, T) index of the token of each frame; frames (batch, T, FRAME_FEATURES); level (batch, T) dB.
    """

    phones: Tensor
    tokens: Tensor
    voice: Tensor
    owner: Tensor
    frames: Tensor
    level: Tensor


@dataclass
class NetworkState:
    """What the networks remember; leading dimension (second of the GRU states) is the batch."""

    token_hidden: Tensor
    convolutions: list[Tensor]
    frame_hidden: Tensor


@dataclass
class SynthesiserState:
    """Everything one stream remembers. Made by `Synthesiser.stream`."""

    network: NetworkState
    context: TokenContext = field(default_factory=TokenContext)
    voice: tuple[Tensor, float, Shift | None] | None = None


class Synthesiser(nn.Module):
    """Weights only; `stream()` makes the state of one stream, `push` and `flush` speak.

    neutral_embedding (256,): the mean voice of the training speakers, for a stream whose voice is not known yet.
    """

    neutral_embedding: Tensor

    def __init__(self, token_width: int = 256, frame_width: int = 256) -> None:
        super().__init__()
        wide = token_width + token_width // 2
        self.phone = nn.Embedding(len(PHONES) + 1, PHONE_WIDTH)
        self.voice = nn.Linear(EMBEDDING + 1, VOICE_WIDTH)
        self.token_in = nn.Linear(3 * PHONE_WIDTH + TOKEN_FEATURES + VOICE_WIDTH, wide)
        self.token_deep = nn.Linear(wide, wide)
        self.token_gru = nn.GRU(wide, token_width, batch_first=True)
        self.token_out = nn.Linear(wide + token_width, frame_width)
        self.frame_in = nn.Linear(FRAME_FEATURES, frame_width)
        self.convolutions = nn.ModuleList(nn.Conv1d(frame_width, 2 * frame_width, KERNEL, dilation=dilation) for dilation in (1, 2))
        self.frame_gru = nn.GRU(frame_width, frame_width, batch_first=True)
        self.out = nn.Linear(2 * frame_width, MEL_BANDS + 1)
        self.register_buffer("neutral_embedding", torch.full((EMBEDDING,), EMBEDDING**-0.5))

    @classmethod
    def from_weights(cls, weights: dict[str, Tensor]) -> "Synthesiser":
        """The module in evaluation mode; sizes come from the shapes of the weights."""
        token_width = weights["token_gru.weight_hh_l0"].shape[1]
        synthesiser = cls(token_width=token_width, frame_width=weights["frame_gru.weight_hh_l0"].shape[1])
        synthesiser.load_state_dict({name: value.float() for name, value in weights.items()})
        return synthesiser.eval()

    def stream(self) -> SynthesiserState:
        return SynthesiserState(self.network_state(1))

    @torch.inference_mode()
    def push(
        self, state: SynthesiserState, token: Token, embedding: Tensor | None, mean_f0: float, shift: Shift | None = None
    ) -> SpokenFrames:
        """Take the next token and speak the one before it (no frames at the first token).

        embedding: (256,) of unit length, or None for the neutral voice; mean_f0: the speaker's mean F0 in Hz; shift: what was learned of
        the speaker beyond that. They belong to the token given here and may change from token to token.
        """
        return self._speak(state, token, (self.neutral_embedding if embedding is None else embedding, mean_f0, shift))

    @torch.inference_mode()
    def speak_alone(self, state: SynthesiserState) -> SpokenFrames:
        """Speak the last token although it is not known what follows; the next `push` speaks nothing."""
        return self._speak(state, None, None)

    @torch.inference_mode()
    def flush(self, state: SynthesiserState) -> SpokenFrames:
        """Speak the last token; the state is as new afterwards."""
        frames = self._speak(state, None, None)
        fresh = self.stream()
        state.network, state.context, state.voice = fresh.network, fresh.context, fresh.voice
        return frames

    def _speak(self, state: SynthesiserState, following: Token | None, voice: tuple[Tensor, float, Shift | None] | None) -> SpokenFrames:
        spoken = state.context.current
        unrolled = state.context.advance(following)
        (embedding, mean_f0, shift), state.voice = state.voice or (self.neutral_embedding, 150.0, None), voice
        if unrolled is None:
            return SpokenFrames(torch.zeros(0, MEL_BANDS), torch.zeros(0), torch.zeros(0), torch.zeros(0))
        level = torch.from_numpy(unrolled.level)
        batch = TokenBatch(
            phones=torch.from_numpy(unrolled.phones)[None, None],
            tokens=torch.from_numpy(unrolled.token)[None, None],
            voice=voice_features(embedding, mean_f0)[None],
            owner=torch.zeros(1, len(level), dtype=torch.int64),
            frames=torch.from_numpy(unrolled.frames)[None],
            level=level[None],
        )
        mel, logit = self(state.network, batch, shift)
        voicing = torch.sigmoid(logit[0])
        f0 = mean_f0 * 2 ** (torch.from_numpy(unrolled.semitones) / 12)
        kind = INVENTORY.sound_class(spoken.phone) if spoken else 0
        return SpokenFrames(mel[0], torch.where(voicing > 0.5, f0, 0.0), voicing, level, shift, kind)

    def network_state(self, batch: int) -> NetworkState:
        device = self.out.bias.device
        width = self.frame_in.out_features
        return NetworkState(
            token_hidden=torch.zeros(1, batch, self.token_gru.hidden_size, device=device),
            convolutions=[torch.zeros(batch, width, (KERNEL - 1) * dilation, device=device) for dilation in (1, 2)],
            frame_hidden=torch.zeros(1, batch, width, device=device),
        )

    def forward(self, state: NetworkState, batch: TokenBatch, shift: Shift | None = None) -> tuple[Tensor, Tensor]:
        """Batched, differentiable: mel (batch, T, 80) and the logit of voicing (batch, T). shift: of all rows, or of each."""
        size, count = batch.phones.shape[:2]
        named = self.phone(batch.phones).flatten(2)
        told = self.voice(batch.voice)
        spoken_by = torch.tanh(told if shift is None else told + shift.voice)[:, None].expand(size, count, VOICE_WIDTH)
        deep = nn.functional.gelu(self.token_in(torch.cat((named, batch.tokens, spoken_by), dim=2)))
        deep = deep + nn.functional.gelu(self.token_deep(deep))
        recalled, state.token_hidden = self.token_gru(deep, state.token_hidden)
        vectors = self.token_out(torch.cat((deep, recalled), dim=2))
        vectors = vectors if shift is None else vectors + shift.token.unsqueeze(-2)
        owned = torch.gather(vectors, 1, batch.owner[..., None].expand(-1, -1, vectors.shape[2]))
        x = (owned + self.frame_in(batch.frames)).transpose(1, 2)
        for place, convolution in enumerate(self.convolutions):
            padded = torch.cat((state.convolutions[place], x), dim=2)
            state.convolutions[place] = padded[:, :, -state.convolutions[place].shape[2] :]
            value, gate = convolve(convolution, padded).chunk(2, dim=1)
            x = x + torch.tanh(value) * torch.sigmoid(gate)
        x = x.transpose(1, 2)
        recalled, state.frame_hidden = self.frame_gru(x, state.frame_hidden)
        out = self.out(torch.cat((x, recalled), dim=2))
        return 2 * out[..., :MEL_BANDS] + LOG_PER_DB * batch.level[..., None], out[..., MEL_BANDS]


def voice_features(embedding: Tensor, mean_f0: float) -> Tensor:
    """(..., 256) unit-length embedding and mean F0 in Hz -> (..., 257) of about unit size."""
    height = torch.full((*embedding.shape[:-1], 1), 2.0) * torch.log2(torch.tensor(mean_f0 / 150))
    return torch.cat((embedding * 16, height.to(embedding)), dim=-1)
