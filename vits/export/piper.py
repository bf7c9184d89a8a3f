"""A voice as Piper's programs read it: NAME.onnx and, beside it, NAME.onnx.json."""

import json
import logging
from pathlib import Path
from typing import Any

from hifigan.atomic_file import appearing_whole, sync
from hifigan.errors import UserError
from hifigan.json_config import config_to_dict
from hifigan.vocoding.onnx_backend import require_onnx
from vits.export.client_symbols import BLANK, ClientSymbols, client_symbols
from vits.export.new_files import require_new
from vits.export.onnx_check import require_same
from vits.export.onnx_graph import n_speakers, voice_graph
from vits.speaking.voice import Voice

logger = logging.getLogger(__name__)

INFERENCE = {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8}  # as VitsModel.synthesize


def write_piper(voice: Voice, path: Path) -> None:
    """Write `path`, which ends in .onnx, and its .json. The voice is on the CPU.

    Both appear only after onnxruntime has agreed with PyTorch; else a UserError says by how much it
    failed. Files that are there already are refused, too.
    """
    require_onnx(path, "onnx", "onnxruntime")
    if path.suffix != ".onnx":
        raise UserError(f"{path}: expected a name that ends in .onnx, as Piper's files do; add it")
    config_path = path.with_name(f"{path.name}.json")
    require_new(path, config_path)
    client = client_symbols(voice.config.text, every_id=False)
    warn_of_lost(path, client)
    proto = voice_graph(voice.model, own_metadata(voice), client.spelling)
    with appearing_whole(path) as graph_file, appearing_whole(config_path) as config_file:
        graph_file.write_bytes(proto.SerializeToString())
        require_same(graph_file, path, voice, client)
        values = piper_config(voice, client, path.stem)
        config_file.write_text(json.dumps(values, ensure_ascii=False, indent=2), encoding="utf-8")
        sync(graph_file)
        sync(config_file)


def piper_config(voice: Voice, client: ClientSymbols, name: str) -> dict[str, Any]:
    """What stands in the .json. `name` is the voice's."""
    config = voice.config
    family, _, region = config.text.language.partition("-")
    code = f"{family}_{region.upper()}" if region else family
    speakers = config.data.speakers or ()
    if config.audio.sample_rate <= 16000:
        quality = "low"
    else:
        quality = "high" if config.model.decoder.resblock == "1" else "medium"
    return {
        "audio": {"sample_rate": config.audio.sample_rate, "quality": quality},
        "espeak": {"voice": config.text.language},
        "language": {"code": code, "family": family, "region": region.upper()},
        "inference": INFERENCE,
        "phoneme_type": "espeak" if config.text.front_end == "phonemes" else "text",
        "phoneme_map": {},
        "phoneme_id_map": client.ids,
        "num_symbols": len(config.text.symbols),
        "num_speakers": n_speakers(voice.model),
        "speaker_id_map": {speaker: i for i, speaker in enumerate(speakers)},
        "default_speaker_id": 0,
        "hop_length": config.audio.hop_length,
        "piper_version": "1.0.0",  # of the format
        "dataset": name,
    }


def own_metadata(voice: Voice) -> dict[str, str]:
    """What this project needs to read the voice out of the graph again (graph_weights)."""
    return {
        "config": json.dumps(config_to_dict(voice.config), ensure_ascii=False),
        "step": str(voice.step),
        "sample_rate": str(voice.config.audio.sample_rate),
    }


def warn_of_lost(path: Path, client: ClientSymbols) -> None:
    lost = [symbol for symbol in client.lost if symbol != BLANK]  # which no text has, see normalise
    if lost:
        logger.warning(
            "%s: leaves out %s, for programs that read it mark a text's start and end so",
            path,
            " and ".join(lost),
        )
