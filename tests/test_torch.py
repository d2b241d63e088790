"""PyTorch: values against the formulas and our stream, and torch.nn.init's documented behaviour."""

import numpy as np
import pytest
from frameworks import framework

torch = framework("torch")

import irwinhall
import irwinhall.torch as init


def test_a_weight_is_that_of_sample_weights_bit_for_bit():
    weight = init.letkeman_(torch.empty(64, 48), seed=1, name="a.weight")
    expected = irwinhall.sample_weights(
        (64, 48), "letkeman", in_axis=1, out_axis=0, rng=1, name="a.weight"
    )
    np.testing.assert_array_equal(weight.numpy(), expected)
