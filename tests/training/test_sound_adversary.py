"""What teaches the vocoder to sound like speech."""

import torch

from codec.train.synthesis.sound_adversary import SoundAdversary


def test_it_learns_to_tell_sounds_apart_and_what_it_says_can_be_followed() -> None:
    torch.manual_seed(1)
    adversary = SoundAdversary(1e-2, channels=2)
    true = torch.sin(torch.arange(4000) * torch.linspace(0.1, 0.6, 4)[:, None])
    false = (0.5 * torch.randn(4, 4000)).requires_grad_()
    deceits = []
    for _ in range(40):
        deceit, matching = adversary.teach(false, true)
        deceits.append(deceit.item())
    assert deceits[-1] > min(deceits) + 0.2, "first it takes both for true, then it is deceived less and less"
    torch.autograd.backward(deceit + matching)
    assert false.grad is not None and float(false.grad.abs().sum()) > 0
