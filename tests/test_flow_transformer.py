"""Transformers in the flow (VITS2 Sec. 2.3): still a flow, which sees all frames."""

import dataclasses

import pytest
import torch
from torch import Tensor

from hifigan.errors import UserError
from tests.test_transfer import PATH, configure, contents_of, modules, moved, spoken  # noqa: F401
from tests.tiny_model import perturb
from tests.vits2_settings import FLOW_TRANSFORMER
from vits.config import FlowConfig, TransformerConfig, WaveNetConfig
from vits.flow import Flow
from vits.model import make_model
from vits.transfer.transfer import transfer

TRANSFORMER = TransformerConfig(
    filter_channels=24, n_heads=2, n_layers=2, kernel_size=3, dropout=0.1, attention_window=2
)
PLAIN = FlowConfig(2, WaveNetConfig(hidden_channels=16, n_layers=2, kernel_size=3))
CONFIG = dataclasses.replace(PLAIN, transformer=TRANSFORMER)


def flow_of(config: FlowConfig, speaker_channels: int = 0, perturbed: bool = True) -> Flow:
    torch.manual_seed(0)
    flow = Flow(8, config, speaker_channels).eval()
    if perturbed:
        perturb(flow, 0.1)
    return flow.requires_grad_(False)


def latent(n_frames: int, batch_size: int = 1) -> Tensor:
    return torch.randn(batch_size, 8, n_frames, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("speaker_channels", [0, 4])
def test_the_inverse_undoes_it(speaker_channels: int) -> None:
    flow = flow_of(CONFIG, speaker_channels)
    z, mask = latent(30, 2), torch.ones(2, 1, 30)
    speaker = torch.randn(2, speaker_channels, 1) if speaker_channels else None
    z_p = flow(z, mask, speaker)
    assert not torch.allclose(z_p, z, atol=0.1)
    torch.testing.assert_close(flow.inverse(z_p, mask, speaker), z, atol=1e-5, rtol=1e-4)


def test_its_log_determinant_is_0_as_the_losses_take_it() -> None:
    flow, mask = flow_of(CONFIG).double(), torch.ones(1, 1, 4).double()
    z = latent(4).double()
    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x.view(1, 8, 4), mask), z)
    assert torch.linalg.slogdet(jacobian.reshape(32, 32)).logabsdet.abs() < 1e-10


def test_padding_and_other_items_change_nothing() -> None:
    flow = flow_of(CONFIG)
    z, mask = latent(30, 2), torch.ones(2, 1, 30)
    mask[1, :, 20:] = 0
    z = z * mask
    for run in (flow, flow.inverse):
        alone = run(z[1:, :, :20], mask[1:, :, :20])
        found = run(z, mask)[1:]
        torch.testing.assert_close(found[:, :, :20], alone, atol=1e-5, rtol=1e-4)
        assert not found[:, :, 20:].any()


def test_every_frame_sees_every_other() -> None:
    z, mask = latent(60), torch.ones(1, 1, 60)
    changed = z.clone()
    changed[..., -1] += 1
    for config, sees in ((CONFIG, True), (PLAIN, False)):
        flow = flow_of(config)
        moved_frames = (flow.inverse(z, mask) - flow.inverse(changed, mask)).abs().amax(1)[0] > 1e-6
        assert bool(moved_frames[0]) is sees
        assert config.reach is None if sees else moved_frames.sum() <= 1 + config.reach


def test_it_begins_as_the_flow_without_and_its_weights_learn() -> None:
    flow, plain = flow_of(CONFIG, perturbed=False), flow_of(PLAIN)
    flow.load_state_dict(plain.state_dict(), strict=False)
    z, mask = latent(30), torch.ones(1, 1, 30)
    assert torch.equal(flow(z, mask), plain(z, mask))
    flow.requires_grad_(True)
    optimizer = torch.optim.SGD(flow.parameters(), 0.1)
    for _ in range(2):  # the last norm first, then what is behind it
        optimizer.zero_grad()
        flow(z, mask).square().sum().backward()
        optimizer.step()
    grads = {n: p.grad for n, p in flow.named_parameters() if ".transformer." in n}
    key_biases = {n for n in grads if n.endswith("attention.key.bias")}  # which cancel in softmax
    assert len(grads) == 2 * 2 * 18
    assert all(grads[name].abs().sum() > 0 for name in grads.keys() - key_biases)


def test_a_voice_without_is_given_one_and_sounds_the_same(configure) -> None:  # noqa: F811
    old, new = configure(), configure(FLOW_TRANSFORMER)
    contents = contents_of(old, *modules(old, seed=1))
    torch.manual_seed(2)
    model = make_model(new)
    _, discriminator = modules(new, seed=2)
    report = transfer(contents, new, model, discriminator, path=PATH)
    former = make_model(old)
    former.load_state_dict(contents["generator"])
    assert torch.equal(spoken(model.eval()), spoken(former.eval()))
    fresh = {fate.name for fate in report.tensors if fate.fate == "fresh"}
    assert fresh == {name for name in model.state_dict() if ".transformer." in name}
    assert report.share == 1


def test_a_voice_with_one_is_refused_where_there_is_none_or_another(configure) -> None:  # noqa: F811
    config = configure(FLOW_TRANSFORMER)
    contents = contents_of(config, *modules(config, seed=1))
    for other in (configure(), configure(FLOW_TRANSFORMER, "model.flow.transformer.n_heads=1")):
        with pytest.raises(UserError, match="model.flow.transformer.* --ignore_layers flow"):
            moved(contents, other)
