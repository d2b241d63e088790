"""Names and aliases find their row; a name that finds none gets suggestions."""

from typing import NamedTuple

import pytest

from irwinhall._lookup import Names


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


def test_three_suggestions_are_a_list():
    names = Names("letter", [Colour("aaab"), Colour("aaac"), Colour("aaad")])
    with pytest.raises(
        ValueError, match=r"^unknown letter 'aaaa'; did you mean '.*', '.*' or '.*'\?$"
    ):
        names.find("aaaa")
