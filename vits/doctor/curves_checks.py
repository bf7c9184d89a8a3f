"""What the curves of a run say, in numbers: each rule looks for one symptom and names the flag."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vits.doctor.findings import ERROR, NOTE, WARNING, Finding

Curves = Mapping[str, tuple[Sequence[int], Sequence[float]]]
Told = tuple[str, str, str, str, str]  # kind, severity, title, why, fix

FEW = 8  # points, for a trend
SLOW_STEPS = 3000  # by then mel has fallen in a sound run
HIGH_MEL = 0.7  # of a log; a trained voice, so the start of a fine-tuning too, has 0.4 to 0.6
HIGH_KL = 4.0  # nats a frame; a trained voice has 1 to 2
STRONG_DISCRIMINATOR = 0.6  # the sum of the least-squares losses of all of them
EXPLODING = 1000.0  # gradient norm over its early median


def curve_findings(curves: Curves) -> list[Finding]:
    """curves: steps and values by name, as scalars.jsonl has them; NaN for what is no number."""
    found = []
    for rule in RULES:
        told = rule(curves)
        if told:
            found.append(Finding(*told))
    return found


def _values(curves: Curves, name: str) -> np.ndarray:
    return np.asarray(curves.get(name, ((), ()))[1], np.float64)


def _finite(curves: Curves, name: str) -> np.ndarray:
    values = _values(curves, name)
    return values[np.isfinite(values)]


def no_number(curves: Curves) -> Told | None:
    bad = {
        name: steps[int(np.flatnonzero(~np.isfinite(values))[0])]
        for name, (steps, values) in curves.items()
        if name.startswith("train/") and len(values) and not np.isfinite(values).all()
    }
    if not bad:
        return None
    name, step = min(bad.items(), key=lambda item: item[1])
    return (
        "nan_loss",
        ERROR,
        f"{name} is no number at step {step:,}",
        "Nothing is learnt in such a step; many of them mean damaged data or too high a rate.",
        "python -m vits.doctor DATA; half of train.lr; --detect_anomaly names the operation",
    )


def overfitting(curves: Curves) -> Told | None:
    """The validation's mel error rises for good while the training's falls."""
    steps, values = curves.get("valid/mel", ((), ()))
    values = np.asarray(values, np.float64)
    train = _finite(curves, "train/mel")
    if len(values) < FEW or not np.isfinite(values).all() or len(train) < FEW:
        return None
    best = int(values.argmin())
    later = values[best + 1 :]
    if len(later) < FEW // 2 or np.median(later) < 1.05 * values[best]:
        return None
    if np.median(train[-FEW // 2 :]) >= np.median(train[: FEW // 2]):
        return None
    return (
        "overfitting",
        WARNING,
        f"validation has been best at step {steps[best]:,} and is worse since",
        "The model learns the training recordings by heart.",
        "take the best checkpoint (checkpoints/best_step_*.pt); more data, or fine-tune for fewer "
        "steps",
    )


def mel_stands_still(curves: Curves) -> Told | None:
    steps, values = curves.get("train/mel", ((), ()))
    values = np.asarray(values, np.float64)
    if len(values) < 2 * FEW or steps[-1] < SLOW_STEPS:
        return None
    early, late = np.nanmedian(values[:FEW]), np.nanmedian(values[-FEW:])
    if late < max(0.85 * early, HIGH_MEL):
        return None
    return (
        "mel_stands_still",
        WARNING,
        f"the mel error is {late:.2f} after {steps[-1]:,} steps, {early:.2f} at the beginning",
        "A sound run halves it within some thousand steps.",
        "train.py --overfit_one_batch tells whether model and data can be learnt at all; then look "
        "at train.lr, and at the data: python -m vits.doctor DATA",
    )


def discriminator_won(curves: Curves) -> Told | None:
    values = _finite(curves, "train/discriminator")
    if len(values) < FEW:
        return None
    late = float(np.median(values[-FEW:]))
    if late >= STRONG_DISCRIMINATOR:
        return None
    return (
        "discriminator_won",
        WARNING,
        f"the discriminators' loss is {late:.2f}: they tell every sound of the model",
        "The generator learns nothing from judges that are always right.",
        "--set train.discriminator_lr to a half of train.lr; more varied data",
    )


def high_kl(curves: Curves) -> Told | None:
    steps, values = curves.get("train/kl", ((), ()))
    values = np.asarray(values, np.float64)
    if len(values) < 2 * FEW or steps[-1] < SLOW_STEPS:
        return None
    late = float(np.nanmedian(values[-FEW:]))
    if late < HIGH_KL:
        return None
    return (
        "high_kl",
        WARNING,
        f"the KL loss is {late:.1f} nats a frame; a trained voice has 1 to 2",
        "Texts and recordings have not found each other, so the voice says wrong words.",
        "look at the alignments in listen.html; are the texts right? (python -m vits.doctor RUN "
        "lists the likely wrong ones)",
    )


def learning_rate_zero(curves: Curves) -> Told | None:
    values = _finite(curves, "train/learning_rate")
    if not len(values) or values[-1] > 0:
        return None
    return (
        "learning_rate_zero",
        ERROR,
        "the learning rate is 0",
        "Nothing is learnt any more.",
        "a schedule ended (train.lr_schedule_options), or train.lr is 0",
    )


def gradients_explode(curves: Curves) -> Told | None:
    for network in ("generator", "discriminator"):
        values = _finite(curves, f"train/{network}_gradient_norm")
        if len(values) >= 2 * FEW and values[-FEW:].max() > EXPLODING * np.median(values[:FEW]):
            return (
                "gradients_explode",
                WARNING,
                f"the {network}'s gradient norm has risen to {values[-FEW:].max():.3g}",
                "Steps become too large, and a loss that is no number is near.",
                '--set train.grad_clip=1000, half of train.lr, or train.mixed_precision="bf16"',
            )
    return None


def waiting_for_data(curves: Curves) -> Told | None:
    parts = ("data", "alignment", "generator", "discriminator", "optimizer")
    seconds = {
        part: float(np.median(v)) for part in parts if len(v := _finite(curves, f"time/{part}"))
    }
    total = sum(seconds.values())
    if not total or seconds.get("data", 0.0) < 0.15 * total:
        return None
    return (
        "waiting_for_data",
        WARNING,
        f"{seconds['data'] / total:.0%} of a step is waiting for recordings",
        "The GPU stands idle meanwhile.",
        "--set data.packed_cache=true, a higher train.num_workers, recordings on a local disk",
    )


def much_padding(curves: Curves) -> Told | None:
    values = _finite(curves, "train/padding_share")
    if not len(values) or np.median(values) < 0.3:
        return None
    return (
        "much_padding",
        NOTE,
        f"{np.median(values):.0%} of the batches is padding",
        "Time is spent on silence that fills short recordings up.",
        "larger batches sort better; --set data.max_seconds leaves out the longest",
    )


def slower_and_slower(curves: Curves) -> Told | None:
    values = _finite(curves, "train/steps_per_second")
    if len(values) < 4 * FEW:
        return None
    early, late = np.median(values[FEW : 2 * FEW]), np.median(values[-FEW:])
    if late > 0.6 * early:
        return None
    return (
        "slower",
        NOTE,
        f"steps take {early / late:.1f} times as long as at the beginning",
        "Another program shares the machine, or it throttles for heat.",
        "nvidia-smi, top",
    )


RULES: tuple[Callable[[Curves], Told | None], ...] = (
    no_number,
    learning_rate_zero,
    overfitting,
    mel_stands_still,
    high_kl,
    discriminator_won,
    gradients_explode,
    waiting_for_data,
    much_padding,
    slower_and_slower,
)
