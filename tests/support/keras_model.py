"""A model of many layers of Keras, and what its weights are by hand; for any backend."""

import keras
import numpy as np

import irwinhall

layers = keras.layers


def model(blocks=2):
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(6, (3, 5), groups=2, name="conv")(image)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.SeparableConv2D(5, 2, name="separable")(x)
    x = layers.Conv2DTranspose(3, 2, name="up")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Reshape((-1, 3), name="flat")(x)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    for number in range(blocks):
        x = layers.Dense(6, name=f"block{number}")(x)
        x = layers.PReLU(name=f"slope{number}")(x)
    x = layers.Bidirectional(layers.LSTM(5, name="lstm", return_sequences=True), name="both")(x)
    x = layers.GRU(4, name="gru")(x)
    words = keras.Input((7,))
    y = layers.Embedding(11, 4, name="embed")(words)
    y = layers.LayerNormalization(name="layer_norm")(y)
    y = layers.EinsumDense("bwi,wio->bwo", (7, 3), name="each")(y)
    y = layers.Dropout(0.1, name="drop")(y)
    return keras.Model([image, words], [x, y], name="model")


HEADS = {"in_axis": 0, "out_axis": (1, 2)}


def gates(scheme, parts):
    return {"scheme": scheme, "layout": "flax.dense", "parts": parts}


# The fans, and the options of sample_weights, for the path of each weight.
WEIGHTS = {
    "conv/kernel": ((30, 45), {"groups": 2}),
    "depthwise/kernel": ((9, 18), {"in_axis": (), "batch_axis": 2}),
    "separable/depthwise_kernel": ((4, 4), {"in_axis": (), "batch_axis": 2}),
    "separable/pointwise_kernel": ((12, 5), {}),
    "up/kernel": ((20, 12), {"in_axis": -1, "out_axis": -2}),
    **{f"attention/{name}/kernel": ((3, 8), HEADS) for name in ("query", "key", "value")},
    "attention/attention_output/kernel": ((8, 3), {"in_axis": (0, 1), "out_axis": 2}),
    "block0/kernel": ((3, 6), {}),
    "block1/kernel": ((6, 6), {}),
    **{
        f"both/{way}_lstm/lstm_cell/{name}": fans_and_gates
        for way in ("forward", "backward")
        for name, fans_and_gates in (
            ("kernel", ((6, 5), gates("he_normal", 4))),
            ("recurrent_kernel", ((5, 5), gates("orthogonal", 4))),
        )
    },
    "gru/gru_cell/kernel": ((10, 4), gates("he_normal", 3)),
    "gru/gru_cell/recurrent_kernel": ((4, 4), gates("orthogonal", 3)),
    "embed/embeddings": ((1, 4), {"layout": "flax.embedding"}),
    "each/kernel": ((4, 3), {"batch_axis": 0, "in_axis": 1, "out_axis": 2}),
}


def check(built, report):
    rows = {row.name: row for row in report.rows}
    assert {name for name, row in rows.items() if row.fan_in is not None} == set(WEIGHTS)
    for variable in built.variables:
        path, array = variable.path, keras.ops.convert_to_numpy(variable)
        if path in WEIGHTS:
            fans, options = WEIGHTS[path]
            how = {"scheme": "he_normal", **options}
            expected = irwinhall.sample_weights(array.shape, rng=1, name=path, **how)
            assert (rows[path].fan_in, rows[path].fan_out) == fans, path
            assert abs(rows[path].std - expected.std()) < 1e-6, path
        elif path in report.buffers or path in report.left_alone:
            continue
        else:
            ones = path.rpartition("/")[2] in ("gamma", "moving_variance")
            expected = np.full(array.shape, float(ones), np.float32)
            if path.endswith("lstm_cell/bias"):
                expected[5:10] = 1.0
        assert array.tobytes() == expected.tobytes(), path
    assert set(report.left_alone) == {"slope0/alpha", "slope1/alpha"}
    assert all(path.endswith("seed_generator_state") for path in report.buffers)
