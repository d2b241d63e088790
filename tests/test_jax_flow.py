"""activation_flow of JAX beside passes written out, beside torch's and irwinhall.flow."""

import itertools
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from frameworks import framework

jax = framework("jax")
nnx, linen, equinox = (framework(name) for name in ("flax.nnx", "flax.linen", "equinox"))

import jax.numpy as jnp  # noqa: E402

import irwinhall  # noqa: E402
import irwinhall.jax as ij  # noqa: E402
from irwinhall import flow  # noqa: E402

KEY = jax.random.key(0)


def normal(*shape, seed=2, dtype="float32"):
    return irwinhall.Stream(seed).normal(shape, dtype=dtype)


def moments(array):
    """Return the moments of an array, with nothing clever, in float64."""
    values = np.abs(np.asarray(array)).astype(np.float64)
    return values.mean(), np.square(values).mean(), (values == 0).all(axis=0).mean()


def names(found):
    return [row.name for row in found.rows]


# ---- models, in both frameworks ------------------------------------------------------------------


class Flax:
    """Layers of Flax nnx, which take a batch."""

    Module, List = nnx.Module, nnx.List

    @staticmethod
    def linear(ins, outs):
        return nnx.Linear(ins, outs, rngs=nnx.Rngs(0))

    @staticmethod
    def norm(size):
        return nnx.LayerNorm(size, rngs=nnx.Rngs(0))

    @staticmethod
    def embedding(count, size):
        return nnx.Embed(count, size, rngs=nnx.Rngs(0))

    @staticmethod
    def each(layer, x):
        return layer(x)

    @staticmethod
    def weights(model):
        state = nnx.to_flat_state(nnx.state(model, nnx.Param))
        return {".".join(map(str, path)): variable[...] for path, variable in state}


class Equinox:
    """Layers of Equinox, which take a sample, and one vector of it."""

    Module, List = equinox.Module, list

    @staticmethod
    def linear(ins, outs):
        return equinox.nn.Linear(ins, outs, key=KEY)

    @staticmethod
    def norm(size):
        return equinox.nn.LayerNorm(size, eps=1e-6)

    @staticmethod
    def embedding(count, size):
        return equinox.nn.Embedding(count, size, key=KEY)

    @staticmethod
    def each(layer, x):
        return jax.vmap(layer)(x)

    @staticmethod
    def weights(model):
        leaves = jax.tree_util.tree_leaves_with_path(equinox.filter(model, equinox.is_array))
        return {
            ".".join(str(getattr(key, "name", getattr(key, "idx", None))) for key in path): leaf
            for path, leaf in leaves
        }


KITS = pytest.mark.parametrize("kit", [Flax, Equinox])


def perceptron(kit, widths):
    class Perceptron(kit.Module):
        layers: Any

        def __init__(self):
            sizes = itertools.pairwise(widths)
            self.layers = kit.List([kit.linear(*size) for size in sizes])

        def __call__(self, x):
            for layer in self.layers[:-1]:
                x = jax.nn.relu(layer(x))
            return self.layers[-1](x)

    return Perceptron()


def residual_network(kit, width, depth):
    class Block(kit.Module):
        norm: Any
        first: Any
        second: Any

        def __init__(self):
            self.norm, self.first = kit.norm(width), kit.linear(width, 2 * width)
            self.second = kit.linear(2 * width, width)

        def __call__(self, x):
            return x + self.second(jnp.tanh(self.first(self.norm(x))))

    class Network(kit.Module):
        blocks: Any
        head: Any

        def __init__(self):
            self.blocks = kit.List([Block() for _ in range(depth)])
            self.head = kit.linear(width, 3)

        def __call__(self, x):
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    return Network()


def transformer(kit, tokens, width, depth):
    class Attention(kit.Module):
        query: Any
        key: Any
        value: Any
        out: Any

        def __init__(self):
            self.query, self.key = kit.linear(width, width), kit.linear(width, width)
            self.value, self.out = kit.linear(width, width), kit.linear(width, width)

        def __call__(self, x):
            query, key, value = (kit.each(layer, x) for layer in (self.query, self.key, self.value))
            shares = jax.nn.softmax(query @ key.mT / width**0.5)
            return kit.each(self.out, shares @ value)

    class Block(kit.Module):
        norm: Any
        attention: Any
        wide: Any
        back: Any

        def __init__(self):
            self.norm, self.attention = kit.norm(width), Attention()
            self.wide, self.back = kit.linear(width, 2 * width), kit.linear(2 * width, width)

        def __call__(self, x):
            x = x + self.attention(kit.each(self.norm, x))
            return x + kit.each(self.back, jax.nn.gelu(kit.each(self.wide, x)))

    class Transformer(kit.Module):
        embed: Any
        blocks: Any
        head: Any

        def __init__(self):
            self.embed = kit.embedding(tokens, width)
            self.blocks = kit.List([Block() for _ in range(depth)])
            self.head = kit.linear(width, tokens)

        def __call__(self, x):
            x = kit.each(self.embed, x)
            for block in self.blocks:
                x = block(x)
            return kit.each(self.head, x)

    return Transformer()


# ---- the same, written out -----------------------------------------------------------------------


class ByHand:
    """Layers as functions of the weights by path; an output plus an offset is what goes on."""

    def __init__(self, weights, offsets):
        self.weights, self.offsets, self.outputs = weights, offsets, {}

    def noted(self, name, output):
        self.outputs[name] = output
        return output + self.offsets.get(name, 0.0)

    def linear(self, name, x):
        kernel = self.weights.get(f"{name}.kernel")
        if kernel is None:
            kernel = self.weights[f"{name}.weight"].T
        return self.noted(name, x @ kernel + self.weights[f"{name}.bias"])

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        return self.noted(name, centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6))

    def perceptron(self, x):
        for number in range(3):
            x = self.linear(f"layers.{number}", x if number == 0 else jnp.maximum(x, 0))
        return x

    def residual_network(self, x):
        for number in range(2):
            at = f"blocks.{number}"
            y = self.linear(f"{at}.first", self.norm(f"{at}.norm", x))
            x = self.noted(at, x + self.linear(f"{at}.second", jnp.tanh(y)))
        return self.linear("head", x)

    def transformer(self, x):
        table = self.weights.get("embed.embedding", self.weights.get("embed.weight"))
        x = self.noted("embed", table[x])
        for number in range(2):
            at = f"blocks.{number}"
            y = self.norm(f"{at}.norm", x)
            query, key, value = (
                self.linear(f"{at}.attention.{name}", y) for name in ("query", "key", "value")
            )
            shares = jnp.exp(jnp.einsum("nqd,nkd->nqk", query, key) / math.sqrt(query.shape[-1]))
            shares /= shares.sum(-1, keepdims=True)
            mixed = jnp.einsum("nqk,nkd->nqd", shares, value)
            x = x + self.linear(f"{at}.attention.out", mixed)
            wide = self.linear(f"{at}.wide", x)
            x = self.noted(at, x + self.linear(f"{at}.back", jax.nn.gelu(wide)))
        return self.linear("head", x)


MODELS = {
    "perceptron": lambda kit: (perceptron(kit, (8, 16, 16, 3)), normal(16, 8)),
    "residual_network": lambda kit: (residual_network(kit, 6, 2), normal(16, 6)),
    "transformer": lambda kit: (transformer(kit, 7, 6, 2), np.arange(80).reshape(16, 5) ** 2 % 7),
}


def some_loss(logits):
    return (logits**2).mean() + logits.sum()


@KITS
@pytest.mark.parametrize("name", MODELS)
def test_the_rows_are_what_a_pass_written_out_measures(name, kit):
    model, batch = MODELS[name](kit)
    weights = kit.weights(model)

    def passed(offsets):
        by_hand = ByHand(weights, offsets)
        return some_loss(getattr(by_hand, name)(jnp.asarray(batch))), by_hand.outputs

    outputs = passed({})[1]
    zeros = {at: jnp.zeros_like(output) for at, output in outputs.items()}
    gradients, _ = jax.grad(passed, has_aux=True)(zeros)
    rows = [row for row in ij.activation_flow(model, batch, some_loss).rows if row.kind != "batch"]
    assert [row.name for row in rows if row.name in outputs] == list(outputs)
    for row in rows:
        # Modules that return what jax.vmap makes of their last layer have a row too.
        at = row.name
        if at not in outputs:
            at = f"{at}.out" if at.endswith(".attention") else "head"
            assert kit is Equinox
        assert row.shape == outputs[at].shape
        assert row.has_weight == (row.kind in ("Linear", "Embed", "Embedding"))
        assert row[5:8] == pytest.approx(moments(outputs[at]), rel=1e-4)
        assert row[8:] == pytest.approx(moments(gradients[at]), rel=1e-4)


@KITS
def test_a_perceptron_has_the_gradients_of_numpy(kit):
    model, batch = MODELS["perceptron"](kit)
    weights = {name: np.asarray(array, "float64") for name, array in kit.weights(model).items()}
    kernels = [
        weights[f"layers.{n}.kernel"] if kit is Flax else weights[f"layers.{n}.weight"].T
        for n in range(3)
    ]
    x, before = batch, []
    for number, kernel in enumerate(kernels):
        before.append(x @ kernel + weights[f"layers.{number}.bias"])
        x = np.maximum(before[-1], 0)
    gradients = [before[2]]  # of half the sum of squares
    for number in (2, 1):
        gradients.append(gradients[-1] @ kernels[number].T * (before[number - 1] > 0))
    found = ij.activation_flow(model, batch, lambda y: 0.5 * (y**2).sum())
    assert found.rows[0][:8] == ("", "batch", 0, (16, 8), False, *moments(batch))
    for row, output, gradient in zip(found.rows[1:], before, gradients[::-1], strict=True):
        assert row[5:8] == pytest.approx(moments(output), rel=1e-5)
        assert row[8:] == pytest.approx(moments(gradient), rel=1e-5)


@KITS
@pytest.mark.parametrize("name", MODELS)
def test_modules_have_the_paths_of_init_weights(name, kit):
    model, batch = MODELS[name](kit)
    _, report = ij.init_weights(model, seed=1)
    holders = {row.name.rpartition(".")[0] for row in report.rows}
    assert holders <= set(names(ij.activation_flow(model, batch)))


def test_the_report_is_that_of_torch_for_the_same_weights():
    torch, init = framework("torch"), framework("irwinhall.torch")
    linears = [torch.nn.Linear(*size) for size in ((8, 16), (16, 16), (16, 3))]
    model = torch.nn.Sequential(
        linears[0], torch.nn.ReLU(), linears[1], torch.nn.ReLU(), linears[2]
    )
    init.init_weights(model, "he_normal", seed=1)
    same = nnx.Sequential(*(Flax.linear(*size) for size in ((8, 16), (16, 16), (16, 3))))
    for ours, theirs in zip(same.layers, linears, strict=True):
        ours.kernel[...] = theirs.weight.detach().numpy().T
    same.layers = nnx.List(
        [same.layers[0], jax.nn.relu, same.layers[1], jax.nn.relu, same.layers[2]]
    )
    batch = normal(32, 8)
    found = ij.activation_flow(same, batch, seed=3)
    expected = init.activation_flow(model, torch.from_numpy(batch), seed=3)
    expected = [row for row in expected.rows if row.kind != "ReLU"]
    assert type(found) is init.ActivationFlow
    assert [row[1:5] for row in found.rows] == [row[1:5] for row in expected]
    for row, other in zip(found.rows[1:], expected[1:], strict=True):
        assert row[5:] == pytest.approx(other[5:], rel=1e-5)


# ---- irwinhall.flow, and the verdict -------------------------------------------------------------


def stack(kit, width, depth, scheme, activation):
    """Return the network of irwinhall.flow, with its weights."""
    layers = []
    for number in range(1, depth + 1):
        drawn = irwinhall.sample_weights((width, width), scheme, rng=5, name=f"layer.{number}")
        if kit is Flax:
            layer = nnx.Linear(
                width, width, use_bias=False, rngs=nnx.Rngs(0), param_dtype="float64"
            )
            layer.kernel[...] = drawn.astype("float64")
            layers += [activation, layer]
        else:
            layer = equinox.nn.Linear(width, width, use_bias=False, key=KEY, dtype="float64")
            layer = equinox.tree_at(lambda one: one.weight, layer, jnp.asarray(drawn.T, "float64"))
            layers += [equinox.nn.Lambda(activation), layer]
    return nnx.Sequential(*layers) if kit is Flax else equinox.nn.Sequential(layers)


@KITS
@pytest.mark.parametrize(("name", "activation"), [("relu", jax.nn.relu), ("tanh", jnp.tanh)])
def test_it_agrees_with_flow_where_the_model_is_such_a_stack(name, activation, kit):
    scheme = "he_normal"
    (expected,) = flow.simulate([scheme], width=48, depth=12, activation=name, batch=16, rng=5)
    batch = irwinhall.Stream(5, "input").normal((16, 48), dtype="float64")
    with jax.enable_x64(True):
        found = ij.activation_flow(stack(kit, 48, 12, scheme, activation), batch, seed=5)
    rows = [found.rows[0], *(row for row in found.rows if row.has_weight)]
    assert [row.magnitude for row in rows] == pytest.approx(expected.forward_magnitude, rel=1e-9)
    assert [row.mean_square for row in rows] == pytest.approx(expected.forward_variance, rel=1e-9)
    back = [row.gradient_magnitude for row in rows[1:]]
    assert back == pytest.approx(expected.backward_magnitude[1:], rel=1e-9)
    assert found.signals == pytest.approx(flow.verdict(expected.forward_variance[1:]))
    assert found.gradients.rate == pytest.approx(
        flow.verdict(expected.backward_variance[:0:-1]).rate, rel=1e-9
    )


@KITS
@pytest.mark.parametrize(
    ("scheme", "gain", "word"),
    [
        ("he_normal", None, "kept"),
        ("xavier_normal", None, "vanishing"),
        ("he_normal", 3, "exploding"),
    ],
)
def test_the_verdict_is_that_of_the_theory_and_check_goes_by_it(scheme, gain, word, kit):
    model, _ = ij.init_weights(perceptron(kit, [32] * 25), scheme, gain=gain, seed=1)
    found = ij.activation_flow(model, normal(16, 32))
    assert (found.signals.word, found.gradients.word) == (word, word)
    assert found.signals.layers == found.gradients.layers == 24
    if word == "kept":
        found.check()
        return
    with pytest.raises(AssertionError, match=f"mean square of signals {word}: times"):
        found.check()


def test_biases_that_kill_every_unit_are_dead():
    model = perceptron(Flax, (8, 8, 8, 8))
    model.layers[1].bias[...] = jnp.full(8, -1e3)
    found = ij.activation_flow(model, normal(16, 8))
    assert found.rows[1].gradient_dead == 1
    assert found.gradients.word == "dead"


def test_a_unit_is_dead_if_it_is_0_in_every_sample():
    layer = nnx.Linear(6, 6, use_bias=False, rngs=nnx.Rngs(0))
    layer.kernel[...] = jnp.diag(jnp.array([1.0, 0, 1, 0, 0, 1]))
    assert [row.dead for row in ij.activation_flow(layer, np.ones((37, 6))).rows] == [0, 0.5]


def test_it_can_be_drawn_beside_others():
    plots = pytest.importorskip("irwinhall.tables.plots")
    pytest.importorskip("matplotlib")
    flows = [
        ij.activation_flow(perceptron(kit, (8, 8, 8)), normal(4, 8)) for kit in (Flax, Equinox)
    ]
    figure = plots.flow_figure([found.as_flow("one") for found in flows])
    assert [panel.get_title() for panel in figure.axes] == [
        "Signals, forward",
        "Gradients, backward",
    ]


# ---- modules that do something of their own ------------------------------------------------------


@KITS
def test_a_module_that_is_called_again_has_a_row_each_time(kit):
    class Twice(kit.Module):
        first: Any
        again: Any

        def __init__(self):
            self.first = self.again = kit.linear(8, 8)

        def __call__(self, x):
            return self.again(jnp.tanh(self.first(self.first(x))))

    found = ij.activation_flow(Twice(), normal(16, 8))
    calls = [(row.name, row.call) for row in found.rows[1:]]
    # A pytree holds the layer twice, a graph once, under the name that comes first.
    last = ("again", 0) if kit is Equinox else ("again", 2)
    name = "first" if kit is Equinox else "again"
    assert calls == [(name, 0), (name, 1), last]
    assert f"{name}, call 2  Linear" in str(found)
    assert found.rows[1].mean_square != found.rows[2].mean_square


@KITS
@pytest.mark.parametrize(
    "how",
    [
        lambda y: (y, y + 1),
        lambda y: [None, y],
        lambda y: {"mask": y > 0, "logits": y},
        lambda y: (jnp.zeros((), int), {"inner": (y,)}),
    ],
)
def test_the_first_array_of_an_output_is_measured(how, kit):
    class Returns(kit.Module):
        layer: Any

        def __init__(self):
            self.layer = kit.linear(8, 8)

        def __call__(self, x):
            return how(2 * self.layer(x))

    rows = ij.activation_flow(Returns(), normal(16, 8)).rows
    assert [row.kind for row in rows] == ["batch", "Linear", "Returns"]
    assert rows[2].magnitude == pytest.approx(2 * rows[1].magnitude)
    assert rows[1].gradient_magnitude == pytest.approx(2 * rows[2].gradient_magnitude)


@KITS
@pytest.mark.parametrize("how", [tuple, lambda two: dict(zip(("right", "left"), two, strict=True))])
def test_a_batch_of_several_arguments(how, kit):
    class Difference(kit.Module):
        layer: Any

        def __init__(self):
            self.layer = kit.linear(8, 3)

        def __call__(self, right, left):
            return self.layer(right - 2 * left)

    right, left = normal(16, 8), normal(16, 8, seed=3)
    model = Difference()
    found = ij.activation_flow(model, how([right, left]))
    same = ij.activation_flow(model.layer, right - 2 * left)
    assert names(found) == ["", "layer"]
    assert found.rows[0][5:8] == pytest.approx(moments(right))
    assert found.rows[1][5:] == pytest.approx(same.rows[1][5:], rel=1e-5)


@KITS
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_every_float_type(dtype, kit):
    model = perceptron(kit, (8, 8))
    model = jax.tree_util.tree_map(lambda leaf: leaf.astype(dtype), model)
    if kit is Flax:
        model.layers[0].dtype = jnp.dtype(dtype)
    batch = jnp.asarray(normal(5000, 8)).astype(dtype)  # in several pieces
    row = ij.activation_flow(model, batch).rows[1]
    output = model(batch) if kit is Flax else jax.vmap(model)(batch)
    assert output.dtype == dtype
    assert row[5:8] == pytest.approx(moments(output), rel=1e-2)


def test_complex_values_are_measured_by_their_absolute_values():
    layer = nnx.Linear(8, 8, rngs=nnx.Rngs(0), param_dtype=jnp.complex64)
    batch = normal(16, 8) + 1j * normal(16, 8, seed=3)
    row = ij.activation_flow(layer, batch, lambda y: jnp.abs(y).sum()).rows[1]
    assert row[5:8] == pytest.approx(moments(layer(batch)), rel=1e-5)
    assert row.gradient_magnitude == pytest.approx(1)


def test_squares_beyond_float32_are_right():
    batch = normal(40, 50) * np.float32(1e30)
    found = ij.activation_flow(nnx.Linear(50, 2, rngs=nnx.Rngs(0)), batch)
    assert found.rows[0][5:8] == pytest.approx(moments(batch))
    assert found.rows[1].mean_square > 1e55


# ---- transformations -----------------------------------------------------------------------------


def layers_of_3(kit):
    """Return three layers, and the same weights stacked."""
    layers = [kit.linear(8, 8) for _ in range(3)]
    for number, layer in enumerate(layers):
        weight = normal(8, 8, seed=number) / 3
        if kit is Flax:
            layer.kernel[...] = weight
        else:
            layers[number] = equinox.tree_at(lambda one: one.weight, layer, jnp.asarray(weight.T))
    if kit is Flax:
        stacked = nnx.vmap(lambda rngs: Flax.linear(8, 8))(nnx.Rngs(0).split(3))
        stacked.kernel[...] = jnp.stack([layer.kernel[...] for layer in layers])
        stacked.bias[...] = jnp.stack([layer.bias[...] for layer in layers])
    else:
        stacked = jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *layers)
    return layers, stacked


def scanned(kit, stacked, x):
    if kit is Flax:
        step = nnx.scan(lambda x, layer: layer(x), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        return step(x, stacked)
    return jax.lax.scan(lambda x, layer: (layer(x), None), x, stacked)[0]


HOWS = {
    "jit": lambda kit, layer, x: (nnx.jit if kit is Flax else equinox.filter_jit)(
        lambda layer, x: layer(x)
    )(layer, x),
    "remat": lambda kit, layer, x: (nnx.remat if kit is Flax else equinox.filter_checkpoint)(
        lambda layer, x: layer(x)
    )(layer, x),
}


@KITS
@pytest.mark.parametrize("how", ["scan", *HOWS])
def test_transformations_change_no_number(how, kit):
    plain, stacked = layers_of_3(kit)

    class Model(kit.Module):
        layers: Any

        def __init__(self, layers):
            self.layers = layers

        def __call__(self, x):
            if how == "scan":
                return 2 * scanned(kit, self.layers, x)
            for layer in self.layers:
                x = HOWS[how](kit, layer, x)
            return 2 * x

    model = Model(stacked if how == "scan" else kit.List(plain))
    found = ij.activation_flow(model, normal(16, 8))
    one = nnx.Sequential if kit is Flax else equinox.nn.Sequential
    expected = ij.activation_flow(one(*plain) if kit is Flax else one(plain), normal(16, 8))
    calls = [("layers", n) if how == "scan" else (f"layers.{n}", 0) for n in range(3)]
    assert [(row.name, row.call) for row in found.rows[1:]] == [*calls, ("", 0)]
    for row, same in zip(found.rows[1:4], expected.rows[1:], strict=True):
        assert row.has_weight
        assert row[5:8] == pytest.approx(same[5:8], rel=1e-5)
        assert row.gradient_magnitude == pytest.approx(2 * same.gradient_magnitude, rel=1e-5)


@KITS
def test_a_derivative_that_the_model_takes_is_not_the_gradient(kit):
    class Force(kit.Module):
        before: Any
        energy: Any

        def __init__(self):
            self.before, self.energy = kit.linear(8, 8), kit.linear(8, 8)

        def __call__(self, x):
            return jax.grad(lambda x: jnp.sum(self.energy(x) ** 3))(self.before(x))

    model = Force()
    _, before, energy, force = ij.activation_flow(model, normal(16, 8)).rows
    assert [before.name, energy.name, force.name] == ["before", "energy", ""]
    assert energy.gradient_magnitude is None
    weights = kit.weights(model)
    first, second = (
        weights[f"{at}.kernel"] if kit is Flax else weights[f"{at}.weight"].T
        for at in ("before", "energy")
    )
    x = normal(16, 8) @ first + weights["before.bias"]
    start = irwinhall.Stream(0, "gradient").normal((16, 8))
    gradient = (6 * (x @ second + weights["energy.bias"]) * (start @ second)) @ second.T
    assert before[8:] == pytest.approx(moments(gradient), rel=1e-4)


@KITS
def test_what_the_loss_does_not_depend_on_has_no_gradient(kit):
    class Stopped(kit.Module):
        before: Any
        aside: Any
        after: Any

        def __init__(self):
            self.before, self.aside, self.after = (kit.linear(8, 8) for _ in range(3))

        def __call__(self, x):
            x = jax.lax.stop_gradient(self.before(x))
            return self.after(x), self.aside(x)

    rows = ij.activation_flow(Stopped(), normal(16, 8)).rows
    assert [row.name for row in rows if row.gradient_magnitude is not None] == ["after"]
    assert names(ij.activation_flow(Stopped(), normal(16, 8))) == ["", "before", "after", "aside"]


def test_equinox_maps_keys_and_shares_state():
    class Model(equinox.Module):
        layer: equinox.nn.Linear
        norm: equinox.nn.BatchNorm
        drop: equinox.nn.Dropout

        def __init__(self):
            self.layer = equinox.nn.Linear(8, 8, key=KEY)
            self.norm = equinox.nn.BatchNorm(8, "batch", mode="batch")
            self.drop = equinox.nn.Dropout(0.5)

        def __call__(self, x, state, key):
            x, state = self.norm(self.layer(x), state)
            return self.drop(x, key=key), state

    model, state = equinox.nn.make_with_state(Model)()
    batch, keys = normal(64, 8), jax.random.split(KEY, 64)
    found = ij.activation_flow(model, (batch, state, keys))
    assert [row.kind for row in found.rows] == ["batch", "Linear", "BatchNorm", "Dropout"]
    assert found.rows[2].mean_square == pytest.approx(1, rel=1e-3)  # the batch's own statistics
    assert found.rows[3].dead == 0
    same_for_all = ij.activation_flow(model, {"x": batch, "state": state, "key": KEY})
    assert same_for_all.rows[3].dead > 0


# ---- Flax linen ----------------------------------------------------------------------------------


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.BatchNorm(use_running_average=False)(linen.Dense(8)(x))
        x = linen.Dropout(0.5, deterministic=False)(x)
        return linen.Sequential([linen.Dense(8), jnp.tanh, linen.Dense(3)])(x)


def test_a_bound_module_of_linen():
    model, batch = Linen(), normal(64, 8)
    variables = model.init({"params": KEY, "dropout": KEY}, batch)
    bound = model.bind(variables, rngs={"dropout": KEY}, mutable=["batch_stats"])
    before = jax.tree_util.tree_map(np.array, bound.variables)
    found = ij.activation_flow(bound, batch)
    assert names(found) == ["", "Dense_0", "BatchNorm_0", "Dropout_0", "Dense_1", "Dense_2"]
    assert [row.has_weight for row in found.rows] == [False, True, False, False, True, True]
    dense = variables["params"]["Dense_0"]
    assert found.rows[1][5:8] == pytest.approx(moments(batch @ dense["kernel"]), rel=1e-4)
    last = found.rows[5].gradient_mean_square
    kernel = variables["params"]["Dense_2"]["kernel"]
    start = irwinhall.Stream(0, "gradient").normal((64, 3))
    assert last == pytest.approx(moments(start)[1], rel=1e-5)
    rows = {row.name: row for row in found.rows}
    assert rows["Dense_1"].gradient_mean_square < moments(start @ kernel.T)[1]  # through the tanh
    jax.tree_util.tree_map(np.testing.assert_array_equal, bound.variables, before)
    assert ij.activation_flow(bound, batch) == found


def test_layers_of_linen_that_are_scanned_have_rows():
    class Step(linen.Module):
        @linen.compact
        def __call__(self, x, _):
            return linen.Dense(8)(jnp.tanh(x)), None

    class Deep(linen.Module):
        @linen.compact
        def __call__(self, x):
            how = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}, "length": 3}
            return linen.scan(Step, **how)()(x, None)[0]

    model, batch = Deep(), normal(16, 8)
    variables = model.init(KEY, batch)
    rows = ij.activation_flow(model.bind(variables), batch).rows[1:]
    assert [(row.name, row.call) for row in rows] == [("ScanStep_0.Dense_0", n) for n in range(3)]
    x = batch
    for number, row in enumerate(rows):
        (dense,) = variables["params"]["ScanStep_0"].values()
        x = np.tanh(x) @ dense["kernel"][number]
        assert row[5:8] == pytest.approx(moments(x), rel=1e-4)


# ---- what it leaves as it was --------------------------------------------------------------------


class Failing:
    """An activation that may raise."""

    def __init__(self):
        self.fails = False

    def __call__(self, x):
        if self.fails:
            raise ArithmeticError("no more")
        return jnp.tanh(x)


@pytest.mark.parametrize("fails", [False, True])
def test_a_module_of_nnx_is_left_as_it_was(fails):
    activation = Failing()
    rngs = nnx.Rngs(0)
    parts = [nnx.Linear(8, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)]
    model = nnx.Sequential(*parts, activation)
    before, structure = jax.tree_util.tree_flatten(
        jax.tree_util.tree_map(jnp.copy, nnx.state(model))
    )
    graph = nnx.graphdef(model)
    call = nnx.Linear.__call__
    activation.fails = fails
    if fails:
        with pytest.raises(ArithmeticError, match="no more"):
            ij.activation_flow(model, normal(16, 8))
    else:
        found = ij.activation_flow(model, normal(16, 8))
        assert found.rows[2].mean_square == pytest.approx(1, rel=1e-3)
        assert found == ij.activation_flow(model, normal(16, 8))  # dropout's keys too
    after, same = jax.tree_util.tree_flatten(nnx.state(model))
    assert same == structure
    assert all(bool((one == other).all()) for one, other in zip(after, before, strict=True))
    assert nnx.graphdef(model) == graph
    assert [type(layer) for layer in model.layers] == [
        nnx.Linear,
        nnx.BatchNorm,
        nnx.Dropout,
        Failing,
    ]
    assert nnx.Linear.__call__ is call
    assert not jax.config.jax_disable_jit


@pytest.mark.parametrize("fails", [False, True])
def test_a_module_of_equinox_is_left_as_it_was(fails):
    activation = Failing()
    model = equinox.nn.MLP(8, 3, 8, 2, activation=activation, key=KEY)
    before, structure = jax.tree_util.tree_flatten(model)
    activation.fails = fails
    if fails:
        with pytest.raises(ArithmeticError, match="no more"):
            ij.activation_flow(model, normal(16, 8))
    else:
        ij.activation_flow(model, normal(16, 8))
    after, same = jax.tree_util.tree_flatten(model)
    assert same == structure
    assert all(one is other for one, other in zip(after, before, strict=True))
    assert {type(layer) for layer in model.layers} == {equinox.nn.Linear}
    assert type(model) is equinox.nn.MLP
    assert not jax.config.jax_disable_jit


@KITS
def test_the_model_is_run_once(kit):
    calls = []

    class Counting(kit.Module):
        layer: Any

        def __init__(self):
            self.layer = kit.linear(8, 8)

        def __call__(self, x):
            calls.append(1)
            return self.layer(x)

    ij.activation_flow(Counting(), normal(4, 8))
    assert len(calls) == 1


@pytest.mark.parametrize(("used", "unused"), [("flax", "equinox"), ("equinox", "flax")])
def test_only_the_framework_of_the_model_is_imported(used, unused):
    made = {
        "flax": "from flax import nnx; model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))",
        "equinox": "import equinox; model = equinox.nn.Linear(3, 2, key=jax.random.key(0))",
    }
    program = (
        f"import sys, jax, jax.numpy as jnp, irwinhall.jax; {made[used]}; "
        f"irwinhall.jax.activation_flow(model, jnp.ones((4, 3))); print({unused!r} in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.stdout.split() == ["False"], finished.stderr


# ---- bad input -----------------------------------------------------------------------------------


def linear():
    return Flax.linear(8, 8)


@pytest.mark.parametrize(
    ("model", "loss", "error", "message"),
    [
        (lambda: 3, None, TypeError, "^model must be a module of Flax or Equinox, got 3"),
        (lambda: {"w": np.ones(3)}, None, TypeError, "^model must be a module of Flax or Equinox"),
        (
            lambda: linen.Dense(3),
            None,
            TypeError,
            "^model must be bound to its variables, got Dense",
        ),
        (
            lambda: nnx.Sequential(lambda x: x > 0),
            None,
            ValueError,
            "^the model's output must hold an array that has a gradient",
        ),
        (linear, lambda y: y, ValueError, r"^loss must return a scalar array, got .* \(4, 8\)"),
        (linear, lambda y: 1.0, ValueError, "^loss must return a scalar array, got 1.0"),
        (
            linear,
            lambda y: y.sum() * 1j,
            ValueError,
            "^loss must return a scalar array, .* complex64",
        ),
        (linear, lambda y: jnp.ones(()), ValueError, "^loss must depend on the model"),
        (
            linear,
            lambda y: jax.lax.stop_gradient(y).sum(),
            ValueError,
            "^loss must depend on the model",
        ),
    ],
)
def test_bad_arguments_are_named(model, loss, error, message):
    with pytest.raises(error, match=message):
        ij.activation_flow(model(), normal(4, 8), loss)


@pytest.mark.parametrize("what", ["model", "batch"])
def test_traced_arrays_are_an_error(what):
    model, batch = Equinox.linear(8, 8), jnp.ones((4, 8))

    def measured(traced):
        given = (traced, batch) if what == "model" else (model, traced)
        return ij.activation_flow(*given).rows[0].magnitude

    with pytest.raises(TypeError, match="^model must hold arrays, got traced ones"):
        equinox.filter_jit(measured)(model if what == "model" else batch)
