"""The config.json of a VITS of Coqui TTS, read into ours: symbols, front end, audio, training.

Where it is silent, Coqui's code has a value of its own, which stands in USUAL and USUAL_AUDIO.
"""

import logging
from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from vits.config import VitsConfig
from vits.exchange.defaults import LOSS, TRAIN, completed
from vits.exchange.original_config import lists, numbers, require_agreement, section
from vits.exchange.original_shapes import Shapes, model_section
from vits.exchange.symbol_sets import COQUI_PHONEMES, COQUI_PUNCTUATION
from vits.text.published import LETTERS, rows

logger = logging.getLogger(__name__)

AUDIO = {  # theirs, ours
    "sample_rate": "sample_rate",
    "fft_size": "n_fft",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "num_mels": "n_mels",
    "mel_fmin": "f_min",
    "mel_fmax": "f_max",
}
USUAL_AUDIO = {
    "sample_rate": 22050,
    "fft_size": 1024,
    "hop_length": 256,
    "win_length": 1024,
    "num_mels": 80,
    "mel_fmin": 0.0,
    "mel_fmax": None,
}
USUAL = {
    "upsample_rates_decoder": [8, 8, 2, 2],
    "resblock_dilation_sizes_decoder": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "dropout_p_text_encoder": 0.1,
    "dropout_p_duration_predictor": 0.5,
}
MODEL = {  # theirs, and the place of ours in a model section
    "hidden_channels": ("text_encoder", "hidden_channels"),
    "hidden_channels_ffn_text_encoder": ("text_encoder", "filter_channels"),
    "num_heads_text_encoder": ("text_encoder", "n_heads"),
    "num_layers_text_encoder": ("text_encoder", "n_layers"),
    "kernel_size_text_encoder": ("text_encoder", "kernel_size"),
    "num_layers_posterior_encoder": ("posterior_encoder", "n_layers"),
    "kernel_size_posterior_encoder": ("posterior_encoder", "kernel_size"),
    "num_layers_flow": ("flow", "wavenet", "n_layers"),
    "kernel_size_flow": ("flow", "wavenet", "kernel_size"),
    "resblock_kernel_sizes_decoder": ("decoder", "resblock_kernel_sizes"),
    "upsample_kernel_sizes_decoder": ("decoder", "upsample_kernel_sizes"),
    "upsample_initial_channel_decoder": ("decoder", "upsample_initial_channels"),
}
UNUSUAL = {  # what VITS here has not: values without it, and what it is
    "use_language_embedding": ((False, None), "has embeddings of languages"),
    "use_d_vector_file": ((False, None), "takes its speakers from d-vectors, not from a table"),
    "encoder_sample_rate": ((None, 0), "has latents at another sample rate than its decoder"),
    "use_spectral_norm_disriminator": ((False, None), "has discriminators with spectral norm"),
    "dilation_rate_posterior_encoder": ((1, None), "has dilated WaveNets"),
    "dilation_rate_flow": ((1, None), "has dilated WaveNets"),
}
TRAINING = {"lr_gen": "lr", "lr_disc": "discriminator_lr", "batch_size": "batch_size"}
LOSSES = {
    "kl_loss_alpha": "kl",
    "gen_loss_alpha": "adversarial",
    "mel_loss_alpha": "mel",
    "dur_loss_alpha": "duration",
}
BLANK = "<BLNK>"
PAD, END, START = "<PAD>", "<EOS>", "<BOS>"
ESPEAK = (None, "espeak", "gruut")


def coqui_config(
    path: Path,
    source: str,
    values: dict[str, Any],
    shapes: Shapes,
    speakers: list[str] | None,
    given: VitsConfig | None,
) -> VitsConfig:
    """The config of the voice in `path`. shapes: of its weights, under the original's names.

    given: how texts become symbols, where the voice's own config does not say it in a way that is
    known here.
    """
    if values.get("model", "vits") != "vits":
        raise UserError(
            f"{source}: model is {values['model']!r}, another model of Coqui's, expected "
            f'"vits"; choose a VITS voice'
        )
    theirs = section(values, "model_args", source)
    for key, (usual, what) in UNUSUAL.items():
        if theirs.get(key) not in usual:
            raise UserError(f"{source}: {key} is set: the voice {what}; choose another one")
    if speakers and theirs.get("condition_dp_on_speaker", True) is not True:
        raise UserError(
            f"{source}: condition_dp_on_speaker is off, but the duration predictor here hears the "
            f"speaker; choose another voice"
        )
    args = USUAL | theirs
    where = f"{source}: model_args"
    made = model_section(
        path,
        shapes,
        numbers(args["upsample_rates_decoder"], f"{where}.upsample_rates_decoder"),
        lists(args, "resblock_dilation_sizes_decoder", where),
        args["dropout_p_text_encoder"],
    )
    made["duration_predictor"]["dropout"] = args["dropout_p_duration_predictor"]
    require_agreement(path, source, "model_args", theirs, MODEL, made)
    audio = USUAL_AUDIO | section(values, "audio", source)
    sections = completed(
        audio={ours: audio[key] for key, ours in AUDIO.items()},
        text=_text(source, values, shapes["enc_p.emb.weight"][0], given),
        model=made,
        speakers=speakers,
    )
    _train_as_there(values, theirs, sections)
    return config_from_dict(VitsConfig, sections, source)


def _text(
    source: str, values: dict[str, Any], n_symbols: int, given: VitsConfig | None
) -> dict[str, Any]:
    vocabulary, special = vocabulary_of(source, values)
    blank = special["blank"] if values.get("add_blank", True) else None
    if blank is None and len(vocabulary) == n_symbols - 1:  # its id is then behind all others
        vocabulary, blank = [*vocabulary, BLANK], BLANK
    if len(vocabulary) != n_symbols:
        raise UserError(
            f"{source}: characters lists {len(vocabulary)} symbols, but the voice has {n_symbols}; "
            f"use the config that it was trained with"
        )
    if blank is None and values.get("add_blank", True):
        raise UserError(
            f"{source}: add_blank is set, but characters.blank names no symbol; use the config "
            f"that it was trained with"
        )
    front_end, language = _front_end(source, values, given)
    symbols = rows(vocabulary)
    row = dict(zip(vocabulary, symbols, strict=True))  # of those there twice, the last
    around = bool(values.get("enable_eos_bos_chars", False))
    for name in ("bos", "eos") if around else ():
        if not special[name]:
            raise UserError(
                f"{source}: enable_eos_bos_chars is set, but characters.{name} names no symbol; "
                f"restore it"
            )
    return {
        "front_end": front_end,
        "language": language,
        "symbols": symbols,
        "add_blank": values.get("add_blank", True),
        "blank": None if blank is None else row[blank],
        "start": row[special["bos"]] if around else None,
        "end": row[special["eos"]] if around else None,
        "decomposed": False,
    }


def vocabulary_of(source: str, values: dict[str, Any]) -> tuple[list[str], dict[str, str | None]]:
    """The symbols by their ids; and which of them are pad, eos, bos and blank, None where none is.

    Coqui has three orders: that of its VITS, [pad, punctuation, characters, blank]; that of its
    other models, [pad, eos, bos, blank, characters, punctuation]; and a list that says it all.
    """
    told = values.get("characters")
    phonemes = bool(values.get("use_phonemes", False))
    if told is None:
        told = {
            "characters": COQUI_PHONEMES if phonemes else LETTERS,
            "punctuations": COQUI_PUNCTUATION,
            "pad": PAD,
            "eos": END,
            "bos": START,
            "blank": BLANK,
            "is_unique": False,
        }
    if not isinstance(told, dict):
        raise UserError(f"{source}: characters is no section; use the whole config of that voice")
    kind = str(told.get("characters_class") or "").rpartition(".")[2]
    if kind not in ("", "VitsCharacters", "IPAPhonemes", "Graphemes", "BaseVocabulary"):
        raise UserError(
            f"{source}: characters.characters_class is {kind!r}, whose order of symbols is not "
            f"known here; write the symbols in their order into characters.vocab_dict"
        )
    usual = {"pad": PAD, "is_unique": True, "is_sorted": True}
    told = usual | told
    special = {key: _symbol(source, told, key) for key in ("pad", "eos", "bos", "blank")}
    if told.get("vocab_dict"):
        return _listed(source, told["vocab_dict"]), special
    punctuation = list(_characters(source, told, "punctuations"))
    own = list(_characters(source, told, "characters"))
    ipa = list(_characters(source, told, "phonemes"))
    if kind == "VitsCharacters":
        vocabulary = [special["pad"] or "", *punctuation, *own, *ipa, BLANK]
        return vocabulary, special | {"blank": BLANK, "eos": None, "bos": None}
    # Of its first versions, a section has letters in the one key and phonemes in the other.
    own = ipa if ipa and (kind == "IPAPhonemes" or not kind and phonemes) else own
    if told["is_unique"] and not told["is_sorted"]:
        raise UserError(
            f"{source}: characters is unique and not sorted, so that Coqui put its symbols into an "
            f"order by chance; write them in their order into characters.vocab_dict"
        )
    own = list(set(own)) if told["is_unique"] else own
    own = sorted(own) if told["is_sorted"] else own
    first = [special[key] for key in ("pad", "eos", "bos", "blank")]
    return [symbol for symbol in first if symbol] + own + punctuation, special


def _symbol(source: str, told: dict[str, Any], key: str) -> str | None:
    found = told.get(key)
    if found is not None and not isinstance(found, str):
        raise UserError(f"{source}: characters.{key} is {found!r}, expected a text; restore it")
    return found or None


def _characters(source: str, told: dict[str, Any], key: str) -> str:
    found = told.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise UserError(f"{source}: characters.{key} is {found!r}, expected a text; restore it")
    return found


def _listed(source: str, found: Any) -> list[str]:
    listed = list(found) if isinstance(found, (list, dict)) else []
    if not listed or not all(isinstance(symbol, str) for symbol in listed):
        raise UserError(
            f"{source}: characters.vocab_dict is no list of symbols; use the whole config of that "
            f"voice"
        )
    return listed


def _front_end(source: str, values: dict[str, Any], given: VitsConfig | None) -> tuple[str, str]:
    """Its name here, and the language."""
    if not values.get("use_phonemes", False):
        return "characters", "en-us"
    phonemizer, language = values.get("phonemizer"), values.get("phoneme_language")
    known = phonemizer in ESPEAK and isinstance(language, str)
    if not known and given is not None:
        return given.text.front_end, given.text.language
    if not known:
        raise UserError(
            f"{source}: its phonemes are made by {phonemizer!r} for {language!r}, not by espeak; "
            f"pass a config (-c) whose text.front_end and text.language make those symbols of a "
            f"text"
        )
    if phonemizer == "gruut":
        logger.warning("%s: its phonemes were gruut's, and espeak's differ in places", source)
    return "phonemes", language


def _train_as_there(values: dict[str, Any], args: dict[str, Any], sections: dict[str, Any]) -> None:
    """Write into the sections how it was trained, as far as the config says it."""
    made = sections["train"]
    made |= {ours: values[key] for key, ours in TRAINING.items() if key in values}
    if values.get("optimizer", "AdamW") == "AdamW" and isinstance(
        values.get("optimizer_params"), dict
    ):
        made["optimizer_options"] = TRAIN["optimizer_options"] | values["optimizer_params"]
    gamma = values.get("lr_scheduler_gen_params")
    if values.get("lr_scheduler_gen") == "ExponentialLR" and isinstance(gamma, dict):
        made["lr_schedule_options"] = {"gamma": gamma.get("gamma", 0.999875)}
        made["lr_schedule_per"] = "epoch" if values.get("scheduler_after_epoch", True) else "step"
    frames, hop_length = args.get("spec_segment_size"), sections["audio"]["hop_length"]
    if type(frames) is int and type(hop_length) is int:
        made["segment_samples"] = frames * hop_length
    loss = {ours: values[key] for key, ours in LOSSES.items() if key in values}
    feature_matching = values.get("feat_loss_alpha")
    if isinstance(feature_matching, (int, float)):  # its code doubles the term itself
        loss["feature_matching"] = LOSS["feature_matching"] * feature_matching
    sections["loss"] |= loss
