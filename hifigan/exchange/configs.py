"""Vocoder configs of ours, of the original HiFi-GAN and of Coqui, read into ours; and written back.

    python -m hifigan.exchange.configs config_v1.json --out_path mine.json

The original's batch_size is the total over all GPUs; here train.batch_size is one process's.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hifigan.atomic_file import appearing_whole
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.exchange.coqui_config import coqui_mel, coqui_values, is_coqui_config
from hifigan.exchange.defaults import DISCRIMINATOR, LOSS, MAGNITUDE_FLOOR, TRAIN, completed
from hifigan.json_config import (
    config_from_dict,
    config_to_dict,
    config_to_json,
    override,
    read_json,
)
from hifigan.vocoder_config import VocoderConfig

logger = logging.getLogger(__name__)

AUDIO = {  # the original's key, ours
    "sampling_rate": "sample_rate",
    "n_fft": "n_fft",
    "hop_size": "hop_length",
    "win_size": "win_length",
    "num_mels": "n_mels",
    "fmin": "f_min",
    "fmax": "f_max",
}
GENERATOR = {
    "upsample_rates": "upsample_rates",
    "upsample_kernel_sizes": "upsample_kernel_sizes",
    "upsample_initial_channel": "upsample_initial_channels",
    "resblock": "resblock",
    "resblock_kernel_sizes": "resblock_kernel_sizes",
    "resblock_dilation_sizes": "resblock_dilations",
}
TRAINING = {
    "seed": "seed",
    "batch_size": "batch_size",
    "segment_size": "segment_samples",
    "learning_rate": "lr",
}
OTHERS = ("fmax_for_loss", "adam_b1", "adam_b2", "lr_decay")
# Of the machine, not of the vocoder: the processes are torchrun's business here, and num_freq is
# nobody's. What the original writes into them is kept for writing back.
WITHOUT_EFFECT = {
    "num_gpus": 0,
    "num_freq": 1025,
    "num_workers": 4,
    "dist_config": {
        "dist_backend": "nccl",
        "dist_url": "tcp://localhost:54321",
        "world_size": 1,
    },
}
# Ours alone, where discriminators are not the paper's: the original's code leaves it unread, and
# without it nothing could go on from the file.
DISCRIMINATOR_KEY = "discriminator"
KNOWN = (*AUDIO, *GENERATOR, *TRAINING, *OTHERS)
N_DILATIONS = {"1": 3, "2": 2}  # of a resblock, in the original's code
N_MELS = 80  # in the original's code


def read_vocoder_config(path: Path, overrides: Sequence[str] = ()) -> VocoderConfig:
    """Read a config of ours, the original's or Coqui's; `overrides` are "section.key=value" texts
    that speak of ours.
    """
    return read_with_mel(path, overrides)[0]


def read_with_mel(path: Path, overrides: Sequence[str] = ()) -> tuple[VocoderConfig, str | None]:
    """As read_vocoder_config, and how its mels differ from what our recipe can say: None where
    they do not.
    """
    values, source = read_json(path), str(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: not a config: expected an object {{...}} of settings")
    return from_values(values, source, overrides)


def from_values(
    values: dict[str, Any], source: str, overrides: Sequence[str] = ()
) -> tuple[VocoderConfig, str | None]:
    """As read_with_mel, of what stands in a file; `source` names it in errors."""
    foreign_mel = None
    if is_coqui_config(values):
        foreign_mel = coqui_mel(values, source)
        values = coqui_values(values, source)
    elif is_official(values):
        values = official_values(values, source)
    elif "text" in values or {"train", "model", "data"} <= set(values):
        raise UserError(
            f"{source}: a config of VITS, not of a vocoder; expected one like "
            f"configs/hifigan_v1.json or the original's config_v1.json"
        )
    where = " ".join([source, *(f"--set {setting}" for setting in overrides)])
    config = config_from_dict(VocoderConfig, override(values, overrides), where)
    if foreign_mel is not None:
        _require_even(config, source)
    return config, foreign_mel


def is_official(values: dict[str, Any]) -> bool:
    """Whether the original's keys stand in it; ours stand in sections."""
    return sum(key in values for key in KNOWN) > 1


def official_values(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The sections of a config of ours; `source` names the file in errors."""
    for key in values:
        if key not in KNOWN and key not in WITHOUT_EFFECT and key != DISCRIMINATOR_KEY:
            raise UserError(
                f'{source}: unknown key "{key}" in a config of the original HiFi-GAN; it knows: '
                f"{', '.join(sorted((*KNOWN, *WITHOUT_EFFECT)))}"
            )
    for key in KNOWN:
        if key not in values:
            raise UserError(
                f'{source}: missing key "{key}" of the original HiFi-GAN; add it as in its '
                f"config_v1.json"
            )
    made = completed(
        audio={ours: values[theirs] for theirs, ours in AUDIO.items()},
        generator={ours: values[theirs] for theirs, ours in GENERATOR.items()},
        mel={"magnitude_floor": MAGNITUDE_FLOOR, "loss_f_max": values["fmax_for_loss"]},
        train={ours: values[theirs] for theirs, ours in TRAINING.items()}
        | {
            "optimizer_options": TRAIN["optimizer_options"]
            | {"betas": [values["adam_b1"], values["adam_b2"]]},
            "lr_schedule_options": {"gamma": values["lr_decay"]},
        },
    )
    made["discriminator"] = values.get(DISCRIMINATOR_KEY, made["discriminator"])
    _require_even(config_from_dict(VocoderConfig, made, source), source)
    return made


def official_config(config: VocoderConfig) -> dict[str, Any]:
    """What the original's config.json says of it. See `unsaid` for what is lost.

    A mel that the original's code cannot make is refused, or the two would hear different things.
    """
    if config.mel.magnitude_floor != MAGNITUDE_FLOOR:
        raise UserError(
            f"mel.magnitude_floor is {config.mel.magnitude_floor:g}, but the original's code "
            f"always takes {MAGNITUDE_FLOOR:g}: its mels would not be those that it learnt; "
            f"fine-tune it with {MAGNITUDE_FLOOR:g} first"
        )
    values = config_to_dict(config)
    betas = config.train.optimizer_options.get("betas", [0.9, 0.999])
    gamma = config.train.lr_schedule_options.get("gamma", 1.0)
    made = {theirs: values["audio"][ours] for theirs, ours in AUDIO.items()}
    made |= {theirs: values["generator"][ours] for theirs, ours in GENERATOR.items()}
    made |= {theirs: values["train"][ours] for theirs, ours in TRAINING.items()}
    made |= {
        "fmax_for_loss": config.mel.loss_f_max,
        "adam_b1": betas[0],
        "adam_b2": betas[1],
        "lr_decay": gamma if _decays_as_there(config) else 1.0,
    }
    if values["discriminator"] != DISCRIMINATOR:
        made[DISCRIMINATOR_KEY] = values["discriminator"]
    return made | WITHOUT_EFFECT


def unsaid(config: VocoderConfig) -> list[str]:
    """What the original's code will do otherwise, or refuse, with this config: a line for each."""
    train, generator, told = config.train, config.generator, []
    if config.audio.n_mels != N_MELS:
        told.append(f"its generator takes {N_MELS} mels alone, not {config.audio.n_mels}")
    if any(len(d) != N_DILATIONS[generator.resblock] for d in generator.resblock_dilations):
        told.append(
            f"its resblocks of type {generator.resblock} have {N_DILATIONS[generator.resblock]} "
            f"dilations each"
        )
    if _odd_stages(config):
        told.append("it makes a sample too many where kernel size less rate is odd")
    if config_to_dict(config.discriminator) != DISCRIMINATOR:
        told.append("its discriminators have other widths, so that a do_* goes on here alone")
    if not _decays_as_there(config):
        told.append("its rate falls by lr_decay each epoch and in no other way")
    fixed = {key: TRAIN["optimizer_options"][key] for key in ("eps", "weight_decay")}
    if {key: train.optimizer_options.get(key, fixed[key]) for key in fixed} != fixed:
        told.append(f"its optimizer has {fixed}")
    if train.discriminator_lr not in (None, train.lr):
        told.append("its discriminators learn at the generator's rate")
    if config_to_dict(config.loss) != LOSS:
        told.append(f"its losses are weighted {LOSS}")
    return told


def _decays_as_there(config: VocoderConfig) -> bool:
    train = config.train
    return (train.lr_schedule, train.lr_schedule_per) == ("ExponentialLR", "epoch")


def _odd_stages(config: VocoderConfig) -> list[tuple[int, int]]:
    pairs = zip(
        config.generator.upsample_rates, config.generator.upsample_kernel_sizes, strict=True
    )
    return [(rate, size) for rate, size in pairs if (size - rate) % 2]


def _require_even(config: VocoderConfig, source: str) -> None:
    """Where the difference is odd, the original's convolution makes one sample more than ours."""
    for rate, size in _odd_stages(config):
        raise UserError(
            f"{source}: upsample kernel size {size} less rate {rate} is odd; that network makes "
            f"more samples than frames times hop, and none here can"
        )


def main() -> None:
    parser = Parser(
        prog="python -m hifigan.exchange.configs",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="config file of the original HiFi-GAN or Coqui")
    parser.add_argument(
        "--out_path", type=Path, required=True, metavar="FILE", help="config file of ours to write"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        help="change a value, as in train.batch_size=8; may be given several times",
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        if args.out_path.exists():
            raise UserError(f"{args.out_path}: is there already; choose another name or delete it")
        config, foreign_mel = read_with_mel(args.config, args.overrides)
        if foreign_mel:
            logger.warning("%s: %s", args.config, foreign_mel)
        with appearing_whole(args.out_path) as temporary:
            temporary.write_text(config_to_json(config), encoding="utf-8")
        logger.info("wrote %s", args.out_path)


if __name__ == "__main__":
    main()
