"""An experiment and a batch for single training steps, and what tests compare of them."""

import torch
from torch import Tensor, nn

from hifigan.distributed import Ranks
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.data import Batch, UtteranceDataset, collate
from vits.training import VitsTraining

NORMS = {"generator_gradient_norm", "discriminator_gradient_norm"}


def make(
    config: VitsConfig, device: str = "cpu", batch_size: int = 4
) -> tuple[VitsTraining, Batch]:
    """The same weights for the same config, and the first training utterances as a batch."""
    data = check_data(config)
    torch.manual_seed(0)
    experiment = VitsTraining(
        data.config, Ranks(0, 1, torch.device(device)), data.valid, data.valid[:1]
    )
    dataset = UtteranceDataset(data.train, data.config.audio.sample_rate)
    return experiment, collate([dataset[i] for i in range(batch_size)])


def step(experiment: VitsTraining, batch: Batch, seed: int = 1) -> dict[str, Tensor]:
    """One step with the same draws for the same seed."""
    torch.manual_seed(seed)
    return experiment.train_step(batch)


def gradients(network: nn.Module) -> dict[str, Tensor | None]:
    return {
        name: None if p.grad is None else p.grad.clone() for name, p in network.named_parameters()
    }


def norm(network: nn.Module) -> Tensor:
    """Of all gradients together."""
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]).norm()
