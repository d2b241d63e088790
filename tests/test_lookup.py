"""Names and aliases find their row; a name that finds none gets suggestions."""

import copy
import operator
import pickle
from typing import NamedTuple

import pytest

from irwinhall import gains, layouts, recipes, schemes
from irwinhall._lookup import FrozenMapping, Names


class Colour(NamedTuple):
    name: str
    aliases: tuple[str, ...] = ()


RED, DARK_RED, GREY = Colour("red"), Colour("dark_red", ("maroon",)), Colour("grey", ("gray",))
NAMES = Names("colour", [RED, DARK_RED, GREY])


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("red", RED),
        ("maroon", DARK_RED),
        ("gray", GREY),
        ("Dark-Red", DARK_RED),
        ("DARK RED", DARK_RED),
    ],
)
def test_a_row_is_found_by_name_and_alias(name, row):
    assert NAMES.find(name) is row


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("maron", "unknown colour 'maron'; did you mean 'dark_red'?"),
        ("ray", "unknown colour 'ray'; did you mean 'grey'?"),
        ("dared", "unknown colour 'dared'; did you mean 'dark_red' or 'red'?"),
        ("blue", "unknown colour 'blue'; known are red, dark_red, grey"),
        ("", "unknown colour ''; known are red, dark_red, grey"),
    ],
)
def test_an_unknown_name_gets_suggestions(name, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        NAMES.find(name)
    assert str(caught.value) == message


def test_names_with_the_same_first_letter_come_first():
    names = Names("colour", [Colour("sea_lime"), Colour("lime_green")])
    with pytest.raises(ValueError, match="'lime_green' or 'sea_lime'"):
        names.find("lime")


def test_three_suggestions_are_a_list():
    names = Names("letter", [Colour("aaab"), Colour("aaac"), Colour("aaad")])
    with pytest.raises(
        ValueError, match=r"^unknown letter 'aaaa'; did you mean '.*', '.*' or '.*'\?$"
    ):
        names.find("aaaa")


TABLES = {
    "schemes": schemes.SCHEMES,
    "activations": gains.ACTIVATIONS,
    "gated": gains.GATED,
    "layouts": layouts.LAYOUTS,
    "recipes": recipes.RECIPES,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("copied", [lambda t: pickle.loads(pickle.dumps(t)), copy.deepcopy])
def test_a_table_can_be_pickled_and_copied(table, copied):
    assert len(table) > 1
    assert copied(table) == table


def test_a_frozen_mapping_does_not_follow_what_it_was_made_from():
    entries = {"a": 1}
    frozen = FrozenMapping(entries)
    entries["a"] = 2
    assert (dict(frozen), repr(frozen)) == ({"a": 1}, "FrozenMapping({'a': 1})")
    changes = [
        lambda: operator.setitem(frozen, "a", 2),
        lambda: operator.delitem(frozen, "a"),
        lambda: operator.ior(frozen, {"a": 2}),
        lambda: frozen.update(a=2),
        lambda: frozen.setdefault("b", 2),
        lambda: frozen.pop("a"),
        frozen.popitem,
        frozen.clear,
    ]
    for change in changes:
        with pytest.raises(TypeError, match="FrozenMapping cannot be changed"):
            change()
    assert frozen == {"a": 1}
    with pytest.raises(KeyError, match="b"):
        frozen["b"]
