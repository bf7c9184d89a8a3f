"""Settings of a training run, a vocoder's or VITS's: batches, optimizers, schedule, saving."""

from dataclasses import dataclass
from typing import Any, Literal

from hifigan.config import require, require_positive


@dataclass(frozen=True)
class TrainConfig:
    """The run: batches, optimizers, schedule, precision, and how often to look and save."""

    seed: int
    epochs: int
    batch_size: int  # utterances per process and micro-batch, at most
    max_batch_frames: int | None  # frames per micro-batch, padding included; null: no limit
    accumulate: int  # micro-batches per step and process
    segment_samples: int  # length of the windows that the decoder and discriminators see
    optimizer: str  # a class of torch.optim
    optimizer_options: dict[str, Any]  # its arguments
    lr: float
    discriminator_lr: float | None  # null: lr
    lr_schedule: str  # a class of torch.optim.lr_scheduler, whose rates are shares of lr
    lr_schedule_options: dict[str, Any]  # its arguments
    lr_schedule_per: Literal["epoch", "step"]
    warmup_steps: int  # in which weights' rates rise to the schedule's, from when they learn on
    grad_clip: float | None  # largest gradient norm; null does not clip
    ema_decay: float | None  # of the moving average of the generator's weights; null keeps none
    mixed_precision: bool | Literal["bf16", "fp16"]
    tf32: bool  # let GPUs round the factors of float32 products to 10 bits
    grad_checkpoint: bool  # saves memory: recompute the decoder's and WaveNets' activations
    max_bad_steps: int  # skipped for NaN, in a row, before the run goes back to its checkpoint
    max_rollbacks: int  # of that kind before the run stops
    num_workers: int | None  # loader processes per training process; null: by the cores
    prefetch_factor: int  # batches that each of them holds ready
    log_every: int  # steps
    validate_every: int  # steps
    save_every: int  # steps
    save_minutes: float | None  # save when so long ago, too; null: by steps alone
    keep_last: int  # checkpoints
    keep_every: int | None  # steps whose checkpoints are kept for good; null: none
    discriminator_warmup_steps: int = 0  # fresh discriminators beside trained weights learn alone
    look_at_start: bool = False  # validate and render before the first step, too
    freeze_layers: tuple[str, ...] = ()  # parts, layers or patterns of names that do not learn
    unfreeze_at: int | None = None  # the step from which they do; null: never
    layer_lr: tuple[tuple[str, float], ...] = ()  # [layers, rate]: others than lr; the first counts
    cuda_graphs: bool = True  # on one GPU: replay recorded steps, of padded batches

    def __post_init__(self) -> None:
        require_positive(
            self,
            "epochs",
            "batch_size",
            "accumulate",
            "segment_samples",
            "lr",
            "max_bad_steps",
            "prefetch_factor",
            "log_every",
            "validate_every",
            "save_every",
        )
        require(0 <= self.seed < 2**63, f"seed is {self.seed}, expected 0 or more, below 2^63")
        for name in (
            "warmup_steps",
            "max_rollbacks",
            "num_workers",
            "discriminator_warmup_steps",
        ):
            value = getattr(self, name)
            require(value is None or value >= 0, f"{name} is {value}, expected 0 or more")
        for name in (
            "max_batch_frames",
            "discriminator_lr",
            "grad_clip",
            "save_minutes",
            "keep_every",
            "unfreeze_at",
        ):
            value = getattr(self, name)
            require(value is None or value > 0, f"{name} is {value}, expected more than 0, or null")
        require(
            self.ema_decay is None or 0 < self.ema_decay < 1,
            f"ema_decay is {self.ema_decay}, expected a share between 0 and 1 such as 0.9995, "
            f"or null for none",
        )
        require(
            self.keep_last >= 2,
            f"keep_last is {self.keep_last}, expected 2 or more: with one file, "
            f"a damaged checkpoint would cost the run",
        )
        require(
            self.unfreeze_at is None or len(self.freeze_layers) > 0,
            f"unfreeze_at is {self.unfreeze_at}, but freeze_layers is empty; name what to freeze "
            f"until then, or set unfreeze_at to null",
        )
        for layers, rate in self.layer_lr:
            require(
                rate > 0,
                f"layer_lr of {layers} is {rate}, expected more than 0; to keep "
                f"weights as they are, name them in freeze_layers",
            )
