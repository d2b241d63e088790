"""A call under another library's keyword says which one it should be."""

import inspect

import pytest

import irwinhall
from irwinhall import article, compare, flow, montecarlo
from irwinhall._keywords import takes

FUNCTIONS = [
    article.normalized_rows,
    article.standard_rows,
    compare.compare,
    flow.explosion,
    flow.simulate,
    montecarlo.layer,
    montecarlo.magnitude,
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_call_with_seed_is_told_of_rng(function):
    with pytest.raises(TypeError, match=f"^{function.__name__} takes rng, not seed$"):
        function(seed=1)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_signature_names_rng(function):
    assert "rng" in inspect.signature(function).parameters


def test_a_stream_is_as_good_as_its_seed():
    of_seed = next(article.standard_rows(100, rng=5))
    assert next(article.standard_rows(100, rng=irwinhall.Stream(5))) == of_seed
    of_seed, of_stream = (
        flow.simulate(["he_normal"], width=4, depth=2, rng=rng)[0].forward_variance.tolist()
        for rng in (5, irwinhall.Stream(5))
    )
    assert of_seed == of_stream


def test_all_other_calls_go_through():
    @takes("new", not_="old")
    def pair(first, *, new=0):
        return first, new

    assert (pair(1), pair(first=1, new=2)) == ((1, 0), (1, 2))


@pytest.mark.parametrize("function", FUNCTIONS[2:], ids=lambda function: function.__name__)
def test_what_is_no_seed_is_named(function):
    sizes = {"montecarlo.layer": (3, 4), "montecarlo.magnitude": (3,), "compare.compare": (3, 4)}
    place = f"{function.__module__.removeprefix('irwinhall.')}.{function.__name__}"
    with pytest.raises(TypeError, match=r"^rng must be a Stream, an int, .* got 1.5"):
        list(function(*sizes.get(place, ()), rng=1.5))
