"""VITS2's duration discriminator (Sec. 2.1): what it sees, who learns from it, and from when on."""

import dataclasses

import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, read_config
from tests.conftest import REPOSITORY
from tests.one_step import NORMS, gradients, make, step
from tests.test_freezing import take_steps
from tests.test_resume import assert_equals_unbroken, assert_same, newest, train  # noqa: F401
from tests.test_transfer import PATH, configure, contents_of, modules, moved  # noqa: F401
from tests.tiny_model import perturb
from tests.vits2_settings import DURATIONS, JUDGED
from vits.config import VitsConfig
from vits.discriminators import DurationDiscriminator, make_discriminators
from vits.export.original import unsaid, write_original
from vits.fine_tuning import rehearse
from vits.losses import duration_adversarial_loss, duration_discriminator_loss
from vits.model import make_model
from vits.passes import Rhythm
from vits.training import VitsTraining
from vits.training_config import DurationDiscriminatorConfig
from vits.transfer.taking import Taking
from vits.transfer.transfer import transfer

KINDS = ["model.duration_predictor.kind=deterministic", "model.duration_predictor.kind=stochastic"]
NO_DROPOUT = ("model.text_encoder.dropout=0", "model.duration_predictor.dropout=0")


def judge() -> DurationDiscriminator:
    torch.manual_seed(0)
    made = DurationDiscriminator(16, DurationDiscriminatorConfig(12, 3))
    perturb(made, 0.2)
    return made.requires_grad_(False)


def rhythm() -> Rhythm:
    draw = torch.Generator().manual_seed(1)
    x_mask = torch.ones(2, 1, 9)
    x_mask[1, :, 5:] = 0
    states = (torch.randn(2, n, 9, generator=draw) * x_mask for n in (16, 1, 1))
    hidden, real, predicted = states
    return Rhythm(hidden, x_mask, real, predicted)


def test_it_judges_each_symbol_by_text_and_duration_whatever_the_padding() -> None:
    made, seen = judge(), rhythm()
    real, generated = made.both(seen)
    assert real.shape == generated.shape == (2, 1, 9) and not real[1, :, 5:].any()
    torch.testing.assert_close(generated, made(seen.hidden, seen.log_durations_hat, seen.x_mask))
    alone = made(seen.hidden[1:, :, :5], seen.log_durations[1:, :, :5], seen.x_mask[1:, :, :5])
    torch.testing.assert_close(real[1:, :, :5], alone)
    assert not torch.allclose(real, generated, atol=1e-3)
    other = made(seen.hidden.flip(1), seen.log_durations, seen.x_mask)
    assert not torch.allclose(real, other, atol=1e-3)


def test_the_losses_are_least_squares_over_the_symbols() -> None:
    real, generated = torch.tensor([[[0.5, 2.0, 9.0]]]), torch.tensor([[[0.5, -1.0, 9.0]]])
    x_mask = torch.tensor([[[1.0, 1.0, 0.0]]])
    found = duration_discriminator_loss(real, generated, x_mask, 2)
    assert float(found) == pytest.approx((0.25 + 1 + 0.25 + 1) / 2)
    assert float(duration_adversarial_loss(generated, x_mask, 2)) == pytest.approx((0.25 + 4) / 2)


def test_it_tells_real_rhythm_from_noise_in_a_few_hundred_steps() -> None:
    made, draw = judge().requires_grad_(True), torch.Generator().manual_seed(2)
    optimizer = torch.optim.Adam(made.parameters(), 0.01)
    for _ in range(400):
        hidden, x_mask = torch.randn(8, 16, 9, generator=draw), torch.ones(8, 1, 9)
        fake = torch.randn(8, 1, 9, generator=draw)
        seen = Rhythm(hidden, x_mask, hidden[:, :1], fake)  # the real ones follow from the text
        optimizer.zero_grad()
        loss = duration_discriminator_loss(*made.both(seen), x_mask, 72)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.25  # 0.5 is guessing


def grads_of(experiment: VitsTraining, part: str) -> Tensor:
    found = gradients(getattr(experiment.state.generator, part)).values()
    return torch.cat([g.flatten() for g in found if g is not None])


@pytest.mark.parametrize("kind", KINDS)
def test_the_predictor_alone_learns_from_it_and_only_from_its_step_on(smallest, kind) -> None:
    found = []
    for weight in (0, 1000):
        settings = (DURATIONS, kind, *NO_DROPOUT, f"loss.duration_adversarial={weight}")
        experiment, batch = make(
            smallest(*settings, "train.duration_discriminator_from_step=5", "loss.duration=0")
        )
        for count in (4, 5):
            again = make(experiment.config)[0]
            again.state.count.fill_(count)
            losses = step(again, batch)
            assert losses["duration_adversarial"] > 0
            parts = [grads_of(again, part) for part in ("duration_predictor", "text_encoder")]
            found.append((float(losses["total"]), *parts))
    without, without_later, silent, heard = found
    assert without[0] == without_later[0] == silent[0] < heard[0]
    assert not silent[1].any() and heard[1].any()
    assert torch.equal(silent[2], heard[2])  # the text encoder


def test_it_learns_from_the_first_step_on_and_is_told_by_name(smallest) -> None:
    experiment, batch = make(smallest(*JUDGED, "train.duration_discriminator_from_step=100"))
    durations = experiment.state.discriminator.durations
    before = {name: p.clone() for name, p in durations.named_parameters()}
    losses = step(experiment, batch)
    names = set(dataclasses.asdict(experiment.config.loss)) - {"subband"}
    assert losses.keys() == {*names, "discriminator", "duration_discriminator", "total", *NORMS}
    assert all(not torch.equal(p, before[name]) for name, p in durations.named_parameters())
    validated = experiment.validate().losses[0]
    assert validated["duration_discriminator"] > 0 and validated["duration_adversarial"] > 0


def test_its_loss_falls_on_one_batch(smallest) -> None:
    experiment, batch = make(smallest(*JUDGED, "train.duration_discriminator_from_step=1000"))
    first, last = step(experiment, batch), take_steps(experiment, batch, 40)
    assert last["duration_discriminator"] < 0.7 * first["duration_discriminator"]


def test_in_parts_it_is_the_whole_batch(smallest) -> None:
    found = []
    for accumulate in (1, 3):
        settings = (*JUDGED, *NO_DROPOUT, KINDS[0], f"train.accumulate={accumulate}")
        experiment, batch = make(smallest(*settings))
        noise = experiment.state.generator.draw_noise(
            batch.tokens,
            experiment.spectrogram.magnitudes(batch.wav, batch.wav_lengths),
            torch.Generator().manual_seed(3),
        )
        losses = experiment.train_step(batch, noise)
        found.append({name: float(value) for name, value in losses.items()})
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_frozen_it_only_judges(smallest) -> None:
    experiment, batch = make(smallest(*JUDGED, 'train.freeze_layers=["discriminator"]'))
    before = {k: v.clone() for k, v in experiment.state.discriminator.state_dict().items()}
    losses = step(experiment, batch)
    assert losses["duration_discriminator"] > 0 and losses["discriminator"] > 0
    assert_same(dict(experiment.state.discriminator.state_dict()), before)


@pytest.mark.parametrize("kind", KINDS)
def test_eight_steps_equal_a_stop_and_the_rest(smallest, train, tmp_path, kind) -> None:  # noqa: F811
    config = smallest(
        *JUDGED, kind, "train.duration_discriminator_from_step=4", "train.save_every=2"
    )
    whole = train(config, tmp_path / "whole", 8)
    first = train(config, tmp_path / "run", 3)
    second = train(config, tmp_path / "run", 8)
    assert_equals_unbroken(first, second, tmp_path / "run", whole, tmp_path / "whole")


def test_the_originals_form_leaves_it_out_and_says_so(smallest, train, tmp_path, caplog) -> None:  # noqa: F811
    theirs = (
        "discriminator.periods=[2, 3, 5, 7, 11]",
        "discriminator.period_channels=[4, 4, 4, 4, 4]",
        f"discriminator.scale_layers={[[4, 15, 1, 1], *[[4, 41, 4, 2]] * 4, [4, 5, 1, 1]]}",
    )
    noise = 'train.alignment_noise={"scale": 0.01, "decrease": 2e-6}'
    train(smallest(*JUDGED, *theirs, noise), tmp_path / "run", 2)
    contents = newest(tmp_path / "run")
    config = config_from_dict(VitsConfig, contents["config"], "run")
    paths = write_original(tmp_path / "out", config, contents)
    (judges,) = (path for path in paths if path.name.startswith("D_"))
    names = torch.load(judges, weights_only=True)["model"]
    assert len(names) > 50 and not any("duration" in name for name in names)
    assert "no duration discriminator: this voice's is left out" in caplog.text
    assert "train.alignment_noise is left out" in caplog.text


@pytest.mark.parametrize("settings", [(), JUDGED], ids=["VITS", "VITS2"])
def test_the_originals_own_discriminators_need_no_change_there(settings) -> None:
    config = read_config(VitsConfig, REPOSITORY / "configs/base.json", settings)
    assert not any("widths" in line or "layers" in line for line in unsaid(config))
    narrow = [*settings, "discriminator.period_channels=[4, 4, 4, 4, 4]"]
    config = read_config(VitsConfig, REPOSITORY / "configs/base.json", narrow)
    assert any("other widths" in line for line in unsaid(config))


def test_a_voice_gains_and_loses_it(configure) -> None:  # noqa: F811
    plain, judged = configure(), configure(*JUDGED)
    for old, new in ((plain, judged), (judged, plain)):
        contents = contents_of(old, make_model(old), make_discriminators(old))
        model, discriminator = make_model(new), make_discriminators(new)
        report = transfer(contents, new, model, discriminator, path=PATH)
        assert report.share == 1 and not report.fresh_discriminators
        found = discriminator.state_dict()
        theirs = {name for name in found if not name.startswith("durations.")}
        assert all(found[name].equal(contents["discriminator"][name]) for name in theirs)
    other = configure(*JUDGED, "discriminator.durations.kernel_size=5")
    contents = contents_of(judged, make_model(judged), make_discriminators(judged))
    with pytest.raises(UserError, match="discriminator.durations.kernel_size is 3"):
        transfer(contents, other, make_model(other), make_discriminators(other), path=PATH)


def test_a_fresh_one_cannot_be_frozen(configure) -> None:  # noqa: F811
    plain, judged = configure(), configure(*JUDGED, 'train.freeze_layers=["discriminator"]')
    contents = contents_of(plain, make_model(plain), make_discriminators(plain))
    with pytest.raises(UserError, match="no discriminator of durations, and .* at random"):
        rehearse(contents, judged, Taking(), PATH)
    contents = contents_of(judged, make_model(judged), make_discriminators(judged))
    assert rehearse(contents, judged, Taking(), PATH).share == 1
