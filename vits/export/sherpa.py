"""A voice as sherpa-onnx reads it: a folder of model.onnx, with metadata, and tokens.txt.

Voices on characters read texts. Voices on phonemes are called Piper's, as their inputs are. Up to
version 1 sherpa-onnx made the phonemes itself, given the folder espeak-ng-data as `data_dir`; from
version 2 on it is given phonemes (GenerationConfig.phoneme_codepoints).
"""

import json
import logging
from pathlib import Path

from hifigan.atomic_file import appearing_whole, sync
from hifigan.vocoding.onnx_backend import require_onnx
from vits.export.client_symbols import BLANK, END, START, ClientSymbols, client_symbols
from vits.export.new_files import folder_to_fill, require_new
from vits.export.onnx_check import require_same
from vits.export.onnx_graph import n_speakers, voice_graph
from vits.export.piper import own_metadata, warn_of_lost
from vits.speaking.voice import Voice

logger = logging.getLogger(__name__)


def write_sherpa(voice: Voice, folder: Path) -> None:
    """Write model.onnx and tokens.txt into `folder`, which is made. The voice is on the CPU.

    Both appear only after onnxruntime has agreed with PyTorch; else a UserError says by how much it
    failed. Files that are there already are refused, too.
    """
    path, tokens_path = folder / "model.onnx", folder / "tokens.txt"
    require_onnx(path, "onnx", "onnxruntime")
    require_new(path, tokens_path)
    client = client_symbols(voice.config.text, every_id=True)
    warn_of_lost(path, client)
    proto = voice_graph(voice.model, sherpa_metadata(voice, client), client.spelling)
    lines = [f"{code_point} {ids[0]}\n" for code_point, ids in client.ids.items()]
    warn_of_phonemes(voice)
    with (
        folder_to_fill(folder),
        appearing_whole(path) as graph_file,
        appearing_whole(tokens_path) as tokens_file,
    ):
        graph_file.write_bytes(proto.SerializeToString())
        require_same(graph_file, path, voice, client)
        tokens_file.write_text("".join(lines), encoding="utf-8")
        sync(graph_file)
        sync(tokens_file)


def warn_of_phonemes(voice: Voice) -> None:
    if voice.config.text.front_end == "phonemes":
        logger.warning(
            "sherpa-onnx from version 2 on makes no phonemes of texts: give it espeak's "
            "(GenerationConfig.phoneme_codepoints); version 1 makes them with data_dir"
        )


def sherpa_metadata(voice: Voice, client: ClientSymbols) -> dict[str, str]:
    """What sherpa-onnx needs to know of the model."""
    text = voice.config.text
    metadata: dict[str, str | int] = {
        **own_metadata(voice),
        "model_type": "vits",
        "comment": "piper",  # names the inputs
        "language": text.language,
        "n_speakers": n_speakers(voice.model),
        "speakers": json.dumps(voice.config.data.speakers or (), ensure_ascii=False),
    }
    if text.front_end == "phonemes":
        # No add_blank here: "piper" implies blanks, and they would come twice.
        metadata |= {"voice": text.language, "has_espeak": 1}
    else:
        metadata |= {
            "frontend": "characters",
            "add_blank": int(text.add_blank),
            "blank_id": client.ids[BLANK][0],
            "use_eos_bos": int(text.start is not None or text.end is not None),
            "bos_id": client.ids[START][0],
            "eos_id": client.ids[END][0],
            "pad_id": 0,
        }
    return {key: str(value) for key, value in metadata.items()}
