"""What a torch file is, by what stands in it; and a sentence for each that holds no voice.

Names that mean nothing here are refused, never guessed at.
"""

import re
from pathlib import Path
from typing import Any, Literal

import torch

from hifigan.errors import UserError, legible
from hifigan.exchange.formats import is_do, is_ours, is_weights
from hifigan.exchange.torch_file import Ignored, read_torch_file
from vits.exchange.found import Weights

Kind = Literal["ours", "original VITS", "Coqui", "Piper", "Hugging Face", "HiFi-GAN"]

NO_VOICE = (
    "expected a voice of VITS: step_*.pt of ours, G_* of the original or MMS, Coqui's, Piper's or "
    "Hugging Face's; or a HiFi-GAN g_*"
)
STORED = [  # classes of Coqui's configs in its files, which the empty dict stands in for
    (Ignored, name)
    for name in (
        "TTS.tts.configs.vits_config.VitsConfig",
        "TTS.tts.configs.shared_configs.BaseDatasetConfig",
        "TTS.tts.configs.shared_configs.CharactersConfig",
        "TTS.config.shared_configs.BaseDatasetConfig",
        "TTS.tts.models.vits.VitsArgs",
        "TTS.tts.models.vits.VitsAudioConfig",
        "TTS.tts.configs.vits_config.VitsArgs",
    )
]
OTHERS = [  # what some name of a weight fits, what that is; the first that fits counts
    (r"dec\.subband_conv_post\.", "an MB-iSTFT-VITS model, whose decoder makes sub-bands"),
    (r"dec\.(multistream_conv_post\.|updown_filter)", "an MS-iSTFT-VITS model"),
    (r"dec\.conv_(pre|post)\.(weight_[gv]|parametrizations)", "an iSTFT-VITS model"),
    (r"enc_p\.(tone_emb|language_emb|(\w+_)?bert_proj|style_proj)", "a Bert-VITS2 model"),
    (r"enc_p\.emo_proj", "an emotional VITS model, which hears more than text"),
    (r"enc_p\.(ssl_proj|mrte|text_embedding|encoder_text)", "a GPT-SoVITS model"),
    (r"(model\.)?ar_text_embedding", "the text model of GPT-SoVITS, which makes no sound"),
    (r"enc_p\.emb_(phone|pitch)", "an RVC model, which converts voices and reads no text"),
    (r"enc_p\.(f0_emb|pre|enc_)|dec\.(m_source|noise_convs)", "a so-vits-svc model"),
    (r"flow\.flows\.\d+\.(pre_transformer|post_transformer|enc\.attn|attn)", "a VITS2 model"),
    (r"enc_p\.encoder\.(spk_emb_linear|cond)|sdp\.", "a VITS2 model"),
    (r"(pre_out_conv|output_layer|dur_proj)", "VITS2's discriminator of durations (DUR_*)"),
    (r"tts\.", "an ESPnet model"),
    (r"generator\.(decoder|text_encoder|flow)\.", "an icefall model"),
    (r"(input_conv|upsamples|blocks)\.", "a generator of ParallelWaveGAN"),
    (r"(bert|bert_encoder|style_encoder|prosodic_style_encoder)\.", "a StyleTTS model"),
    (r"discriminators\.", "the discriminators alone (D_*); name the G_* of the same number"),
    (r"(disc|discriminator)\.", "discriminators alone"),
    (r"(encoder|decoder|prenet|postnet|text_encoder)\.", "another text-to-speech model"),
]


def read_voice_file(path: Path) -> Any:
    """What a torch file of anyone's holds, on the CPU; none of its code runs (read_torch_file)."""
    with torch.serialization.safe_globals(STORED):
        return read_torch_file(path)


def kind_of(path: Path, contents: Any) -> Kind:
    """Whose voice the contents of a torch file are. Anything else is a UserError."""
    if not isinstance(contents, dict):
        raise UserError(f"{path}: holds a {type(contents).__name__}; {NO_VOICE}")
    if is_ours(contents):
        return "ours" if "text" in contents["config"] else "HiFi-GAN"
    if is_do(contents):
        raise UserError(
            f"{path}: holds discriminators and optimizers of HiFi-GAN (a do_*), but no generator; "
            f"name the g_* of the same number"
        )
    if isinstance(contents.get("net"), dict):
        raise UserError(f"{path}: a StyleTTS2 model; {NO_VOICE}")
    if isinstance(contents.get("state_dict"), dict):
        return _lightning(path, contents["state_dict"])
    model = contents.get("model")
    if isinstance(model, dict) and isinstance(model.get("generator"), dict):
        raise UserError(f"{path}: a ParallelWaveGAN checkpoint; {NO_VOICE}")
    generator = contents.get("generator")
    if is_weights(generator) or isinstance(generator, dict) and "model" in generator:
        return "HiFi-GAN"
    weights = bare(weights_of(path, contents))
    begins = {name.split(".")[0] for name in weights}
    if {"text_encoder", "waveform_decoder"} <= begins:
        return "Coqui"
    if any(name.startswith("text_encoder.embed_tokens.") for name in weights):
        return "Hugging Face"
    _refuse_others(path, weights)
    if {"enc_p", "dec"} <= begins:
        return "original VITS"
    if "model_g" in begins or "conv_pre" in begins:
        return "HiFi-GAN"
    names = ", ".join(map(legible, list(weights)[:3]))
    raise UserError(f"{path}: weights of an unknown network ({names}); {NO_VOICE}")


def weights_of(path: Path, contents: dict[str, Any]) -> Weights:
    """The state_dict in a file that may hold more: below "model", as GPT-SoVITS has it, or bare."""
    for key in ("model", "weight"):
        if is_weights(contents.get(key)):
            return contents[key]
        if isinstance(contents.get(key), dict):
            raise UserError(f"{path}: {key} holds more than weights, or none; {NO_VOICE}")
    if is_weights(contents):
        return contents
    names = ", ".join(map(legible, list(contents)[:5])) or "nothing"
    raise UserError(f"{path}: unknown kind of checkpoint, with {names}; {NO_VOICE}")


def bare(weights: Weights) -> Weights:
    """Without the prefix that DistributedDataParallel puts before every name."""
    prefix = "module."
    wrapped = all(name.startswith(prefix) for name in weights)
    return {name.removeprefix(prefix) if wrapped else name: w for name, w in weights.items()}


def _lightning(path: Path, state: dict[str, Any]) -> Kind:
    if any(str(name).startswith("model_g.") for name in state):
        return "Piper"
    begins = {str(name).split(".")[0] for name in state}
    everyvoice = {"generator", "mpd", "encoder", "variance_adaptor"} & begins
    kind = (
        "a Lightning checkpoint, such as EveryVoice's," if everyvoice else "a Lightning checkpoint"
    )
    raise UserError(f"{path}: {kind} of another model than Piper's; {NO_VOICE}")


def _refuse_others(path: Path, weights: Weights) -> None:
    for pattern, what in OTHERS:
        if any(re.match(pattern, name) for name in weights):
            raise UserError(f"{path}: {what}; {NO_VOICE}")
    last = weights.get("dec.conv_post.weight")
    if last is not None and last.dim() == 3 and last.shape[0] != 1:
        raise UserError(f"{path}: an iSTFT-VITS model, whose decoder makes spectra; {NO_VOICE}")
