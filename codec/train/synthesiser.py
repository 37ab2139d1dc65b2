"""Train the synthesiser on aligned speech: `python -m codec.train.synthesiser --minutes 60`."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.synthesiser import Synthesiser, TokenBatch, voice_features
from codec.token_features import TokenContext
from codec.tokens import Token
from codec.train.corpus import Corpus
from codec.train.run import Run, device, options, set_rate
from codec.train.token_data import Example, Target, TokenData, Voices, collate
from codec.train.tracks import Tracks

BATCH = 12
EMBEDDINGS = Path("work/embeddings")


def losses(synthesiser: Synthesiser, batch: TokenBatch, target: Target) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Predicted mel; L1 of mel, L1 of its changes in time and between bands, cross-entropy of voicing."""
    with torch.autocast(batch.frames.device.type, dtype=torch.bfloat16):
        mel, logit = synthesiser(synthesiser.network_state(len(batch.phones)), batch)
    mel, logit = mel.float(), logit.float()
    weight = target.weight[..., None] / target.weight.sum()
    error = mel - target.mel
    level = (error.abs() * weight).sum() / mel.shape[2]
    steps = error[:, 1:] - error[:, :-1]
    slopes = error[:, :, 1:] - error[:, :, :-1]
    change = (steps.abs() * weight[:, 1:]).sum() / mel.shape[2] + (slopes.abs() * weight).sum() / mel.shape[2]
    crossed = nn.functional.binary_cross_entropy_with_logits(logit, target.voiced, reduction="none")
    return mel, level, change, (crossed * weight[..., 0]).sum()


def generated(seed: int) -> tuple[TokenBatch, Target]:
    """Two short made-up token strings, for the smoke run."""
    rng = np.random.default_rng(seed)
    examples = []
    for _ in range(2):
        context = TokenContext()
        tokens = [Token(int(rng.integers(40)), int(rng.integers(1, 12)), (0.0, 1.0), -30.0) for _ in range(8)]
        unrolled = [piece for piece in map(context.advance, [*tokens, None]) if piece is not None]
        count = sum(token.frames for token in tokens)
        voice = voice_features(torch.rand(256) / 16, 120.0)
        examples.append(Example(unrolled, torch.randn(count, 80), np.ones(count, dtype=bool), voice))
    return collate(examples)


@torch.inference_mode()
def evaluate(synthesiser: Synthesiser, data: TokenData) -> float:
    """Mean absolute mel error on undamaged tokens, natural log units."""
    total = seen = 0.0
    for start in range(0, len(data.indices), BATCH):
        batch, target = collate([data.example(i, damaged=False) for i in data.indices[start : start + BATCH]])
        weight = float(target.weight.sum())
        total += float(losses(synthesiser, batch, target)[1]) * weight
        seen += weight
    return total / seen


def open_data(name: str, seed: int) -> TokenData:
    corpus = Corpus(name)
    return TokenData(corpus, Tracks(corpus), Voices(corpus, EMBEDDINGS / f"{name}.npz"), seed)


def main() -> None:
    parser = options(__doc__ or "")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    synthesiser = Synthesiser().to(device())
    optimizer = torch.optim.AdamW(synthesiser.parameters(), lr=arguments.rate, betas=(0.9, 0.98), weight_decay=1e-2)
    run = Run("synthesiser", arguments, {"synthesiser": synthesiser, "optimizer": optimizer})
    data = None
    if not arguments.smoke:
        data = open_data("train", arguments.seed + run.step)
        synthesiser.neutral_embedding.copy_(torch.from_numpy(data.voices.neutral))
    for done in run.steps():
        set_rate(optimizer, arguments.rate, done, run.step)
        batch, target = data.batch(BATCH) if data else generated(arguments.seed)
        batch = TokenBatch(*(x.to(device()) for x in batch))
        target = Target(*(x.to(device()) for x in target))
        _, level, change, voicing = losses(synthesiser, batch, target)
        optimizer.zero_grad()
        torch.autograd.backward(level + 0.5 * change + 0.3 * voicing)
        nn.utils.clip_grad_norm_(synthesiser.parameters(), 1.0)
        optimizer.step()
        run.note(mel=level.item(), change=change.item(), voicing=voicing.item())
    if data:
        print(f"valid: mel L1 {evaluate(synthesiser.eval(), open_data('valid', 0)):.4f}")


if __name__ == "__main__":
    main()
