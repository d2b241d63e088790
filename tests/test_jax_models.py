"""Whole models of Flax and Equinox: bits of sample_weights by path, and what is left alone."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
from frameworks import framework

import irwinhall

jax = framework("jax")
nnx, linen, equinox = (framework(name) for name in ("flax.nnx", "flax.linen", "equinox"))
jax.config.update("jax_num_cpu_devices", 8)  # before anything asks for a device

import jax.numpy as jnp  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402

import irwinhall.jax as ij  # noqa: E402

KEY = jax.random.key(0)
LINEAR = {"layout": "equinox.linear"}


def check(report, arrays, weights, seed=1, scheme="he_normal"):
    """Compare arrays by path with sample_weights, and the rest with the constants they must be.

    weights: the options of sample_weights for every path that is a weight, with its fans.
    """
    rows = {row.name: row for row in report.rows}
    assert set(rows) == set(arrays)
    assert {name for name, row in rows.items() if row.fan_in is not None} == set(weights)
    for name, array in arrays.items():
        if name in weights:
            fans, options = weights[name]
            how = {"scheme": scheme, **options}
            expected = irwinhall.sample_weights(array.shape, rng=seed, name=name, **how)
            assert (rows[name].fan_in, rows[name].fan_out) == fans, name
        elif rows[name].scheme is None:
            continue
        else:
            value = 1.0 if name.rpartition(".")[2] in ("scale", "var") else 0.0
            expected = np.full(array.shape, value, np.float32)
        assert np.asarray(array).tobytes() == expected.tobytes(), name


# ---- Flax nnx ------------------------------------------------------------------------------------


class Block(nnx.Module):
    def __init__(self, rngs):
        self.linear = nnx.Linear(6, 8, rngs=rngs)
        self.norm = nnx.LayerNorm(8, rngs=rngs)
        self.back = nnx.Linear(8, 6, use_bias=False, rngs=rngs)


class Net(nnx.Module):
    def __init__(self, rngs, blocks=2):
        self.embed = nnx.Embed(11, 6, rngs=rngs)
        self.conv = nnx.Conv(4, 6, (3, 5), feature_group_count=2, rngs=rngs)
        self.up = nnx.ConvTranspose(6, 4, (3, 5), rngs=rngs)
        self.kept = nnx.ConvTranspose(6, 4, (3, 5), transpose_kernel=True, rngs=rngs)
        self.blocks = nnx.List([Block(rngs) for _ in range(blocks)])
        self.attention = nnx.MultiHeadAttention(2, 6, qkv_features=8, decode=False, rngs=rngs)
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.lstm = nnx.OptimizedLSTMCell(6, 5, rngs=rngs)
        self.cell = nnx.LSTMCell(6, 5, rngs=rngs)
        self.gru = nnx.GRUCell(6, 5, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)
        self.head = nnx.LinearGeneral((2, 3), (4, 5), axis=(-2, -1), rngs=rngs)


HEADS = {"in_axis": 0, "out_axis": (1, 2)}


def gates(scheme, parts):
    return {"scheme": scheme, "layout": "flax.dense", "parts": parts}


NET = {
    "embed.embedding": ((1, 6), {"layout": "flax.embedding"}),
    "conv.kernel": ((30, 45), {"groups": 2}),
    "up.kernel": ((90, 60), {}),
    "kept.kernel": ((90, 60), {"in_axis": -1, "out_axis": -2}),
    **{f"blocks.{n}.linear.kernel": ((6, 8), {}) for n in range(2)},
    **{f"blocks.{n}.back.kernel": ((8, 6), {}) for n in range(2)},
    **{f"attention.{name}.kernel": ((6, 8), HEADS) for name in ("query", "key", "value")},
    "attention.out.kernel": ((8, 6), {"in_axis": (0, 1), "out_axis": 2}),
    "lstm.dense_i.kernel": ((6, 5), gates("he_normal", 4)),
    "lstm.dense_h.kernel": ((5, 5), gates("orthogonal", 4)),
    **{f"cell.i{gate}.kernel": ((6, 5), {}) for gate in ("i", "f_", "g", "o")},
    **{f"cell.h{gate}.kernel": ((5, 5), {"scheme": "orthogonal"}) for gate in "ifgo"},
    "gru.dense_i.kernel": ((6, 5), gates("he_normal", 3)),
    "gru.dense_h.kernel": ((5, 5), gates("orthogonal", 3)),
    "head.kernel": ((6, 20), {"in_axis": (0, 1), "out_axis": (2, 3)}),
}


def arrays_of(model):
    state = nnx.state(model, (nnx.Param, nnx.BatchStat))
    return {".".join(map(str, path)): v[...] for path, v in nnx.to_flat_state(state)}


@pytest.fixture(scope="module")
def abstract():
    return nnx.eval_shape(lambda: Net(nnx.Rngs(0)))


@pytest.fixture(scope="module")
def net():
    return Net(nnx.Rngs(0))


@pytest.mark.parametrize("which", ["net", "abstract"])
def test_a_module_of_nnx_has_the_bits_of_sample_weights_by_path(which, request):
    made, report = ij.init_weights(request.getfixturevalue(which), "he_normal", seed=1)
    check(report, arrays_of(made), NET)
    assert isinstance(made, Net)
    assert report.left_alone == ()
    assert set(report.buffers) == {"drop.rngs.count", "drop.rngs.key"}  # the first of its paths


def test_the_model_given_is_not_changed(net):
    before = {name: np.asarray(array) for name, array in arrays_of(net).items()}
    made, _ = ij.init_weights(net, seed=1)
    for name, array in arrays_of(net).items():
        assert np.asarray(array).tobytes() == before[name].tobytes()
    assert made is not net
    assert made.drop.rngs.key[...] == net.drop.rngs.key[...]


def test_inserting_a_layer_changes_no_other(abstract):
    more = nnx.eval_shape(lambda: Net(nnx.Rngs(7), blocks=3))
    made, _ = ij.init_weights(abstract, seed=1)
    longer, _ = ij.init_weights(more, seed=1)
    arrays, others = arrays_of(made), arrays_of(longer)
    assert len(others) == len(arrays) + 5
    assert all(np.array_equal(array, others[name]) for name, array in arrays.items())


def test_layers_stacked_by_vmap_are_independent_weights():
    @nnx.vmap(in_axes=0, out_axes=0)
    def blocks(rngs):
        return Block(rngs)

    stack = nnx.eval_shape(lambda: blocks(nnx.Rngs(0).split(3)))
    made, report = ij.init_weights(stack, "orthogonal", seed=1)
    kernel = np.asarray(made.linear.kernel[...])
    assert kernel.shape == (3, 6, 8)
    expected = irwinhall.sample_weights(
        (3, 6, 8), "orthogonal", rng=1, name="linear.kernel", batch_axis=0
    )
    assert kernel.tobytes() == expected.tobytes()
    np.testing.assert_allclose(kernel[1] @ kernel[1].T, np.eye(6), atol=1e-6)
    assert {(row.fan_in, row.fan_out) for row in report.rows if row.fan_in} == {(6, 8), (8, 6)}


def test_a_shared_array_is_filled_once_by_its_first_name():
    class Tied(nnx.Module):
        def __init__(self, rngs):
            self.embed = nnx.Embed(7, 4, rngs=rngs)
            self.head = nnx.Linear(7, 4, use_bias=False, rngs=rngs)
            self.head.kernel = self.embed.embedding

    made, report = ij.init_weights(Tied(nnx.Rngs(0)), "he_normal", seed=1)
    assert made.head.kernel is made.embed.embedding
    expected = irwinhall.sample_weights((7, 4), "he_normal", rng=1, name="embed.embedding")
    assert np.asarray(made.embed.embedding[...]).tobytes() == expected.tobytes()
    first, second = report.rows  # sized as the layer that adds up all of its inputs
    assert (first.name, first.fan_in, first.note) == ("embed.embedding", 7, "sized as head.kernel")
    assert (second.name, second.note) == ("head.kernel", "tied to embed.embedding")


@pytest.mark.parametrize(("cell", "name"), [("lstm", "dense_h"), ("cell", "hf")])
def test_the_forget_gate_gets_its_bias(net, cell, name):
    made, _ = ij.init_weights(net, seed=1, forget_bias=1.5)
    found = np.asarray(getattr(getattr(made, cell), name).bias[...])
    expected = np.repeat([0, 1.5, 0, 0], 5) if name == "dense_h" else np.full(5, 1.5)
    assert found.tolist() == expected.tolist()
    assert not np.asarray(made.gru.dense_i.bias[...]).any()


# ---- Flax linen ----------------------------------------------------------------------------------


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(6, (3, 3), feature_group_count=2, name="conv")(x)
        x = linen.ConvTranspose(4, (3, 3), transpose_kernel=True, name="up")(x)
        x = linen.BatchNorm(use_running_average=True, name="norm")(x)
        x = linen.Dense(8, name="dense")(x.reshape(x.shape[0], -1, x.shape[-1]))
        x = linen.MultiHeadDotProductAttention(2, name="attention")(x)
        return linen.RNN(linen.OptimizedLSTMCell(5, name="lstm"))(x)


LINEN = {
    "params.conv.kernel": ((18, 27), {"groups": 2}),
    "params.up.kernel": ((54, 36), {"in_axis": -1, "out_axis": -2}),
    "params.dense.kernel": ((4, 8), {}),
    **{f"params.attention.{name}.kernel": ((8, 8), HEADS) for name in ("query", "key", "value")},
    "params.attention.out.kernel": ((8, 8), {"in_axis": (0, 1), "out_axis": 2}),
    **{f"params.lstm.i{gate}.kernel": ((8, 5), {}) for gate in "ifgo"},
    **{f"params.lstm.h{gate}.kernel": ((5, 5), {"scheme": "orthogonal"}) for gate in "ifgo"},
}


def test_variables_of_linen_have_the_bits_of_sample_weights_by_path():
    model, x = Linen(), jnp.ones((1, 6, 6, 4))
    variables = jax.eval_shape(model.init, KEY, x)
    layers = ij.linen_layers(model, x)
    made, report = ij.init_weights(variables, "he_normal", seed=1, layers=layers)
    assert jax.tree.structure(made) == jax.tree.structure(variables)
    paths = jax.tree_util.tree_flatten_with_path(made)[0]
    arrays = {jax.tree_util.keystr(p, simple=True, separator="."): a for p, a in paths}
    check(report, arrays, LINEN)
    assert report.left_alone == ()
    model.apply(made, x)
    only, _ = ij.init_weights({"dense": variables["params"]["dense"]}, seed=1, layers=layers)
    expected = irwinhall.sample_weights((4, 8), rng=1, name="dense.kernel")
    assert np.asarray(only["dense"]["kernel"]).tobytes() == expected.tobytes()


def test_variables_in_boxes_are_named_as_without():
    init = linen.with_partitioning(linen.initializers.zeros_init(), (None, "model"))
    model, x = linen.Dense(3, kernel_init=init), jnp.ones((1, 4))
    variables = model.init(KEY, x)
    made, report = ij.init_weights(variables, seed=1, layers=ij.linen_layers(model, x))
    assert [row.name for row in report.rows] == ["params.bias", "params.kernel"]
    assert made["params"]["kernel"].names == (None, "model")


def test_variables_without_their_layers_are_left_alone_but_for_a_plan():
    variables = linen.Dense(3).init(KEY, jnp.ones((1, 4)))
    with pytest.raises(ValueError, match="^model must have parameters to initialize, got none"):
        ij.init_weights(variables, seed=1)
    plan = {"*.kernel": {"layout": "flax.dense"}}
    made, report = ij.init_weights(variables, seed=1, plan=plan)
    assert report.left_alone == ("params.bias",)
    assert made["params"]["bias"] is variables["params"]["bias"]


# ---- Equinox -------------------------------------------------------------------------------------


class Equinox(equinox.Module):
    embed: equinox.nn.Embedding
    layers: list
    attention: equinox.nn.MultiheadAttention
    norm: equinox.nn.LayerNorm
    gru: equinox.nn.GRUCell
    lstm: equinox.nn.LSTMCell
    slope: equinox.nn.PReLU
    steps: int
    function: object

    def __init__(self):
        nn = equinox.nn
        self.embed = nn.Embedding(11, 6, key=KEY)
        self.layers = [
            nn.Conv2d(4, 6, (3, 5), groups=2, key=KEY),
            nn.ConvTranspose2d(6, 4, (3, 5), key=KEY),
            nn.MLP(6, "scalar", 8, 1, key=KEY),
        ]
        self.attention = nn.MultiheadAttention(2, 6, key=KEY)
        self.norm = nn.LayerNorm(6)
        self.gru, self.lstm = nn.GRUCell(6, 5, key=KEY), nn.LSTMCell(6, 5, key=KEY)
        self.slope = nn.PReLU()
        self.steps, self.function = 3, jax.nn.silu


def gated(scheme, parts):
    return {"scheme": scheme, "layout": "equinox.linear", "parts": parts}


EQUINOX = {
    "embed.weight": ((1, 6), {"layout": "flax.embedding"}),
    "layers.0.weight": ((30, 45), {"in_axis": 1, "out_axis": 0, "groups": 2}),
    "layers.1.weight": ((90, 60), {"in_axis": 1, "out_axis": 0}),
    "layers.2.layers.0.weight": ((6, 8), LINEAR),
    "layers.2.layers.1.weight": ((8, 1), LINEAR),
    **{
        f"attention.{name}_proj.weight": ((6, 6), LINEAR)
        for name in ("query", "key", "value", "output")
    },
    "gru.weight_ih": ((6, 5), gated("he_normal", 3)),
    "gru.weight_hh": ((5, 5), gated("orthogonal", 3)),
    "lstm.weight_ih": ((6, 5), gated("he_normal", 4)),
    "lstm.weight_hh": ((5, 5), gated("orthogonal", 4)),
}


def test_a_module_of_equinox_has_the_bits_of_sample_weights_by_path():
    model = equinox.filter_eval_shape(Equinox)
    made, report = ij.init_weights(model, "he_normal", seed=1, exclude="norm.*")
    paths = jax.tree_util.tree_flatten_with_path(equinox.filter(made, equinox.is_array))[0]
    arrays = {jax.tree_util.keystr(p, simple=True, separator="."): a for p, a in paths}
    for name in ("norm.weight", "norm.bias", "slope.negative_slope"):
        arrays.setdefault(name, np.zeros(1))  # abstract still
    check(report, arrays, EQUINOX)
    assert set(report.left_alone) == {"norm.weight", "norm.bias", "slope.negative_slope"}
    assert made.function is jax.nn.silu
    assert made.steps == 3


def test_layers_of_equinox_stacked_by_vmap_are_independent_weights():
    make = equinox.filter_vmap(lambda key: equinox.nn.Linear(6, 8, key=key))
    made, report = ij.init_weights(make(jax.random.split(KEY, 3)), seed=1)
    expected = irwinhall.sample_weights(
        (3, 8, 6), rng=1, name="weight", in_axis=2, out_axis=1, batch_axis=0
    )
    assert np.asarray(made.weight).tobytes() == expected.tobytes()
    assert report.rows[0].fan_in == 6


# ---- any pytree ----------------------------------------------------------------------------------


def test_numpy_stays_numpy_and_types_stay():
    tree = {"a": np.zeros((3, 4)), "b": [jnp.zeros((3, 4), jnp.bfloat16), jnp.arange(3)], "c": 2.0}
    made, report = ij.init_weights(
        tree, seed=1, plan={re.compile("a|b"): {"layout": "haiku.linear"}}
    )
    assert type(made["a"]) is np.ndarray
    assert (
        made["a"].tobytes()
        == irwinhall.sample_weights((3, 4), rng=1, name="a", dtype="d").tobytes()
    )
    expected = irwinhall.sample_weights((3, 4), rng=1, name="b.0", dtype="bfloat16")
    assert np.asarray(made["b"][0]).tobytes() == expected.tobytes()
    assert made["b"][1] is tree["b"][1]
    assert report.left_alone == ("b.1",)
    assert report.rows[2].note == "int32 is not a type that can be filled"
    assert made["c"] == 2.0
    made, _ = ij.init_weights([jnp.ones(())], seed=1, plan={"0": "zeros"})
    assert made[0].shape == ()
    assert made[0] == 0.0


def test_arrays_keep_their_sharding_and_are_made_by_shards():
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    sharding = NamedSharding(mesh, PartitionSpec("x", "y"))
    tree = {
        "held": jax.device_put(jnp.zeros((8, 12)), sharding),
        "abstract": jax.ShapeDtypeStruct((8, 12), jnp.float32, sharding=sharding),
        "free": jnp.zeros((8, 12)),
    }
    dense = {"layout": "flax.dense"}
    plan = {"held": {"scheme": "orthogonal", **dense}, "*": dense}
    made, report = ij.init_weights(tree, seed=1, plan=plan)
    assert made["held"].sharding == made["abstract"].sharding == sharding
    assert not made["free"].committed
    for name, array in made.items():
        scheme = "orthogonal" if name == "held" else "letkeman"
        expected = irwinhall.sample_weights((8, 12), scheme, rng=1, name=name)
        assert np.asarray(array).tobytes() == expected.tobytes()
        row = next(row for row in report.rows if row.name == name)
        assert row.std == pytest.approx(expected.std(), rel=1e-6)
        assert row.magnitude == pytest.approx(abs(expected).mean(), rel=1e-6)


def test_a_plan_has_the_language_of_torchs():
    tree = {"qkv": jnp.zeros((6, 14)), "experts": jnp.zeros((3, 6, 8)), "gate": jnp.zeros(5)}
    plan = {
        "qkv": {"layout": "flax.dense", "parts": (6, 4, 4), "scheme": "xavier_normal"},
        "experts": {"layout": "flax.dense", "stacked": 1, "std": 0.02},
        "gate": "ones",
    }
    made, report = ij.init_weights(tree, seed=1, plan=plan, residual="experts", residual_factor=0.5)
    sizes = np.split(np.asarray(made["qkv"]), (6, 10), axis=1)
    for number, part in enumerate(sizes):
        expected = irwinhall.sample_weights(
            part.shape, "xavier_normal", rng=1, name=f"qkv/{number}"
        )
        assert part.tobytes() == expected.tobytes()
    assert [row.name for row in report.rows][-3:] == ["qkv/0", "qkv/1", "qkv/2"]
    assert report.rows[-1].std == pytest.approx(sizes[2].std(), rel=1e-6)
    expected = irwinhall.sample_weights(
        (3, 6, 8), "normal", gain=0.01, rng=1, name="experts", batch_axis=0
    )
    assert np.asarray(made["experts"]).tobytes() == expected.tobytes()
    assert np.asarray(made["gate"]).tolist() == [1.0] * 5


def test_a_pattern_may_be_a_type_of_layers(abstract):
    made, _ = ij.init_weights(abstract, "he_normal", seed=1, plan={nnx.Embed: {"std": 0.02}})
    expected = irwinhall.sample_weights(
        (11, 6), "normal", gain=0.02, rng=1, name="embed.embedding", layout="flax.embedding"
    )
    assert np.asarray(made.embed.embedding[...]).tobytes() == expected.tobytes()


def test_the_report_holds_no_array_and_is_pickled():
    tree = {"w": jnp.ones((30, 40))}
    made, report = ij.init_weights(tree, seed=1, plan={"w": {"layout": "flax.dense"}})
    copied = pickle.loads(pickle.dumps(report))
    assert copied.rows[0].std == pytest.approx(float(np.std(made["w"])), rel=1e-6)
    made, report = ij.init_weights(tree, seed=1, plan={"w": {"layout": "flax.dense"}})
    del made
    assert report.rows[0].std is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"seed": None}, TypeError, "^seed must be given"),
        (
            {"plan": {"bloks.*": "zeros"}},
            ValueError,
            "^plan pattern 'bloks.*' matches no parameter",
        ),
        ({"plan": {"blocks.0.linear": "ones"}}, ValueError, "'blocks.0.linear.\\*' matches"),
        ({"plan": {3: "ones"}}, TypeError, "^plan must have strings, compiled regular exp"),
        ({"exclude": "embd"}, ValueError, "^exclude pattern 'embd' matches no parameter"),
        (
            {"plan": {"*.kernel": {"std": 0.1, "gain": 2}}},
            ValueError,
            "^plan\\['\\*.kernel'\\]: std",
        ),
        ({"scheme": "he_norml"}, ValueError, "^unknown scheme 'he_norml'"),
        ({"layers": {}}, TypeError, "^layers must be left out for a module"),
        ({"residual": "nothing"}, ValueError, "^residual must name weights"),
        ({"forget_bias": "x"}, TypeError, "^forget_bias must be"),
        ({"threads": -1}, ValueError, "^threads must be"),
        ({"rng": 1}, TypeError, "^init_weights takes seed, not rng$"),
    ],
)
def test_bad_arguments_are_named(abstract, arguments, error, message):
    with pytest.raises(error, match=message):
        ij.init_weights(abstract, **{"seed": 1, **arguments})


def test_bad_models_are_named():
    dense = linen.Dense(3)
    with pytest.raises(
        TypeError, match="^model must be the variables of a linen module, got Dense"
    ):
        ij.init_weights(dense, seed=1)
    with pytest.raises(
        TypeError, match="^module must be a flax.linen.Module, got one of type dict"
    ):
        ij.linen_layers({})
    with pytest.raises(TypeError, match="^model must hold arrays, got traced ones"):
        jax.jit(lambda tree: ij.init_weights(tree, seed=1)[0])({"w": jnp.ones((3, 4))})
    with pytest.raises(TypeError, match="^model must hold arrays by names, got an array"):
        ij.init_weights(jnp.ones((3, 4)), seed=1)
    with pytest.raises(ValueError, match="^model must have parameters to initialize, got none$"):
        ij.init_weights({}, seed=1)
    with pytest.raises(TypeError, match="^layers must be a mapping, got one of type Dense"):
        ij.init_weights({"w": jnp.ones((3, 4))}, seed=1, layers=dense)
    twice = {"a.b": {"c": jnp.ones(3)}, "a": {"b.c": jnp.ones(3)}}
    with pytest.raises(
        ValueError, match="^model must have unique names, got 2 parameters named 'a.b.c'"
    ):
        ij.init_weights(twice, seed=1)
    wide = {"w": jax.ShapeDtypeStruct((3, 4), np.float64)}
    with pytest.raises(ValueError, match="^w: dtype must not be float64 without"):
        ij.init_weights(wide, seed=1, plan={"w": {"layout": "flax.dense"}})


def test_a_layer_whose_weight_has_another_shape_is_left_alone(net):
    layer = copy.deepcopy(net.blocks[0])
    layer.linear.kernel = nnx.Param(jnp.zeros((3, 4)))
    _, report = ij.init_weights(layer, seed=1)
    assert report.left_alone == ("linear.kernel",)
    row = next(row for row in report.rows if row.name == "linear.kernel")
    assert row.note == "Linear has weights of another shape"


class Opaque:
    """A node whose keys are not what it goes by."""

    def __init__(self, held):
        self.held = held


@pytest.mark.parametrize(
    "key", [None, jax.tree_util.GetAttrKey("w"), jax.tree_util.DictKey("w"), "w"]
)
def test_a_node_of_another_type_may_have_keys_of_any_kind(key):
    kind = type("Node", (Opaque,), {})
    if key is None:
        jax.tree_util.register_pytree_node(
            kind, lambda node: ((node.held,), None), lambda _, held: kind(*held)
        )
    else:
        jax.tree_util.register_pytree_with_keys(
            kind, lambda node: (((key, node.held),), None), lambda _, held: kind(*held)
        )
    model = kind([{"kernel": jnp.zeros((3, 4))}])
    name = f"{0 if key is None else 'w'}.0.kernel"
    made, _ = ij.init_weights(model, seed=1, plan={name: {"layout": "flax.dense"}})
    expected = irwinhall.sample_weights((3, 4), rng=1, name=name)
    assert (made.held[0]["kernel"] == expected).all()
