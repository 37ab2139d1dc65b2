"""Trains the integer network that says how likely each code of detail is (`codec.wire.detail_contexts`); a part of `export`."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.detail.code_search import CodeSearch
from codec.train.detail.train import Detail, segments_of
from codec.train.synthesis.token_data import TokenData, collate
from codec.units.limits import DETAIL_STAGES
from codec.wire.detail_contexts import (
    ACTIVE_MAX,
    ACTIVE_SHIFT,
    BOOK_STEPS,
    BOOKS,
    CONTEXT_SHAPES,
    DECAY_STEPS,
    DETAIL_CODES,
    DETAIL_LATENT,
    HIDDEN,
    LOGIT_SHIFT,
    LOGIT_STEPS,
    PLACES,
    PREFIX,
    UNKNOWN_PHONE,
    WEIGHT_SHIFT,
    DetailContexts,
    Place,
)
from codec.wire.token import TICK_FRAMES

GROUP_FRAMES = (8 * TICK_FRAMES, 16 * TICK_FRAMES)
"""Lengths of the groups that senders make."""
NUMBERS = (3, 4, 6, 8, 8)
"""Of codes of a group, each as likely as another."""
BATCH, RATE = 1024, 2e-3
FIRST_EPOCHS, EPOCHS, FIRST_SHARE = 5, 8, 3
"""Of training on codes that cost nothing, for one group of so many, and then on those that a sender chooses."""
TABLE_STEPS, WEIGHT_STEPS = 1 << 10, 1 << 16
"""Of one unit of a hidden number: the integers of the tables, and those that multiply latents."""
ACTIVE_STEPS = WEIGHT_STEPS >> ACTIVE_SHIFT
_TABLES = {"before": UNKNOWN_PHONE + 1, "phone": UNKNOWN_PHONE + 1, "after": UNKNOWN_PHONE + 1, "place": PLACES, "total": PLACES}


class Seen(NamedTuple):
    """Segments in order: codes (n, DETAIL_STAGES), -1 for those that are not sent; places (n, 5), the fields of `Place`; follows
    (n,): whether the segment before is of the same group."""

    codes: Tensor
    places: Tensor
    follows: Tensor


class Spoken(NamedTuple):
    """Groups of segments before they have codes."""

    latents: NDArray[np.float32]
    places: list[list[Place]]

    def some(self, share: int) -> "Spoken":
        """Each so many-th group."""
        ends = np.cumsum([len(group) for group in self.places])
        kept = range(0, len(self.places), share)
        return Spoken(np.concatenate([self.latents[ends[i] - len(self.places[i]) : ends[i]] for i in kept]), [self.places[i] for i in kept])


@torch.no_grad()
def listen(detail: Detail, data: TokenData, limit: int, seed: int = 0) -> Spoken:
    """What the encoder says of about `limit` examples, and in which groups it would be sent."""
    rng = np.random.default_rng(seed)
    chosen = data.indices[:: max(1, len(data.indices) // limit)]
    latents: list[NDArray[np.float32]] = []
    groups: list[list[Place]] = []
    for start in range(0, len(chosen), 12):
        batch, target = collate([data.example(i, damaged=False, wired=True) for i in chosen[start : start + 12]])
        segments = segments_of(batch, [int(n) for n in (target.weight > 0).sum(1)])
        if not len(segments.phones):
            continue
        latents.append(detail.latents(target.mel, target.weight > 0.5, segments).numpy())
        frames = target.mel.shape[1]
        rows, begins = segments.begin // frames, segments.begin % frames
        owners = batch.owner.flatten()[segments.begin]
        lengths = rng.choice(GROUP_FRAMES, len(target.mel))
        counts = (segments.place[:, 1] * 8).round().long()
        indexes = (segments.place[:, 0] * counts - 0.5).round().long()
        begun: tuple[int, int] | None = None
        first = 0
        for row, owner, begin, index, count in zip(*(x.tolist() for x in (rows, owners, begins, indexes, counts)), strict=True):
            first = begin if index == 0 else first
            if (row, first // lengths[row]) != begun:
                begun = row, first // lengths[row]
                groups.append([])
            phones = batch.phones[row, owner].tolist()
            groups[-1].append(Place(phones[0], phones[1], phones[2], min(index, PLACES - 1), min(count, PLACES) - 1))
    return Spoken(np.concatenate(latents), [_without_outside(group) for group in groups])


def _without_outside(group: list[Place]) -> list[Place]:
    """Nothing is known of phones outside the group."""
    starts = [index for index, each in enumerate(group) if each.place == 0]
    second, last = (*starts[1:2], len(group))[0], starts[-1]
    return [
        each._replace(before=UNKNOWN_PHONE if index < second else each.before, after=UNKNOWN_PHONE if index >= last else each.after)
        for index, each in enumerate(group)
    ]


def name_codes(spoken: Spoken, books: NDArray[np.float32], contexts: DetailContexts | None, seed: int = 0) -> Seen:
    """The codes of each segment: of each group one of NUMBERS, as a sender chooses them who knows what they cost; without `contexts` all
    of them, as if they cost nothing."""
    search, at, rng = CodeSearch(books, contexts), 0, np.random.default_rng(seed)
    codes: list[list[int]] = []
    follows, places = [], []
    for group in spoken.places:
        stages = int(rng.choice(NUMBERS)) if contexts else DETAIL_STAGES
        for found in search.codes(spoken.latents[at : at + len(group)], group, stages):
            codes.append([*found, *[-1] * (DETAIL_STAGES - stages)])
        follows += [place > 0 for place in range(len(group))]
        places += group
        at += len(group)
    return Seen(torch.tensor(codes), torch.tensor(places), torch.tensor(follows))


class ContextNetwork(nn.Module):
    """What `DetailContexts` does, in floats; books (stages, codes, DETAIL_LATENT)."""

    books: Tensor

    def __init__(self, books: Tensor) -> None:
        super().__init__()
        self.register_buffer("books", (books * BOOK_STEPS).round() / BOOK_STEPS)
        self.scale = float(books[0].std())
        self.tables = nn.ModuleDict({name: nn.Embedding(DETAIL_STAGES * size, HIDDEN) for name, size in _TABLES.items()})
        for table in self.tables.values():
            nn.init.normal_(table.weight, std=0.3)  # type: ignore[arg-type]
        self.follows = nn.Parameter(torch.zeros(DETAIL_STAGES, HIDDEN))
        self.previous = nn.Parameter(torch.randn(DETAIL_STAGES, DETAIL_LATENT, HIDDEN) * 0.15)
        self.current = nn.Parameter(torch.randn(DETAIL_STAGES, DETAIL_LATENT, HIDDEN) * 0.15)
        self.out = nn.Parameter(torch.randn(DETAIL_STAGES, HIDDEN, DETAIL_CODES) * 0.05)
        self.bias = nn.Parameter(torch.zeros(DETAIL_STAGES, DETAIL_CODES))

    def forward(self, seen: Seen, chosen: Tensor) -> list[Tensor]:
        """Logits of each stage for the segments `chosen` (n,)."""
        codes, before = seen.codes[chosen], seen.codes[(chosen - 1).clamp_min(0)]
        follows = seen.follows[chosen].float()[:, None]
        told = [self.books[stage][before[:, stage].clamp_min(0)] * (before[:, stage, None] >= 0) for stage in range(DETAIL_STAGES)]
        previous = torch.stack(told).sum(0) * follows / self.scale
        current, found = torch.zeros_like(previous), []
        for stage in range(DETAIL_STAGES):
            hidden = follows * self.follows[stage] + previous @ self.previous[stage] + current @ self.current[stage]
            for column, (name, size) in enumerate(_TABLES.items()):
                hidden = hidden + self.tables[name](stage * size + seen.places[chosen, column])
            active = hidden.clamp(0, ACTIVE_MAX / ACTIVE_STEPS)
            found.append(active @ self.out[stage] + self.bias[stage])
            current = current + self.books[stage][codes[:, stage].clamp_min(0)] / self.scale
        return found

    def exact(self) -> DetailContexts:
        """What both ends of a call use."""
        return DetailContexts({name: array.astype(np.float32) for name, array in self.rounded().items()} | {BOOKS: self.books.numpy()})

    def rounded(self) -> dict[str, NDArray[np.int32]]:
        """The integer arrays of `CONTEXT_SHAPES`, their names with PREFIX."""
        arrays = {name: table.weight.detach() * TABLE_STEPS for name, table in self.tables.items()}  # type: ignore[operator]
        arrays |= {"follows": self.follows.detach() * TABLE_STEPS}
        arrays |= {name: getattr(self, name).detach() * (WEIGHT_STEPS / self.scale / BOOK_STEPS) for name in ("previous", "current")}
        arrays |= {"out": self.out.detach() * (LOGIT_STEPS / ACTIVE_STEPS), "bias": self.bias.detach() * LOGIT_STEPS}
        arrays |= {"decay": (1 << 20) * torch.exp(-torch.arange(DECAY_STEPS) / (LOGIT_STEPS >> LOGIT_SHIFT))}
        return {PREFIX + name: np.rint(array.numpy().reshape(CONTEXT_SHAPES[name])).astype(np.int32) for name, array in arrays.items()}


assert TABLE_STEPS << WEIGHT_SHIFT == WEIGHT_STEPS


def learn(network: ContextNetwork, seen: Seen, epochs: float) -> DetailContexts:
    """Trains the network on what was seen -> the same in integers."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    steps = max(1, int(epochs * len(seen.codes)) // BATCH)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps) + 1e-5
        chosen = torch.randint(len(seen.codes), (BATCH,))
        losses = [
            nn.functional.cross_entropy(logits, seen.codes[chosen, stage], ignore_index=-1)
            for stage, logits in enumerate(network(seen, chosen))
        ]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if step % 200 == 0:
            print(f"contexts step {step} of {steps}: {float(loss.detach()) / np.log(2) / DETAIL_STAGES:.3f} bits a code", flush=True)
    return network.exact()


def train_contexts(spoken: Spoken, books: Tensor, epochs: float = EPOCHS) -> ContextNetwork:
    """First of codes that cost nothing, since nothing is known of their cost, then of those that a sender chooses."""
    torch.manual_seed(0)
    network = ContextNetwork(books)
    few = spoken.some(FIRST_SHARE)
    contexts = learn(network, name_codes(few, books.numpy(), None), FIRST_EPOCHS * epochs / EPOCHS)
    learn(network, name_codes(spoken, books.numpy(), contexts), epochs)
    return network
