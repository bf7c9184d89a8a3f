"""A VITS of Coqui TTS: one file with both networks, config.json and speakers.pth beside it."""

import logging
from pathlib import Path
from typing import Any

from hifigan.errors import UserError
from hifigan.exchange.names import Rules, rename
from hifigan.json_config import read_json
from vits.config import VitsConfig
from vits.exchange.coqui_config import coqui_config
from vits.exchange.formats import bare, read_voice_file, weights_of
from vits.exchange.found import FoundVoice, fitted_generator
from vits.exchange.names import vits_name
from vits.exchange.original import open_judge, require_axes
from vits.exchange.original_config import speaker_names
from vits.exchange.original_shapes import weight_shapes

logger = logging.getLogger(__name__)

ORIGINAL: Rules = (
    (r"^text_encoder\.", "enc_p."),
    (r"^posterior_encoder\.", "enc_q."),
    (r"^waveform_decoder\.cond_layer\.", "dec.cond."),
    (r"^waveform_decoder\.", "dec."),
    (r"^flow\.flows\.(\d+)\.", lambda m: f"flow.flows.{2 * int(m[1])}."),
    (r"^duration_predictor\.", "dp."),
    (r"^(dp\.(?:post_)?flows\.0\.)translation$", r"\1m"),
    (r"^(dp\.(?:post_)?flows\.0\.)log_scale$", r"\1logs"),
    (r"^(dp\.(?:post_)?flows\.)([1-9]\d*)\.", lambda m: f"{m[1]}{2 * int(m[2]) - 1}."),
    (r"^disc\.nets\.", "discriminators."),
)
PASSED_OVER = ("speaker_encoder", "audio_transform.")  # a network that judged speakers in training
LANGUAGES = ("emb_l.", "duration_predictor.cond_lang.")
TABLES = ("speakers.pth", "speakers.json", "speaker_ids.json")  # of name and row


def original_name(name: str) -> str:
    """The original's name of a weight of Coqui's."""
    return rename(name, ORIGINAL)


def open_coqui(path: Path, contents: dict[str, Any], given: VitsConfig | None) -> FoundVoice:
    """The voice in a file with these contents. given: see coqui_config."""
    weights = {
        name: weight
        for name, weight in bare(weights_of(path, contents)).items()
        if not any(part in name for part in PASSED_OVER)
    }
    if any(name.startswith(LANGUAGES) for name in weights):
        raise UserError(
            f"{path}: has embeddings of languages, which VITS here has not; choose a voice of one "
            f"language"
        )
    judge = {name: w for name, w in weights.items() if name.startswith("disc.")}
    weights = {name: w for name, w in weights.items() if name not in judge}
    for name, weight in weights.items():  # of the plain predictor, [1, C, 1] there
        # Their epsilon is 1e-4 there and 1e-5 here: a difference in the scale of small states.
        if name.startswith("duration_predictor.norm_") and weight.dim() == 3:
            weights[name] = weight.flatten()
    original = {original_name(name): weight for name, weight in weights.items()}
    require_axes(path, original)
    shapes = weight_shapes({name: tuple(w.shape) for name, w in original.items()})
    source, values = _settings(path, contents)
    speakers = _speakers(path, values, shapes.get("emb_g.weight", (0,))[0])
    config = coqui_config(path, source, values, shapes, speakers, given)
    n_resblocks = len(config.model.decoder.resblock_dilations)
    names = {name: vits_name(original_name(name), n_resblocks) for name in weights}
    generator = fitted_generator(path, weights, names, config, absent=())
    discriminator = None
    if judge:
        renamed = {original_name(name): weight for name, weight in judge.items()}
        config, discriminator = open_judge(path, renamed, config)
    step = contents.get("step", 0)
    return FoundVoice(
        "Coqui",
        config,
        generator,
        discriminator,
        absent=(),
        step=step if type(step) is int and step >= 0 else 0,
    )


def _settings(path: Path, contents: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The config in the file, else the one beside it; and where it stood, for messages."""
    inside = contents.get("config")
    if type(inside) is dict and isinstance(inside.get("model_args"), dict):
        return f"{path}: its config", inside
    beside = path.parent / "config.json"
    if not beside.is_file():
        raise UserError(
            f"{path}: has no config inside and no config.json beside it; put the one that it was "
            f"trained with there"
        )
    values = read_json(beside)
    if not isinstance(values, dict):
        raise UserError(f"{beside}: no config of Coqui's; use the config.json of that voice")
    return str(beside), values


def _speakers(path: Path, values: dict[str, Any], n_speakers: int) -> list[str] | None:
    if not n_speakers:
        return None
    if values.get("speakers"):
        return speaker_names(values["speakers"], n_speakers, f"{path}: its config: speakers")
    for beside in (path.parent / name for name in TABLES):
        if not beside.is_file():
            continue
        found = read_json(beside) if beside.suffix == ".json" else read_voice_file(beside)
        if isinstance(found, dict) and any(isinstance(row, dict) for row in found.values()):
            raise UserError(
                f"{beside}: holds d-vectors, not the rows of the voice's own speakers; put the "
                f"speakers.pth of that voice there, or take the file away"
            )
        return speaker_names(found, n_speakers, beside)
    logger.warning("%s: no speakers.pth beside it, so its speakers are called by numbers", path)
    return [str(i) for i in range(n_speakers)]
