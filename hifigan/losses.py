"""The adversarial, feature matching and mel losses of HiFi-GAN (Sec. 2.4), unweighted, in float32.

Real speech is pushed towards 1, generated speech towards 0 (least squares). Means are taken over
all elements of a layer, sums over layers and discriminators.
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from hifigan.discriminators import Judgement


def discriminator_loss(real: Sequence[Judgement], generated: Sequence[Judgement]) -> Tensor:
    """What the discriminators minimise (HiFi-GAN Eq. 1, VITS Eq. 8)."""
    return sum(
        (1 - r.scores.float()).square().mean() + g.scores.float().square().mean()
        for r, g in zip(real, generated, strict=True)
    )


def adversarial_loss(generated: Sequence[Judgement]) -> Tensor:
    """What the generator minimises to be taken for real (HiFi-GAN Eq. 2, VITS Eq. 9)."""
    return sum((1 - g.scores.float()).square().mean() for g in generated)


def feature_matching_loss(real: Sequence[Judgement], generated: Sequence[Judgement]) -> Tensor:
    """L1 distance of the feature maps, the scores' layer included (HiFi-GAN Eq. 4, VITS Eq. 10)."""
    return sum(
        F.l1_loss(g_map.float(), r_map.float())
        for r, g in zip(real, generated, strict=True)
        for r_map, g_map in zip(r.feature_maps, g.feature_maps, strict=True)
    )


def mel_loss(mel: Tensor, mel_hat: Tensor) -> Tensor:
    """L1 distance of log-mel spectrograms [B, n_mels, T_spec] (HiFi-GAN Eq. 3, VITS Eq. 2)."""
    if mel.shape != mel_hat.shape:
        raise ValueError(
            f"mel is {list(mel.shape)} and mel_hat {list(mel_hat.shape)}; "
            f"both must cover the same frames"
        )
    return F.l1_loss(mel_hat.float(), mel.float())
