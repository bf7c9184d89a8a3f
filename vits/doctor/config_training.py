"""What is odd in a config's train and loss sections, and what this machine lacks for them."""

import math
from collections.abc import Iterator
from pathlib import Path

import torch

from hifigan.diagnosis.environment import SMALLEST_BATCH
from hifigan.distributed import usable_cores
from hifigan.errors import UserError
from hifigan.optimization import check_optimization
from hifigan.precision import has_bfloat16
from vits.config import VitsConfig
from vits.corpus.filelist import VALID_NAMES
from vits.doctor.findings import ERROR, NOTE, WARNING, Finding

USUAL_RATES = (1e-5, 1e-3)  # of Adam and its kin; VITS has 2e-4
LARGE_BATCH = 128  # utterances a step
SMALL_CLIP = 50.0  # norms of a GAN's gradients are tens to thousands
DEAD_SHARE = 0.01  # of the learning rate
N_CONSIDERED = 100_000  # steps, a short full training


def training_findings(config: VitsConfig, n_utterances: int | None) -> Iterator[Finding]:
    """What is odd in train.* and loss.*. n_utterances: of the training list, if known."""
    yield from _learning_findings(config)
    yield from _run_findings(config, n_utterances)
    yield from _machine_findings(config)


def steps_of(config: VitsConfig, n_utterances: int) -> int:
    """Steps of the whole run in one process, about."""
    a_step = config.train.batch_size * config.train.accumulate
    return config.train.epochs * max(1, math.ceil(n_utterances / a_step))


def _learning_findings(config: VitsConfig) -> Iterator[Finding]:
    train = config.train
    try:
        check_optimization(train)
    except UserError as error:
        what, _, fix = str(error).partition("; ")
        why = "Training would stop at its start with the same line."
        yield Finding(
            "optimization_refused", ERROR, what, why, fix or "correct what the line names"
        )
    low, high = USUAL_RATES
    for key in ("lr", "discriminator_lr"):
        rate = getattr(train, key)
        if rate is not None and not low <= rate <= high and "adam" in train.optimizer.lower():
            yield Finding(
                "unusual_lr",
                WARNING,
                f"train.{key} is {rate:g}; {low:g} to {high:g} are usual for {train.optimizer}",
                "A high one makes losses NaN or the voice noisy, with a low one little is learnt.",
                f"--set train.{key}=0.0002",
            )
    gamma = train.lr_schedule_options.get("gamma")
    if train.lr_schedule_per == "step" and train.lr_schedule == "ExponentialLR" and gamma:
        share = float(gamma) ** N_CONSIDERED
        if share < DEAD_SHARE:
            yield Finding(
                "dying_lr",
                WARNING,
                f"train.lr_schedule_options.gamma {gamma:g} a step leaves {share:.1g} of the "
                f"learning rate after {N_CONSIDERED:,} steps",
                "The voice stops learning early.",
                "--set train.lr_schedule_per=epoch, or a gamma nearer to 1, such as 0.999999",
            )
    if train.grad_clip is not None and train.grad_clip < SMALL_CLIP:
        yield Finding(
            "small_grad_clip",
            NOTE,
            f"train.grad_clip is {train.grad_clip:g}",
            "In this model gradient norms are tens to thousands, so nearly every step is cut; "
            "1 to 5 are values for other models.",
            "--set train.grad_clip=1000, or null",
        )
    unused = {"subband"}  # which only some decoders have use for
    if config.discriminator.durations is None:
        unused.add("duration_adversarial")
    for name, weight in vars(config.loss).items():
        if weight == 0 and name not in unused:
            yield Finding(
                "loss_without_weight",
                WARNING,
                f"loss.{name} is 0",
                "That part of the model is not trained by what it is meant to learn from.",
                f"use the weight of configs/base.json, unless you mean to leave {name} out",
            )
    n_utterances = train.batch_size * train.accumulate
    if n_utterances < SMALLEST_BATCH:
        yield Finding(
            "small_batch",
            NOTE,
            f"a step has {n_utterances} utterances (train.batch_size times train.accumulate)",
            "Gradients are noisy, and losses jump.",
            f"--set train.accumulate={math.ceil(SMALLEST_BATCH / train.batch_size)} needs no "
            "more memory",
        )
    elif n_utterances > LARGE_BATCH:
        yield Finding(
            "large_batch",
            NOTE,
            f"a step has {n_utterances} utterances (train.batch_size times train.accumulate)",
            "The original has 64; more cost time and memory and gain little.",
            "--set train.batch_size=32",
        )


def _run_findings(config: VitsConfig, n_utterances: int | None) -> Iterator[Finding]:
    data, train = config.data, config.train
    if data.valid_list is None and data.n_valid == 0 and not _has_valid_list(data.folder):
        yield Finding(
            "no_validation",
            WARNING,
            "nothing is held out for validation",
            "No loss tells when the voice stops getting better, and no best checkpoint is kept.",
            "--set data.n_valid=20",
        )
    if n_utterances is None:
        return
    a_step = train.batch_size * train.accumulate
    if 0 < n_utterances < a_step:
        yield Finding(
            "batch_larger_than_data",
            WARNING,
            f"a step asks for {a_step} utterances, but the training list has {n_utterances}",
            "Every step sees all of the data, and an epoch is one step.",
            f"--set train.batch_size={max(1, n_utterances // 4)} --set train.accumulate=1",
        )
    n_steps = steps_of(config, n_utterances)
    for key in ("save_every", "validate_every"):
        every = getattr(train, key)
        if every > n_steps:
            yield Finding(
                "beyond_the_run",
                WARNING,
                f"train.{key} is {every:,}, but the run has about {n_steps:,} steps",
                "It would happen at the end alone, if at all.",
                f"--set train.{key}={max(1, n_steps // 10)}, or raise train.epochs",
            )
    from_step = train.duration_discriminator_from_step
    if from_step >= n_steps:
        yield Finding(
            "duration_discriminator_unheard",
            WARNING,
            f"train.duration_discriminator_from_step is {from_step:,}, but the run has about "
            f"{n_steps:,} steps",
            "The duration predictor never learns from it.",
            f"--set train.duration_discriminator_from_step={n_steps // 2}",
        )
    if train.alignment_noise is not None and train.alignment_noise.n_steps > n_steps:
        yield Finding(
            "alignment_noise_never_ends",
            NOTE,
            f"train.alignment_noise lasts {train.alignment_noise.n_steps:,.0f} steps, but the run "
            f"has about {n_steps:,}",
            "The alignment stays disturbed to the end.",
            f"--set train.alignment_noise.decrease={2 * train.alignment_noise.scale / n_steps:.1g}",
        )
    if train.warmup_steps >= n_steps:
        yield Finding(
            "warmup_never_ends",
            WARNING,
            f"train.warmup_steps is {train.warmup_steps:,}, but the run has some {n_steps:,} steps",
            "The learning rate never comes to its full value.",
            f"--set train.warmup_steps={n_steps // 20}",
        )


def _machine_findings(config: VitsConfig) -> Iterator[Finding]:
    precision, has_gpu = config.train.mixed_precision, torch.cuda.is_available()
    device = torch.device("cuda" if has_gpu else "cpu")
    fits = precision != "bf16" or has_bfloat16(device)
    if not has_gpu and (precision == "fp16" or not fits):
        yield Finding(
            "mixed_precision_on_cpu",
            NOTE,
            "train.mixed_precision is on, and there is no GPU here",
            "On most CPUs it is slower, not quicker.",
            "--set train.mixed_precision=false",
        )
    elif not fits:
        yield Finding(
            "bf16_not_supported",
            WARNING,
            'train.mixed_precision is "bf16", which this GPU does not have',
            "It is emulated, which is slower than float32.",
            "--set train.mixed_precision=fp16",
        )
    workers = config.train.num_workers
    if workers is not None and workers > usable_cores():
        yield Finding(
            "many_workers",
            NOTE,
            f"train.num_workers is {workers}, but {usable_cores()} cores are usable",
            "The processes wait for each other and take memory.",
            "--set train.num_workers=null chooses by the cores",
        )


def _has_valid_list(folder: str) -> bool:
    return any((Path(folder) / name).is_file() for name in VALID_NAMES)
