"""What to expect of so much speech: fine-tune or train from scratch, and for how long.

Not in the papers: rules of thumb of those who make voices, to begin with.
"""

LITTLE_HOURS = 3.0  # below, a voice from scratch mostly reads badly
MUCH_HOURS = 10.0  # above, from scratch is as good; LJ Speech has 24
STEPS_PER_MINUTE = 1000  # fine-tuned for longer, voices have been found to pronounce worse
FEWEST_STEPS, MOST_STEPS = 2000, 100_000
FINE_TUNE = "finetune.py --restore_from CHECKPOINT"


def advice(seconds: float, fine_tuning: bool, n_first: int = 0) -> str:
    """One line. seconds: of speech to train on, without what is mixed in; fine_tuning: whether the
    run starts from trained weights; n_first: its first steps, in which they do not learn.
    """
    hours = seconds / 3600
    if fine_tuning:
        n_steps = n_first + fine_tuning_steps(seconds)
        scratch = "; so much is enough to train from scratch, too" if hours > MUCH_HOURS else ""
        return (
            f"advice: {amount(seconds)} of speech to fine-tune on: about {n_steps} steps will do "
            f"(--max_steps {n_steps}); listen to the samples, and stop when they no longer gain"
            f"{scratch}"
        )
    if hours < LITTLE_HOURS:
        return (
            f"advice: {amount(seconds)} of speech are little for a voice from scratch: fine-tune a "
            f"trained voice: {FINE_TUNE}"
        )
    if hours <= MUCH_HOURS:
        return (
            f"advice: {amount(seconds)} of speech: fine-tuning a trained voice is quicker and "
            f"safer ({FINE_TUNE}), from scratch is possible"
        )
    return f"advice: {amount(seconds)} of speech are enough to train from scratch"


def fine_tuning_steps(seconds: float) -> int:
    """A run length by the speech there is: STEPS_PER_MINUTE, within bounds, in whole thousands."""
    n_steps = 1000 * round(STEPS_PER_MINUTE * seconds / 60 / 1000)
    return min(max(n_steps, FEWEST_STEPS), MOST_STEPS)


def amount(seconds: float) -> str:
    """Minutes of up to two hours, else hours."""
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
