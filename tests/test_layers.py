"""Patterns of parts and layers select what they say, and what selects nothing is explained."""

import pytest

from hifigan.errors import UserError
from hifigan.layers import matching, part_of, plain_name
from tests.tiny_model import tiny_model

NORM = "parametrizations.weight.original"


@pytest.fixture(scope="module")
def names() -> list[str]:
    model = [name for name, _ in tiny_model(n_speakers=2).named_parameters()]
    return [
        *model,
        "discriminator.members.0.output.bias",
        f"discriminator.members.0.output.{NORM}0",
    ]


def test_a_part_selects_all_its_tensors_and_no_others(names):
    selected = matching(["flow"], names, "--freeze_layers")
    assert selected == {name for name in names if part_of(name) == "flow"}
    assert selected


def test_a_layer_ends_at_a_dot(names):
    many = [f"text_encoder.layers.{i}.bias" for i in (1, 10, 11)]
    assert matching(["text_encoder.layers.1"], many, "here") == {many[0]}


def test_a_whole_name_selects_itself(names):
    name = "text_encoder.embedding.weight"
    assert matching([name], names, "here") == {name}


def test_a_glob_is_over_whole_names(names):
    assert matching(["*.bias"], names, "here") == {n for n in names if n.endswith(".bias")}
    with pytest.raises(UserError, match="selects no layer"):
        matching(["bias*"], names, "here")


def test_both_tensors_of_weight_norm_answer_to_their_layers_weight(names):
    both = {f"flow.couplings.0.wavenet.gated.0.{NORM}{i}" for i in (0, 1)}
    assert matching(["flow.couplings.0.wavenet.gated.0.weight"], names, "here") == both
    assert both < matching(["flow.*.weight"], names, "here")


def test_several_patterns_select_their_union(names):
    one, two = (matching([part], names, "here") for part in ("decoder", "discriminator"))
    assert matching(["decoder", "discriminator"], names, "here") == one | two


def test_no_pattern_selects_nothing(names):
    assert matching([], names, "here") == set()


@pytest.mark.parametrize(
    "pattern, near",
    [
        ("text_encodr", "text_encoder"),
        ("Decoder", "decoder"),
        ("enc_p", "text_encoder"),
        ("enc_q.*", "posterior_encoder.*"),
        ("dp", "duration_predictor"),
        ("dec.stages.0", "decoder.stages.0"),
        ("emb_g", "speaker_embedding"),
        ("net_d", "discriminator"),
        ("text_encoder.layer.0", "text_encoder.layers.0"),
    ],
)
def test_a_pattern_that_selects_nothing_names_near_ones(names, pattern, near):
    with pytest.raises(UserError) as error:
        matching(["flow", pattern], names, "--freeze_layers")
    message = str(error.value)
    assert message.startswith(f"--freeze_layers: {pattern} selects no layer")
    assert near in message.partition("did you mean ")[2].partition("?")[0]
    assert "\n" not in message


def test_an_unknown_word_gets_the_list_of_parts(names):
    with pytest.raises(UserError, match="give parts .*text_encoder.*discriminator"):
        matching(["zzz"], names, "here")


@pytest.mark.parametrize("pattern", ["speaker_embedding", "emb_g.weight", "speaker_embedding.*"])
def test_one_speaker_has_no_speaker_embedding(pattern):
    names = [name for name, _ in tiny_model().named_parameters()]
    with pytest.raises(UserError, match="one speaker"):
        matching([pattern], names, "--freeze_layers")


def test_the_plain_name_is_that_of_the_layer_without_norm():
    assert plain_name(f"decoder.stages.0.upsample.{NORM}1") == "decoder.stages.0.upsample.weight"
    assert plain_name("a.parametrizations.weight.0._u") == "a.weight"
    assert plain_name("a.bias") == "a.bias"
