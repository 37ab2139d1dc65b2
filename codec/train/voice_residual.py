"""The basis of the voice's residual: `python -m codec.train.voice_residual --minutes 30` writes `models/voice_residual.safetensors`.

Basis and coordinates of every training speaker are learned together (cluster adaptive training, Gales 2000; auto-decoders), around networks
that stay as they are: each example is spoken in the voice that the wire describes, shifted by its speaker's coordinates. What counts is
the mel distance, and GE2E's cosine to the speaker. In the end the directions are ordered by how much speakers differ in them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from codec.detail import LATENT
from codec.models import weights_directory
from codec.phones import PHONES
from codec.synthesiser import Synthesiser, TokenBatch, sharpened
from codec.train.card import data_card, write_card
from codec.train.corpus import Corpus
from codec.train.detail import Detail, Segments, frozen_synthesiser, segments_of
from codec.train.polish import VOICE_FRAMES, VoiceLoss
from codec.train.run import Run, options
from codec.train.step import begin, run_step
from codec.train.synthesiser import open_data
from codec.train.token_data import Example, Target, TokenData, collate
from codec.voice import Voice
from codec.voice_code import VoiceCode
from codec.voice_shift import DETAIL_WIDTH, KINDS, TOKEN_WIDTH, VOICE_WIDTH, WIDTH, Shift, kind_of
from codec.weights_file import load_weights

SIZE = 32
BATCH = 8
PIECES = 6
"""Of the description that the listener is taken to have."""
PART_WEIGHT = {"librispeech": 0.4, "l2": 0.35, "commands": 0.25}
"""Share of each part in the drawing; synthetic voices are left out, as the synthesiser knows them best."""
COORDINATE_RATE = 0.08
LIKENESS, PRIOR, SMALL = 0.5, 1e-3, 1e-2
DETAIL_SHARE = 0.8


class Basis(nn.Module):
    """directions (SIZE, WIDTH), coordinates of each speaker."""

    def __init__(self, speakers: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(SIZE, WIDTH) * 0.02)
        self.coordinates = nn.Embedding(speakers, SIZE, sparse=True)
        nn.init.normal_(self.coordinates.weight, 0, 0.1)

    @torch.no_grad()
    def ordered(self) -> Tensor:
        """Directions in which speakers differ by 1, the most telling first, every kind of shift counting alike."""
        shifts = self.coordinates.weight @ self.directions
        widths = [VOICE_WIDTH, TOKEN_WIDTH, DETAIL_WIDTH, KINDS * 80]
        scales = torch.cat(
            [(part.square().mean() * part.shape[1]).rsqrt().expand(part.shape[1]) for part in torch.split(shifts, widths, 1)]
        )
        _, strength, directions = torch.linalg.svd(shifts * scales, full_matrices=False)
        ordered: Tensor = strength[:SIZE, None] / len(shifts) ** 0.5 * directions[:SIZE] / scales
        # Few speakers differ in fewer directions.
        ordered = nn.functional.pad(ordered, (0, 0, 0, SIZE - len(ordered)))
        return ordered


class Speakers:
    """Examples speaker by speaker, each in its voice as the wire describes it."""

    def __init__(self, data: TokenData, corpus: Corpus, seed: int) -> None:
        self._data, self._rng = data, np.random.default_rng(seed)
        self._utterances: dict[str, list[int]] = {}
        for index in data.indices:
            if corpus.part(index) in PART_WEIGHT:
                self._utterances.setdefault(str(corpus.records[index]["speaker"]), []).append(index)
        self.names = sorted(self._utterances)
        parts = [corpus.part(self._utterances[name][0]) for name in self.names]
        chance = np.array([PART_WEIGHT[part] / parts.count(part) for part in parts])
        self._chance = chance / chance.sum()
        code = VoiceCode.from_weights(load_weights(weights_directory() / "voice_code.safetensors")[0])
        self.true, self._told = [], []
        for name in self.names:
            mean = np.mean([data.voices.of(index) for index in self._utterances[name]], 0)
            embedding = np.asarray(mean / np.linalg.norm(mean), np.float32)
            described = code.decode(dict(enumerate(code.encode(Voice(embedding, 150.0))[:PIECES])), 150.0)
            self.true.append(torch.from_numpy(embedding))
            self._told.append(torch.from_numpy(described.embedding) * 16)

    def draw(self, size: int) -> tuple[list[int], list[Example]]:
        """Speakers, and an example of each."""
        chosen = self._rng.choice(len(self.names), min(size, len(self.names)), p=self._chance, replace=False).tolist()
        examples = []
        for speaker in chosen:
            index = int(self._rng.choice(self._utterances[self.names[speaker]]))
            example = self._data.example(index, damaged=True, wired=True)
            examples.append(example._replace(voice=torch.cat((self._told[speaker], example.voice[-1:]))))
        return chosen, examples


def shifted_mel(synthesiser: Synthesiser, detail: Detail, batch: TokenBatch, target: Target, segments: Segments, shift: Shift) -> Tensor:
    """What is heard with all details: (batch, T, 80); without, where there are no segments."""
    plain, _ = synthesiser(synthesiser.network_state(len(batch.phones)), batch, shift)
    if len(segments.phones):
        codes = detail.codebooks.codes(detail.latents(target.mel, target.weight > 0.5, segments))
        table = torch.cat((detail.codebooks.latents(codes), torch.zeros(1, LATENT)))
        here = torch.cat((table[segments.frame_segment], table[segments.following[segments.frame_segment]]), 2)
        state = detail.decoder.state(len(plain))
        mel: Tensor = detail.decoder(state, plain, batch.level, here, segments.of_frame, shift.detail)
    else:
        mel = torch.stack([sharpened(each) for each in plain])
    kinds = torch.tensor([kind_of(phone) for phone in range(len(PHONES))])
    phones = torch.gather(batch.phones[..., 1], 1, batch.owner).clamp_max(len(PHONES) - 1)
    return mel + torch.gather(shift.bands, 1, kinds[phones][..., None].expand(-1, -1, mel.shape[2]))


def frozen_detail() -> Detail:
    """The detail layer as it is shipped."""
    detail = Detail()
    shipped = {name: value.float() for name, value in load_weights(weights_directory() / "detail.safetensors")[0].items()}
    detail.load_state_dict({name: value for name, value in shipped.items() if name in detail.state_dict()}, strict=False)
    return detail.requires_grad_(False).eval()


def likeness(voice_loss: VoiceLoss, mel: Tensor, target: Target, true: list[Tensor], rng: np.random.Generator) -> Tensor:
    """1 - cosine of a window of each example that is long enough to its speaker's embedding."""
    lengths = (target.weight > 0).sum(1).tolist()
    rows = [row for row, length in enumerate(lengths) if length >= VOICE_FRAMES]
    if not rows:
        return mel.new_zeros(())
    starts = [int(rng.integers(lengths[row] - VOICE_FRAMES + 1)) for row in rows]
    windows = torch.stack([mel[row, at : at + VOICE_FRAMES] for row, at in zip(rows, starts, strict=True)])
    return (1 - (voice_loss.embed(windows) * torch.stack([true[row] for row in rows])).sum(1)).mean()


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.set_defaults(rate=2e-3)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the basis and its card are written")
    arguments: argparse.Namespace = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    corpus = Corpus("train", arguments.work / "corpus")
    speakers = Speakers(open_data("train", arguments.seed, arguments.work), corpus, arguments.seed)
    synthesiser, detail, voice_loss = frozen_synthesiser(), frozen_detail(), VoiceLoss()
    basis = Basis(len(speakers.names))
    optimizer = torch.optim.Adam([basis.directions], lr=arguments.rate)
    sparse = torch.optim.SparseAdam(list(basis.coordinates.parameters()), lr=COORDINATE_RATE, betas=(0.8, 0.95))
    arguments.fresh = True
    run = Run("voice_residual", arguments, {"basis": basis, "optimizer": optimizer, "sparse": sparse})
    run.uses(data_card(corpus, PART_WEIGHT, aligned=True))
    for _ in run.steps():
        chosen, examples = speakers.draw(2 if arguments.smoke else BATCH)
        batch, target = collate(examples)
        lengths = [int(length) for length in (target.weight > 0).sum(1)]
        with_details = rng.random() < DETAIL_SHARE
        segments = segments_of(batch, lengths if with_details else [0] * len(lengths))
        coordinates = basis.coordinates(torch.tensor(chosen))
        mel = shifted_mel(synthesiser, detail, batch, target, segments, Shift.of(coordinates @ basis.directions))
        weight = target.weight[..., None] / target.weight.sum()
        level = ((mel - target.mel).abs() * weight).sum() / mel.shape[2]
        unlike = likeness(voice_loss, mel, target, [speakers.true[each] for each in chosen], rng)
        loss = level + LIKENESS * unlike + PRIOR * coordinates.square().mean() + SMALL * basis.directions.square().mean()
        optimizer.zero_grad()
        sparse.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        sparse.step()  # type: ignore[no-untyped-call]
        run.note(mel=level.item(), unlike=unlike.item())
    path = arguments.models / "voice_residual.safetensors"
    arguments.models.mkdir(parents=True, exist_ok=True)
    save_file({"directions": basis.ordered().half().contiguous()}, str(path), {"version": "1", "step": str(run.step)})
    card = {
        "what": f"{SIZE} directions in which speakers differ beyond their embedding, coarse first, four bits each on the wire",
        "made_by": "python -m codec.train.voice_residual",
        "steps": run.step,
        "speakers": len(speakers.names),
        "runs": run.runs,
        "licence": "GPL-2.0-or-later",
    }
    write_card(path, card)


if __name__ == "__main__":
    run_step(main)
