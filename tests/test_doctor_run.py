"""A run's curves, log and alignments tell what is wrong with it, and a sound run nothing."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from hifigan.errors import UserError
from tests.small_run import trained  # noqa: F401 (a fixture)
from vits.doctor import run_checks
from vits.doctor.alignment_checks import Fit, Judgement, alignment_findings, judged
from vits.doctor.curves_checks import RULES, curve_findings
from vits.doctor.findings import NOTE
from vits.doctor.run_checks import examine_run

STEPS = list(range(100, 6100, 100))
N = len(STEPS)


def falling(start, end):
    return (end + (start - end) * np.exp(-np.linspace(0, 5, N))).tolist()


def sound_run():
    """The curves of a run as it should be."""
    return {
        "train/mel": (STEPS, falling(1.1, 0.45)),
        "valid/mel": (STEPS, falling(1.1, 0.55)),
        "train/kl": (STEPS, falling(5.0, 1.4)),
        "train/discriminator": (STEPS, falling(3.0, 2.6)),
        "train/learning_rate": (STEPS, falling(2e-4, 1e-4)),
        "train/generator_gradient_norm": (STEPS, falling(150, 60)),
        "train/discriminator_gradient_norm": (STEPS, falling(2, 5)),
        "train/steps_per_second": (STEPS, [5.0] * N),
        "train/padding_share": (STEPS, [0.1] * N),
        "time/data": (STEPS, [0.01] * N),
        "time/generator": (STEPS, [0.2] * N),
    }


def later(values, change, n=20):
    return [*values[: N - n], *(change(i) for i in range(n))]


PLANTED = {
    "nan_loss": ("train/kl", lambda v: later(v, lambda i: float("nan"), 2)),
    "learning_rate_zero": ("train/learning_rate", lambda v: later(v, lambda i: 0.0, 1)),
    "overfitting": ("valid/mel", lambda v: later(v, lambda i: 0.6 + 0.02 * i)),
    "mel_stands_still": ("train/mel", lambda v: [1.0 - 0.001 * i for i in range(N)]),
    "high_kl": ("train/kl", lambda v: later(v, lambda i: 9.0)),
    "discriminator_won": ("train/discriminator", lambda v: later(v, lambda i: 0.1)),
    "gradients_explode": ("train/generator_gradient_norm", lambda v: later(v, lambda i: 1e6, 3)),
    "waiting_for_data": ("time/data", lambda v: [0.2] * N),
    "much_padding": ("train/padding_share", lambda v: [0.5] * N),
    "slower": ("train/steps_per_second", lambda v: later(v, lambda i: 1.0)),
}


def test_a_sound_run_has_no_findings_and_a_short_one_neither():
    assert curve_findings(sound_run()) == []
    short = {name: (steps[:3], values[:3]) for name, (steps, values) in sound_run().items()}
    assert curve_findings(short) == [] == curve_findings({})


def test_a_fine_tuning_begins_with_a_low_mel_error_that_hardly_falls():
    curves = sound_run() | {"train/mel": (STEPS, falling(0.52, 0.48))}
    assert curve_findings(curves) == []


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_symptom_is_found_alone(kind):
    curves = sound_run()
    name, change = PLANTED[kind]
    curves[name] = (STEPS, change(curves[name][1]))
    (found,) = curve_findings(curves)
    assert found.kind == kind and found.fix and found.why.endswith(".")
    assert len(PLANTED) == len(RULES)


def fits(contrasts):
    return [Fit(i, -1.0, float(c), 0.5, 0.2, "a") for i, c in enumerate(contrasts)]


def test_texts_that_fit_far_worse_than_usual_are_listed_worst_first():
    usual = np.random.default_rng(0).uniform(0.85, 1.15, 300)
    contrasts = usual.copy()
    contrasts[[7, 120]] = -0.1, -0.4
    assert [fit.index for fit, _ in judged(fits(contrasts)).wrong] == [120, 7]
    assert judged(fits(usual)) == Judgement([], True)


def test_a_model_that_tells_no_text_from_another_accuses_none():
    untaught = np.random.default_rng(0).normal(0.1, 0.1, 300)
    untaught[7] = -3.0
    for contrasts in (untaught, [1.0, -9.0], [np.nan] * 20):
        assert judged(fits(contrasts)) == Judgement([], False)
    (found,), _ = alignment_findings(fits(untaught), [])
    assert (found.kind, found.severity) == ("alignment_not_learnt", NOTE)


def test_a_run_is_examined_with_its_curves_and_every_training_utterance(
    trained,  # noqa: F811
    monkeypatch,
):
    monkeypatch.chdir(trained)  # where its data folder is
    run = next(p.parent for p in sorted(trained.glob("runs/*/checkpoints")))
    found = examine_run(run)
    facts = dict(found.facts)
    assert found.kind == "run" and "of the training list" in facts["aligned"]
    assert {h.name for h in found.histograms} == {"fit of text and recording", "longest sound"}
    n = int(facts["aligned"].split()[0])
    assert sum(found.histograms[1].counts) == n > 1
    assert any(curve.name == "train/mel" for curve in found.curves)


def test_a_clean_list_has_the_lines_as_they_were_without_the_wrong_ones(
    trained,
    tmp_path,
    monkeypatch,  # noqa: F811
):
    run = next(p.parent for p in sorted(trained.glob("runs/*/checkpoints")))
    folder = json.loads((run / "config.json").read_text("utf-8"))["data"]["folder"]
    (listed,) = sorted((trained / folder).glob("train.*")) or sorted(
        (trained / folder).glob("m*.csv")
    )
    out = tmp_path / "clean.csv"
    monkeypatch.chdir(trained)
    monkeypatch.setattr(run_checks, "judged", lambda found: Judgement([(found[0], 9.0)], True))
    examine_run(run, out)
    kept = out.read_text("utf-8").splitlines()
    lines = listed.read_text("utf-8").splitlines()
    assert len(kept) == len(lines) - 1 and [line for line in lines if line in kept] == kept
    (tmp_path / "bare").mkdir()
    with pytest.raises(UserError, match="has no checkpoint yet, so no text can be judged"):
        examine_run(tmp_path / "bare", tmp_path / "other.csv")
    with pytest.raises(UserError, match="is there already; name another file"):
        examine_run(run, out)


def test_errors_in_the_log_are_explained(trained, tmp_path):  # noqa: F811
    run = next(p.parent for p in sorted(trained.glob("runs/*/checkpoints")))
    copy = tmp_path / "copy"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("checkpoints"))
    assert examine_run(copy).findings == []
    with (copy / "log.txt").open("a") as log:
        log.write("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB\n")
    assert [f.kind for f in examine_run(copy).findings] == ["cuda_out_of_memory"]


def test_a_sound_held_for_seconds_is_told():
    long = Fit(0, -1.0, 1.0, 0.5, 1.7, "a")
    utterance = SimpleNamespace(id="u", path="u.wav", text="a b")
    found = {f.kind: f for f in alignment_findings([long], [utterance])[0]}
    assert "'a' lasts 1.70 s" in found["long_symbol"].cases[0].detail
