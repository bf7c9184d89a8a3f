"""What other people's configs do not say, because their code says it or nobody does."""

import copy
from typing import Any

DISCRIMINATOR = {  # fixed in the original's code, and in Coqui's and bshall's
    "periods": [2, 3, 5, 7, 11],
    "period_channels": [32, 128, 512, 1024, 1024],
    "scale_layers": [
        [128, 15, 1, 1],
        [128, 41, 2, 4],
        [256, 41, 2, 16],
        [512, 41, 4, 16],
        [1024, 41, 4, 16],
        [1024, 41, 1, 16],
        [1024, 5, 1, 1],
    ],
}
MAGNITUDE_FLOOR = 1e-9  # inside the root, in the original's code

DATA = {
    "wavs": "wavs",
    "mels": None,
    "train_list": None,
    "valid_list": None,
    "n_valid": 20,
    "min_seconds": 0.3,
    "max_seconds": 30.0,
    "peak": 0.95,
    "packed_cache": False,
}
LOSS = {"mel": 45.0, "adversarial": 1.0, "feature_matching": 2.0}
TRAIN = {
    "seed": 1234,
    "epochs": 3100,
    "batch_size": 16,
    "max_batch_frames": None,
    "accumulate": 1,
    "segment_samples": 8192,
    "optimizer": "AdamW",
    "optimizer_options": {"betas": [0.8, 0.99], "eps": 1e-8, "weight_decay": 0.01},
    "lr": 0.0002,
    "discriminator_lr": None,
    "lr_schedule": "ExponentialLR",
    "lr_schedule_options": {"gamma": 0.999},
    "lr_schedule_per": "epoch",
    "warmup_steps": 0,
    "grad_clip": None,
    "ema_decay": None,
    "mixed_precision": False,
    "tf32": False,
    "grad_checkpoint": False,
    "max_bad_steps": 20,
    "max_rollbacks": 3,
    "num_workers": None,
    "prefetch_factor": 2,
    "log_every": 100,
    "validate_every": 1000,
    "save_every": 5000,
    "save_minutes": 30.0,
    "keep_last": 3,
    "keep_every": None,
    "discriminator_warmup_steps": 1000,
}


def completed(
    audio: dict[str, Any],
    generator: dict[str, Any],
    mel: dict[str, Any],
    train: dict[str, Any],
) -> dict[str, Any]:
    """The sections of a config of ours. `train` holds what differs from TRAIN."""
    sections = {
        "audio": audio,
        "mel": mel,
        "data": DATA,
        "generator": generator,
        "discriminator": DISCRIMINATOR,
        "loss": LOSS,
        "train": TRAIN | train,
    }
    return copy.deepcopy(sections)  # --set may write into it


def bshall_values() -> dict[str, Any]:
    """The settings that bshall/hifigan has in its code: 16 kHz, 128 mels, a hop of 10 ms.

    Its mel is torchaudio's with power 1, not centred, on Slaney's scale: ours, with no floor inside
    the root.
    """
    return completed(
        audio={
            "sample_rate": 16000,
            "n_fft": 1024,
            "hop_length": 160,
            "win_length": 1024,
            "n_mels": 128,
            "f_min": 0.0,
            "f_max": None,
        },
        generator={
            "upsample_rates": [10, 4, 2, 2],
            "upsample_kernel_sizes": [20, 8, 4, 4],
            "upsample_initial_channels": 512,
            "resblock": "1",
            "resblock_kernel_sizes": [3, 7, 11],
            "resblock_dilations": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        },
        mel={"magnitude_floor": 0.0, "loss_f_max": None},
        train={
            "batch_size": 8,
            "segment_samples": 8320,
            "optimizer_options": {"betas": [0.8, 0.99], "eps": 1e-8, "weight_decay": 1e-5},
        },
    )
