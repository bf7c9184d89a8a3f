"""finetune.py as a user runs it: the weights of another run, and nothing else of it."""

import shutil

import pytest
import torch

import finetune
from hifigan.checkpoint import read_checkpoint
from tests.small_run import (  # noqa: F401 (fixtures)
    call,
    contents,
    error_line,
    run_script,
    scalars,
    trained,
    write_config,
    write_data,
)

OTHER_TEXTS = ("час и ден", "ден и тест", "това е час", "един тест", "добро е")


@pytest.fixture(scope="module")
def tuned(trained):
    """Fine-tuned for a step at a rate of almost nothing, so that the weights tell where they
    come from.
    """
    write_data(trained / "other", OTHER_TEXTS, n_valid=1)
    arguments = (
        "--restore_from",
        "runs/voice",
        "--data",
        "other",
        "-m",
        "tuned",
        "--set",
        "train.lr=1e-20",
        "--set",
        "train.optimizer_options.weight_decay=0",
    )
    before = contents(trained / "runs/voice")
    first = run_script(trained, "finetune.py", *arguments, "--max_steps", 1)
    at_first = read_checkpoint(trained / "runs/tuned/checkpoints/step_00000001.pt")
    second = run_script(trained, "finetune.py", *arguments, "--max_steps", 2)
    assert contents(trained / "runs/voice") == before
    return first, second, at_first


def test_only_the_weights_are_taken_and_one_line_says_so(trained, tuned):
    first, _, at_first = tuned
    origin = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    for network in ("generator", "discriminator"):
        for name, weight in origin[network].items():
            torch.testing.assert_close(at_first[network][name], weight, rtol=1e-6, atol=1e-7)
        states = at_first[f"{network}_optimizer"]["state"].values()
        assert states and all(
            state["step"] == 1 for state in states
        )  # moments of its own one step only
    assert (at_first["step"], at_first["epoch"], at_first["batch"]) == (1, 0, 1)
    said = [line for line in first.stderr.splitlines() if "weights of" in line]
    assert said == [
        "new run at step 0 with the weights of runs/voice/checkpoints/step_00000002.pt; "
        "fresh optimizers"
    ]
    steps = [line["step"] for line in scalars(trained / "runs/tuned") if "train/mel" in line]
    assert steps == [1, 2]


def test_without_c_the_config_is_the_checkpoints_with_other_data_and_changes(trained, tuned):
    origin = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")["config"]
    config = tuned[2]["config"]
    assert config["data"].pop("folder") == "other" and config["train"].pop("lr") == 1e-20
    config["train"].pop("optimizer_options")
    for section, values in config.items():
        assert values.items() <= origin[section].items()
    assert "other\n" in tuned[0].stderr  # the report of the new data


def test_the_same_command_again_continues_the_new_run(tuned):
    assert "resuming from runs/tuned/checkpoints/step_00000001.pt: step 1" in tuned[1].stderr
    assert "fresh optimizers" not in tuned[1].stderr


@pytest.fixture
def refused(trained, call):
    """Fine-tune in a way that must be refused: the one line; nothing is made."""

    def run(*arguments):
        before = contents(trained)
        code, err = call(trained, finetune.main, "-m", "refused", *arguments)
        assert code == 2
        made = {
            name for name, content in contents(trained).items() if before.get(name, 0) != content
        }
        assert all(name.startswith("runs/data_check") for name in made)
        return error_line(err)

    return run


def test_weights_that_do_not_fit_are_refused_by_name(trained, refused):
    start = ("--restore_from", "runs/voice/checkpoints/step_00000002.pt")
    write_config(trained / "wide.json", "model.latent_channels=12")
    line = refused(*start, "-c", "wide.json")
    assert "step_00000002.pt: its model.latent_channels is 8, but the config says 12" in line
    assert "set it back, or train from random weights" in line
    write_config(trained / "many.json", "data.speakers=from_data")
    write_data(trained / "many", speakers=("Мария", "Иван"))
    line = refused(*start, "-c", "many.json", "--data", "many")
    assert "data.speakers" in line or "columns" in line


def test_symbols_that_the_checkpoint_lacks_are_refused_clearly(trained, refused):
    write_data(trained / "english", ("a low hum", "two tones", "it rises"), n_valid=0)
    line = refused("--restore_from", "runs/voice", "--data", "english", "--set", "data.n_valid=0")
    assert "english: 3 of 3 training texts have symbols that text.symbols lacks" in line
    assert "LATIN SMALL LETTER" in line and "trained weights keep their symbols" in line


def test_some_texts_with_unknown_symbols_are_counted_and_left_out(trained):
    write_data(trained / "mixed", (*OTHER_TEXTS, "two tones"), n_valid=0)
    told = run_script(
        trained,
        "finetune.py",
        "--restore_from",
        "runs/voice",
        "--data",
        "mixed",
        "-m",
        "mixed",
        "--set",
        "data.n_valid=0",
        "--max_steps",
        1,
    )
    assert "1  unknown symbols" in told.stderr
    assert "5 utterances" in told.stderr
    shutil.rmtree(trained / "runs/mixed")
