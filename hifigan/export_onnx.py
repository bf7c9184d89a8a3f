"""Export a trained vocoder to ONNX, the fastest on CPUs and for programs without PyTorch.

    python -m hifigan.export_onnx CHECKPOINT --out_path voice.onnx

The file takes mels [batch, n_mels, frames] and makes waveforms [batch, 1, samples]. It is compared
with PyTorch before it is kept, and holds its config and mel recipe as metadata.
"""

import argparse
import logging
from pathlib import Path

from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.generator import Generator
from hifigan.vocoding.onnx_export import export_onnx
from hifigan.vocoding.vocoder import load


def main() -> None:
    parser = Parser(
        prog="python -m hifigan.export_onnx",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help="checkpoint file, or folder whose newest one is taken: ours or another program's",
    )
    parser.add_argument(
        "--out_path",
        type=Path,
        required=True,
        metavar="FILE",
        help="ONNX file to write, such as voice.onnx; one that is there already is not replaced",
    )
    parser.add_argument(
        "-c",
        "--config",
        "--config_path",
        type=Path,
        metavar="FILE",
        help="config of the vocoder, for a checkpoint that has none (default: the checkpoint's)",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with user_errors_exit():
        out_path = arguments.out_path
        if out_path.suffix != ".onnx":
            raise UserError(f"--out_path {out_path}: expected a name that ends in .onnx; add it")
        if out_path.exists():
            raise UserError(f"{out_path}: is there already; move it away or choose another name")
        vocoder = load(arguments.checkpoint, config=arguments.config)
        if not isinstance(vocoder.generator, Generator):
            raise UserError(f"{arguments.checkpoint}: is an ONNX file; name a checkpoint")
        export_onnx(vocoder.generator, vocoder.config, out_path, vocoder.foreign_mel)
        print(out_path)


if __name__ == "__main__":
    main()
