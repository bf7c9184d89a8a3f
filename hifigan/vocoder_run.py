"""A vocoder's run from its start: checks first, then the run folder, then the loop.

Nothing is written into a run folder before config, checkpoint and data have been found good; what
is known of recordings is kept beside it, for all runs.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from hifigan.clips import CheckedClips, check_clips
from hifigan.diagnosis.start_log import log_start
from hifigan.diagnosis.watching import Watching, watched
from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from hifigan.loader import batch_loader
from hifigan.loop import Limits, train
from hifigan.mel_recipe import input_recipe
from hifigan.optimization import check_optimization
from hifigan.packed_cache import open_packed_cache
from hifigan.segments import Clip, ClipReader, SegmentBatches, SegmentDataset, collate
from hifigan.start import (
    Opener,
    Start,
    compare_with_saved,
    find_start,
    load,
    log_file,
    set_float32_precision,
    write_config,
)
from hifigan.vocoder_config import VocoderConfig
from hifigan.vocoder_training import VocoderTraining

logger = logging.getLogger(__name__)

N_SHOWN = 4  # recordings that every validation renders
# The weights were made for these, and others would give them other shapes or another meaning.
FIXED = ("audio.", "mel.magnitude_floor", "generator.")


def run_training(
    config: VocoderConfig,
    run: Path,
    ranks: Ranks,
    limits: Limits,
    beginning: Start,
    opener: Opener,
    after_look: Callable[[Path], None] | None = None,
    watching: Watching = Watching(),
) -> None:
    """Train in the folder `run`: a new run from `beginning`, else from its own newest checkpoint.

    opener: opens what `beginning` names; after_look: what to call with the run folder after each
    validation.
    """
    torch.manual_seed(config.train.seed + ranks.rank)
    set_float32_precision(config.train)
    at_hand: list[dict[str, Any]] = []  # a checkpoint is large, so rank 0 reads it once
    start, data, has_discriminators = ranks.first(
        lambda: prepare(config, run, beginning, opener, at_hand)
    )
    experiment = VocoderTraining(config, ranks, data.valid, (data.valid or data.train)[:N_SHOWN])
    if start.path:
        ranks.each(lambda: load(experiment, start, at_hand, ranks, run, opener))
    loader = ranks.each(lambda: make_loader(data.train, config, ranks, run.parent))
    if not has_discriminators:
        experiment.state.warmup_until = config.train.discriminator_warmup_steps

    if ranks.is_first:
        write_config(run, config)
        data.write_report(run)
    with log_file(run / "log.txt") if ranks.is_first else nullcontext():
        recipe = f"mel recipe {input_recipe(config).fingerprint}"
        log_start(experiment, loader, ranks, run, start.path, start.resumes, recipe)
        if ranks.is_first and experiment.state.step < experiment.state.warmup_until:
            logger.info(
                "fresh discriminators: until step %d they learn alone, and the generator rests",
                experiment.state.warmup_until,
            )
        with watched(experiment, watching, ranks, run) as seen:
            train(seen, loader, config.train, ranks, run, limits, after_look)


def prepare(
    config: VocoderConfig,
    run: Path,
    beginning: Start,
    opener: Opener,
    at_hand: list[dict[str, Any]],
    report_follows: bool = True,
) -> tuple[Start, CheckedClips, bool]:
    """Checkpoint, config and data, looked through before anything is written or built.

    The checkpoint's contents are left in `at_hand`. report_follows: a run writes the data's report.
    The last result says whether discriminators come with the weights, or are as fresh as the
    generator is.
    """
    check_optimization(config.train)
    start, contents = find_start(run, beginning, config.train, opener)
    has_discriminators = True
    if contents:
        at_hand.append(contents)
        has_discriminators = "discriminator" in contents
        if "text" in contents["config"]:
            raise UserError(f"{start.path}: is of a VITS voice, no vocoder; choose another -m")
        saved: VocoderConfig = config_from_dict(VocoderConfig, contents["config"], str(start.path))
        fixed = (*FIXED, "discriminator.") if has_discriminators else FIXED
        compare_with_saved(config, saved, start, contents, fixed)
    data = check_clips(config, cache=run.parent / "data_check", report_follows=report_follows)
    return start, data, has_discriminators


def make_loader(
    clips: Sequence[Clip], config: VocoderConfig, ranks: Ranks, beside: Path
) -> DataLoader:
    """This rank's share of the training batches.

    beside: the folder of the runs, where the packed cache is kept, if the config wants one.
    """
    train = config.train
    n_frames = np.full(len(clips), config.segment_frames)
    batches = SegmentBatches.of_config(n_frames, train, ranks)
    cache = None
    if config.data.packed_cache:
        n_samples = np.array([clip.n_samples for clip in clips], np.int64)
        rate, folder = config.audio.sample_rate, beside / "packed_cache"
        cache = open_packed_cache(folder, Path(config.data.wavs), n_samples, rate)
    dataset = SegmentDataset(ClipReader(clips, config, cache))
    n_values = train.segment_samples + 2 * config.audio.overlap
    n_values += config.audio.n_mels * config.segment_frames
    heaviest = 4 * n_values * max(map(len, batches.heaviest()))
    return batch_loader(dataset, batches, collate, heaviest, train, ranks)
