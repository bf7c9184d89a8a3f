"""The advice follows from how much speech there is, and from where the run starts."""

import pytest

from vits.corpus.advice import MOST_STEPS, advice, fine_tuning_steps

HOUR = 3600.0


@pytest.mark.parametrize(
    "hours, says",
    [
        (0.0, "little for a voice from scratch: fine-tune"),
        (2.9, "fine-tune a trained voice: finetune.py --restore_from"),
        (
            3.1,
            "quicker and safer (finetune.py --restore_from CHECKPOINT), from scratch is possible",
        ),
        (9.9, "from scratch is possible"),
        (10.1, "enough to train from scratch"),
        (500.0, "enough to train from scratch"),
    ],
)
def test_a_run_with_random_weights_hears_whether_to_fine_tune_instead(hours, says):
    line = advice(hours * HOUR, fine_tuning=False)
    assert says in line and "\n" not in line
    assert ("--restore_from" in line) is (hours < 10)


@pytest.mark.parametrize(
    "minutes, n_steps", [(0.1, 2000), (1, 2000), (9.6, 10_000), (42, 42_000), (600, MOST_STEPS)]
)
def test_a_fine_tuning_run_hears_how_long_to_train(minutes, n_steps):
    assert fine_tuning_steps(60 * minutes) == n_steps
    line = advice(60 * minutes, fine_tuning=True)
    assert f"--max_steps {n_steps})" in line and "\n" not in line
    assert "restore_from" not in line and "from scratch" not in line
    assert "from scratch, too" in advice(11 * HOUR, fine_tuning=True)


def test_amounts_are_in_words_that_fit_them():
    assert "12.5 minutes of speech" in advice(750, fine_tuning=True)
    assert "24.0 hours of speech" in advice(24 * HOUR, fine_tuning=False)


def test_steps_in_which_the_trained_weights_rest_come_on_top():
    resting, without = (
        int(advice(180.0, fine_tuning=True, n_first=n).split("--max_steps ")[1].split(")")[0])
        for n in (2500, 0)
    )
    assert resting == without + 2500 and without >= 2000
