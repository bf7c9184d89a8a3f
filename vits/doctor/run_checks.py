"""What a run says of itself: its losses over the steps, its log, and how texts fit recordings."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hifigan.atomic_file import appearing_whole
from hifigan.checkpoint import open_checkpoint
from hifigan.corpus.finder import Folders, list_recordings
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, read_json
from hifigan.listening.run_folder import read_curves
from hifigan.vocoder_config import VocoderConfig
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.corpus.filelist import find_lists, load_list, parse_list
from vits.data import Utterance
from vits.doctor.alignment_checks import Fit, alignment_findings, fits_of, judged
from vits.doctor.curves_checks import curve_findings
from vits.doctor.findings import NOTE, Curve, Examination, Finding, Histogram
from vits.doctor.mel_checks import mel_findings, rate_findings
from vits.doctor.messages import examine_message, is_telling
from vits.model import make_model

logger = logging.getLogger(__name__)

SHOWN = (  # curves that a person looks at first
    "train/mel",
    "valid/mel",
    "train/kl",
    "valid/kl",
    "train/duration",
    "train/discriminator",
    "train/adversarial",
    "train/total",
    "valid/total",
)


@dataclass(frozen=True)
class Aligned:
    """The utterances of a run's training list, and how their texts fit."""

    config: VitsConfig
    utterances: Sequence[Utterance]
    fits: Sequence[Fit]


def examine_run(run: Path, clean_list: Path | None = None) -> Examination:
    """Of a run folder: curves, log, alignment of all utterances, and the recordings' rate; of a
    vocoder's run, whether its mels belong to its recordings.

    clean_list: where to write the training list without those whose text is likely wrong; an
    existing file is refused, and so is a run that cannot be aligned.
    """
    if clean_list is not None and clean_list.exists():
        raise UserError(f"{clean_list}: is there already; name another file for the clean list")
    curves = {
        name: ([step for step, _ in points], [value for _, value in points])
        for name, points in read_curves(run / "scalars.jsonl", []).items()
    }
    findings = curve_findings(curves) + _log_findings(run)
    histograms: list[Histogram] = []
    facts = [("steps", f"{max((max(s) for s, _ in curves.values() if s), default=0):,}")]
    vocoder = _vocoder_config(run)
    if vocoder is not None:
        if clean_list is not None:
            raise UserError(f"{run}: is a vocoder's, which reads no texts; name a run of train.py")
        findings += mel_findings(vocoder)
        with suppress(UserError):  # the recordings may be elsewhere by now
            recordings = list(list_recordings(Path(vocoder.data.wavs)).values())
            findings += rate_findings(recordings, vocoder.audio.sample_rate)
    elif any(run.glob("checkpoints/*.pt")):
        try:
            aligned = align_run(run)
        except UserError as error:
            if clean_list is not None:
                raise
            title = "the recordings could not be aligned"
            findings.append(Finding("not_aligned", NOTE, title, str(error), "see the message"))
        else:
            in_texts, histograms = alignment_findings(aligned.fits, aligned.utterances)
            paths = [Path(utterance.path) for utterance in aligned.utterances]
            findings += in_texts + rate_findings(paths, aligned.config.audio.sample_rate)
            if clean_list is not None:
                write_clean_list(aligned, clean_list)
            facts.append(("aligned", f"{len(aligned.fits):,} utterances of the training list"))
    elif clean_list is not None:
        raise UserError(f"{run}: has no checkpoint yet, so no text can be judged; train on")
    drawn = [Curve(name, *curves[name]) for name in SHOWN if name in curves]
    return Examination(str(run), "run", facts, findings, histograms, drawn)


def _vocoder_config(run: Path) -> VocoderConfig | None:
    """The config of a vocoder's run; None of another run."""
    path = run / "config.json"
    values = read_json(path) if path.is_file() else {}
    if "generator" not in values or "text" in values:
        return None
    return config_from_dict(VocoderConfig, values, str(path))


def align_run(run: Path) -> Aligned:
    """The fit of every training utterance, by the newest checkpoint."""
    path, contents = open_checkpoint(run)
    config = config_from_dict(VitsConfig, contents["config"], str(path))
    model = make_model(config)
    model.load_state_dict(contents.get("ema") or contents["generator"])
    logging.getLogger("vits.corpus").setLevel(logging.ERROR)  # its table was told in training
    data = check_data(config, run.parent / "data_check")
    fits = list(fits_of(model.eval(), config, data.train))
    return Aligned(config, data.train, fits)


def write_clean_list(aligned: Aligned, out: Path) -> int:
    """Write the training list, as it is written, without the utterances whose text is likely wrong.

    Returns how many were left out.
    """
    config = aligned.config.data
    train, _ = find_lists(config)
    lines = parse_list(load_list(train), config, Folders())
    wrong = {aligned.utterances[fit.index].id for fit, _ in judged(aligned.fits).wrong}
    kept = [lines.written(i) for i in range(len(lines)) if lines.row(i).id not in wrong]
    with appearing_whole(out) as temporary:
        temporary.write_text("".join(f"{row}\n" for row in kept), encoding="utf-8")
    logger.warning("%s: %d of %d lines left out", out, len(lines) - len(kept), len(lines))
    return len(lines) - len(kept)


def _log_findings(run: Path) -> list[Finding]:
    """What the log tells of errors, each once."""
    path = run / "log.txt"
    if not path.exists():
        return []
    told = [line for line in path.read_text("utf-8", "replace").splitlines() if is_telling(line)]
    found = examine_message("\n".join(told)).findings if told else []
    return [finding for finding in found if finding.kind != "unknown_message"]
