"""JAX: laws and scales against their formulas and JAX's own, and shards against sample_weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from frameworks import framework

import irwinhall
from irwinhall.sampling import Sampler, scale_of
from irwinhall.schemes import SCHEMES

jax = framework("jax")
jax.config.update("jax_num_cpu_devices", 8)  # before anything asks for a device

import jax.numpy as jnp  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402

import irwinhall.jax as ij  # noqa: E402

KEY = jax.random.key(0)
# Shared by tests that do not ask for another: JAX compiles for each shape.
SHAPE = (300, 500)


def scheme_arguments(row):
    return {"gain": 0.5} if row.gain is None else {}


# ---- laws and scales -----------------------------------------------------------------------------

DRAWN = [row for row in SCHEMES.values() if row.law in ("uniform", "normal", "truncated_normal")]
# Shape, where, and the fans by hand.
WEIGHTS = {
    "grouped conv": ((3, 3, 32, 512), {"groups": 4}, (288, 1152)),
    "experts": ((4, 200, 500), {"batch_axis": 0}, (200, 500)),
    "equinox linear": ((800, 500), {"layout": "equinox.linear"}, (500, 800)),
    "fused query, key, value": ((300, 1200), {"layout": "flax.dense", "parts": 3}, (300, 400)),
    "embedding": ((4000, 100), {"layout": "flax.embedding"}, (1, 100)),
}


def check_scale(row, weights, layer, **arguments):
    """Compare mean, standard deviation and largest weight with those of the law at its scale."""
    scale = irwinhall.schemes.scale(row, *layer, **arguments)
    std = scale / math.sqrt(3) if row.law == "uniform" else scale
    kurtosis = {"uniform": 1.8, "normal": 3.0, "truncated_normal": 2.4}[row.law]
    error = math.sqrt((kurtosis - 1) / 4 / weights.size)
    assert abs(weights.std() / std - 1) < 5 * error
    assert abs(weights.mean()) < 5 * std / math.sqrt(weights.size)
    edge = {"uniform": scale, "normal": math.inf, "truncated_normal": 2 * scale / 0.8796}[row.law]
    assert abs(weights).max() < edge


@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.name)
def test_law_and_scale_are_those_of_the_scheme(row):
    from scipy.stats import ks_2samp

    arguments = scheme_arguments(row)
    weights = np.asarray(ij.initializer(row.name, **arguments)(KEY, SHAPE), np.float64)
    check_scale(row, weights, SHAPE, **arguments)
    stream = irwinhall.sample_weights(SHAPE, row, rng=5, **arguments)
    assert ks_2samp(weights.ravel(), stream.ravel()).pvalue > 1e-4


@pytest.mark.parametrize("weight", WEIGHTS)
def test_fans_are_those_of_the_axes_or_the_layout(weight):
    shape, where, layer = WEIGHTS[weight]
    weights = np.asarray(ij.letkeman_normalized(**where)(KEY, shape), np.float64)
    check_scale(SCHEMES["letkeman_normalized"], weights, layer)


@pytest.mark.parametrize(
    "name",
    ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"],
)
def test_what_shares_its_name_with_jax_has_its_law(name):
    from scipy.stats import ks_2samp

    axes = {"in_axis": 1, "out_axis": (), "batch_axis": (0,)}
    ours = getattr(ij, name)(**axes)(KEY, SHAPE)
    theirs = getattr(jax.nn.initializers, name)(**axes)(jax.random.key(1), SHAPE)
    assert ks_2samp(np.ravel(ours), np.ravel(theirs)).pvalue > 1e-4
    assert abs(float(abs(ours).max() / abs(theirs).max()) - 1) < 1e-3


def test_xavier_is_glorot_and_kaiming_is_he():
    assert (ij.xavier_uniform, ij.xavier_normal) == (ij.glorot_uniform, ij.glorot_normal)
    assert (ij.kaiming_uniform, ij.kaiming_normal) == (ij.he_uniform, ij.he_normal)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_variance_scaling_is_jaxs(mode, distribution):
    ours = ij.variance_scaling(1.7, mode, distribution)(KEY, SHAPE)
    theirs = jax.nn.initializers.variance_scaling(1.7, mode, distribution)
    ratio = np.std(ours) / np.std(theirs(jax.random.key(1), SHAPE))
    assert abs(ratio - 1) < 0.01


SHARED = [
    ((1000, 64), {"out_axis": 0}, 64),  # of Flax's embeddings
    ((1000, 64), {"in_axis": -1}, 1000),
    ((3, 5, 400, 64), {"in_axis": (-1, 0), "out_axis": (3,)}, 6000),
    ((3, 5, 400, 64), {"in_axis": -2, "batch_axis": 2, "out_axis": ()}, 960),
    ((64000,), {"in_axis": 0, "out_axis": 0}, 1),
]


@pytest.mark.parametrize(("shape", "axes", "fan_in"), SHARED)
def test_axes_may_coincide_as_in_jax(shape, axes, fan_in):
    for make in (ij, jax.nn.initializers):
        weights = make.variance_scaling(1.0, "fan_in", "normal", **axes)(KEY, shape)
        assert abs(np.std(weights) * math.sqrt(fan_in) - 1) < 4 / math.sqrt(2 * weights.size)
    for name in ("glorot_uniform", "he_normal", "lecun_uniform"):
        ours = getattr(ij, name)(**axes)(KEY, shape)
        theirs = getattr(jax.nn.initializers, name)(**axes)(KEY, shape)
        assert abs(float(abs(ours).max() / abs(theirs).max()) - 1) < 1e-3
    made = ij.he_normal(**axes)
    assert eval(repr(made), vars(ij)) == made


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"])
def test_every_mode_has_jaxs_fans_where_axes_coincide(mode):
    axes = {"in_axis": (0, 1), "out_axis": -1, "batch_axis": (1,)}
    shape = (40, 3, 1000)
    ours, theirs = (
        np.std(make.variance_scaling(1.0, mode, "uniform", **axes)(KEY, shape))
        for make in (ij, jax.nn.initializers)
    )
    assert abs(ours / theirs - 1) < 0.01


def test_axes_that_do_not_coincide_give_the_same_whatever_they_are_called():
    mixed, plain = ij.he_normal(in_axis=0, out_axis=-1), ij.he_normal(in_axis=0, out_axis=2)
    layouts = mixed(KEY, (3, 4, 5)), plain(KEY, (3, 4, 5))
    assert layouts[0].tobytes() == layouts[1].tobytes()
    grouped = ij.he_normal(in_axis=0, out_axis=-1, groups=5)
    assert grouped == ij.initializer("he_truncated_normal", in_axis=0, out_axis=-1, groups=5)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 0, 5), (3, 4, 0, 5)])
def test_a_weight_without_elements_is_empty(shape):
    inits = [ij.initializer(row, **scheme_arguments(row)) for row in SCHEMES.values()]
    for init in (*inits, ij.orthogonal(), ij.delta_orthogonal(), ij.he_normal(out_axis=0)):
        assert init(KEY, shape).shape == shape
    assert ij.initializer("orthogonal", batch_axis=0)(KEY, (0, 3, 3)).shape == (0, 3, 3)
    assert ij.sharded((0, 8), split("columns"), seed=1).shape == (0, 8)


def test_a_shape_may_be_an_array():
    for init in (ij.letkeman(), ij.he_normal(out_axis=0)):
        assert init(KEY, np.array([2, 3])).tobytes() == init(KEY, (2, 3)).tobytes()


@pytest.mark.parametrize(("lower", "upper"), [(-2.0, 2.0), (-1.0, 3.0), (0.5, math.inf)])
def test_truncated_normals_are_cut_in_sigmas(lower, upper):
    from scipy.stats import kstest, truncnorm

    weights = np.asarray(ij.truncated_normal(0.1, lower=lower, upper=upper)(KEY, SHAPE))
    assert 0.1 * lower <= weights.min() < 0.1 * lower + 0.01
    assert weights.max() <= 0.1 * upper
    assert kstest(weights.ravel(), truncnorm(lower, upper, scale=0.1).cdf).pvalue > 1e-4


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
@pytest.mark.parametrize("scheme", ["he_uniform", "he_truncated_normal"])
def test_no_type_rounds_beyond_the_bound(dtype, scheme):
    scale = scale_of(SHAPE, scheme)
    bound = irwinhall.schemes.statistics(scheme, *irwinhall.fans(SHAPE)).bound
    assert bound >= scale
    weights = ij.initializer(scheme)(KEY, SHAPE, dtype)
    assert weights.dtype == dtype
    largest = float(np.abs(np.asarray(weights, np.float64)).max())
    assert bound * (1 - max(1e-3, float(jnp.finfo(dtype).eps))) < largest <= bound


def test_uniform_weights_in_float32_are_symmetric_odd_multiples_and_never_zero():
    weights = ij.letkeman()(KEY, SHAPE)
    unit = np.float32(irwinhall.letkeman_bound(300)) * np.float32(2.0**-24)
    nearest_odd = 2 * np.round((np.asarray(weights, np.float64) / float(unit) - 1) / 2) + 1
    np.testing.assert_array_equal(np.float32(nearest_odd) * unit, weights)
    assert len(np.unique(nearest_odd)) > 0.98 * weights.size


def test_float64_is_drawn_in_float64():
    with jax.enable_x64(True):
        weights = np.asarray(ij.he_uniform()(KEY, SHAPE))
        assert weights.dtype == np.float64
        check_scale(SCHEMES["he_uniform"], weights, SHAPE)
        assert np.mean(weights != weights.astype(np.float32)) > 0.99


@pytest.mark.parametrize("make", [ij.he_normal, ij.normal, ij.orthogonal])
def test_float64_without_x64_is_float32_and_a_warning_as_in_jax(make):
    init = make(dtype="float64")
    with pytest.warns(UserWarning, match="^dtype float64 is not available, so weights"):
        weights = init(KEY, (30, 40))
    assert weights.dtype == np.float32
    assert weights.tobytes() == make()(KEY, (30, 40)).tobytes()
    with pytest.warns(UserWarning, match="^dtype float64 is not available"):
        make()(KEY, (30, 40), "float64")
    with jax.enable_x64(True):
        assert init(KEY, (30, 40)).dtype == np.float64


# ---- what is no draw -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(16, 64), (3, 3, 8, 16)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_orthogonal_matrices_are_orthogonal(shape, dtype):
    weights = np.asarray(ij.orthogonal(2.0)(KEY, shape, dtype), np.float64)
    matrix = weights.reshape(-1, shape[-1]) / 2.0
    short = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    tolerance = 1e-5 if dtype == jnp.float32 else 2e-2
    np.testing.assert_allclose(short, np.eye(len(short)), atol=tolerance)


def test_every_expert_and_every_group_has_its_own_orthogonal_matrix():
    weights = np.asarray(
        ij.initializer("orthogonal", batch_axis=1, groups=2, in_axis=0)(KEY, (4, 3, 8))
    )
    matrices = weights.reshape(4, 3, 2, 4).transpose(1, 2, 0, 3).reshape(6, 4, 4)
    for matrix in matrices:
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(4), atol=1e-5)
    assert len({matrix.tobytes() for matrix in matrices}) == 6


def test_delta_orthogonal_kernels_are_orthogonal_in_the_middle_only():
    kernel = np.array(ij.delta_orthogonal(3.0)(KEY, (4, 3, 5, 8)))
    middle = kernel[1, 1] / 3.0
    np.testing.assert_allclose(middle @ middle.T, np.eye(5), atol=1e-5)
    kernel[1, 1] = 0.0
    assert not kernel.any()
    with pytest.raises(ValueError, match="at least as many outputs as inputs"):
        ij.delta_orthogonal()(KEY, (3, 3, 8, 5))


@pytest.mark.parametrize(
    ("scheme", "shape", "arguments"),
    [
        ("identity", (5, 5), {"gain": 2.0}),
        ("identity", (3, 4, 6, 6), {}),
        ("identity", (3, 2, 6), {"groups": 3}),
        ("identity", (2, 3, 4), {"batch_axis": 0}),
        ("zeros", (3,), {}),
        ("ones", (), {}),
        ("constant", (2, 3), {"gain": -1.5}),
        ("he_normal", (2, 3), {"gain": 0.0}),
    ],
)
def test_what_is_not_random_equals_sample_weights(scheme, shape, arguments):
    weights = ij.initializer(scheme, **arguments)(KEY, shape, jnp.bfloat16)
    expected = irwinhall.sample_weights(shape, scheme, dtype="bfloat16", **arguments)
    np.testing.assert_array_equal(np.asarray(weights), expected)


# ---- JAX's transformations, and its neighbours ---------------------------------------------------


@pytest.mark.parametrize("scheme", ["letkeman", "orthogonal"])
def test_jit_and_vmap_change_no_bit(scheme):
    init = ij.initializer(scheme)
    keys = jax.random.split(KEY, 3)
    alone = [np.asarray(init(key, (30, 20))) for key in keys]
    compiled = jax.jit(init, static_argnums=(1, 2))(keys[0], (30, 20), jnp.float32)
    together = jax.vmap(lambda key: init(key, (30, 20)))(keys)
    np.testing.assert_allclose(compiled, alone[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(together, np.stack(alone), rtol=0, atol=1e-6)
    if scheme == "letkeman":
        assert np.asarray(compiled).tobytes() == alone[0].tobytes()
        assert np.asarray(together).tobytes() == np.stack(alone).tobytes()
    assert not np.array_equal(together[0], together[1])


def test_both_kinds_of_keys_give_the_same():
    old, new = jax.random.PRNGKey(3), jax.random.key(3)
    np.testing.assert_array_equal(ij.letkeman()(old, (4, 5)), ij.letkeman()(new, (4, 5)))


def test_initializers_made_alike_are_equal_and_compile_once():
    traces = []

    def weights(init, key):
        traces.append(init)
        return init(key, (4, 5))

    jitted = jax.jit(weights, static_argnums=0)
    pairs = [
        lambda: ij.he_normal(in_axis=[0], out_axis=(1,)),
        lambda: ij.variance_scaling(2.0, "fan_in", "uniform"),
        lambda: ij.initializer("he_normal", gain="gelu", dtype=jnp.bfloat16),
    ]
    for make in pairs:
        assert (make(), hash(make())) == (make(), hash(make()))
        jitted(make(), KEY)
        jitted(make(), KEY)
    assert len(traces) == len(pairs)
    assert ij.he_normal() != ij.he_uniform()


def test_an_out_sharding_is_kept():
    mesh = jax.make_mesh((8,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
    with jax.set_mesh(mesh):
        for scheme in ("letkeman", "he_truncated_normal", "orthogonal"):
            weights = ij.initializer(scheme)(KEY, (16, 8), out_sharding=PartitionSpec("x", None))
            assert weights.sharding.spec == PartitionSpec("x", None)
            expected = ij.initializer(scheme)(KEY, (16, 8))
            np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_flax_linen_and_haiku_and_equinox_store_what_their_layouts_say():
    linen, haiku, equinox = (framework(name) for name in ("flax.linen", "haiku", "equinox"))
    image = jnp.ones((1, 9, 9, 8))

    def flax_kernel(module, x):
        return jax.eval_shape(module.init, KEY, x)["params"]["kernel"].shape

    def haiku_kernel(module):
        init = haiku.transform(lambda x: module()(x)).init
        return next(iter(jax.eval_shape(init, KEY, image).values()))["w"].shape

    assert flax_kernel(linen.Conv(6, (3, 5), feature_group_count=2), image) == (3, 5, 4, 6)
    assert flax_kernel(linen.ConvTranspose(6, (3, 5)), image) == (3, 5, 8, 6)
    kept = linen.ConvTranspose(6, (3, 5), transpose_kernel=True)
    assert flax_kernel(kept, image) == (3, 5, 6, 8)
    assert haiku_kernel(lambda: haiku.Conv2D(6, (3, 5), feature_group_count=2)) == (3, 5, 4, 6)
    assert haiku_kernel(lambda: haiku.Conv2DTranspose(6, (3, 5))) == (3, 5, 6, 8)

    def equinox_weight(layer, *sizes, **more):
        return equinox.filter_eval_shape(layer, *sizes, key=KEY, **more).weight.shape

    assert equinox_weight(equinox.nn.Linear, 8, 6) == (6, 8)
    assert equinox_weight(equinox.nn.Conv2d, 8, 6, (3, 5), groups=2) == (6, 4, 3, 5)
    assert equinox_weight(equinox.nn.ConvTranspose2d, 8, 6, (3, 5)) == (6, 8, 3, 5)


def test_flax_linen_takes_an_initializer():
    linen = framework("flax.linen")
    dense = linen.Dense(64, kernel_init=ij.letkeman(), param_dtype=jnp.bfloat16)
    kernel = dense.init(KEY, jnp.ones((1, 128)))["params"]["kernel"]
    assert kernel.dtype == jnp.bfloat16
    bound = irwinhall.letkeman_bound(128)
    assert 0.98 * bound < float(abs(kernel).max()) < bound
    asked = []

    def recording(key, shape, dtype):
        asked.append(tuple(shape))
        return ij.letkeman()(key, shape, dtype)

    attention = linen.MultiHeadDotProductAttention(4, out_features=64, kernel_init=recording)
    made = jax.eval_shape(attention.init, KEY, jnp.ones((1, 3, 32)))["params"]
    assert made["query"]["kernel"].shape == (32, 4, 8)
    assert asked == [(32, 32)] * 3 + [(32, 64)]  # and so with the fans of its matrices


def test_haiku_takes_an_initializer_with_its_own_key():
    haiku = framework("haiku")

    def model(x):
        def init(shape, dtype):
            return ij.letkeman()(haiku.next_rng_key(), shape, dtype)

        return haiku.Linear(64, w_init=init)(x)

    weights = haiku.transform(model).init(KEY, jnp.ones((1, 128)))["linear"]["w"]
    bound = irwinhall.letkeman_bound(128)
    assert 0.98 * bound < float(abs(weights).max()) < bound


def spiral():
    """Return points of two spirals and which of them each is on."""
    t = np.linspace(0.5, 3, 100)
    arm = np.stack([t * np.cos(2 * t), t * np.sin(2 * t)], axis=1)
    return jnp.asarray(np.concatenate([arm, -arm]), jnp.float32), jnp.repeat(jnp.arange(2), 100)


def test_an_mlp_in_flax_nnx_trains():
    nnx = framework("flax.nnx")
    x, label = spiral()

    class Mlp(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(2, 64, kernel_init=ij.he_normal(), rngs=rngs)
            self.second = nnx.Linear(64, 64, kernel_init=ij.he_normal(), rngs=rngs)
            self.last = nnx.Linear(64, 2, kernel_init=ij.letkeman(gain=0.1), rngs=rngs)

        def __call__(self, x):
            return self.last(jax.nn.relu(self.second(jax.nn.relu(self.first(x)))))

    model = Mlp(nnx.Rngs(0))
    scale = irwinhall.schemes.scale("he_truncated_normal", 64, 64)
    assert abs(float(model.second.kernel[...].std()) / scale - 1) < 0.05

    @nnx.jit
    def step(model):
        def loss(model):
            return -jnp.mean(jax.nn.log_softmax(model(x))[jnp.arange(200), label])

        value, slopes = nnx.value_and_grad(loss)(model)
        weights = nnx.state(model, nnx.Param)
        nnx.update(model, jax.tree.map(lambda w, slope: w - 0.3 * slope, weights, slopes))
        return value

    losses = [float(step(model)) for _ in range(100)]
    assert abs(losses[0] - math.log(2)) < 0.2
    assert losses[-1] < 0.5 * losses[0]


def test_an_mlp_in_equinox_trains_after_its_weights_are_replaced():
    equinox = framework("equinox")
    x, label = spiral()
    model = equinox.nn.MLP(2, 2, 64, 2, key=KEY)

    def weights(model):
        return [layer.weight for layer in model.layers]

    init = ij.he_normal(layout="equinox.linear")
    made = [
        init(key, w.shape) for key, w in zip(jax.random.split(KEY, 3), weights(model), strict=True)
    ]
    model = equinox.tree_at(weights, model, made)
    assert float(abs(model.layers[1].weight).max()) < 2 / 0.8796 * math.sqrt(2 / 64)

    @equinox.filter_jit
    def step(model):
        @equinox.filter_value_and_grad
        def loss(model):
            logits = jax.vmap(model)(x)
            return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(200), label])

        value, slopes = loss(model)
        return value, equinox.apply_updates(model, jax.tree.map(lambda slope: -0.1 * slope, slopes))

    losses = []
    for _ in range(100):
        value, model = step(model)
        losses.append(float(value))
    assert losses[-1] < 0.5 * losses[0]


# ---- shards --------------------------------------------------------------------------------------

SHARDINGS = {
    "rows": ((8,), PartitionSpec("a", None)),
    "columns": ((8,), PartitionSpec(None, "a")),
    "blocks": ((4, 2), PartitionSpec("a", "b")),
    "both on one axis": ((2, 4), PartitionSpec(None, ("b", "a"))),
    "partly replicated": ((2, 4), PartitionSpec("b", None)),
    "replicated": ((8,), PartitionSpec()),
}


def split(name):
    mesh, spec = SHARDINGS[name]
    devices = np.array(jax.devices()).reshape(mesh)
    return NamedSharding(Mesh(devices, ("a", "b")[: len(mesh)]), spec)


@pytest.mark.parametrize("sharding", SHARDINGS)
@pytest.mark.parametrize(
    ("scheme", "dtype"),
    [
        ("letkeman", "float32"),
        ("letkeman_normalized", jnp.bfloat16),
        ("he_normal", jnp.float32),
        ("lecun_truncated_normal", "float16"),
        ("orthogonal", "float32"),
        ("identity", "float32"),
    ],
)
def test_sharded_weights_are_sample_weights_bit_for_bit(sharding, scheme, dtype):
    assert len(jax.devices()) == 8
    where = split(sharding)
    weights = ij.sharded((48, 32), where, scheme, seed=7, name="w", dtype=dtype)
    expected = irwinhall.sample_weights((48, 32), scheme, rng=7, name="w", dtype=dtype)
    assert weights.sharding == where
    assert weights.dtype == expected.dtype
    assert np.asarray(weights).tobytes() == expected.tobytes()
    for shard in weights.addressable_shards:
        assert np.asarray(shard.data).tobytes() == expected[shard.index].tobytes()


def test_sharded_weights_of_layouts_that_split_an_axis():

    for scheme in ("letkeman", "orthogonal"):
        weights = ij.sharded(
            (16, 48), split("blocks"), scheme, seed=2, layout="flax.dense", parts=3
        )
        expected = irwinhall.sample_weights((16, 48), scheme, rng=2, layout="flax.dense", parts=3)
        assert np.asarray(weights).tobytes() == expected.tobytes()


def test_sharded_float64_needs_x64():
    with pytest.raises(ValueError, match="^dtype must not be float64 without jax.config.update"):
        ij.sharded((8, 8), split("rows"), seed=1, dtype="float64")
    with jax.enable_x64(True):
        weights = ij.sharded((8, 8), split("rows"), seed=1, dtype="float64")
        expected = irwinhall.sample_weights((8, 8), rng=1, dtype="float64")
        assert np.asarray(weights).tobytes() == expected.tobytes()


def recorded_regions(monkeypatch, scheme):
    made = []
    original = Sampler.draw

    def recording(*arguments, **more):
        result = original(*arguments, **more)
        made.append(result.shape)
        return result

    monkeypatch.setattr(Sampler, "draw", recording)
    sharding = split("blocks") if scheme != "experts" else None
    if sharding is None:
        devices = np.array(jax.devices()).reshape(4, 2)
        sharding = NamedSharding(Mesh(devices, ("a", "b")), PartitionSpec("a", "b"))
        ij.sharded((4, 8, 8), sharding, "orthogonal", seed=1, batch_axis=0)
    else:
        ij.sharded((48, 32), sharding, scheme, seed=1)
    return made


def test_no_more_than_a_shard_is_made_at_a_time(monkeypatch):
    assert recorded_regions(monkeypatch, "letkeman") == [(12, 16)] * 8


def test_an_orthogonal_matrix_is_made_once(monkeypatch):
    assert recorded_regions(monkeypatch, "orthogonal") == [(48, 32)]


def test_an_orthogonal_expert_is_made_once_and_alone(monkeypatch):
    assert recorded_regions(monkeypatch, "experts") == [(1, 8, 8)] * 4


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ij.initializer("he_norml"), ValueError, "did you mean 'he_normal'"),
        (lambda: ij.initializer(3), TypeError, "^scheme must be"),
        (lambda: ij.initializer("normal"), ValueError, "^gain must be given for normal"),
        (lambda: ij.letkeman(gain=-1.0), ValueError, "^gain must be at least 0"),
        (lambda: ij.letkeman(axis=1), TypeError, "^arguments must be among in_axis, .* got axis$"),
        (lambda: ij.letkeman(layout="flax.lstm"), ValueError, "^unknown layout 'flax.lstm'"),
        (lambda: ij.letkeman(layout="flax.dense", in_axis=0), TypeError, "^in_axis must be left"),
        (lambda: ij.letkeman(parts=3), TypeError, "^parts must come with a layout, got 3$"),
        (lambda: ij.letkeman(dtype="int32"), TypeError, "^dtype must be one of .*, got int32$"),
        (lambda: ij.letkeman(dtype="int32"), TypeError, "complex128, got int32$"),
        (lambda: ij.letkeman(dtype="fp8"), TypeError, "^dtype must be one of .*, got 'fp8'$"),
        (
            lambda: ij.letkeman(dtype="\ud800"),
            TypeError,
            r"^dtype must be one of .*, got '\\ud800'$",
        ),
        (lambda: ij.letkeman()(KEY, (5,)), ValueError, "^letkeman needs fan_in and fan_out; a 1-D"),
        (lambda: ij.letkeman(out_axis=-2)(KEY, (4, 5)), ValueError, "must name each axis of shape"),
        (lambda: ij.initializer("he_normal", out_axis=0)(KEY, (4, 5)), ValueError, "each axis of"),
        (lambda: ij.he_normal(out_axis=2)(KEY, (4, 5)), ValueError, "^out_axis must name an axis"),
        (lambda: ij.he_normal(out_axis=0)(KEY, (5,)), ValueError, "needs fan_in and fan_out"),
        (lambda: ij.normal("a"), TypeError, "^stddev must be a real number, got 'a'"),
        (lambda: ij.normal(-1.0), ValueError, "^stddev must be at least 0, got -1.0$"),
        (lambda: ij.truncated_normal(-1.0), ValueError, "^stddev must be at least 0, got -1.0$"),
        (lambda: ij.orthogonal("a"), TypeError, "^scale must be a real number, got 'a'"),
        (lambda: ij.delta_orthogonal(math.inf), ValueError, "^scale must be finite, got inf$"),
        (lambda: ij.normal(1e39)(KEY, (2,)), ValueError, "^stddev must give .* one that gives 1e"),
        (lambda: ij.truncated_normal(1e39)(KEY, (2,)), ValueError, "^stddev must give truncated_n"),
        (lambda: ij.orthogonal(1e39)(KEY, (2, 2)), ValueError, "^scale must give orthogonal wei"),
        (
            lambda: ij.variance_scaling(1e80, "fan_in", "uniform")(KEY, (2, 2)),
            ValueError,
            "^scale must give fan_in a bound .* got one that gives 1.2",
        ),
        (lambda: ij.letkeman()(KEY, (3, 4), int), TypeError, "^dtype must be one of"),
        (lambda: ij.letkeman(gain=1e6)(KEY, (3, 4), "float16"), ValueError, "for float16, got"),
        (lambda: ij.variance_scaling(-1, "fan_in", "normal"), ValueError, "^scale must be at"),
        (lambda: ij.variance_scaling(1, "fan", "normal"), ValueError, "^mode must be one of"),
        (lambda: ij.variance_scaling(1, "fan_in", "n"), ValueError, "^distribution must be one"),
        (lambda: ij.truncated_normal(lower=1, upper=1), ValueError, "^lower must be less than"),
        (
            lambda: ij.sharded((8, 8), split("rows"), seed=None),
            TypeError,
            "^seed must be given: processes that draw their own would not agree$",
        ),
        (
            lambda: ij.sharded((8, 8), split("rows"), "he", seed=1),
            ValueError,
            "^unknown scheme 'he'; known are",
        ),
        (lambda: ij.sharded((8, 8), None, seed=1), TypeError, "[Ss]harding"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("column_axis", [0, 1, 2, -1, -2, -3])
def test_orthogonal_columns_may_be_any_axis(column_axis):
    weights = ij.orthogonal(column_axis=column_axis)(jax.random.key(0), (4, 6, 3))
    columns = np.moveaxis(np.asarray(weights), column_axis, -1).reshape(
        -1, weights.shape[column_axis]
    )
    np.testing.assert_allclose(columns.T @ columns, np.eye(columns.shape[1]), atol=1e-5)


def test_the_identity_of_doubles_has_the_gain_to_the_last_bit():
    with jax.enable_x64(True):
        weights = np.asarray(ij.initializer("identity", gain=0.1)(KEY, (3, 3), "float64"))
    expected = irwinhall.sample_weights((3, 3), "identity", gain=0.1, dtype="float64")
    assert weights.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "typed",
    [
        "initializer('letkeman')",
        "initializer('he_truncated_normal', gain=2.0, in_axis=(0,), out_axis=(1,))",
        "initializer('orthogonal', layout='flax.dense', parts=3)",
        "initializer('truncated_normal', gain=0.02, low=-3.0, high=3.0, corrected=False)",
        "initializer('he_truncated_normal', low=-1.0)",
        "initializer('log_of_uniform', low=2.0, high=8.0)",
        "variance_scaling(2.0, 'fan_avg', 'uniform')",
    ],
)
def test_an_initializer_is_shown_as_one_would_type_it(typed):
    assert repr(eval(typed, vars(ij))) == typed


def test_initializers_that_are_made_alike_are_equal():
    assert ij.letkeman(in_axis=-2, groups=1) == ij.letkeman() == ij.letkeman(in_axis=np.int64(-2))
    assert hash(ij.letkeman(in_axis=[0, 1])) == hash(ij.letkeman(in_axis=(0, 1)))
    with pytest.raises(TypeError, match="^active_inputs must be an integer, got True"):
        ij.letkeman(active_inputs=True)


# ---- distributions with two ends -----------------------------------------------------------------


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize(("low", "high"), [(-3.0, 3.0), (-1.0, 2.0)])
def test_truncated_schemes_take_their_ends(low, high, corrected):
    from scipy.stats import ks_2samp

    ends = {"low": low, "high": high, "corrected": corrected}
    weights = np.asarray(ij.initializer("lecun_truncated_normal", **ends)(KEY, SHAPE))
    same = irwinhall.sample_weights(SHAPE, "lecun_truncated_normal", rng=5, **ends)
    assert ks_2samp(weights.ravel(), same.ravel()).pvalue > 1e-4
    expected = irwinhall.schemes.statistics("lecun_truncated_normal", *SHAPE, **ends)
    assert weights.std() == pytest.approx(expected.std, rel=0.02)
    assert expected.bound * 0.9 < abs(weights).max() <= expected.bound
    whole = ij.sharded((8, 16), split("columns"), "lecun_truncated_normal", seed=5, **ends)
    host = irwinhall.sample_weights((8, 16), "lecun_truncated_normal", rng=5, **ends)
    assert np.asarray(whole).tobytes() == host.tobytes()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16, jnp.bfloat16])
@pytest.mark.parametrize(
    ("law", "low", "high"),
    [
        ("uniform_between", 0.0, 16.0),
        ("log_uniform", 0.001, 0.1),
        ("log_of_uniform", 0.0, 16.0),
        ("log_of_uniform", 1.0, 16.0),
        ("inverse_softplus_log_uniform", 0.001, 0.1),
    ],
)
def test_laws_between_two_ends_have_the_law_of_the_stream_and_never_reach_an_end(
    law, low, high, dtype
):
    from scipy.stats import ks_2samp

    init = ij.initializer(law, low=low, high=high)
    weights = np.asarray(jax.jit(init, static_argnums=(1, 2))(KEY, (400, 500), dtype), np.float64)
    assert np.isfinite(weights).all()
    same = irwinhall.sample_weights((400, 500), law, rng=5, low=low, high=high, dtype="float64")
    if dtype == jnp.float32:
        assert ks_2samp(weights.ravel(), same.ravel()).pvalue > 1e-4
    expected = irwinhall.schemes.statistics(law, 1, 1, low=low, high=high)
    assert abs(weights.mean() - expected.mean) < 5 * expected.std / 400
    assert abs(weights).max() < expected.bound
    if law in ("uniform_between", "log_uniform"):
        assert weights.min() > low


# ---- complex weights, and traced gains -----------------------------------------------------------


@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_complex_weights_have_the_law_of_jaxs(distribution):
    from scipy.stats import ks_2samp, kstest

    ours, theirs = (
        np.asarray(make.variance_scaling(2.0, "fan_in", distribution)(KEY, SHAPE, jnp.complex64))
        for make in (ij, jax.nn.initializers)
    )
    assert ours.dtype == np.complex64
    assert ks_2samp(abs(ours).ravel(), abs(theirs).ravel()).pvalue > 1e-4
    assert kstest(np.angle(ours).ravel(), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-4
    mean_square = float(np.mean(abs(ours).astype(np.float64) ** 2))
    assert mean_square == pytest.approx(2.0 / SHAPE[0], rel=0.02)
    if distribution != "normal":
        assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=0.01)


@pytest.mark.parametrize(("high", "corrected"), [(1.0, True), (2.0, False), (math.inf, True)])
def test_complex_weights_are_cut_in_modulus(high, corrected):
    init = ij.initializer(
        "truncated_normal", gain=0.1, low=-high, high=high, corrected=corrected, dtype="complex64"
    )
    squares = np.asarray(abs(init(KEY, SHAPE)), np.float64) ** 2
    # Before the cut the squares are exponential, of mean 1.
    rest = math.exp(-high * high)
    kept = 1.0 if high == math.inf else 1.0 - high * high * rest / (1.0 - rest)
    unit = 0.01 / kept if corrected else 0.01
    assert squares.mean() == pytest.approx(kept * unit, rel=0.02)
    if high < math.inf:
        assert squares.max() == pytest.approx(high * high * unit, rel=1e-3)


@pytest.mark.parametrize("make", [ij.orthogonal, ij.delta_orthogonal])
def test_complex_matrices_are_unitary(make):
    shape = (3, 4, 8) if make is ij.delta_orthogonal else (4, 8)
    weights = np.asarray(make(2.0)(KEY, shape, jnp.complex64))
    matrix = weights[1] if make is ij.delta_orthogonal else weights
    assert abs(matrix.imag).max() > 0.1
    np.testing.assert_allclose(matrix @ matrix.conj().T, 4 * np.eye(4), atol=1e-5)


def test_what_is_not_random_may_be_complex():
    for scheme, gain in (("identity", 2.0), ("zeros", None), ("constant", -1.5)):
        weights = ij.initializer(scheme, gain=gain, dtype=complex)(KEY, (3, 3))
        assert weights.dtype == np.complex64
        expected = irwinhall.sample_weights((3, 3), scheme, gain=gain)
        np.testing.assert_array_equal(np.asarray(weights), expected)


def test_complex128_needs_x64():
    with pytest.warns(
        UserWarning, match="^dtype complex128 is not available, .* made in complex64"
    ):
        assert ij.he_normal(dtype="complex128")(KEY, (3, 4)).dtype == np.complex64
    with jax.enable_x64(True):
        weights = np.asarray(ij.he_uniform()(KEY, (30, 40), complex))
        assert weights.dtype == np.complex128
        assert np.mean(weights.real != weights.real.astype(np.float32)) > 0.99


def test_complex_weights_that_have_no_law_are_refused():
    with pytest.raises(ValueError, match="^dtype must be real for log_uniform, got complex64"):
        ij.initializer("log_uniform", dtype="complex64")(KEY, (3, 4))
    with pytest.raises(
        ValueError, match="^low must be -high for complex weights.* low=-1.0, high=2"
    ):
        ij.truncated_normal(lower=-1)(KEY, (3, 4), jnp.complex64)
    with pytest.raises(TypeError, match="^dtype must be one of .*bfloat16, got complex64"):
        ij.sharded((8, 16), split("columns"), seed=1, dtype="complex64")


TRACED = {
    "variance_scaling": lambda s: ij.variance_scaling(s, "fan_avg", "uniform"),
    "truncated": lambda s: ij.variance_scaling(s, "fan_in", "truncated_normal", out_axis=0),
    "normal": ij.normal,
    "truncated_normal": lambda s: ij.truncated_normal(s, lower=-1.0),
    "orthogonal": ij.orthogonal,
    "delta_orthogonal": ij.delta_orthogonal,
    "initializer": lambda s: ij.initializer("letkeman", gain=s),
}


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        *((make, jnp.float32) for make in TRACED),
        ("variance_scaling", jnp.bfloat16),
        ("normal", jnp.complex64),
    ],
)
def test_a_scale_may_be_traced(make, dtype):
    shape, init = (3, 8, 12), TRACED[make]
    traced = jax.jit(lambda scale: init(scale)(KEY, shape, dtype))(1.7)
    plain = init(1.7)(KEY, shape, dtype)
    assert traced.dtype == plain.dtype
    tolerance = 1e-2 if dtype == jnp.bfloat16 else 1e-5
    np.testing.assert_allclose(
        np.asarray(traced, np.complex64), np.asarray(plain, np.complex64), tolerance, 1e-7
    )


def test_a_scale_may_be_mapped_and_differentiated():
    scales = jnp.array([0.5, 2.0])
    mapped = jax.vmap(lambda scale: ij.normal(scale)(KEY, (4, 5)))(scales)
    np.testing.assert_allclose(mapped[1], 4 * mapped[0], rtol=1e-6)
    slope = jax.grad(lambda scale: ij.normal(scale)(KEY, (4, 5)).sum())(1.0)
    assert float(slope) == pytest.approx(float(ij.normal(1.0)(KEY, (4, 5)).sum()), rel=1e-5)


def test_a_traced_scale_is_shown_and_must_be_a_scalar():
    shown = []

    def trace(scale):
        shown.append(repr(ij.variance_scaling(scale, "fan_in", "normal")))
        return scale

    jax.jit(trace)(1.0)
    assert shown[0].startswith("variance_scaling(")
    with pytest.raises(
        ValueError, match=r"^gain must be a scalar, got a traced array of shape \(3,"
    ):
        jax.jit(lambda s: ij.normal(s)(KEY, (3, 3)))(jnp.ones(3))
    with pytest.raises(ValueError, match="^gain must be left out for log_uniform"):
        jax.jit(lambda s: ij.initializer("log_uniform", gain=s)(KEY, (3, 3)))(1.0)
