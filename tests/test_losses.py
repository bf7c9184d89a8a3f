"""Every loss worked out by hand on a few numbers."""

import math

import pytest
import torch
from torch import Tensor

from hifigan.discriminators import Judgement
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from vits.losses import duration_loss, kl_loss
from vits.passes import TrainingOutput
from vits.posterior_encoder import Posterior

REAL = [
    Judgement(torch.tensor([[1.0, 0.5]]), [torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 0.5]])]),
    Judgement(torch.tensor([[0.0]]), [torch.tensor([[0.0]])]),
]
GENERATED = [
    Judgement(torch.tensor([[0.0, 2.0]]), [torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 2.0]])]),
    Judgement(torch.tensor([[1.0]]), [torch.tensor([[1.0]])]),
]


def output(
    z_p: Tensor, m_p: Tensor, logs_p: Tensor, logs_q: Tensor, mask: Tensor, duration_losses: Tensor
) -> TrainingOutput:
    """What the losses look at; the rest is empty."""
    empty = torch.empty(0)
    return TrainingOutput(
        empty,
        empty,
        empty,
        duration_losses,
        Posterior(empty, empty, logs_q),
        z_p,
        m_p,
        logs_p,
        mask,
    )


def test_discriminator_loss() -> None:
    # (1 - real)^2 and generated^2, means per discriminator: (0 + 0.25) / 2 + (0 + 4) / 2, then 1 +
    # 1.
    assert discriminator_loss(REAL, GENERATED).item() == pytest.approx(0.125 + 2 + 1 + 1)


def test_adversarial_loss() -> None:
    assert adversarial_loss(GENERATED).item() == pytest.approx((1 + 1) / 2 + 0)


def test_feature_matching_loss() -> None:
    assert feature_matching_loss(REAL, GENERATED).item() == pytest.approx(
        (1 + 2) / 2 + (1 + 1.5) / 2 + 1
    )


def test_mel_loss() -> None:
    mel, mel_hat = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0.0, 4.0]]])
    assert mel_loss(mel, mel_hat).item() == pytest.approx((1 + 2) / 2)


def test_mel_loss_refuses_different_frames() -> None:
    with pytest.raises(ValueError, match="same frames"):
        mel_loss(torch.zeros(1, 1, 3), torch.zeros(1, 1, 1))


def test_kl_loss() -> None:
    # One channel, two valid frames and a padded one whose numbers must not count.
    z_p = torch.tensor([[[1.0, 0.0, 9.0]]])
    m_p = torch.tensor([[[0.0, 0.0, 0.0]]])
    logs_p = torch.tensor([[[0.0, math.log(2), 5.0]]])
    logs_q = torch.tensor([[[0.0, 0.0, -5.0]]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]]])
    first = 0 - 0 - 0.5 + 0.5 * 1
    second = math.log(2) - 0 - 0.5 + 0
    found = kl_loss(output(z_p, m_p, logs_p, logs_q, mask, torch.empty(0)), mask.sum())
    assert found.item() == pytest.approx((first + second) / 2)


def test_kl_loss_has_the_true_divergence_as_its_mean() -> None:
    draw = torch.Generator().manual_seed(0)
    m_q, s_q, m_p, s_p = 0.5, 0.8, -0.2, 1.5
    z = m_q + s_q * torch.randn(1, 1, 400_000, generator=draw)
    ones = torch.ones_like(z)
    found = kl_loss(
        output(z, m_p * ones, math.log(s_p) * ones, math.log(s_q) * ones, ones, torch.empty(0)),
        z.numel(),
    )
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(m_q, s_q), torch.distributions.Normal(m_p, s_p)
    )
    assert found.item() == pytest.approx(expected.item(), abs=3e-3)


def test_duration_loss_is_per_symbol() -> None:
    losses = torch.tensor([3.0, 5.0])
    empty = torch.empty(0)
    assert (
        duration_loss(output(empty, empty, empty, empty, empty, losses), torch.tensor(4)).item()
        == 2.0
    )


def test_losses_are_float32_whatever_comes_in() -> None:
    halves = [
        Judgement(j.scores.bfloat16(), [m.bfloat16() for m in j.feature_maps]) for j in GENERATED
    ]
    for loss in (
        adversarial_loss(halves),
        feature_matching_loss(REAL, halves),
        discriminator_loss(REAL, halves),
    ):
        assert loss.dtype == torch.float32
