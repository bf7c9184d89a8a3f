"""finetune.py as a user runs it: the weights of another run, and nothing else of it."""

import shutil

import pytest
import torch

import finetune
from hifigan.checkpoint import read_checkpoint
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, read_json
from tests.conftest import REPOSITORY
from tests.small_run import (  # noqa: F401 (fixtures)
    SENTENCE,
    call,
    contents,
    error_line,
    run_script,
    scalars,
    trained,
    write_config,
    write_data,
)
from vits import speak_only
from vits.config import VitsConfig
from vits.fine_tuning import rehearse
from vits.speaking.loading import load_voice
from vits.transfer.taking import Taking

FINETUNE = REPOSITORY / "configs/finetune.json"
CHEAP = tuple(
    argument
    for setting in ("look_at_start=false", "batch_size=2", "log_every=1")
    for argument in ("--set", f"train.{setting}")
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
        *CHEAP,
    )
    before = contents(trained / "runs/voice")
    first = run_script(trained, "finetune.py", *arguments, "--max_steps", 1)
    at_first = read_checkpoint(trained / "runs/tuned/checkpoints/step_00000001.pt")
    second = run_script(trained, "finetune.py", *arguments, "--max_steps", 2)
    assert contents(trained / "runs/voice") == before
    return first, second, at_first, trained / "runs/voice/checkpoints/step_00000002.pt"


def test_only_the_weights_are_taken_and_one_line_says_so(trained, tuned):
    first, _, at_first, _ = tuned
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


def test_without_c_the_config_is_the_checkpoints_but_for_what_finetune_json_changes(tuned):
    origin = read_checkpoint(tuned[3])["config"]
    changes = read_json(FINETUNE)
    asked = {"lr": 1e-20, "look_at_start": False, "batch_size": 2, "log_every": 1}
    expected = {section: values | changes.get(section, {}) for section, values in origin.items()}
    expected["train"] |= asked
    expected["train"]["optimizer_options"] |= {"weight_decay": 0}
    expected["data"]["folder"] = "other"
    assert tuned[2]["config"] == expected
    assert "other\n" in tuned[0].stderr  # the report of the new data


def test_finetune_json_changes_keys_that_there_are_and_learns_more_slowly():
    base = read_json(REPOSITORY / "configs/base.json")
    for section, values in read_json(FINETUNE).items():
        assert values.keys() <= base[section].keys()
    assert read_json(FINETUNE)["train"]["lr"] < base["train"]["lr"]
    assert read_json(FINETUNE)["train"]["epochs"] < base["train"]["epochs"]


def test_the_same_command_again_continues_the_new_run(tuned):
    assert "resuming from runs/tuned/checkpoints/step_00000001.pt: step 1" in tuned[1].stderr
    assert "fresh optimizers" not in tuned[1].stderr


def test_the_load_report_is_told_and_kept(trained, tuned):
    report = (trained / "runs/tuned/load_report.txt").read_text("utf-8")
    assert report.splitlines()[0].endswith(
        "ours, step 2; 100.0% of the parameters that could be loaded are"
    )
    assert report in tuned[0].stderr and "part " in report


@pytest.fixture
def tune(trained, call):
    """finetune.py for some steps in this process: its log, and the newest checkpoint."""

    def run(name, *arguments, origin="runs/voice", data="other", steps=1):
        started = ("--restore_from", origin, "--data", data, "-m", name, "--max_steps", steps)
        code, err = call(trained, finetune.main, *started, *CHEAP, *arguments)
        assert code == 0, err
        log = (trained / f"runs/{name}/log.txt").read_text("utf-8")
        return log, read_checkpoint(trained / f"runs/{name}/checkpoints/step_{steps:08d}.pt")

    yield run
    shutil.rmtree(trained / "runs/mixed", ignore_errors=True)


def test_a_fine_tuned_voice_is_fine_tuned_again(tune):
    _, first = tune("once")
    err, second = tune("twice", origin="runs/once")
    assert "runs/once/checkpoints/step_00000001.pt: ours, step 1; 100.0%" in err
    assert first["config"]["model"] == second["config"]["model"] and second["step"] == 1


def test_symbols_that_the_data_adds_get_rows_behind_the_known_ones(trained, tune):
    write_data(trained / "mixed", (*OTHER_TEXTS, "това ѝ йота"), n_valid=1)
    origin = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    known = origin["config"]["text"]["symbols"]
    write_data(trained / "more", ("ѝ йота", *OTHER_TEXTS), n_valid=1)
    slow = ("--set", "train.lr=1e-20", "--set", "train.optimizer_options.weight_decay=0")
    err, found = tune("more", *slow, data="more")
    symbols = found["config"]["text"]["symbols"]
    assert symbols[: len(known)] == known and set(symbols[len(known) :]) == {"ѝ", "й"} - set(known)
    before, now = (c["generator"]["text_encoder.embedding.weight"] for c in (origin, found))
    torch.testing.assert_close(now[: len(known)], before)
    i, relative = symbols.index("ѝ"), known.index("и")  # й, an и with a mark, is no vowel
    assert (now[i] - before[relative]).norm() < 0.5 * before[relative].norm()
    assert "new symbols (" in err and "ѝ from и" in err
    # It goes on from its own table, whatever the data says by now.
    err, again = tune("more", *slow, data="other", steps=2)
    assert again["config"]["text"]["symbols"] == symbols


def test_frozen_parts_stay_to_the_bit_and_thaw_when_told(trained, tune):
    origin = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")["generator"]
    frozen = ("--freeze_layers", "text_encoder", "*.bias", "decoder.stages.0")
    err, at_2 = tune("frozen", *frozen, "--unfreeze_at", 2, steps=2)
    assert "frozen until step 2: text_encoder, *.bias, decoder.stages.0" in err
    changed = {name for name, w in at_2["generator"].items() if not torch.equal(w, origin[name])}
    assert changed and not any(
        name.startswith(("text_encoder.", "decoder.stages.0.")) or name.endswith(".bias")
        for name in changed
    )
    n_moments = len(at_2["generator_optimizer"]["state"])
    assert n_moments < len(origin)
    _, at_3 = tune("frozen", *frozen, "--unfreeze_at", 2, steps=3)
    assert len(at_3["generator_optimizer"]["state"]) > n_moments
    name = "text_encoder.embedding.weight"
    assert not torch.equal(at_3["generator"][name], origin[name])


def test_reinitialised_parts_begin_at_random_and_the_report_says_so(trained, tune):
    origin = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    err, found = tune(
        "anew",
        "--ignore_layers",
        "duration_predictor",
        "discriminator",
        "--set",
        "train.seed=5",
    )
    name = "duration_predictor.convs.depthwise.0.weight"
    assert not torch.allclose(found["generator"][name], origin["generator"][name], atol=0.05)
    row = next(line for line in err.splitlines() if line.startswith("duration_predictor "))
    assert row.split()[1] == "-" and "/" in row  # none loaded
    assert "fresh discriminators: until step 500 they learn alone" in err
    same = all(
        torch.equal(w, origin["generator"][n])
        for n, w in found["generator"].items()
        if not n.startswith("duration_predictor.")
    )
    assert same  # the generator rests meanwhile


def test_a_dry_run_prints_the_table_and_makes_nothing(trained, monkeypatch, capsys):
    before = contents(trained)
    monkeypatch.chdir(trained)
    arguments = (
        "--restore_from",
        "runs/voice",
        "-m",
        "dry",
        "--dry_run",
        "--freeze_layers",
        "flow",
    )
    monkeypatch.setattr("sys.argv", ["finetune.py", *arguments])
    finetune.main()
    table = capsys.readouterr().out
    rows = {line.split()[0]: line for line in table.splitlines() if "/" in line}
    assert {"text_encoder", "flow", "decoder", "discriminator", "all"} <= rows.keys()
    assert (
        rows["flow"].split("  ")[-1].strip() != "-"
        and rows["decoder"].rstrip().endswith("-")
        and contents(trained) == before
    )


@pytest.fixture(scope="module")
def many(trained, request):
    """A voice of two speakers, and data of a third."""
    write_data(trained / "two", speakers=("Мария", "Иван"))
    write_config(trained / "two.json", "data.folder=two", "data.speakers=from_data")
    run_script(trained, "train.py", "-c", "two.json", "-m", "two", "--max_steps", 2)
    write_data(trained / "third", OTHER_TEXTS, speakers=("Борис",), n_valid=1)
    return trained


def speak(path, speaker):
    voice = load_voice(path, torch.device("cpu"))
    return voice.speak(SENTENCE, speaker=speaker, noise_scale=0.0, noise_scale_w=0.0)


def test_a_new_speaker_is_added_and_the_old_ones_say_the_same_samples(many, tune):
    """Where all is frozen but the embeddings, and of these the old rows: to the bit."""
    parts = ("text_encoder", "posterior_encoder", "flow", "duration_predictor", "decoder")
    kept = ("--freeze_layers", *parts, "--freeze_old_speakers")
    err, found = tune("third", *kept, origin="runs/two", data="third", steps=3)
    assert found["config"]["data"]["speakers"] == ["Иван", "Мария", "Борис"]
    assert found["config"]["train"]["frozen_speakers"] == 2 and "new speakers (1): Борис" in err
    old = read_checkpoint(many / "runs/two/checkpoints/step_00000002.pt")["generator"]
    before, now = (c["speaker_embedding.weight"] for c in (old, found["generator"]))
    assert torch.equal(now[:2], before) and not torch.equal(now[2], before.mean(0))
    for speaker in ("Иван", "Мария"):
        assert torch.equal(*(speak(many / f"runs/{run}", speaker) for run in ("two", "third")))


def test_old_speakers_move_little_where_old_data_is_mixed_in_and_parts_are_frozen(many, tune):
    """20 steps in which decoder and posterior encoder learn: old voices within a tenth."""
    kept = ("--freeze_layers", "text_encoder", "flow", "duration_predictor")
    mixed = ("--freeze_old_speakers", "--mix_in", "two/train.csv")
    err, found = tune("third_mixed", *kept, *mixed, origin="runs/two", data="third", steps=20)
    assert found["config"]["data"]["mix_in"] == "two/train.csv"
    for speaker in ("Иван", "Мария"):
        before, now = (speak(many / f"runs/{run}", speaker) for run in ("two", "third_mixed"))
        assert len(before) == len(now)
        assert (now - before).norm() < 0.1 * before.norm()


def test_one_speaker_becomes_many_and_many_become_one(many, tune):
    err, found = tune("to_many", "--set", "data.speakers=from_data", data="two", steps=1)
    assert found["config"]["data"]["speakers"] == ["Иван", "Мария"]
    assert "one speaker becomes 2" in err
    err, found = tune(
        "to_one", "--set", "data.speakers=null", "--speaker", "Мария", origin="runs/two", steps=1
    )
    assert "speaker_embedding.weight" not in found["generator"] and "Мария is put into" in err


@pytest.fixture
def refused(trained, call):
    """Fine-tune in a way that must be refused: the one line; nothing is made."""

    def run(*arguments):
        before = contents(trained)
        code, err = call(trained, finetune.main, "-m", "refused", *arguments)
        assert code == 2, err
        made = {
            name for name, content in contents(trained).items() if before.get(name, 0) != content
        }
        assert all(name.startswith("runs/data_check") for name in made)
        return error_line(err)

    return run


FROM_VOICE = ("--restore_from", "runs/voice/checkpoints/step_00000002.pt", "--data", "other")


def test_weights_that_do_not_fit_are_refused_by_name(trained, refused):
    write_config(trained / "wide.json", "model.latent_channels=12")
    line = refused(*FROM_VOICE, "-c", "wide.json")
    assert "step_00000002.pt: " in line and "latent_channels is 8, " in line and "12" in line
    assert "--ignore_layers" in line or "set it back" in line
    write_data(trained / "crowd", speakers=("Мария", "Иван"))
    line = refused(*FROM_VOICE[:2], "--data", "crowd")
    assert "found 3 columns, expected 2" in line and "data.speakers=from_data" in line


def test_another_sample_rate_is_refused(refused):
    line = refused(*FROM_VOICE, "--set", "audio.sample_rate=16000")
    assert "audio.sample_rate is 8000" in line and "16000" in line


def test_layers_that_there_are_not_are_refused_with_near_ones(refused):
    assert "did you mean duration_predictor" in refused(*FROM_VOICE, "--freeze_layers", "dp")
    line = refused(*FROM_VOICE, "--ignore_layers", "decodr")
    assert "--ignore_layers: decodr selects no layer; did you mean decoder " in line


def test_freezing_everything_is_refused(refused):
    assert "nothing would learn" in refused(*FROM_VOICE, "--freeze_layers", "*")


def test_a_thaw_of_nothing_is_refused(refused):
    assert "freeze_layers is empty" in refused(*FROM_VOICE, "--unfreeze_at", 5)


def test_old_speakers_of_a_voice_of_one_cannot_be_frozen(refused):
    assert "has one speaker" in refused(*FROM_VOICE, "--freeze_old_speakers")


def test_a_speaker_that_the_voice_lacks_is_refused(many, refused):
    line = refused(
        "--restore_from",
        "runs/two",
        "--data",
        "other",
        "--set",
        "data.speakers=null",
        "--speaker",
        "Мари",
    )
    assert "has no speaker 'Мари'" in line and "Мария" in line


@pytest.mark.parametrize("text", ['{"train": 5}', '{"data": [1]}', "[]"])
def test_a_section_that_is_none_is_refused(trained, refused, text):
    (trained / "wrong.json").write_text(text)
    line = refused(*FROM_VOICE, "-c", "wrong.json", "--mix_in", "two/train.csv")
    assert line.startswith("error: wrong.json: ") and "expected a" in line


def test_fresh_discriminators_cannot_be_frozen(refused):
    layers = ("--ignore_layers", "discriminator", "--freeze_layers", "discriminator.*")
    assert "would judge at random" in refused(*FROM_VOICE, *layers)


def test_weights_that_are_no_numbers_are_refused(trained, refused):
    broken = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    broken["generator"]["flow.couplings.0.input.bias"].fill_(float("nan"))
    torch.save(broken, trained / "nan.pt")
    line = refused("--restore_from", "nan.pt", "--data", "other")
    assert "nan.pt: flow.couplings.0.input.bias has values that are not numbers" in line


def test_an_average_that_is_none_is_refused(trained, refused):
    broken = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt") | {"ema": 5}
    torch.save(broken, trained / "ema.pt")
    line = refused("--restore_from", "ema.pt", "--data", "other")
    assert "ema.pt: its moving average is no weights" in line


def test_following_the_advice_of_a_share_too_small_loads_the_rest(trained, tune):
    """Where a part fits but for a layer, the layer is named, not the part."""
    origin = read_checkpoint(trained / "runs/voice/checkpoints/step_00000002.pt")
    cut = {
        name: weight
        for name, weight in origin["generator"].items()
        if name.startswith("decoder.") and not name.startswith("decoder.input.")
    }
    absent = {"config": origin["config"], "generator": cut, "step": 2}
    config = config_from_dict(VitsConfig, origin["config"], "")
    with pytest.raises(UserError, match="--ignore_layers") as caught:
        rehearse(absent, config, Taking(), trained)
    layers = str(caught.value).rpartition("--ignore_layers ")[2].split()
    assert "decoder.input" in layers and "decoder" not in layers and "flow" in layers
    assert rehearse(absent, config, Taking(tuple(layers)), trained).share == 1


@pytest.mark.parametrize(
    "arguments, frozen, unfreeze_at",
    [
        ((), ["text_encoder", "flow", "duration_predictor", "decoder"], 2500),
        (("--unfreeze_at", "7"), ["text_encoder", "flow", "duration_predictor", "decoder"], 7),
        (("--set", "train.unfreeze_at=8"), ["text_encoder", "flow"], 8),
        (("--set", "train.freeze_layers=[]"), [], None),
        (("--freeze_layers", "flow"), ["flow"], None),
        (("-c", "thaw.json"), ["text_encoder", "flow"], 9),
    ],
)
def test_what_is_frozen_beside_a_fresh_posterior_encoder_may_be_said(
    trained, call, monkeypatch, arguments, frozen, unfreeze_at
):
    if not (trained / "mute.pt").exists():
        code, _ = call(trained, speak_only.main, "runs/voice", "--out_path", "mute.pt")
        assert code == 0
    (trained / "thaw.json").write_text('{"train": {"unfreeze_at": 9}}')
    monkeypatch.chdir(trained)
    argv = ["finetune.py", "--restore_from", "mute.pt", "-m", "new", *arguments]
    monkeypatch.setattr("sys.argv", argv)
    train = finetune.read_settings(finetune.read_arguments(), trained / "runs/new", []).train
    assert list(train.freeze_layers[: len(frozen)]) == frozen and train.unfreeze_at == unfreeze_at
    assert bool(train.freeze_layers) == bool(frozen)


def test_a_run_goes_on_when_its_origin_is_gone(trained, tune):
    shutil.copy(trained / "runs/voice/checkpoints/step_00000002.pt", trained / "moved.pt")
    tune("orphan", origin="moved.pt")
    (trained / "moved.pt").unlink()
    log, found = tune("orphan", origin="moved.pt", steps=2)
    assert found["step"] == 2 and "resuming from runs/orphan" in log


def test_frozen_layers_may_not_change_while_a_run_goes_on(tune, trained, call):
    tune("steady", "--freeze_layers", "flow")
    arguments = ("--restore_from", "runs/voice", "--data", "other", "-m", "steady", *CHEAP)
    code, err = call(trained, finetune.main, *arguments, "--freeze_layers", "decoder")
    assert code == 2
    line = error_line(err)
    assert "train.freeze_layers was" in line and "set it back" in line


def test_a_run_that_began_otherwise_is_not_taken_for_this_one(many, tune, call):
    """A name that is in use must not send a run on with other weights than those named."""
    tune("named")
    again = ("--data", "other", *CHEAP, "-m", "named", "--max_steps", 3)
    for arguments, says in (
        (("--restore_from", "runs/two"), "runs/named: began with runs/voice, not with runs/two"),
        (
            ("--restore_from", "runs/voice", "--ignore_layers", "flow"),
            "runs/named: began with --ignore_layers [], not ['flow']",
        ),
    ):
        before = contents(many / "runs/named")
        code, err = call(many, finetune.main, *arguments, *again)
        assert code == 2 and says in error_line(err)
        assert contents(many / "runs/named") == before
    code, err = call(many, finetune.main, "--restore_from", "runs/two", *again[:-3], "voice")
    assert code == 2 and "began with random weights, not with runs/two" in error_line(err)


def test_a_config_of_another_program_is_told_where_to_lie(trained, refused):
    (trained / "theirs.json").write_text('{"model": {"inter_channels": 192}, "train": {}}')
    line = refused(*FROM_VOICE, "-c", "theirs.json")
    assert "theirs.json: a config of another program; put it beside" in line


def test_names_of_layers_may_have_commas_between_them(trained, tune):
    log, found = tune("commas", "--freeze_layers", "flow,decoder", "text_encoder")
    assert found["config"]["train"]["freeze_layers"] == ["flow", "decoder", "text_encoder"]


def test_a_run_that_ends_before_the_thaw_says_that_the_voice_has_not_changed(tune):
    log, _ = tune("short", "--freeze_layers", "flow", "--unfreeze_at", 9)
    assert "until step 9 flow rest, so the voice has hardly changed yet" in log
