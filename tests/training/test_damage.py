"""Details as a call brings them: lost by groups, fewer in some, in some runs only."""

import numpy as np
import torch

from codec.train.detail.damage import GROUP_FRAMES, Damage
from codec.train.synthesis.token_data import FRAMES
from codec.units.limits import DETAIL_STAGES


def test_examples_have_all_codes_some_runs_or_none() -> None:
    rng = np.random.default_rng(1)
    calls = [Damage.of_a_call(rng) for _ in range(1000)]
    lost = np.array([call.lost.mean() for call in calls])
    assert all(call.stages.shape == call.lost.shape == (FRAMES,) for call in calls)
    assert {int(each) for call in calls for each in call.stages} == set(range(1, DETAIL_STAGES + 1))
    assert 0.08 < (lost == 1).mean() < 0.2 and 0.45 < (lost == 0).mean() < 0.65
    runs = [call.lost for call in calls if 0.2 < call.lost.mean() < 0.9]
    changes = np.mean([np.abs(np.diff(one.astype(int))).sum() for one in runs])
    assert 2 < changes < FRAMES / GROUP_FRAMES / 2


def test_what_is_looked_at_does_not_depend_on_chance() -> None:
    assert all(Damage.even(0).loses(frame) for frame in range(FRAMES))
    assert not any(Damage.even(3).loses(frame) for frame in range(FRAMES)) and set(Damage.even(3).stages) == {3}
    half = torch.tensor([Damage.every_other().loses(frame) for frame in range(FRAMES)])
    assert half.float().mean() == 0.5
