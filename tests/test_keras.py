"""Keras: bits of sample_weights on every backend, nothing repeated, configs that round-trip."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import json
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from frameworks import framework

keras = framework("keras")

import irwinhall  # noqa: E402
import irwinhall.keras as ik  # noqa: E402
from irwinhall.schemes import SCHEMES  # noqa: E402

# The class of a name, the scheme that it is.
CLASSES = {
    "Letkeman": "letkeman",
    "LetkemanNormalized": "letkeman_normalized",
    "LetkemanGaussian": "letkeman_gaussian",
    "LetkemanNormalizedGaussian": "letkeman_normalized_gaussian",
    "KalafusUniform": "kalafus_uniform",
    "KalafusNormal": "kalafus_normal",
    "GlorotUniform": "xavier_uniform",
    "GlorotNormal": "xavier_truncated_normal",
    "HeUniform": "he_uniform",
    "HeNormal": "he_truncated_normal",
    "LecunUniform": "lecun_uniform",
    "LecunNormal": "lecun_truncated_normal",
    "Orthogonal": "orthogonal",
}


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


# ---- bits ----------------------------------------------------------------------------------------

CASES = [
    (scheme, shape, dtype)
    for scheme in ("letkeman", "letkeman_normalized", "he_normal", "lecun_truncated_normal", "ones")
    for shape, dtype in [
        ((64, 32), "float32"),
        ((3, 3, 8, 16), "float16"),
        ((32, 16), "bfloat16"),
        ((7, 5), "float64"),
    ]
    if (os.environ["KERAS_BACKEND"], dtype) != ("jax", "float64")  # needs x64
]

BACKEND_PROGRAM = """
import sys
import keras, numpy as np, irwinhall, irwinhall.keras
assert keras.backend.backend() == sys.argv[1]
for scheme, shape, dtype in eval(sys.argv[2]):
    init = irwinhall.keras.SchemeInitializer(scheme, seed=3, name="w")
    tensor = init(shape, dtype)
    assert keras.backend.standardize_dtype(tensor.dtype) == dtype, (tensor.dtype, dtype)
    expected = irwinhall.sample_weights(shape, scheme, rng=3, name="w", dtype=dtype)
    found = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float64")), np.float64)
    assert found.shape == shape
    assert np.array_equal(found, expected.astype(np.float64)), (scheme, dtype)
layer = keras.layers.Dense(16, kernel_initializer=irwinhall.keras.Letkeman(seed=3, name="w"))
layer.build((None, 8))
expected = irwinhall.sample_weights((8, 16), rng=3, name="w")
assert keras.ops.convert_to_numpy(layer.kernel).tobytes() == expected.tobytes()
print("equal")
"""


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_every_backend_has_the_bits_of_sample_weights(backend):
    if backend == "torch":
        framework("torch")
    finished = subprocess.run(
        [sys.executable, "-c", BACKEND_PROGRAM, backend, repr(CASES)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "equal\n", finished.stderr


@pytest.mark.parametrize(("scheme", "shape", "dtype"), CASES)
def test_bits_are_those_of_sample_weights(scheme, shape, dtype):
    tensor = ik.SchemeInitializer(scheme, seed=3, name="w")(shape, dtype)
    assert keras.backend.standardize_dtype(tensor.dtype) == dtype
    expected = irwinhall.sample_weights(shape, scheme, rng=3, name="w", dtype=dtype)
    assert array(tensor).tobytes() == expected.tobytes()


@pytest.mark.parametrize(("name", "scheme"), CLASSES.items())
def test_a_class_is_its_scheme(name, scheme):
    assert name in ik.__all__
    weights = array(getattr(ik, name)(seed=1)((20, 30)))
    assert weights.tobytes() == irwinhall.sample_weights((20, 30), scheme, rng=1).tobytes()


def test_every_scheme_can_be_had():
    for name, row in SCHEMES.items():
        arguments = {"gain": 0.5} if row.gain is None else {}
        weights = array(ik.SchemeInitializer(name, seed=1, **arguments)((8, 16)))
        expected = irwinhall.sample_weights((8, 16), name, rng=1, **arguments)
        assert weights.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal"])
def test_what_shares_its_name_with_keras_has_its_law(name):
    from scipy.stats import ks_2samp

    ours = array(getattr(ik, name)(seed=1)((3, 3, 64, 128))).ravel()
    theirs = array(getattr(keras.initializers, name)(seed=1)((3, 3, 64, 128))).ravel()
    assert ks_2samp(ours, theirs).pvalue > 1e-4
    assert abs(abs(ours).max() / abs(theirs).max() - 1) < 1e-3


# ---- fans ----------------------------------------------------------------------------------------


def kernels(layer, shape):
    layer.build(shape)
    return {weight.path: array(weight) for weight in layer.trainable_weights}


@pytest.mark.parametrize(
    ("layer", "layout", "more"),
    [
        ("Dense", "keras.dense", {"units": 6}),
        ("Conv2D", "keras.conv", {"filters": 6, "kernel_size": (3, 5), "groups": 2}),
        ("Conv2DTranspose", "keras.conv_transpose", {"filters": 6, "kernel_size": (3, 5)}),
    ],
)
def test_a_layer_stores_what_its_layout_says(layer, layout, more):
    groups = {"groups": more["groups"]} if "groups" in more else {}
    init = ik.LetkemanNormalized(seed=1, layout=layout, **groups)
    built = getattr(keras.layers, layer)(kernel_initializer=init, use_bias=False, **more)
    (weights,) = kernels(built, (None, 9, 9, 8) if layer != "Dense" else (None, 8)).values()
    fans = {"Dense": (8, 6), "Conv2D": (60, 45), "Conv2DTranspose": (120, 90)}[layer]
    assert irwinhall.fans(weights.shape, layout=layout, **groups) == fans
    bound = irwinhall.letkeman_bound(*fans)
    assert 0.8 * bound < abs(weights).max() < bound


@pytest.mark.parametrize("name", ["GlorotUniform", "HeNormal", "LecunNormal", "Letkeman"])
def test_both_fans_of_a_vector_are_its_size(name):
    init = getattr(ik, name)
    square, vector = array(init(seed=1)((64, 64))), array(init(seed=1)((64,)))
    assert vector.shape == (64,)
    assert vector.tobytes() == square[0].tobytes()  # elements 0 to 63 of the same distribution


def test_a_depthwise_kernel_has_the_fans_of_one_channel():
    init = ik.Letkeman(seed=1, layout="keras.depthwise")
    layer = keras.layers.DepthwiseConv2D(3, depthwise_initializer=init, use_bias=False)
    (weights,) = kernels(layer, (None, 9, 9, 32)).values()
    bound = irwinhall.letkeman_bound(9)
    assert 0.95 * bound < abs(weights).max() < bound


def test_the_gates_of_an_lstm_have_fans_of_their_own():
    layer = keras.layers.LSTM(
        64,
        kernel_initializer=ik.LetkemanNormalized(seed=1, layout="keras.dense", parts=4),
        recurrent_initializer=ik.Orthogonal(seed=1, layout="keras.dense", parts=4),
    )
    found = kernels(layer, (None, 5, 32))
    kernel, recurrent = (w for path, w in found.items() if path.endswith("kernel"))
    bound = irwinhall.letkeman_bound(32, 64)
    assert 0.95 * bound < abs(kernel).max() < bound
    for gate in np.split(recurrent, 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(64), atol=1e-5)


def test_attention_has_the_fans_of_its_matrices_and_no_two_equal_kernels():
    layer = keras.layers.MultiHeadAttention(
        8, 16, kernel_initializer=ik.LetkemanNormalized(seed=1), use_bias=False
    )
    layer.build((None, 5, 64), (None, 5, 64))
    found = [array(weight) for weight in layer.trainable_weights]
    assert [w.shape for w in found] == [(64, 8, 16)] * 3 + [(8, 16, 64)]
    bound = irwinhall.letkeman_bound(64, 128)
    assert all(0.99 * bound < abs(w).max() < bound for w in found[:3])
    bound = irwinhall.letkeman_bound(128, 64)
    assert 0.99 * bound < abs(found[3]).max() < bound
    assert len({w.tobytes() for w in found}) == 4


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 0, 5)])
def test_a_weight_without_elements_is_empty(shape):
    for name in CLASSES:
        assert getattr(ik, name)(seed=1)(shape).shape == shape


# ---- seeds ---------------------------------------------------------------------------------------


def test_one_object_in_many_layers_never_repeats_weights():
    init = ik.HeNormal(seed=1, name="model")
    layers = [keras.layers.Dense(8, kernel_initializer=init) for _ in range(3)]
    layers += [keras.layers.EinsumDense("ab,bc->ac", 8, kernel_initializer=init) for _ in range(2)]
    for layer in layers:
        layer.build((None, 8))
    found = [array(layer.kernel) for layer in layers]
    stream = irwinhall.Stream(1, "model")
    names = [stream, *(stream.child(str(i)) for i in range(1, 5))]
    for kernel, child in zip(found, names, strict=True):
        expected = irwinhall.sample_weights((8, 8), "he_truncated_normal", rng=child)
        assert kernel.tobytes() == expected.tobytes()


def test_clones_draw_on_and_what_is_loaded_begins_anew():
    init = ik.Letkeman(seed=1)
    first = array(init((4, 5)))
    clone = init.clone()
    drawn = {array(made((4, 5))).tobytes() for made in (clone, init, clone.clone())}
    assert len(drawn | {first.tobytes()}) == 4
    saved = json.dumps(keras.initializers.serialize(init))
    loaded = keras.initializers.deserialize(json.loads(saved))
    assert array(loaded((4, 5))).tobytes() == first.tobytes()
    loaded = ik.Letkeman.from_config(pickle.loads(pickle.dumps(init.get_config())))
    assert array(loaded((4, 5))).tobytes() == first.tobytes()


def test_threads_repeat_no_weights(monkeypatch):
    def slow_child(stream, name):
        time.sleep(0.002)  # in which other threads draw
        return known(stream, name)

    init = ik.HeNormal(seed=1)
    expected = {child(init, "he_truncated_normal", (4, 4), i).tobytes() for i in range(20)}
    known = irwinhall.Stream.child
    monkeypatch.setattr(irwinhall.Stream, "child", slow_child)
    with ThreadPoolExecutor(4) as pool:
        drawn = {array(made).tobytes() for made in pool.map(init, [(4, 4)] * 20)}
    assert drawn == expected


def child(init, scheme, shape, number):
    """Return the weights that an initializer of seed 1 draws for the time of a number."""
    stream = irwinhall.Stream(1, init.get_config()["name"])
    return irwinhall.sample_weights(
        shape, scheme, rng=stream.child(str(number)) if number else stream
    )


def test_the_two_directions_of_a_layer_have_a_child_stream_each():
    init = ik.GlorotUniform(seed=1, name="lstm")
    layer = keras.layers.Bidirectional(keras.layers.LSTM(8, kernel_initializer=init))
    layer.build((None, 5, 4))
    directions = layer.forward_layer, layer.backward_layer
    for number, made in enumerate(directions):
        expected = child(init, "xavier_uniform", (4, 32), number)
        assert array(made.cell.kernel).tobytes() == expected.tobytes()


REBUILT = {
    "from_config": lambda layer: type(layer).from_config(layer.get_config()),
    "serialize": lambda layer: keras.layers.deserialize(keras.layers.serialize(layer)),
    "deepcopy": lambda layer: type(layer).from_config(copy.deepcopy(layer.get_config())),
    "clone_model": lambda layer: keras.models.clone_model(
        keras.Sequential([keras.layers.Input((4,)), layer])
    ).layers[0],
}


@pytest.mark.parametrize("how", REBUILT)
def test_a_layer_rebuilt_in_memory_draws_on(how):
    init = ik.HeNormal(seed=1, name="w")
    layer = keras.layers.Dense(4, kernel_initializer=init)
    layer.build((None, 4))
    again = REBUILT[how](layer)
    if not again.built:
        again.build((None, 4))
    for number, made in enumerate((layer, again)):
        expected = child(init, "he_truncated_normal", (4, 4), number)
        assert array(made.kernel).tobytes() == expected.tobytes()


def test_a_model_of_json_begins_anew():
    init = ik.HeNormal(seed=1, name="w")
    model = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(4, kernel_initializer=init)]
    )
    loaded = keras.models.model_from_json(model.to_json())
    assert array(loaded.layers[0].kernel).tobytes() == array(model.layers[0].kernel).tobytes()


def test_a_config_that_is_changed_is_no_clone():
    config = ik.Letkeman(seed=1).get_config()
    config["seed"] = 2
    weights = array(ik.Letkeman.from_config(config)((4, 5)))
    assert weights.tobytes() == irwinhall.sample_weights((4, 5), rng=2).tobytes()


def test_without_a_seed_keras_seeds():
    def drawn():
        keras.utils.set_random_seed(42)
        inits = [ik.Letkeman(), ik.Letkeman()]
        return [array(init((4, 5))).tobytes() for init in (*inits, inits[0], inits[0].clone())]

    once, again = drawn(), drawn()
    assert once == again
    assert len(set(once)) == 4
    assert ik.Letkeman().get_config()["seed"] is None


def test_a_seed_generator_gives_the_weights_of_its_states():
    seeds = keras.random.SeedGenerator(7)
    first, second = ik.Letkeman(seeds, name="w"), ik.HeNormal(seeds, name="w")
    drawn = [array(init((4, 5))) for init in (first, second, first, first.clone())]
    schemes = ["letkeman", "he_truncated_normal", "letkeman", "letkeman"]
    for number, (weights, scheme) in enumerate(zip(drawn, schemes, strict=True)):
        expected = irwinhall.sample_weights((4, 5), scheme, rng=7 + (number << 32), name="w")
        assert weights.tobytes() == expected.tobytes()
    assert first.seed is seeds


def test_a_seed_generator_is_saved_and_begins_anew():
    init = ik.Letkeman(keras.random.SeedGenerator(7))
    first = array(init((4, 5)))
    assert array(init((4, 5))).tobytes() != first.tobytes()
    saved = json.dumps(keras.initializers.serialize(init))
    loaded = keras.initializers.deserialize(json.loads(saved))
    assert array(loaded((4, 5))).tobytes() == first.tobytes()


def test_attention_draws_on_from_a_seed_generator():
    init = ik.LetkemanNormalized(keras.random.SeedGenerator(7))
    layer = keras.layers.MultiHeadAttention(2, 4, kernel_initializer=init, use_bias=False)
    layer.build((None, 5, 8), (None, 5, 8))
    found = {array(weight).tobytes() for weight in layer.trainable_weights}
    assert len(found) == 4
    wanted = irwinhall.sample_weights(
        (8, 2, 4), "letkeman_normalized", rng=7, in_axis=0, out_axis=(1, 2)
    )
    assert wanted.tobytes() in found


def test_a_layout_on_other_backends_is_kerass_own(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "other")
    split = []
    monkeypatch.setattr(
        keras.distribution, "distribute_tensor", lambda *given: split.append(given) or given[0]
    )
    weights = array(ik.Letkeman(seed=1)((4, 5), layout="columns"))
    assert weights.tobytes() == irwinhall.sample_weights((4, 5), rng=1).tobytes()
    assert split[0][1] == "columns"


# ---- saving --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "init",
    [
        ik.Letkeman(seed=1, name="w", active_inputs=2),
        ik.HeNormal(gain="gelu"),
        ik.Orthogonal(2.0, 5, input_axes=(0,), output_axes=[1, 2]),
        ik.SchemeInitializer("normal", 2**100, gain=0.02),
        ik.SchemeInitializer(gain=np.tanh, layout="keras.conv", groups=2),
        ik.LecunNormal(layout="keras.dense", parts=3, stacked=1),
        ik.HeNormal(low=-3, corrected=False),
        ik.SchemeInitializer("log_uniform", high=0.5),
    ],
)
def test_a_config_round_trips_through_json(init):
    config = json.loads(json.dumps(keras.initializers.serialize(init)))
    assert config["registered_name"].startswith("irwinhall>")
    loaded = keras.initializers.deserialize(config)
    assert type(loaded) is type(init)
    assert loaded.get_config() == init.get_config()
    arguments = inspect.signature(ik.SchemeInitializer).parameters
    assert set(init.get_config()) | {"scheme"} == set(arguments)


def test_ends_are_those_of_sample_weights():
    ends = {"low": -3, "high": 3, "corrected": False}
    made = ik.SchemeInitializer("truncated_normal", 1, gain=0.02, **ends)
    loaded = keras.initializers.deserialize(keras.initializers.serialize(made))
    expected = irwinhall.sample_weights((8, 16), "truncated_normal", gain=0.02, rng=1, **ends)
    for init in (made, ik.SchemeInitializer.from_config(json.loads(json.dumps(made.get_config())))):
        assert array(init((8, 16))).tobytes() == expected.tobytes()
    assert loaded.get_config() == made.get_config()
    with pytest.raises(ValueError, match="^low must be left out for letkeman, got -3"):
        ik.Letkeman(low=-3)


@pytest.mark.parametrize("prefix", ["irwinhall>", ""])
def test_a_registered_name_is_enough(prefix):
    layer = keras.layers.Dense(3, kernel_initializer=f"{prefix}Letkeman")
    assert isinstance(layer.kernel_initializer, ik.Letkeman)


def test_what_keras_has_no_name_for_goes_by_its_own():
    for name, made in {
        "letkeman": ik.Letkeman,
        "letkeman_normalized": ik.LetkemanNormalized,
        "letkeman_gaussian": ik.LetkemanGaussian,
        "letkeman_normalized_gaussian": ik.LetkemanNormalizedGaussian,
        "kalafus_uniform": ik.KalafusUniform,
        "kalafus_normal": ik.KalafusNormal,
    }.items():
        assert type(keras.initializers.get(name)) is made
        loaded = keras.layers.deserialize(
            json.loads(
                json.dumps(keras.layers.serialize(keras.layers.Dense(3, kernel_initializer=name)))
            )
        )
        assert type(loaded.kernel_initializer) is made
    assert not isinstance(keras.initializers.get("he_normal"), ik.SchemeInitializer)


def test_a_sequential_model_trains_and_is_saved_and_loaded(tmp_path):
    if keras.backend.backend() == "numpy":
        pytest.skip("the numpy backend does not train")
    keras.utils.set_random_seed(0)
    x = irwinhall.Stream(1, "x").normal((256, 8))
    y = (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.Dense(32, "relu", kernel_initializer=ik.HeNormal(seed=1, name="first")),
            keras.layers.Dense(32, "relu", kernel_initializer=ik.HeNormal(seed=1, name="second")),
            keras.layers.Dense(1, kernel_initializer=ik.Letkeman(seed=1, name="last")),
        ]
    )
    first = irwinhall.sample_weights((8, 32), "he_truncated_normal", rng=1, name="first")
    assert array(model.layers[0].kernel).tobytes() == first.tobytes()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    losses = model.fit(x, y, batch_size=64, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        assert array(ours).tobytes() == array(theirs).tobytes()
    assert loaded.layers[0].kernel_initializer.get_config()["name"] == "first"
    anew = keras.models.model_from_json(loaded.to_json())
    assert array(anew.layers[0].kernel).tobytes() == first.tobytes()


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ik.SchemeInitializer("he_norml"), ValueError, "did you mean 'he_normal'"),
        (lambda: ik.SchemeInitializer(None), TypeError, "^name must be a string, got None"),
        (lambda: ik.SchemeInitializer("normal"), ValueError, "^gain must be given for normal"),
        (lambda: ik.Letkeman(1.0), TypeError, "^seed must be an integer, a keras.*, got 1.0"),
        (lambda: ik.Letkeman(True), TypeError, "^seed must be an integer, a keras.*, got True"),
        (lambda: ik.Letkeman(name=1), TypeError, "^name must be a string, got 1"),
        (lambda: ik.Letkeman(layout="keras.lstm"), ValueError, "^unknown layout 'keras.lstm'"),
        (lambda: ik.Letkeman(parts=3), TypeError, "^parts must come with a layout, got 3"),
        (lambda: ik.Letkeman(input_axes=[0]), ValueError, "^input_axes and output_axes must be"),
        (
            lambda: ik.Letkeman(input_axes=[0], output_axes=[1], layout="keras.dense"),
            ValueError,
            "^input_axes and output_axes must be left out with a layout, got ",
        ),
        (lambda: ik.Letkeman(axis=3), TypeError, "axis"),
        (lambda: ik.Letkeman()(()), ValueError, "^letkeman needs fan_in and fan_out; a 0-D"),
        (lambda: ik.Orthogonal()((5,)), ValueError, "^orthogonal needs in and out axes; a 1-D"),
        (lambda: ik.Letkeman()((4, 5), "int32"), TypeError, "^dtype must be one of"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_backend_that_is_missing_is_kerass_own_error():
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("tensorflow is installed")
    finished = subprocess.run(
        [sys.executable, "-c", "import irwinhall.keras"],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
    )
    assert "No module named 'tensorflow'" in finished.stderr
    assert "pip install keras" not in finished.stderr


def test_a_deep_copy_never_repeats_weights():
    original = ik.Letkeman(seed=1)
    copied = copy.deepcopy(original)
    first, second = (keras.ops.convert_to_numpy(init((4, 4))) for init in (original, copied))
    assert not np.array_equal(first, second)


def test_a_config_is_plain_whatever_number_the_gain_was():
    config = ik.Letkeman(seed=1, gain=np.float32(1.5)).get_config()
    assert json.loads(json.dumps(config))["gain"] == 1.5


def test_the_gain_can_be_read_as_kerass_own():
    assert ik.Orthogonal(2.0).gain == keras.initializers.Orthogonal(2.0).gain == 2.0
    assert ik.HeNormal().gain == 2**0.5
    assert ik.Letkeman(gain="tanh").gain == irwinhall.gain("tanh")


@pytest.mark.parametrize("make", [ik.Letkeman, ik.SchemeInitializer])
def test_rng_is_called_seed(make):
    with pytest.raises(TypeError, match="^SchemeInitializer takes seed, not rng$"):
        make(rng=1)


@pytest.mark.parametrize(
    "typed",
    [
        "Letkeman(seed=1)",
        "SchemeInitializer(scheme='he_normal', name='w', layout='keras.dense', parts=3)",
        "Orthogonal(gain=2.0, seed=1, input_axes=[0], output_axes=[1])",
        "HeNormal(low=-3.0, high=3.0, corrected=False)",
    ],
)
def test_an_initializer_is_shown_as_one_would_type_it(typed):
    made = eval(typed, vars(ik))
    assert eval(repr(made), vars(ik)).get_config() == made.get_config()
    assert len(repr(made)) == len(typed)
