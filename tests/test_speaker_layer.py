"""The speaker in the text encoder (VITS2 Sec. 2.4), and voices that gain or lose it."""

import dataclasses

import pytest
import torch

from hifigan.errors import UserError
from tests.test_transfer import (  # noqa: F401
    PATH,
    configure,
    contents_of,
    heard,
    loaded,
    modules,
    moved,
    old_voice,
    spoken,
)
from tests.tiny_model import N_SYMBOLS, perturb, tiny_config
from vits.config import VitsConfig
from vits.model import VitsModel, make_model
from vits.text_encoder import TextEncoder
from vits.transfer.transfer import transfer

CONFIG = dataclasses.replace(tiny_config().text_encoder, speaker_layer=2)
NAMED = "data.speakers=from_data"
LAYERS = ("model.text_encoder.n_layers=3", "model.text_encoder.speaker_layer=3", NAMED)
TWO = ("anna", "boris")
TOKENS, LENGTHS = torch.tensor([[1, 2, 3, 4, 5, 6, 7], [3, 1, 4, 1, 0, 0, 0]]), torch.tensor([7, 4])


def encoder(perturbed: bool) -> TextEncoder:
    torch.manual_seed(0)
    made = TextEncoder(N_SYMBOLS, 8, CONFIG, speaker_channels=6).eval()
    if perturbed:
        perturb(made, 0.3)
    return made.requires_grad_(False)


def test_it_enters_before_its_layer_and_nowhere_else() -> None:
    made, speaker = encoder(perturbed=True), torch.randn(2, 6, 1)
    seen = []
    for layer in made.layers:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        layer.register_forward_hook(lambda _, inputs, output: seen.append(output))
    made(TOKENS, LENGTHS, speaker=speaker)
    before_1, after_1, before_2, _ = seen
    assert torch.equal(before_1[:, :, 0], (made.embedding(TOKENS[:, 0]) * 4))
    weight, bias = made.condition.weight[..., 0], made.condition.bias
    expected = after_1 + (speaker[..., 0] @ weight.T + bias).unsqueeze(-1)
    torch.testing.assert_close(before_2, expected, atol=1e-5, rtol=1e-5)


def test_it_begins_as_nothing_and_then_tells_speakers_apart() -> None:
    for perturbed in (False, True):
        made = encoder(perturbed)
        one, other = (
            made(TOKENS, LENGTHS, speaker=torch.full((2, 6, 1), x)).m_p for x in (1.0, 2.0)
        )
        assert torch.equal(one, other) is not perturbed


def test_padding_changes_nothing() -> None:
    made, speaker = encoder(perturbed=True), torch.randn(2, 6, 1)
    together = made(TOKENS, LENGTHS, speaker=speaker)
    alone = made(TOKENS[1:, :4], LENGTHS[1:], speaker=speaker[1:])
    for name in ("hidden", "m_p", "logs_p"):
        found = getattr(together, name)[1:]
        torch.testing.assert_close(found[..., :4], getattr(alone, name), atol=1e-5, rtol=1e-4)
        assert not found[..., 4:].any()


def given(old: VitsConfig, new: VitsConfig) -> tuple[VitsModel, VitsModel]:
    """The old voice, and the one that fine-tuning begins with."""
    contents = contents_of(old, *modules(old, seed=1))
    torch.manual_seed(2)
    model, (_, discriminator) = make_model(new), modules(new, seed=2)
    assert transfer(contents, new, model, discriminator, path=PATH).share == 1
    return loaded(contents, old), model.eval()


@pytest.mark.parametrize("old_speakers", [None, TWO], ids=["of one speaker", "of several"])
def test_a_voice_without_is_given_one_and_sounds_the_same(configure, old_speakers) -> None:  # noqa: F811
    before, after = given(
        configure(LAYERS[0], speakers=old_speakers), configure(*LAYERS, speakers=TWO)
    )
    who = None if old_speakers is None else 1
    torch.testing.assert_close(spoken(after, 1), spoken(before, who), atol=1e-6, rtol=1e-5)


def test_one_out_of_many_sounds_the_same_without(configure) -> None:  # noqa: F811
    many, one = configure(*LAYERS, speakers=TWO), configure(LAYERS[0])
    contents = old_voice(many)
    before, (after, _, report) = loaded(contents, many), moved(contents, one, speaker="boris")
    torch.testing.assert_close(spoken(after), spoken(before, 1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(heard(after), heard(before, 1), atol=1e-4, rtol=1e-4)
    assert spoken(after).shape != spoken(before, 0).shape  # her durations are others
    assert report.share == 1


def test_another_layer_is_another_meaning(configure) -> None:  # noqa: F811
    contents = old_voice(configure(*LAYERS, speakers=TWO))
    other = configure(LAYERS[0], NAMED, "model.text_encoder.speaker_layer=2", speakers=TWO)
    with pytest.raises(UserError, match="speaker_layer is 3, but the config says 2"):
        moved(contents, other)
