"""The config.json and tokenizer files of a Hugging Face VitsModel folder, both ways.

That model has one width for text encoder, WaveNets and stochastic duration predictor, knows two
front ends (letters, and English espeak) and fills blanks with the symbol of id 0; what it cannot
hold is refused.
"""

import logging
import math
from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, config_to_dict
from vits.config import VitsConfig, is_name
from vits.exchange.defaults import SPEAKER_CHANNELS, completed
from vits.exchange.original_config import speaker_names
from vits.exchange.vits2 import parts_of_vits2

logger = logging.getLogger(__name__)

USUAL = {  # what transformers takes where a config is silent
    "vocab_size": 38,
    "hidden_size": 192,
    "num_hidden_layers": 6,
    "num_attention_heads": 2,
    "window_size": 4,
    "ffn_dim": 768,
    "ffn_kernel_size": 3,
    "flow_size": 192,
    "spectrogram_bins": 513,
    "hidden_dropout": 0.1,
    "use_stochastic_duration_prediction": True,
    "num_speakers": 1,
    "speaker_embedding_size": 0,
    "upsample_initial_channel": 512,
    "upsample_rates": [8, 8, 2, 2],
    "upsample_kernel_sizes": [16, 16, 4, 4],
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "duration_predictor_kernel_size": 3,
    "duration_predictor_dropout": 0.5,
    "duration_predictor_num_flows": 4,
    "duration_predictor_filter_channels": 256,
    "prior_encoder_num_flows": 4,
    "prior_encoder_num_wavenet_layers": 4,
    "posterior_encoder_num_wavenet_layers": 16,
    "wavenet_kernel_size": 5,
    "sampling_rate": 16000,
}
FIXED = {  # what the code here has no choice of
    "use_bias": True,
    "hidden_act": "relu",
    "layer_norm_eps": 1e-5,
    "leaky_relu_slope": 0.1,
    "depth_separable_channels": 2,
    "depth_separable_num_layers": 3,
    "duration_predictor_flow_bins": 10,
    "duration_predictor_tail_bound": 5.0,
    "wavenet_dilation_rate": 1,
}
MAY_BE_0 = ("window_size", "speaker_embedding_size")
HIGHEST = 200_000  # of any number: a damaged one must not fill the memory
N_MELS = 80  # of the training loss alone; the format has none
SPEAKERS = "speaker_names"  # of this project: a VitsModel has numbers alone, and keeps the key
ENGLISH = "en-us"  # the one language that its tokenizer phonemizes


def our_config(
    path: Path, values: dict[str, Any], vocabulary: dict[str, Any], tokenizer: dict[str, Any]
) -> VitsConfig:
    """Ours of config.json, vocab.json and tokenizer_config.json. `path` is the first one's."""
    for key, only in FIXED.items():
        if values.get(key, only) != only:
            raise UserError(
                f"{path}: {key} is {values[key]!r}, but here it is always {only!r}; choose another "
                f"voice"
            )
    given = USUAL | {key: value for key, value in values.items() if key in USUAL}
    for key, usual in USUAL.items():
        number, least = given[key], 0 if key in MAY_BE_0 else 1
        if type(usual) is int and (type(number) is not int or not least <= number <= HIGHEST):
            raise UserError(
                f"{path}: {key} is {number!r}, expected a whole number from {least} to {HIGHEST}; "
                f"damaged? download it again"
            )
    rates = given["upsample_rates"]
    if not isinstance(rates, list) or not all(type(rate) is int for rate in rates):
        raise UserError(
            f"{path}: upsample_rates is {rates!r}, expected a list of whole numbers; damaged? "
            f"download it again"
        )
    n_fft = 2 * (given["spectrogram_bins"] - 1)
    audio = {
        "sample_rate": given["sampling_rate"],
        "n_fft": n_fft,
        "hop_length": math.prod(rates),
        "win_length": n_fft,
        "n_mels": min(N_MELS, given["spectrogram_bins"]),
        "f_min": 0.0,
        "f_max": None,
    }
    n_speakers = given["num_speakers"]
    names = speaker_names(values.get(SPEAKERS), n_speakers, path) if SPEAKERS in values else None
    sections = completed(
        audio=audio,
        text=_text(path, vocabulary, tokenizer, given["vocab_size"]),
        model=_model(given),
        speakers=(names or [str(i) for i in range(n_speakers)]) if n_speakers > 1 else None,
    )
    return config_from_dict(VitsConfig, sections, str(path))


def _model(given: dict[str, Any]) -> dict[str, Any]:
    hidden, kernel_size = given["hidden_size"], given["wavenet_kernel_size"]
    stochastic = given["use_stochastic_duration_prediction"]
    return {
        "latent_channels": given["flow_size"],
        "speaker_channels": given["speaker_embedding_size"] or SPEAKER_CHANNELS,
        "text_encoder": {
            "hidden_channels": hidden,
            "filter_channels": given["ffn_dim"],
            "n_heads": given["num_attention_heads"],
            "n_layers": given["num_hidden_layers"],
            "kernel_size": given["ffn_kernel_size"],
            "dropout": given["hidden_dropout"],
            "attention_window": given["window_size"],
        },
        "posterior_encoder": {
            "hidden_channels": hidden,
            "n_layers": given["posterior_encoder_num_wavenet_layers"],
            "kernel_size": kernel_size,
        },
        "flow": {
            "n_flows": given["prior_encoder_num_flows"],
            "wavenet": {
                "hidden_channels": hidden,
                "n_layers": given["prior_encoder_num_wavenet_layers"],
                "kernel_size": kernel_size,
            },
        },
        "duration_predictor": {
            "kind": "stochastic" if stochastic else "deterministic",
            "hidden_channels": (
                hidden if stochastic else given["duration_predictor_filter_channels"]
            ),
            "kernel_size": given["duration_predictor_kernel_size"],
            "dropout": given["duration_predictor_dropout"],
            "n_flows": given["duration_predictor_num_flows"],
        },
        "decoder": {
            "upsample_rates": given["upsample_rates"],
            "upsample_kernel_sizes": given["upsample_kernel_sizes"],
            "upsample_initial_channels": given["upsample_initial_channel"],
            "resblock": "1",
            "resblock_kernel_sizes": given["resblock_kernel_sizes"],
            "resblock_dilations": given["resblock_dilation_sizes"],
        },
    }


def _text(
    path: Path, vocabulary: dict[str, Any], tokenizer: dict[str, Any], n_symbols: int
) -> dict[str, Any]:
    vocab = path.with_name("vocab.json")
    symbols = [f"<unused {i}>" for i in range(n_symbols)]
    for token, row in vocabulary.items():
        if type(row) is not int or row < 0 or (row >= n_symbols and len(token) == 1):
            raise UserError(
                f"{vocab}: gives {token!r} the id {row!r}, but the voice has {n_symbols} symbols; "
                f"use the tokenizer files that came with it"
            )
        if row < n_symbols:  # a name such as <unk> may have an id without a row
            symbols[row] = token if len(token) == 1 or is_name(token) else f"<{token}>"
    phonemize = tokenizer.get("phonemize", True)
    if tokenizer.get("is_uroman", False):
        logger.warning(
            "%s: the voice reads romanised text: pass every text through uroman first", path.parent
        )
    capitals = [symbol for symbol in symbols if len(symbol) == 1 and symbol != symbol.lower()]
    if capitals and not phonemize:
        logger.warning(
            "%s: texts are lower-cased here, so that its capitals (%s) are never spoken",
            path.parent,
            "".join(capitals[:10]),
        )
    # The blank is the symbol of id 0. Where that is a letter, it may stand in texts, too.
    letter = len(symbols[0]) == 1 and symbols[0] != "_"
    return {
        "front_end": "phonemes" if phonemize else "characters",
        "language": ENGLISH,
        "symbols": symbols,
        "add_blank": tokenizer.get("add_blank", True),
        "blank": symbols[0] if letter else None,
        "start": None,
        "end": None,
        "decomposed": False,
    }


def require_hugging_face(config: VitsConfig) -> None:
    """A UserError that names what a VitsModel and its tokenizer cannot hold of a voice."""
    model, text = config.model, config.text
    hidden, predictor = model.text_encoder.hidden_channels, model.duration_predictor
    posterior, wavenet = model.posterior_encoder, model.flow.wavenet
    widths = {posterior.hidden_channels, wavenet.hidden_channels}
    if predictor.kind == "stochastic":
        widths.add(predictor.hidden_channels)
    pairs = zip(model.decoder.upsample_rates, model.decoder.upsample_kernel_sizes)
    faults = dict.fromkeys(parts_of_vits2(config), True) | {
        "its decoder ends in an inverse STFT": model.decoder.inverse_stft is not None,
        'its decoder has resblock "2", not "1"': model.decoder.resblock != "1",
        f"its parts have other widths than the text encoder's {hidden}": widths != {hidden},
        "its WaveNets have two kernel sizes": posterior.kernel_size != wavenet.kernel_size,
        "its attention_window is 0": model.text_encoder.attention_window == 0,
        "its duration predictor has an even kernel size": predictor.kernel_size % 2 == 0,
        "its decoder has an upsample kernel size less rate that is odd": any(
            (size - rate) % 2 for rate, size in pairs
        ),
        "it has a speaker embedding for one speaker": config.n_speakers == 1,
        "its win_length is not its n_fft": config.audio.win_length != config.audio.n_fft,
        "its texts have symbols for their start and end": (text.start, text.end) != (None, None),
        "its blank is not the symbol of id 0": text.blank not in (None, text.symbols[0]),
        f"its phonemes are of {text.language}, not of {ENGLISH}": (
            text.front_end == "phonemes" and text.language != ENGLISH
        ),
        "its symbols are decomposed letters": text.decomposed,
    }
    found = [fault for fault, there in faults.items() if there]
    if found:
        raise UserError(
            f"this voice does not fit into Hugging Face's VitsModel: {'; '.join(found)}; choose "
            f"another format"
        )


def hugging_face_config(config: VitsConfig) -> dict[str, Any]:
    """The values of config.json."""
    require_hugging_face(config)
    model, speakers = config.model, config.n_speakers
    text, predictor = model.text_encoder, model.duration_predictor
    decoder = config_to_dict(config)["model"]["decoder"]
    stochastic = predictor.kind == "stochastic"
    made = {
        "vocab_size": config.n_symbols,
        "hidden_size": text.hidden_channels,
        "num_hidden_layers": text.n_layers,
        "num_attention_heads": text.n_heads,
        "window_size": text.attention_window,
        "ffn_dim": text.filter_channels,
        "ffn_kernel_size": text.kernel_size,
        "flow_size": model.latent_channels,
        "spectrogram_bins": config.audio.n_bins,
        "hidden_dropout": text.dropout,
        "attention_dropout": text.dropout,
        "activation_dropout": text.dropout,
        "use_stochastic_duration_prediction": stochastic,
        "num_speakers": max(1, speakers),
        "speaker_embedding_size": model.speaker_channels if speakers else 0,
        "upsample_initial_channel": decoder["upsample_initial_channels"],
        "upsample_rates": decoder["upsample_rates"],
        "upsample_kernel_sizes": decoder["upsample_kernel_sizes"],
        "resblock_kernel_sizes": decoder["resblock_kernel_sizes"],
        "resblock_dilation_sizes": decoder["resblock_dilations"],
        "duration_predictor_kernel_size": predictor.kernel_size,
        "duration_predictor_dropout": predictor.dropout,
        "duration_predictor_num_flows": predictor.n_flows,
        "duration_predictor_filter_channels": (
            USUAL["duration_predictor_filter_channels"] if stochastic else predictor.hidden_channels
        ),
        "prior_encoder_num_flows": model.flow.n_flows,
        "prior_encoder_num_wavenet_layers": model.flow.wavenet.n_layers,
        "posterior_encoder_num_wavenet_layers": model.posterior_encoder.n_layers,
        "wavenet_kernel_size": model.flow.wavenet.kernel_size,
        "sampling_rate": config.audio.sample_rate,
    }
    if speakers and config.data.speakers != tuple(map(str, range(speakers))):
        made[SPEAKERS] = list(config.data.speakers)
    return {"architectures": ["VitsModel"], "model_type": "vits"} | FIXED | made


def hugging_face_tokenizer(config: VitsConfig) -> dict[str, dict[str, Any]]:
    """The values of vocab.json and tokenizer_config.json, by file name, for a VitsTokenizer."""
    require_hugging_face(config)
    symbols, phonemize = config.text.symbols, config.text.front_end == "phonemes"
    tokenizer = {
        "tokenizer_class": "VitsTokenizer",
        "add_blank": config.text.add_blank,
        "is_uroman": False,
        "language": config.text.language,
        "normalize": not phonemize,  # lower case, and only letters that it knows
        "phonemize": phonemize,
        "pad_token": symbols[0],
        "unk_token": symbols[0],  # any other would have an id without a row
    }
    return {
        "vocab.json": {symbol: i for i, symbol in enumerate(symbols)},
        "tokenizer_config.json": tokenizer,
    }
