"""Training of what tells how likely a code of detail is."""

import numpy as np
import torch

from codec.train.detail.contexts import ContextNetwork, Seen, Spoken, learn, name_codes
from codec.units.limits import DETAIL_STAGES
from codec.wire.detail_contexts import DETAIL_CODES, DETAIL_LATENT, UNKNOWN_PHONE, Place
from codec.wire.range_coder import TOTAL_BITS

PLACE = Place(UNKNOWN_PHONE, 3, UNKNOWN_PHONE, 0, 0)


def books() -> torch.Tensor:
    torch.manual_seed(5)
    return torch.randn(DETAIL_STAGES, DETAIL_CODES, DETAIL_LATENT) * torch.logspace(0.6, -0.3, DETAIL_STAGES)[:, None, None]


def test_the_integers_have_learned_what_the_network_was_shown() -> None:
    """The first code of every other segment is that of the segment before; nothing can be known of the others."""
    torch.manual_seed(6)
    codes = torch.randint(8, (6000, DETAIL_STAGES))
    codes[1::2, 0] = codes[::2, 0]
    codes[:, 3:] = -1
    follows = torch.arange(6000) % 2 == 1
    seen = Seen(codes, torch.tensor([PLACE] * 6000), follows)
    contexts = learn(ContextNetwork(books()), seen, 30)

    def cost(first: int, previous: tuple[int, ...]) -> float:
        return TOTAL_BITS - float(np.log2(contexts.table(PLACE, previous, ()).frequency(first)))

    assert np.mean([cost(code, (code, 1, 2)) for code in range(8)]) < 0.6
    assert 2.8 < np.mean([cost(code, ()) for code in range(8)]) < 3.3
    assert np.mean([TOTAL_BITS - np.log2(contexts.table(PLACE, (), (1, 2)).frequency(code)) for code in range(8)]) < 3.5


def test_what_is_shown_are_the_codes_that_senders_choose() -> None:
    torch.manual_seed(7)
    places = [[PLACE], [PLACE, PLACE._replace(phone=9)]] * 10
    spoken = Spoken(torch.randn(30, DETAIL_LATENT).numpy() * 4, places)
    free = name_codes(spoken, books().numpy(), None)
    assert free.codes.shape == (30, DETAIL_STAGES) and free.codes.min() >= 0
    assert free.follows.tolist() == [False, False, True] * 10
    assert free.places[2].tolist() == list(PLACE._replace(phone=9))
    sent = name_codes(spoken, books().numpy(), ContextNetwork(books()).exact())
    counts = (sent.codes >= 0).sum(1)
    assert len(counts.unique()) > 1 and counts[1::3].equal(counts[2::3])
    assert all((codes >= 0).tolist() == sorted((codes >= 0).tolist(), reverse=True) for codes in sent.codes)
    few = spoken.some(2)
    assert len(few.places) == 10 and few.latents.shape == (10, DETAIL_LATENT) and (few.latents[1] == spoken.latents[3]).all()
