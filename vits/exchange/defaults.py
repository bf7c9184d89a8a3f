"""What other people's configs of VITS do not say, because their code says it or nobody does.

Training goes on here with the values of configs/base.json, which are the paper's.
"""

import copy
from typing import Any

DISCRIMINATOR = {  # fixed in the original's code, and in Coqui's and Piper's
    "periods": [2, 3, 5, 7, 11],
    "period_channels": [32, 128, 512, 1024, 1024],
    "scale_layers": [
        [16, 15, 1, 1],
        [64, 41, 4, 4],
        [256, 41, 4, 16],
        [1024, 41, 4, 64],
        [1024, 41, 4, 256],
        [1024, 5, 1, 1],
    ],
}
POSTERIOR_LAYERS = 16  # of its WaveNet, also fixed there
WAVENET_KERNEL_SIZE = 5
DURATION_FLOWS = 4  # written where the duration predictor is the plain one, and unused then
DURATION_DROPOUT = 0.5
TEXT_DROPOUT = 0.1
SPEAKER_CHANNELS = 256  # written where there is one speaker, and unused then

DATA = {
    "folder": "my_data",  # nobody's: the data is named with each run
    "train_list": None,
    "valid_list": None,
    "n_valid": 100,
    "speakers": None,
    "min_seconds": 0.5,
    "max_seconds": 15.0,
    "max_symbols": 500,
    "packed_cache": False,
}
LOSS = {
    "mel": 45.0,
    "kl": 1.0,
    "duration": 1.0,
    "adversarial": 1.0,
    "feature_matching": 2.0,
}
TRAIN = {
    "seed": 1234,
    "epochs": 20000,
    "batch_size": 32,
    "max_batch_frames": None,
    "accumulate": 1,
    "segment_samples": 8192,
    "optimizer": "AdamW",
    "optimizer_options": {"betas": [0.8, 0.99], "eps": 1e-9, "weight_decay": 0.01},
    "lr": 0.0002,
    "discriminator_lr": None,
    "lr_schedule": "ExponentialLR",
    "lr_schedule_options": {"gamma": 0.999875},
    "lr_schedule_per": "epoch",
    "warmup_steps": 0,
    "grad_clip": None,
    "ema_decay": None,
    "mixed_precision": True,
    "tf32": False,
    "grad_checkpoint": False,
    "max_bad_steps": 20,
    "max_rollbacks": 3,
    "num_workers": None,
    "prefetch_factor": 2,
    "log_every": 50,
    "validate_every": 1000,
    "save_every": 1000,
    "save_minutes": 30.0,
    "keep_last": 3,
    "keep_every": None,
}


def completed(
    audio: dict[str, Any],
    text: dict[str, Any],
    model: dict[str, Any],
    speakers: list[str] | None,
) -> dict[str, Any]:
    """The sections of a VitsConfig. `speakers` are the names of data.speakers; None: one speaker.

    The training windows become whole frames of the voice's hop, as near as can be to TRAIN's.
    """
    hop_length = audio["hop_length"]
    segment_samples = TRAIN["segment_samples"]
    if isinstance(hop_length, int) and hop_length > 0:  # else the config names the mistake
        segment_samples = max(1, round(segment_samples / hop_length)) * hop_length
    sections = {
        "audio": audio,
        "text": text,
        "data": DATA | {"speakers": speakers},
        "model": model,
        "discriminator": DISCRIMINATOR,
        "loss": LOSS,
        "train": TRAIN | {"segment_samples": segment_samples},
    }
    return copy.deepcopy(sections)  # what is written into one voice's stays out of the next one's
