"""Samplers: one resolution of a weight, which every caller reads, and what a call costs."""

from __future__ import annotations

import numpy as np
import pytest
from frames import frames

import irwinhall
from irwinhall import layouts, sampling
from irwinhall._arrays import output
from irwinhall.layouts import Weight
from irwinhall.sampling import Sampler, sample_weights
from irwinhall.schemes import SCHEMES, Scheme

# ---- a sampler -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["letkeman_normalized", "he_normal", "orthogonal", "identity"])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((12, 8), {}),
        ((12, 4, 3), {"layout": "torch.conv", "groups": 2}),
        ((12, 8), {"layout": "torch.linear", "parts": 3}),
        ((5, 4, 6), {"batch_axis": 0}),
    ],
)
def test_a_sampler_draws_what_sample_weights_does(scheme, shape, options):
    sampler = Sampler.of(shape, scheme, gain=0.5, **options)
    expected = sample_weights(shape, scheme, gain=0.5, rng=1, name="w", **options)
    stream = irwinhall.Stream(1, "w")
    assert sampler.scale == sampling.scale_of(shape, scheme, gain=0.5, **options)
    drawn = sampler.draw(stream, output(shape, None, None, None))
    assert drawn.tobytes() == expected.tobytes()
    region = tuple(slice(1, size - 1) for size in shape)
    part = sampler.draw(stream, output(shape, None, None, region))
    np.testing.assert_array_equal(part, expected[region])


def test_a_sampler_of_a_weight_reads_its_fans():
    weight = Weight.of((1000, 64), layout="torch.embedding")
    sampler = Sampler.of((1000, 64), "letkeman_normalized", layout=weight)
    assert sampler.weight is weight
    assert sampler.scale == irwinhall.letkeman_bound(1, 64)


def test_a_sampler_refuses_a_type_that_cannot_hold_its_scale():
    sampler = Sampler.of((1, 2), "letkeman", gain=1e5)
    with pytest.raises(ValueError, match="gain must give letkeman a bound .* for float16, got"):
        sampler.draw(irwinhall.Stream(1), output((1, 2), "float16", None, None))


@pytest.mark.parametrize("law", ["constant", "uniform", "normal", "truncated_normal"])
def test_a_scale_of_zero_draws_nothing(law, monkeypatch):
    def refuse(*_):
        raise AssertionError("drawn")

    monkeypatch.setattr(sampling, "fill", refuse)
    row = Scheme("none", law, lambda fan_in, fan_out: 0.0)
    weights = sample_weights((3, 4), row, rng=1)
    assert not weights.any()
    assert not np.signbit(weights).any()


@pytest.mark.parametrize("scheme", ["orthogonal", "delta_orthogonal", "identity"])
def test_a_matrix_of_one_number(scheme):
    weights = sample_weights((), scheme, in_axis=(), out_axis=(), gain=-2.0, rng=1)
    assert (weights.shape, abs(float(weights))) == ((), 2.0)


def test_a_negative_zero_keeps_its_sign():
    weights = sample_weights(3, "constant", gain=-0.0)
    assert np.signbit(weights).all()


@pytest.mark.parametrize("row", SCHEMES.values(), ids=lambda row: row.name)
@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ((0, 64), {}),
        ((64, 0), {}),
        ((3, 0, 4, 5), {}),
        ((0, 4, 4), {"batch_axis": 0}),
        ((0, 4), {"layout": "torch.linear", "parts": 3}),
    ],
)
def test_a_weight_without_elements_is_empty(row, shape, more):
    more = {**more, "gain": 1.0}
    weights = sample_weights(shape, row, rng=1, **more)
    assert (weights.shape, weights.dtype) == (shape, np.float32)
    out = np.empty(shape, np.float16)
    assert sample_weights(None, row, rng=1, out=out, **more) is out
    if row.reads_axes and "batch_axis" not in more:
        for asked in (lambda: sampling.scale_of(shape, row, **more), lambda: irwinhall.fans(shape)):
            with pytest.raises(ValueError, match="^shape must give fans of at least 1, got"):
                asked()
    else:
        assert sampling.scale_of(shape, row, **more) >= 0.0


def test_what_is_wrong_with_an_empty_weight_is_still_said():
    with pytest.raises(ValueError, match="^letkeman needs fan_in and fan_out; a 1-D shape"):
        sample_weights((0,), rng=1)
    with pytest.raises(ValueError, match="^in_axis must name an axis"):
        sample_weights((0, 5), rng=1, in_axis=2)
    with pytest.raises(TypeError, match="^dtype must be one of"):
        sample_weights((0, 5), rng=1, dtype="int8")
    with pytest.raises(TypeError, match=r"^dtype must be one of .*, got \[\]$"):
        sample_weights((0, 5), rng=1, dtype=[])


# ---- what a scheme says of itself ----------------------------------------------------------------

_FACTS = ("elementwise", "is_matrix", "is_constant", "is_random")


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("letkeman", "elementwise is_random divisible reads_fans reads_axes"),
        ("he_normal", "elementwise is_random divisible reads_fans reads_axes"),
        ("xavier_truncated_normal", "elementwise is_random divisible reads_fans reads_axes"),
        ("uniform", "elementwise is_random divisible"),
        ("normal", "elementwise is_random divisible"),
        ("truncated_normal", "elementwise is_random divisible"),
        ("log_uniform", "elementwise is_random divisible"),
        ("orthogonal", "is_matrix is_random reads_axes"),
        ("delta_orthogonal", "is_matrix is_random reads_axes"),
        ("identity", "is_matrix divisible reads_axes"),
        ("zeros", "is_constant divisible"),
        ("constant", "is_constant divisible"),
    ],
)
def test_a_scheme_says_what_it_reads_and_how_it_is_drawn(name, facts):
    known = (*_FACTS, "divisible", "reads_fans", "reads_axes")
    assert {fact for fact in known if getattr(SCHEMES[name], fact)} == set(facts.split())


def test_a_rule_may_return_any_real_number():
    row = Scheme("half", "uniform", lambda fan_in, fan_out: np.float32(0.5))
    assert type(sampling.scale_of((3, 4), row)) is float
    row = Scheme("text", "uniform", lambda fan_in, fan_out: "0.5")
    with pytest.raises(TypeError, match=r"^the scale of text must be a real number, got '0.5' "):
        sampling.scale_of((3, 4), row)


# ---- the same keywords everywhere ----------------------------------------------------------------


OPTIONS = {"in_axis", "out_axis", "batch_axis", "groups", "layout", "parts", "stacked"}


def test_everything_that_describes_a_weight_takes_the_same_keywords():
    from inspect import signature

    from irwinhall.weightfile import save_weights

    assert set(layouts.WeightOptions.__annotations__) == OPTIONS
    for function in (
        Weight.of,
        Sampler.of,
        irwinhall.fans,
        sample_weights,
        sampling.scale_of,
        save_weights,
    ):
        missing = (OPTIONS | {"active_inputs"}) - set(signature(function).parameters)
        assert missing == set(), function


def test_seed_is_called_rng():
    with pytest.raises(TypeError, match="^sample_weights takes rng, not seed$"):
        sample_weights((3, 4), seed=1)


# ---- the cost of a call --------------------------------------------------------------------------


def test_a_call_is_few_frames():
    names = frames(lambda: sample_weights((64, 64), rng=0, name="w"))
    assert len(names) < 32  # 40 is the promise
    assert names.count("weight_of") == 1


def test_a_shape_is_resolved_once():
    layouts._weight_of.cache_clear()
    for _ in range(3):
        sample_weights((7, 9), rng=1)
    assert layouts._weight_of.cache_info().misses == 1


def test_a_small_fill_does_not_ask_for_cores(monkeypatch):
    from irwinhall import stream

    def refuse():
        raise AssertionError("asked")

    monkeypatch.setattr(stream, "available_cores", refuse)
    sample_weights((64, 64), rng=1)
    with pytest.raises(AssertionError, match="asked"):
        sample_weights((1024, 1024), rng=1)
