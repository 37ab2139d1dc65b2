"""Train the synthesiser on aligned speech: `python -m codec.train.synthesis.synthesiser --minutes 60`."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from codec.speak.synthesiser import Synthesiser, TokenBatch
from codec.train.card import data_card
from codec.train.corpus.packed import Corpus
from codec.train.corpus.tracks import Tracks
from codec.train.run import Run, bfloat16, device, options, set_rate
from codec.train.step import begin, run_step
from codec.train.synthesis.polish import Polish
from codec.train.synthesis.token_data import PART_WEIGHT, Target, TokenData, Voices, collate
from codec.train.voice.codebook import embed

BATCH = 12
DECEIT, MATCHING, LIKENESS = 0.05, 0.5, 1.0
WORK = Path("work")


def losses(synthesiser: Synthesiser, batch: TokenBatch, target: Target) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Predicted mel; L1 of mel; L1 of the error averaged over patches, where the chance in every single value of
    speech cancels out and the formants remain; cross-entropy of voicing.
    """
    with bfloat16(batch.frames.device):
        mel, logit = synthesiser(synthesiser.network_state(len(batch.phones)), batch)
    mel, logit = mel.float(), logit.float()
    weight = target.weight[..., None] / target.weight.sum()
    error = mel - target.mel
    level = (error.abs() * weight).sum() / mel.shape[2]
    masked = (error * (weight > 0))[:, None]
    patches = torch.zeros((), device=mel.device)
    for size in ((3, 3), (5, 7)):
        mean = nn.functional.avg_pool2d(masked, size, stride=1, padding=(size[0] // 2, size[1] // 2))[:, 0]
        patches = patches + (mean.abs() * weight).sum() / mel.shape[2]
    crossed = nn.functional.binary_cross_entropy_with_logits(logit, target.voiced, reduction="none")
    return mel, level, patches, (crossed * weight[..., 0]).sum()


@torch.inference_mode()
def evaluate(synthesiser: Synthesiser, data: TokenData, wired: bool) -> float:
    """Mean absolute mel error in natural log units, on exact tokens or on what the wire makes of them."""
    total = seen = 0.0
    for start in range(0, len(data.indices), BATCH):
        batch, target = collate([data.example(i, damaged=False, wired=wired) for i in data.indices[start : start + BATCH]])
        weight = float(target.weight.sum())
        total += float(losses(synthesiser, batch, target)[1]) * weight
        seen += weight
    return total / seen


def open_data(name: str, seed: int, work: Path = WORK, labels: str = "") -> TokenData:
    """A packed list, or another set of its labels, with its tracks and voices, which are measured where they are not there yet."""
    corpus = Corpus(name, work / "corpus", labels)
    return TokenData(corpus, Tracks(corpus), Voices(corpus, embed(name, work)), seed)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.add_argument("--likeness", action="store_true", help="add likeness to the speaker to the loss")
    parser.add_argument("--adversary", action="store_true", help="add an adversary that learns along to the loss")
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    synthesiser = Synthesiser().to(device())
    optimizer = torch.optim.AdamW(synthesiser.parameters(), lr=arguments.rate, betas=(0.9, 0.98), weight_decay=1e-2)
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {"synthesiser": synthesiser, "optimizer": optimizer}
    polish = Polish(2e-4, arguments.seed)
    if arguments.adversary:
        parts |= {"adversary": polish.adversary, "adversary_optimizer": polish.optimizer}
    run = Run("synthesiser", arguments, parts)
    data = open_data("train", arguments.seed + run.step, arguments.work)
    synthesiser.neutral_embedding.copy_(torch.from_numpy(data.voices.neutral))
    run.uses(data_card(Corpus("train", arguments.work / "corpus"), PART_WEIGHT, aligned=True))
    for done in run.steps():
        set_rate(optimizer, arguments.rate, done, run.optimised)
        batch, target = collate(data.draw(2 if arguments.smoke else BATCH))
        batch = TokenBatch(*(x.to(device()) for x in batch))
        target = Target(*(x.to(device()) for x in target))
        mel, level, patches, voicing = losses(synthesiser, batch, target)
        loss = 0.5 * level + patches + 0.3 * voicing
        if arguments.likeness:
            likeness = polish.likeness(mel, target)
            loss = loss + LIKENESS * likeness
            run.note(likeness=likeness.item())
        if arguments.adversary:
            deceit, matching = polish.teach(mel, batch, target)
            loss = loss + DECEIT * deceit + MATCHING * matching
            run.note(deceit=deceit.item(), matching=matching.item())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(synthesiser.parameters(), 1.0)
        optimizer.step()
        run.note(mel=level.item(), patches=patches.item(), voicing=voicing.item())
    exact, wired = (evaluate(synthesiser.eval(), open_data("valid", 0, arguments.work), wired) for wired in (False, True))
    print(f"valid: mel L1 {exact:.4f}, over the wire {wired:.4f}")


if __name__ == "__main__":
    run_step(main)
