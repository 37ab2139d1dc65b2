"""The basis of the voice's residual: `python -m codec.train.voice.residual --minutes 45` writes `models/voice_residual.safetensors`.

Basis and coordinates of every training speaker are learned together (cluster adaptive training, Gales 2000; auto-decoders), around networks
that stay as they are: what was said in a call (`codec.train.voice.lessons`) is spoken again as the listener would, shifted by the speaker's
coordinates. What counts is what counts in a call: the mel distance of the sound, and GE2E's cosine to the speaker. Coordinates learn from
one stretch of a speaker's speech and directions from another, so that directions are what carries over to speech that was not heard.
In the end they are ordered by how much speakers differ in them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from codec.learning.embedding import HeardVoice, through_a_line
from codec.learning.far_end import Stretch
from codec.learning.hearing import heard_mel, mel_loss
from codec.learning.trainer import ListenerNetworks
from codec.speak.shift import DETAIL_WIDTH, KINDS, TOKEN_WIDTH, VOICE_WIDTH, WIDTH, Shift
from codec.train.card import data_card, write_card
from codec.train.corpus.packed import Corpus
from codec.train.run import Run, options
from codec.train.step import begin, run_step
from codec.train.voice.lessons import Talker, talkers
from codec.units.errors import ModelError
from codec.units.rates import FRAME_SAMPLES
from codec.voice.embedding import WINDOW_FRAMES, WINDOW_SAMPLES, Voice

SIZE = 32
BATCH = 4
"""Speakers of a step, with two stretches each."""
PART_WEIGHT = {"librispeech": 0.45, "l2": 0.3, "commands": 0.25}
"""Share of each part in the drawing; synthetic voices are left out, as the synthesiser knows them best."""
TUNED = ("p15", "p19", "p21", "p9", "p6", "p34", "p38", "p8")
"""Speakers of `commands` on whom the rules of the training in calls were tuned: left out."""
COORDINATE_RATE = 0.08
LIKENESS, PRIOR, SMALL = 1.0, 1e-3, 1e-2
PLAIN_SHARE = 0.15
"""Of the stretches, which lost their details on the way."""


class Basis(nn.Module):
    """directions (SIZE, WIDTH): what is shipped."""

    def __init__(self) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(SIZE, WIDTH) * 0.02)

    @torch.no_grad()
    def ordered(self, coordinates: Tensor) -> Tensor:
        """Directions in which speakers, whose coordinates (speakers, SIZE) are given, differ by 1, the most telling first, every kind of
        shift counting alike."""
        shifts = coordinates @ self.directions
        widths = [VOICE_WIDTH, TOKEN_WIDTH, DETAIL_WIDTH, KINDS * 80]
        scales = torch.cat(
            [(part.square().mean() * part.shape[1]).rsqrt().expand(part.shape[1]) for part in torch.split(shifts, widths, 1)]
        )
        _, strength, directions = torch.linalg.svd(shifts * scales, full_matrices=False)
        ordered: Tensor = strength[:SIZE, None] / len(shifts) ** 0.5 * directions[:SIZE] / scales
        # Few speakers differ in fewer directions.
        ordered = nn.functional.pad(ordered, (0, 0, 0, SIZE - len(ordered)))
        return ordered


class Drawn(NamedTuple):
    """Two stretches of each speaker in turn. speakers: of each stretch, a row of the coordinates."""

    speakers: list[int]
    stretches: list[Stretch]
    told: list[Voice]
    embeddings: Tensor


class Speakers:
    """Stretches of the speakers, as lessons in calls are. Raises ModelError."""

    def __init__(self, found: Sequence[Talker], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.talkers = [each for each in found if each.name.removeprefix("commands-") not in TUNED]
        if not self.talkers:
            raise ModelError("no speaker of the lessons says enough: run `python -m codec.train.voice.lessons` on more data")
        parts = [each.name.partition("-")[0] for each in self.talkers]
        chance = np.array([PART_WEIGHT.get(part, 0.1) / parts.count(part) for part in parts])
        self._chance = chance / chance.sum()

    def draw(self, size: int) -> Drawn:
        """size: of speakers."""
        chosen = self._rng.choice(len(self.talkers), min(size, len(self.talkers)), p=self._chance, replace=False).tolist()
        speakers = [speaker for speaker in chosen for _ in range(2)]
        stretches = [stretch for speaker in chosen for stretch in self._two(self.talkers[speaker])]
        embeddings = np.stack([self.talkers[speaker].embedding for speaker in speakers])
        return Drawn(speakers, stretches, [self.talkers[speaker].told for speaker in speakers], torch.from_numpy(embeddings))

    def _two(self, talker: Talker) -> list[Stretch]:
        """Long ones sooner than short ones."""
        weight = np.array([stretch.frames for stretch in talker.stretches], float) ** 2
        count = min(2, len(weight))
        places = self._rng.choice(len(weight), count, p=weight / weight.sum(), replace=False)
        pair = [talker.stretches[int(place)] for place in places]
        return [self._damaged(stretch) for stretch in (pair if count == 2 else pair * 2)]

    def _damaged(self, stretch: Stretch) -> Stretch:
        if self._rng.random() >= PLAIN_SHARE:
            return stretch
        return Stretch(tuple(replace(token, details=()) for token in stretch.tokens), stretch.pcm)


def losses(networks: ListenerNetworks, drawn: Drawn, shift: Shift, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """shift: of each stretch -> mel distance, 1 - cosine to the speaker."""
    batch = networks.far_end.prepare(drawn.stretches, [voice.mean_f0 for voice in drawn.told])
    sound = networks.far_end.sound(*networks.far_end.frames(batch, drawn.told, shift))
    level = mel_loss(heard_mel(sound, batch.true.shape[1]), batch)
    lengths: NDArray[np.int64] = batch.lengths.numpy()
    rows = np.flatnonzero(lengths > WINDOW_FRAMES)
    if not len(rows):
        return level, level.new_zeros(())
    starts = [int(rng.integers(lengths[row] - WINDOW_FRAMES)) * FRAME_SAMPLES for row in rows]
    windows = torch.stack([sound[row, at : at + WINDOW_SAMPLES] for row, at in zip(rows, starts, strict=True)])
    likeness = (HeardVoice(networks.encoder).embed(through_a_line(windows, rng)) * drawn.embeddings[rows]).sum(1)
    return level, (1 - likeness).mean()


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.set_defaults(rate=1e-3)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the basis and its card are written")
    arguments: argparse.Namespace = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    corpus = Corpus("train", arguments.work / "corpus")
    speakers, networks = Speakers(list(talkers("train", arguments.work)), arguments.seed), ListenerNetworks.load()
    basis, known = Basis(), nn.Embedding(len(speakers.talkers), SIZE, sparse=True)
    nn.init.normal_(known.weight, 0, 0.1)
    optimizer = torch.optim.Adam([basis.directions], lr=arguments.rate)
    sparse = torch.optim.SparseAdam(list(known.parameters()), lr=COORDINATE_RATE, betas=(0.8, 0.95))
    run = Run("voice_residual", arguments, {"voice_residual": basis, "coordinates": known, "optimizer": optimizer, "sparse": sparse})
    run.uses(data_card(corpus, PART_WEIGHT, aligned=False, speakers={each.name for each in speakers.talkers}))
    for _ in run.steps():
        drawn = speakers.draw(2 if arguments.smoke else BATCH)
        coordinates = known(torch.tensor(drawn.speakers))
        learns = (torch.arange(len(coordinates)) % 2 == 0)[:, None]
        flat = torch.where(learns, coordinates @ basis.directions.detach(), coordinates.detach() @ basis.directions)
        level, unlike = losses(networks, drawn, Shift.of(flat), rng)
        loss = level + LIKENESS * unlike + PRIOR * coordinates.square().mean() + SMALL * basis.directions.square().mean()
        optimizer.zero_grad()
        sparse.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        sparse.step()  # type: ignore[no-untyped-call]
        run.note(mel=level.item(), unlike=unlike.item())
    path = arguments.models / "voice_residual.safetensors"
    arguments.models.mkdir(parents=True, exist_ok=True)
    save_file({"directions": basis.ordered(known.weight).half().contiguous()}, str(path), {"version": "1", "step": str(run.step)})
    card = {
        "what": f"{SIZE} directions in which speakers differ beyond their embedding, coarse first, four bits each on the wire",
        "made_by": "python -m codec.train.voice.residual",
        "steps": run.step,
        "speakers": len(speakers.talkers),
        "runs": run.runs,
        "figures": "docs/voice.md, by `softphone bench voice`",
        "licence": "GPL-2.0-or-later",
    }
    write_card(path, card)


if __name__ == "__main__":
    run_step(main)
