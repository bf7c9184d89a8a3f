"""A recipe's fingerprint tells it from every other, and two that meet must be the same."""

from dataclasses import fields, replace

import pytest

from hifigan.config import AudioConfig
from hifigan.errors import UserError
from hifigan.json_config import read_config
from hifigan.mel_recipe import input_recipe, recipe_of, require_same_recipe
from hifigan.vocoder_config import VocoderConfig
from tests.conftest import REPOSITORY

RECIPE = recipe_of(AudioConfig(22050, 1024, 256, 1024, 80, 0.0, 8000.0), 1e-9)


def test_the_configs_of_the_paper_understand_each_others_mels() -> None:
    for name in ("hifigan_v1", "hifigan_v2", "hifigan_v3"):
        config = read_config(VocoderConfig, REPOSITORY / f"configs/{name}.json")
        assert input_recipe(config) == RECIPE
        assert recipe_of(config.loss_audio, config.mel.magnitude_floor) != RECIPE


@pytest.mark.parametrize("name", [field.name for field in fields(RECIPE)])
def test_every_number_changes_the_fingerprint(name: str) -> None:
    value = getattr(RECIPE, name)
    other = replace(RECIPE, **{name: value + "." if name == "scale" else value + 1})
    assert len(other.fingerprint) == 16 and other.fingerprint != RECIPE.fingerprint


def test_a_whole_number_and_null_are_the_values_they_stand_for() -> None:
    written = recipe_of(AudioConfig(22050, 1024, 256, 1024, 80, 0, 8000), 1e-9)
    assert written.fingerprint == RECIPE.fingerprint
    ends = [recipe_of(AudioConfig(22050, 1024, 256, 1024, 80, 0, top), 0) for top in (None, 11025)]
    assert ends[0].fingerprint == ends[1].fingerprint


def test_the_fingerprint_is_the_same_in_every_version() -> None:
    """Folders of mels and checkpoints have it: who changes it makes them unreadable."""
    assert RECIPE.fingerprint == "6e4f23f6e846e574"


def test_two_recipes_are_told_side_by_side_in_one_line() -> None:
    require_same_recipe(RECIPE, replace(RECIPE), "mels", "v1.json")
    other = replace(RECIPE, f_max=11025.0, magnitude_floor=1e-6)
    with pytest.raises(UserError) as error:
        require_same_recipe(other, RECIPE, "mels", "v1.json")
    told = str(error.value)
    assert "\n" not in told and told.startswith("mels: ") and "than v1.json understands" in told
    assert RECIPE.fingerprint in told and other.fingerprint in told
    assert "f_max 11025.0 here and 8000.0 there" in told
    assert "magnitude_floor 1e-06 here and 1e-09 there" in told and "n_mels 80 in both" in told
