import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.imaging.recipe import RECIPES, Recipe, get_recipe, recipe_from_dict


def test_the_two_recipes():
    default, paper = get_recipe("default"), get_recipe("zhuang2025")
    assert (default.padding, paper.padding) == (-1000, 0)
    assert (default.size, default.spacing, default.plane_mm, default.plane_size) == (100, 1.0, 50.0, 224)
    assert (paper.low, paper.high) == (-1000, 500)
    assert get_recipe(default) is default


def test_recipes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_recipe("default").size = 3  # type: ignore[misc]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="'paper' — is no recipe — recipes: default, zhuang2025"):
        get_recipe("paper")


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_survives_its_dictionary(name):
    assert recipe_from_dict(get_recipe(name).as_dict()) == get_recipe(name)


def test_a_dictionary_with_other_fields_is_refused():
    with pytest.raises(InputError, match="colour"):
        recipe_from_dict({**get_recipe("default").as_dict(), "colour": 3})


@given(field=st.sampled_from([f.name for f in dataclasses.fields(Recipe)]))
def test_the_hash_changes_with_everything_but_the_name(field):
    recipe = get_recipe("default")
    value = getattr(recipe, field)
    changed = dataclasses.replace(recipe, **{field: value + "x" if isinstance(value, str) else value + 1})
    assert (changed.hash == recipe.hash) == (field == "name")
    assert len(recipe.hash) == 16
