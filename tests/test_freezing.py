"""What train.freeze_layers, unfreeze_at, layer_lr and frozen_speakers keep as it is, and what they
let learn; alone, over a stop, and on two ranks."""

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.freezing import same_groups
from hifigan.json_config import read_config
from hifigan.training_config import TrainConfig
from hifigan.training_state import TrainingState, make_state
from tests.distributed_worker import Step
from tests.one_step import make, step
from tests.small_run import run_script, write_config
from tests.test_distributed import ADAM, made_up_batch, rows
from tests.test_optimization import CPU, OPTIMIZERS, Shallow
from tests.test_resume import ALONE, assert_same, newest, train  # noqa: F401
from tests.vocoder_run import make_batch, make_training, vocoder_config, write_wavs
from vits.config import VitsConfig
from vits.data import Batch
from vits.passes import TrainingNoise
from vits.training import VitsTraining
from vits.what_learns import check_freezing

pytestmark = pytest.mark.usefixtures("one_thread")
DECAY = 'train.optimizer_options={"betas": [0.8, 0.99], "weight_decay": 0.1}'
FREEZE = 'train.freeze_layers=["text_encoder", "decoder.stages.0", "discriminator.members.1"]'
THAW = (FREEZE, "train.unfreeze_at=6", 'train.layer_lr=[["flow", 0.0003]]', "train.ema_decay=0.9")


def weights(state: TrainingState) -> dict[str, nn.Parameter]:
    """Of both networks, by the names that the config uses."""
    judge = {f"discriminator.{n}": p for n, p in state.discriminator.named_parameters()}
    return dict(state.generator.named_parameters()) | judge


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def take_steps(experiment: VitsTraining, batch: Batch, n_steps: int) -> dict[str, Tensor]:
    """The losses of the last one."""
    experiment.state.n_batches = 100
    for _ in range(n_steps):
        losses = step(experiment, batch, seed=experiment.state.step)
        experiment.state.advance()
    return losses


def has_moments(state: TrainingState, weight: nn.Parameter) -> bool:
    return any(
        weight in optimizer.state
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer)
    )


def in_groups(state: TrainingState) -> list[nn.Parameter]:
    optimizers = state.generator_optimizer, state.discriminator_optimizer
    return [p for o in optimizers for group in o.param_groups for p in group["params"]]


# Frozen


@pytest.mark.parametrize(
    "layers, is_frozen",
    [
        (
            '["text_encoder", "decoder.stages.0", "discriminator.members.1"]',
            lambda name: name.startswith(
                ("text_encoder.", "decoder.stages.0.", "discriminator.members.1.")
            ),
        ),
        ('["*.bias"]', lambda name: name.endswith(".bias")),
    ],
)
def test_frozen_weights_stay_to_the_bit_and_the_others_learn(smallest, layers, is_frozen) -> None:
    experiment, batch = make(
        smallest(
            f"train.freeze_layers={layers}",
            DECAY,
            "model.text_encoder.dropout=0.5",
            "train.ema_decay=0.5",
        ),
        batch_size=2,
    )
    state = experiment.state
    before = copied(weights(state))
    frozen = {name for name in before if is_frozen(name)}
    assert state.frozen_names() == frozen
    take_steps(experiment, batch, 5)
    averages = dict(state.ema.named_parameters())
    learning = {id(p) for p in in_groups(state)}
    for name, weight in weights(state).items():
        if name in frozen:
            assert torch.equal(weight, before[name]), name
            assert torch.equal(averages.get(name, weight), weight), name
            assert weight.grad is None and not weight.requires_grad, name
        else:
            assert not torch.equal(weight, before[name]), name
        assert has_moments(state, weight) == (id(weight) in learning) == (name not in frozen), name


def test_dropout_is_off_in_what_is_frozen_as_a_whole_and_on_elsewhere(smallest) -> None:
    experiment, batch = make(
        smallest(
            'train.freeze_layers=["text_encoder", "duration_predictor.convs.pointwise*"]',
            "model.text_encoder.dropout=0.5",
            "model.duration_predictor.dropout=0.5",
        ),
        batch_size=2,
    )
    model = experiment.state.generator
    outputs = []
    model.text_encoder.register_forward_hook(lambda _, __, output: outputs.append(output.hidden))
    for seed in (1, 2):
        step(experiment, batch, seed)
    assert torch.equal(*(output.detach() for output in outputs))
    assert not any(module.training for module in model.text_encoder.modules())
    assert model.duration_predictor.convs.dropout.training, "a part of it learns"
    assert model.training and model.decoder.training


def test_frozen_discriminators_rest_and_tell_their_loss(smallest) -> None:
    settings = ("train.accumulate=2", DECAY)
    frozen, batch = make(smallest('train.freeze_layers=["discriminator"]', *settings))
    free, _ = make(smallest(*settings))
    before = copied(weights(frozen.state))
    found, expected = step(frozen, batch), step(free, batch)
    assert found.keys() == expected.keys() - {"discriminator_gradient_norm"}
    torch.testing.assert_close(found["discriminator"], expected["discriminator"])
    assert not any(value.requires_grad for value in found.values())
    step(frozen, batch)  # what starts at zero hides the layers before it from the first
    for name, weight in weights(frozen.state).items():
        assert torch.equal(weight, before[name]) == name.startswith("discriminator."), name
    frozen.state.warmup_until = 9
    assert not frozen.state.is_warming_up, "nothing would learn"


def test_a_frozen_spectral_norm_is_estimated_no_further(tmp_path) -> None:
    settings = f"data.wavs={write_wavs(tmp_path / 'wavs')}", "train.ema_decay=0.9"
    layers = '["stages.0", "discriminator.multi_scale.members.0"]'
    experiment, clips = make_training(vocoder_config(*settings, f"train.freeze_layers={layers}"))
    state, batch = experiment.state, make_batch(experiment.config, clips)
    before = copied(state.discriminator.state_dict()), copied(state.generator.state_dict())
    for _ in range(2):
        losses = experiment.train_step(batch)
    for network, former, prefix in (
        (state.discriminator, before[0], "multi_scale.members.0."),
        (state.generator, before[1], "stages.0."),
    ):
        for name, value in network.state_dict().items():
            assert torch.equal(value, former[name]) == name.startswith(prefix), name

    layers = '["discriminator"]'
    experiment, _ = make_training(vocoder_config(*settings, f"train.freeze_layers={layers}"))
    before = copied(experiment.state.discriminator.state_dict())
    found = experiment.train_step(batch)
    assert_same(copied(experiment.state.discriminator.state_dict()), before)
    assert found.keys() == losses.keys() - {"discriminator_gradient_norm"}


@pytest.mark.parametrize(
    "settings, told",
    [
        (
            ['train.freeze_layers=["*encoder.*", "flow", "d*"]'],
            ["train.freeze_layers", "*encoder.*, flow, d*", "text_encoder", "nothing would learn"],
        ),
        (['train.freeze_layers=["flwo"]'], ["train.freeze_layers", "flwo", "flow"]),
        (['train.layer_lr=[["flwo", 0.1]]'], ["train.layer_lr", "flwo", "flow"]),
        (["train.frozen_speakers=1"], ["frozen_speakers is 1", "one speaker", "or to 0"]),
        (
            ["train.frozen_speakers=3", 'data.speakers=["a", "b"]'],
            ["frozen_speakers is 3", "2 speakers"],
        ),
    ],
)
def test_freezing_all_or_nothing_that_is_there_is_told_in_one_line(
    smallest, settings, told
) -> None:
    config = smallest('text.symbols=["_", "a"]', *settings)
    for call in (check_freezing, lambda config: VitsTraining(config, ALONE, [], [])):
        with pytest.raises(UserError) as caught:
            call(config)
        line = str(caught.value)
        assert "\n" not in line and all(words in line for words in told), line


# Thawed


def test_at_its_step_what_was_frozen_learns_and_the_rest_keeps_its_moments(
    smallest, caplog
) -> None:
    experiment, batch = make(smallest(*THAW, DECAY), batch_size=2)
    state = experiment.state
    frozen = state.frozen_names()
    caplog.set_level(logging.INFO)
    take_steps(experiment, batch, 5)
    assert "frozen layers" not in caplog.text
    moments = copied(
        {n: state.generator_optimizer.state[p]["exp_avg"] for n, p in weights(state).items()
         if n not in frozen and not n.startswith("discriminator.")}
    )  # fmt: skip
    before = copied(weights(state))
    state.n_batches = 100
    state.advance()  # as if a sixth step had been taken
    assert caplog.text.count("step 6: from here on the frozen layers learn, too") == 1
    for name, moment in moments.items():
        found = state.generator_optimizer.state[weights(state)[name]]["exp_avg"]
        assert torch.equal(found, moment), name
    take_steps(experiment, batch, 2)
    assert caplog.text.count("frozen layers") == 1 and not state.frozen_names()
    for name, weight in weights(state).items():
        assert weight.requires_grad and has_moments(state, weight), name
        assert not torch.equal(weight, before[name]), name
    assert state.generator.text_encoder.layers[0].dropout.training


def test_stops_before_at_and_behind_the_thaw_change_no_bit(
    smallest,
    train,  # noqa: F811
    tmp_path,
) -> None:
    config = smallest(*THAW, "model.text_encoder.dropout=0.3")
    whole = train(config, tmp_path / "whole", 10)
    for stop in (4, 6, 9, 10):
        parts = train(config, tmp_path / "run", stop)
        assert parts.state.step == stop
    assert_same(newest(tmp_path / "run"), newest(tmp_path / "whole"))
    assert_same(parts.state.state_dict(ALONE), whole.state.state_dict(ALONE))
    assert len(whole.state.generator_optimizer.param_groups) == 3, "flow, the rest, the thawed"


def test_going_back_behind_the_thaw_freezes_again(smallest) -> None:
    experiment, batch = make(smallest(*THAW), batch_size=2)
    state = experiment.state
    take_steps(experiment, batch, 5)
    early = copy.deepcopy(state.state_dict(ALONE))
    take_steps(experiment, batch, 3)
    late = copy.deepcopy(state.state_dict(ALONE))
    state.load_state_dict(copy.deepcopy(early), ALONE)
    assert_same(state.state_dict(ALONE), early)
    frozen = state.frozen_names()
    assert frozen and not any(weights(state)[n].requires_grad for n in frozen)
    assert all(weights(state)[n].grad is None for n in frozen)
    take_steps(experiment, batch, 3)
    assert_same(state.state_dict(ALONE), late)


@pytest.mark.parametrize("unfreeze_at", ["6", "null"])
def test_a_rehearsal_takes_the_gradients_of_the_thaw_and_leaves_all_frozen(
    smallest, unfreeze_at
) -> None:
    experiment, batch = make(smallest(*THAW, f"train.unfreeze_at={unfreeze_at}"), batch_size=2)
    state = experiment.state
    take_steps(experiment, batch, 1)
    before = copy.deepcopy(state.state_dict(ALONE))
    seen = []
    update = state.update

    def noted(*arguments: Any) -> Tensor:
        seen.append({n for n, p in weights(state).items() if p.grad is not None})
        return update(*arguments)

    state.update = noted
    experiment.rehearse(batch)
    assert state.frozen_names().issubset(seen[-1]) == (unfreeze_at == "6")
    assert_same(state.state_dict(ALONE), before)
    assert not any(has_moments(state, weights(state)[name]) for name in state.frozen_names())
    assert all(weights(state)[name].grad is None for name in state.frozen_names())


def test_moments_fit_as_long_as_the_layers_are_the_same(smallest) -> None:
    def config(*settings: str) -> TrainConfig:
        return smallest(*settings).train

    plain, frozen, thawing = config(), config(FREEZE), config(FREEZE, "train.unfreeze_at=6")
    assert same_groups(plain, config("train.lr=0.1"), 3)
    assert not same_groups(frozen, plain, 3)
    assert same_groups(thawing, frozen, 5) and not same_groups(thawing, frozen, 6)
    slow, fast, other = (
        config(f'train.layer_lr=[["{layers}", {rate}]]')
        for layers, rate in (("flow", 0.1), ("flow", 0.2), ("decoder", 0.1))
    )
    assert same_groups(slow, fast, 3) and not same_groups(slow, other, 3)
    assert not same_groups(slow, plain, 3)


# Rates


def test_each_layer_moves_at_its_own_rate_and_the_first_entry_counts(smallest) -> None:
    rates = '[["decoder.stages", 0.002], ["decoder", 0.001], ["discriminator.members.0", 0.003]]'
    experiment, batch = make(
        smallest(
            f"train.layer_lr={rates}",
            "train.lr=0.0005",
            "train.discriminator_lr=0.004",
            "train.optimizer=SGD",
            "train.optimizer_options={}",
            'train.lr_schedule_options={"gamma": 0.5}',
            "train.lr_schedule_per=step",
        ),
        batch_size=2,
    )
    state = experiment.state
    take_steps(experiment, batch, 1)
    before = copied(weights(state))
    step(experiment, batch)
    for name, weight in weights(state).items():
        rate = 0.004 if name.startswith("discriminator.") else 0.0005
        for prefix, own in (
            ("decoder.", 0.001),
            ("decoder.stages.", 0.002),
            ("discriminator.members.0.", 0.003),
        ):
            rate = own if name.startswith(prefix) else rate
        moved = before[name] - 0.5 * rate * weight.grad
        torch.testing.assert_close(weight.detach(), moved, msg=name)


def test_without_layers_there_is_one_group_with_all_weights_in_order(smallest) -> None:
    experiment, _ = make(smallest("train.discriminator_lr=0.5"))
    state = experiment.state
    for network, optimizer, rate in (
        (state.generator, state.generator_optimizer, 0.002),
        (state.discriminator, state.discriminator_optimizer, 0.5),
    ):
        (group,) = optimizer.param_groups
        assert group["base_lr"] == rate
        assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]


# Rows


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_rows_stay_to_the_bit_under_any_optimizer(smallest, name) -> None:
    config = smallest(
        f"train.optimizer={name}",
        f"train.optimizer_options={OPTIMIZERS[name]}",
        "train.optimizer_options.weight_decay=0.1" if name != "Rprop" else "train.lr=0.01",
    ).train
    state = make_state(Shallow(), Shallow(), config, CPU, [("weight", 2)])
    before = Shallow().weight.detach()
    for _ in range(3):
        for network in (state.generator, state.discriminator):
            for weight in network.parameters():
                weight.grad = weight.detach().clone()
        for optimizer in (state.discriminator_optimizer, state.generator_optimizer):
            norm = state.update(optimizer, None, torch.zeros(()))
    weight = state.generator.weight
    assert torch.equal(weight[:2], before[:2]) and not (weight[2:] == before[2:]).any()
    assert not (state.discriminator.weight == before).any(), "there all rows learn"
    learning = torch.cat([weight.grad[2:].flatten(), state.generator.bias.grad])
    assert float(norm) == pytest.approx(float(learning.norm())), "the rows do not count"


def test_the_frozen_speakers_of_a_voice_stay_and_the_others_learn(smallest) -> None:
    config = smallest(
        'text.symbols=["_", "a", "b", "c"]',
        'data.speakers=["old", "older", "new"]',
        "train.frozen_speakers=2",
        "train.ema_decay=0.5",
        "train.segment_samples=512",
        DECAY,
    )
    torch.manual_seed(0)
    training = VitsTraining(config, ALONE, [], [])
    batch, noise = made_up_batch(config, 3)
    before = training.state.generator.speaker_embedding.weight.detach().clone()
    for _ in range(3):
        training.train_step(Batch(**batch, ids=["made up"] * 3), TrainingNoise(**noise))
    for model in (training.state.generator, training.state.ema):
        assert torch.equal(model.speaker_embedding.weight[:2], before[:2])
        assert not (model.speaker_embedding.weight[2] == before[2]).any()


# Two ranks


@dataclass(frozen=True)
class Steps(Step):
    """Some steps on the same batch, in the first of which the generator may rest."""

    n_steps: int
    warmup_until: int

    def __call__(self, ranks: Ranks) -> dict[str, Any]:
        torch.manual_seed(ranks.rank)
        training = VitsTraining(read_config(VitsConfig, Path(self.config)), ranks, [], [])
        state = training.state
        state.n_batches, state.warmup_until = 100, self.warmup_until
        share = self.shares[ranks.rank]
        batch = Batch(**share["batch"], ids=["made up"] * len(share["batch"]["wav"]))
        training.rehearse(batch)
        for _ in range(self.n_steps):
            losses = training.train_step(batch, TrainingNoise(**share["noise"]))
            state.advance()
        totals = ranks.sums([float(loss) for loss in losses.values()])
        losses = {name: total / ranks.n_ranks for name, total in zip(losses, totals)}
        return {"losses": losses, "weights": copied(weights(state))}


CASES = {  # settings, and the end of the warm-up
    "thawed": ([FREEZE, "train.unfreeze_at=2"], 0),
    "judged at first": (['train.freeze_layers=["discriminator"]', "train.unfreeze_at=2"], 0),
    "never judging": (['train.freeze_layers=["discriminator"]', "train.accumulate=2"], 0),
    "warmed up": ([], 2),
    "speakers": (["train.frozen_speakers=1", 'data.speakers=["a", "b"]'], 0),
}


@pytest.mark.slow
def test_two_ranks_freeze_thaw_and_warm_up_as_one_does(tmp_path) -> None:
    jobs, expected = {}, {}
    for name, (settings, warmup_until) in CASES.items():
        path = write_config(
            tmp_path / f"{name}.json",
            "model.text_encoder.dropout=0.0",
            "model.duration_predictor.dropout=0.0",
            'text.symbols=["_", "а", "б", "в", "г"]',
            "train.segment_samples=512",
            f"train.optimizer_options={ADAM}",
            *settings,
        )
        batch, noise = made_up_batch(read_config(VitsConfig, path), 4)
        shares = [rows(batch, noise, slice(0, 2)), rows(batch, noise, slice(2, 4))]
        jobs[name] = Steps(str(path), shares, 3, warmup_until)
        whole = Steps(str(path), [rows(batch, noise, slice(None))], 3, warmup_until)
        expected[name] = whole(ALONE)
    torch.save(jobs, tmp_path / "jobs.pt")
    paths = tmp_path / "jobs.pt", tmp_path / "results.pt"
    run_script(tmp_path, "tests/distributed_worker.py", "jobs", *paths, n_processes=2)
    results = torch.load(tmp_path / "results.pt")
    for name, one in expected.items():
        for found in results[name]:
            assert found["losses"] == pytest.approx(one["losses"], rel=1e-4), name
            for layer, weight in one["weights"].items():
                torch.testing.assert_close(
                    found["weights"][layer], weight, rtol=1e-4, atol=1e-5, msg=f"{name}: {layer}"
                )
