"""The check of a vocoder's data before step 0: what can be trained on, and why the rest cannot.

Every recording is decoded once (in threads; what is learnt is kept for the next start), every mel
from disk is held against its recording. One run names every fault.
"""

import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hifigan.audio import resampled_length
from hifigan.corpus.finder import list_recordings, without_suffix
from hifigan.corpus.recordings import Recording, scan_recordings
from hifigan.errors import UserError
from hifigan.mel_recipe import input_recipe, require_same_recipe
from hifigan.mels_on_disk import check_mels, list_mels, read_recipe
from hifigan.segments import Clip
from hifigan.vocoder_config import VocoderConfig

logger = logging.getLogger(__name__)

REPORT = "data_report.txt"
N_TOLD = 3  # examples of a reason in the log where the report has all
MOST_HELD_OUT = 4  # one in so many recordings, where no list says which


@dataclass(frozen=True)
class Refusal:
    id: str
    reason: str  # the same words for all that are refused for it
    detail: str


@dataclass(frozen=True)
class CheckedClips:
    train: list[Clip]
    valid: list[Clip]
    refusals: list[Refusal]
    summary: str  # one line

    def write_report(self, run: Path) -> None:
        lines = [self.summary, *(f"{r.id}: {r.reason}: {r.detail}" for r in self.refusals)]
        (run / REPORT).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def check_clips(
    config: VocoderConfig, cache: Path | None = None, report_follows: bool = False
) -> CheckedClips:
    """Read and judge every recording, and its mel if data.mels is a folder.

    cache: a folder that keeps what was found of each recording; None: nothing is kept.
    report_follows: a run will write the report, so that the log may be short. A UserError says that
    there is nothing to train on; single faults are refusals.
    """
    data, refusals = config.data, []
    folder = Path(data.wavs)
    recordings = list_recordings(folder)
    mels = None
    if data.mels is not None:
        mels = list_mels(Path(data.mels))
        wanted = input_recipe(config)
        require_same_recipe(read_recipe(Path(data.mels)), wanted, data.mels, "the config")
    train_ids, valid_ids = split_ids(list(recordings), config, refusals)

    ids = [*train_ids, *valid_ids]
    scan = scan_recordings([str(recordings[i]) for i in ids], data.max_seconds, cache)
    clips = {}
    for n, i in enumerate(ids):
        fault = recording_fault(scan[n], config)
        if fault is None and mels is not None and i not in mels:
            fault = "no mel", f"expected {Path(data.mels) / i}.npy"
        if fault:
            refusals.append(Refusal(i, *fault))
        else:
            clips[i] = make_clip(i, recordings[i], scan[n], config, mels)
    if mels is not None:
        pairs = [(c.id, Path(c.mel_path), Path(c.path), c.n_samples) for c in clips.values()]
        for fault in check_mels(pairs, input_recipe(config)):
            refusals.append(Refusal(fault.id, "mel does not fit", f"{fault.path}: {fault.told}"))
            clips.pop(fault.id, None)
    train = [clips[i] for i in train_ids if i in clips]
    valid = [clips[i] for i in valid_ids if i in clips]
    checked = CheckedClips(train, valid, refusals, summarise(train, valid, refusals, config))
    tell(checked, scan_rates(scan, len(ids)), config, report_follows and bool(train))
    if mels is not None and (unused := mels.keys() - set(ids)):
        logger.warning(
            "%d mels in %s are of no recording that is used, such as %s",
            len(unused),
            data.mels,
            min(unused),
        )
    if not train:
        raise UserError(f"{folder}: nothing to train on: {reasons(refusals)}")
    return checked


def split_ids(
    ids: list[str], config: VocoderConfig, refusals: list[Refusal]
) -> tuple[list[str], list[str]]:
    """The ids to train on and those to validate on, by the lists or held out.

    What a list names and the folder lacks is added to the refusals.
    """
    data = config.data
    valid = None if data.valid_list is None else named_ids(Path(data.valid_list), ids, refusals)
    train = ids if data.train_list is None else named_ids(Path(data.train_list), ids, refusals)
    if valid is None:  # evenly spread, so that all of the folder is heard
        n_valid = min(data.n_valid, len(train) // MOST_HELD_OUT)
        if n_valid < data.n_valid:
            logger.warning(
                "data.n_valid is %d, but of %d recordings only %d are held out to validate on",
                data.n_valid,
                len(train),
                n_valid,
            )
        valid = [train[len(train) * (2 * i + 1) // (2 * n_valid)] for i in range(n_valid)]
    held_out = set(valid)
    if data.train_list is not None and data.valid_list is not None and held_out & set(train):
        logger.warning(
            "%d recordings stand in both lists and are not trained on, as that would flatter the "
            "validation",
            len(held_out & set(train)),
        )
    return [i for i in train if i not in held_out], valid


def named_ids(path: Path, ids: Iterable[str], refusals: list[Refusal]) -> list[str]:
    """The ids that a list names, each once, in its order.

    A line begins with the recording's path, or with its name alone where no other has that name;
    what follows a "|" is for others. So the lists of LJ Speech, HiFi-GAN and VITS will do.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such list; check data.train_list and data.valid_list")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    by_name: dict[str, list[str]] = {}
    for i in ids:
        by_name.setdefault(i, []).append(i)
        if "/" in i:
            by_name.setdefault(i.rpartition("/")[2], []).append(i)
    found = []
    for number, line in enumerate(lines, start=1):
        name = without_suffix(line.partition("|")[0].strip().replace("\\", "/"))
        if not name:
            continue
        matches = by_name.get(name) or by_name.get(name.rpartition("/")[2], [])
        if len(matches) == 1:
            found.append(matches[0])
        else:
            detail = f"{path.name}:{number}: " + (
                f"could be {' or '.join(matches)}" if matches else "no such recording"
            )
            refusals.append(Refusal(name, "not found" if not matches else "ambiguous", detail))
    return list(dict.fromkeys(found))


def recording_fault(recording: Recording, config: VocoderConfig) -> tuple[str, str] | None:
    """Why a recording cannot be trained on: the reason and details."""
    data = config.data
    if recording.fault is not None:
        return recording.fault, recording.detail
    if not data.min_seconds <= recording.seconds <= data.max_seconds:
        limits = f"expected {data.min_seconds:g} to {data.max_seconds:g}"
        shorter = recording.seconds < data.min_seconds
        return "too short" if shorter else "too long", f"{recording.seconds:.2f} s, {limits}"
    # A mel from disk may be a frame shorter, and the ends of what is left are mirrored.
    hop_length = config.audio.hop_length
    n_frames = samples_of(recording, config) // hop_length
    n_needed = config.audio.overlap // hop_length + 2
    if n_frames < n_needed:
        return "too short", f"{n_frames} frames, expected {n_needed} or more"
    if recording.peak == 0:
        return "silent", "all samples are 0"
    return None


def make_clip(
    i: str, path: Path, recording: Recording, config: VocoderConfig, mels: dict[str, Path] | None
) -> Clip:
    mel_path = None if mels is None else str(mels[i])
    return Clip(i, str(path), samples_of(recording, config), mel_path)


def samples_of(recording: Recording, config: VocoderConfig) -> int:
    """Its samples at the model's rate."""
    return resampled_length(recording.n_samples, recording.sample_rate, config.audio.sample_rate)


def scan_rates(scan: Sequence[Recording], n_recordings: int) -> Counter:
    """How many recordings have which rate in Hz; 0 for unreadable ones."""
    return Counter(scan[n].sample_rate for n in range(n_recordings))


def hours(clips: Sequence[Clip], config: VocoderConfig) -> float:
    return math.fsum(clip.n_samples for clip in clips) / config.audio.sample_rate / 3600


def summarise(
    train: Sequence[Clip], valid: Sequence[Clip], refusals: list[Refusal], config: VocoderConfig
) -> str:
    source = "their own" if config.data.mels is None else f"those in {config.data.mels}"
    return (
        f"data: {len(train)} recordings to train on ({hours(train, config):.2f} h), {len(valid)} "
        f"to validate on ({hours(valid, config):.2f} h), {len(refusals)} refused; mels: {source}"
    )


def reasons(refusals: Sequence[Refusal]) -> str:
    """How often which reason, with the first example."""
    counts = Counter(refusal.reason for refusal in refusals)
    first = {r.reason: f"{r.id}: {r.detail}" for r in reversed(refusals)}
    return "; ".join(f"{n} {reason} ({first[reason]})" for reason, n in counts.most_common())


def tell(
    checked: CheckedClips, rates: Counter, config: VocoderConfig, report_follows: bool
) -> None:
    """Log what was found, and what a person should know before the first step."""
    logger.info("%s", checked.summary)
    counts: Counter = Counter()
    for refusal in checked.refusals:
        counts[refusal.reason] += 1
        if counts[refusal.reason] <= N_TOLD or not report_follows:
            logger.warning("refused: %s: %s: %s", refusal.id, refusal.reason, refusal.detail)
    for reason, n in counts.items():
        if n > N_TOLD and report_follows:
            logger.warning(
                "%d more refused: %s; %s in the run's folder lists all", n - N_TOLD, reason, REPORT
            )
    wanted = config.audio.sample_rate
    for rate, n in rates.items():
        if 0 < rate < wanted:
            logger.warning(
                "%d recordings have %d Hz and are resampled to %d: there is nothing above %d Hz to "
                "learn from them",
                n,
                rate,
                wanted,
                rate // 2,
            )
    if not checked.valid:
        logger.warning("no recordings to validate on: no checkpoint will be marked as best")
