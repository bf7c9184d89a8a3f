"""--detect_anomaly names what made the first NaN or infinity, and changes nothing else."""

import logging

import pytest
import torch

import train
import vits.training
from hifigan.diagnosis.watching import Watching, watched
from hifigan.errors import UserError
from tests.one_step import make, step
from tests.small_run import call, error_line, write_config, write_data  # noqa: F401
from vits.config import VitsConfig
from vits.data import Batch
from vits.model import VitsModel, make_model
from vits.training import VitsTraining

pytestmark = pytest.mark.usefixtures("one_thread")


def detecting(config: VitsConfig, tmp_path) -> tuple[VitsTraining, Batch]:
    experiment, batch = make(config, batch_size=2)
    with watched(experiment, Watching(detect_anomaly=True), experiment.ranks, tmp_path):
        return experiment, batch


def fault_of(experiment: VitsTraining, batch: Batch) -> str:
    with pytest.raises(UserError) as caught:
        step(experiment, batch)
    return str(caught.value)


def overflow(model: VitsModel) -> VitsModel:
    """The posterior's log deviation is 200, whose exponential no float32 holds."""
    bias = model.posterior_encoder.projection.bias
    torch.nn.init.constant_(bias[len(bias) // 2 :], 200.0)
    return model


def test_without_an_anomaly_the_numbers_are_those_of_plain_training(smallest, tmp_path) -> None:
    plain, batch = make(smallest("train.accumulate=2"), batch_size=2)
    looked_at, _ = detecting(smallest("train.accumulate=2"), tmp_path)
    for seed in (1, 2):
        expected, losses = step(plain, batch, seed), step(looked_at, batch, seed)
        assert all(torch.equal(value, losses[name]) for name, value in expected.items())
    for name, weight in plain.state.generator.state_dict().items():
        assert torch.equal(weight, looked_at.state.generator.state_dict()[name]), name


def test_forward_the_operation_the_place_the_losses_and_the_utterances_are_named(
    smallest, tmp_path, caplog
) -> None:
    experiment, batch = detecting(smallest(), tmp_path)
    overflow(experiment.state.generator)
    experiment.state.step = 6
    fault = fault_of(experiment, batch)
    assert fault.startswith("step 7, with wavs/0, wavs/1: the loss discriminator is NaN"), fault
    assert "exp.default made it so in vits/posterior_encoder.py:" in fault
    assert "vits/model.py" in fault and "lower train.lr" in fault and "\n" not in fault
    assert "logs_q.exp()" in caplog.text  # the line itself, in the traceback before


def test_backward_the_loss_term_and_the_forward_call_are_named(smallest, tmp_path, caplog) -> None:
    experiment, batch = detecting(smallest(), tmp_path)
    experiment.spectrogram.magnitude_floor = 0.0  # the root of silence has no finite slope
    output = experiment.state.generator.decoder.output
    torch.nn.init.zeros_(output.weight)
    fault = fault_of(experiment, batch)
    assert fault.startswith("step 1, with wavs/0, wavs/1: backward from the loss mel: "), fault
    assert "SqrtBackward0 made NaN, of the forward call in hifigan/mel.py:" in fault
    assert "torch.sqrt(" in caplog.text
    assert [r.levelno for r in caplog.records if "called here" in r.message] == [logging.ERROR]


def test_weights_that_are_nan_are_named(smallest, tmp_path) -> None:
    experiment, batch = detecting(smallest(), tmp_path)
    with torch.no_grad():
        experiment.state.generator.flow.couplings[0].input.bias[0] = torch.nan
    assert "flow.couplings.0.input.bias (1 in all) are NaN" in fault_of(experiment, batch)


def test_a_run_ends_with_one_line_and_code_2(tmp_path, monkeypatch, call) -> None:  # noqa: F811
    write_data(tmp_path / "data")
    write_config(tmp_path / "small.json")
    monkeypatch.setattr(vits.training, "make_model", lambda config: overflow(make_model(config)))
    code, err = call(tmp_path, train.main, "-c", "small.json", "--detect_anomaly")
    assert code == 2
    line = error_line(err[err.rindex("error: ") :])  # the traceback of the call stands before it
    assert "step 1, with wavs/" in line and "vits/posterior_encoder.py" in line
