"""A voice as the original VITS has it: G_*.pth, D_*.pth and config.json in one folder.

Its code goes on with training from there where the checkpoint has AdamW's moments of one group of
weights; else from the weights with moments of its own.
"""

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from hifigan.atomic_file import require_room, sync
from hifigan.checkpoint import stored_bytes
from hifigan.discriminators import vits_discriminators
from hifigan.errors import UserError
from hifigan.exchange.moments import original_moments
from hifigan.exchange.weights import Layout
from hifigan.json_config import config_to_dict
from vits.config import VitsConfig
from vits.exchange.defaults import DISCRIMINATOR
from vits.exchange.names import judge_table, voice_table
from vits.exchange.original import original_discriminator, original_weights
from vits.exchange.vits2 import parts_of_vits2
from vits.export.new_files import folder_to_fill, require_new
from vits.export.proof import require_same_voice
from vits.model import make_model

logger = logging.getLogger(__name__)

ADAMW = "AdamW"
CLEANERS = {
    "phonemes": "english_cleaners2",
    "characters": "basic_cleaners",
    "as_written": "basic_cleaners",
}
ENGLISH = "en-us"


def write_original(folder: Path, config: VitsConfig, state: dict[str, Any]) -> list[Path]:
    """Write the files of a checkpoint's contents `state`; returns their paths.

    Nothing appears that did not come back as the same voice: a UserError says what the format
    cannot hold. Files that are there already are refused. Without discriminators no D_* is made.
    """
    text = config.text
    if (text.start, text.end, text.decomposed) != (None, None, False):
        raise UserError(
            f"{folder}: not written: the original VITS has no place for texts with symbols for "
            f"their start and end, or with decomposed letters, as Piper's are; choose another "
            f"format"
        )
    if config.model.decoder.inverse_stft is not None:
        raise UserError(
            f"{folder}: not written: the original VITS has no decoder with an inverse STFT; choose "
            f"onnx, onnx_two, piper, sherpa_onnx or speak_only"
        )
    if parts := parts_of_vits2(config):
        raise UserError(
            f"{folder}: not written: {' and '.join(parts)}, which the original VITS does not know; "
            f"choose onnx, onnx_two, piper, sherpa_onnx or speak_only"
        )
    step, values = state["step"], original_config(config)
    texts = {}
    if config.text.blank == config.text.symbols[0]:  # of MMS, where it is a letter besides
        texts["vocab.txt"] = "".join(f"{symbol}\n" for symbol in values.pop("symbols"))
    texts["config.json"] = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    files: dict[str, dict[str, Any]] = {}
    if "discriminator" in state and holds_discriminators(config):
        weights = original_discriminator(config, state["discriminator"])
        files[f"D_{step}.pth"] = _contents(config, state, "discriminator", weights)
    weights = original_weights(config, state["generator"])
    files[f"G_{step}.pth"] = _contents(config, state, "generator", weights)
    paths = [folder / name for name in (*texts, *files)]
    require_new(*paths)
    with folder_to_fill(folder):
        _write(folder, texts, files, config, state["generator"])
    for line in unsaid(config):
        logger.warning("the original's code: %s", line)
    return paths


def _write(
    folder: Path,
    texts: dict[str, str],
    files: dict[str, dict[str, Any]],
    config: VitsConfig,
    generator: dict[str, Tensor],
) -> None:
    """The files by their names, all of them or none; the G_* last: by it the others are found."""
    require_room(folder, sum(map(stored_bytes, files.values())))
    with tempfile.TemporaryDirectory(prefix=".part_", dir=folder) as temporary:
        inside = Path(temporary)
        for name, text in texts.items():
            (inside / name).write_text(text, encoding="utf-8")
        for name, contents in files.items():
            torch.save(contents, inside / name)
            sync(inside / name)
        *_, last = files
        require_same_voice(inside / last, folder / last, config, generator, "the original VITS")
        for name in (*texts, *files):
            (inside / name).replace(folder / name)


def original_config(config: VitsConfig) -> dict[str, dict[str, Any]]:
    """What the original's config.json says of it; "symbols" and "speakers" are for its forks."""
    values = config_to_dict(config)
    audio, text, data = values["audio"], values["text"], values["data"]
    model, train, loss = values["model"], values["train"], values["loss"]
    decoder, encoder = model["decoder"], model["text_encoder"]
    options = train["optimizer_options"]
    made = {
        "train": {
            "log_interval": train["log_every"],
            "eval_interval": train["save_every"],
            "seed": train["seed"],
            "epochs": train["epochs"],
            "learning_rate": train["lr"],
            "betas": options.get("betas", [0.9, 0.999]),
            "eps": options.get("eps", 1e-8),
            "batch_size": train["batch_size"],
            "fp16_run": bool(train["mixed_precision"]),
            "lr_decay": train["lr_schedule_options"].get("gamma", 1.0),
            "segment_size": train["segment_samples"],
            "init_lr_ratio": 1,
            "warmup_epochs": 0,
            "c_mel": loss["mel"],
            "c_kl": loss["kl"],
        },
        "data": {
            "training_files": "filelists/train.txt",
            "validation_files": "filelists/valid.txt",
            "text_cleaners": [CLEANERS[text["front_end"]]],
            "max_wav_value": 32768.0,
            "sampling_rate": audio["sample_rate"],
            "filter_length": audio["n_fft"],
            "hop_length": audio["hop_length"],
            "win_length": audio["win_length"],
            "n_mel_channels": audio["n_mels"],
            "mel_fmin": audio["f_min"],
            "mel_fmax": audio["f_max"],
            "add_blank": text["add_blank"],
            "n_speakers": config.n_speakers,
            "cleaned_text": True,
        },
        "model": {
            "inter_channels": model["latent_channels"],
            "hidden_channels": encoder["hidden_channels"],
            "filter_channels": encoder["filter_channels"],
            "n_heads": encoder["n_heads"],
            "n_layers": encoder["n_layers"],
            "kernel_size": encoder["kernel_size"],
            "p_dropout": encoder["dropout"],
            "resblock": decoder["resblock"],
            "resblock_kernel_sizes": decoder["resblock_kernel_sizes"],
            "resblock_dilation_sizes": decoder["resblock_dilations"],
            "upsample_rates": decoder["upsample_rates"],
            "upsample_initial_channel": decoder["upsample_initial_channels"],
            "upsample_kernel_sizes": decoder["upsample_kernel_sizes"],
            "n_layers_q": model["posterior_encoder"]["n_layers"],
            "use_spectral_norm": False,
            "use_sdp": model["duration_predictor"]["kind"] == "stochastic",
        },
        "symbols": text["symbols"],
    }
    if config.n_speakers:
        made["model"]["gin_channels"] = model["speaker_channels"]
        made["speakers"] = data["speakers"]
    return made


def _contents(
    config: VitsConfig, state: dict[str, Any], network: str, weights: dict[str, Tensor]
) -> dict[str, Any]:
    return {
        "model": weights,
        "iteration": max(1, state.get("epoch", 0)),  # it counts epochs, from 1
        "optimizer": _optimizer(config, state, network),
        "learning_rate": config.train.lr,
    }


def _optimizer(config: VitsConfig, state: dict[str, Any], network: str) -> dict[str, Any]:
    """A state_dict of the original's AdamW; without moments where they do not fit there."""
    with torch.device("meta"):
        is_generator = network == "generator"
        made = make_model(config) if is_generator else vits_discriminators(config.discriminator)
    table = voice_table(config) if is_generator else judge_table(config.discriminator)
    shapes = {name: w.shape for name, w in made.state_dict().items()}
    layout = Layout(shapes, [name for name, _ in made.named_parameters()])
    saved = state.get(f"{network}_optimizer")
    groups = saved["param_groups"] if saved else []
    if config.train.optimizer == ADAMW and len(groups) == 1:
        if len(groups[0]["params"]) == len(layout.parameters):
            return original_moments(saved, list(table.values()), layout, network)
    logger.info("%s: AdamW begins without moments there", network)
    options = config.train.optimizer_options
    fresh = optim.AdamW(
        [nn.Parameter(torch.zeros(1)) for _ in table],
        config.train.lr,
        betas=tuple(options.get("betas", (0.9, 0.999))),
        eps=options.get("eps", 1e-8),
    ).state_dict()
    fresh["param_groups"][0]["initial_lr"] = config.train.lr  # its schedule asks for it
    return fresh


def holds_discriminators(config: VitsConfig) -> bool:
    """Whether the original's discriminators differ in no more than widths, which a D_* shows."""
    ours, theirs = config_to_dict(config)["discriminator"], DISCRIMINATOR
    strides = [[layer[1:3] for layer in which["scale_layers"]] for which in (ours, theirs)]
    return (
        ours["periods"] == theirs["periods"]
        and len(ours["period_channels"]) == len(theirs["period_channels"])
        and strides[0] == strides[1]
    )


def unsaid(config: VitsConfig) -> list[str]:
    """What the original's code does otherwise, or has to be told, of this voice: a line each."""
    text, model = config.text, config.model
    hidden, predictor = model.text_encoder.hidden_channels, model.duration_predictor
    posterior, flow = model.posterior_encoder, model.flow
    wavenets = (posterior.hidden_channels, flow.wavenet.hidden_channels)
    kernels = (posterior.kernel_size, flow.wavenet.kernel_size)
    dilations = {len(dilations) for dilations in model.decoder.resblock_dilations}
    resblock_dilations = 3 if model.decoder.resblock == "1" else 2
    stochastic = predictor.kind == "stochastic"
    judges = config_to_dict(config)["discriminator"]
    values = [  # what it is, of this voice, there
        ("width of the WaveNets", wavenets, (hidden, hidden)),
        ("couplings of the flow", flow.n_flows, 4),
        ("layers in each coupling", flow.wavenet.n_layers, 4),
        ("kernel sizes of the WaveNets", kernels, (5, 5)),
        ("attention window", model.text_encoder.attention_window, 4),
        ("kernel size of the duration predictor", predictor.kernel_size, 3),
        ("couplings of the duration predictor", predictor.n_flows if stochastic else 4, 4),
        (
            "channels of the duration predictor",
            predictor.hidden_channels,
            predictor.hidden_channels if stochastic else 256,
        ),
        ("dilations of a resblock", dilations, {resblock_dilations}),
    ]
    told = [
        f"change it there: {what} is {found} in this voice, fixed at {fixed} there"
        for what, found, fixed in values
        if found != fixed
    ]
    if config.train.alignment_noise is not None:
        told.append("its alignment search has no noise: train.alignment_noise is left out")
    if config.discriminator.durations is not None:
        told.append("it has no duration discriminator: this voice's is left out")
    if not holds_discriminators(config):
        told.append("this voice's discriminators have other layers, so no D_* is written")
    elif any(judges[key] != value for key, value in DISCRIMINATOR.items()):
        told.append("this voice's discriminators have other widths: change those there")
    told.append(
        f"it takes symbols from its text/symbols.py: put the {len(text.symbols)} of this voice "
        f"there, in their order"
    )
    if text.front_end == "phonemes" and text.language != ENGLISH:
        told.append(f"it makes no phonemes of {text.language!r}: give it texts in IPA")
    return told
