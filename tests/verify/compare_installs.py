"""Compare two installs bit for bit over random calls: ``compare_installs.py OLD NEW [--calls N]``.

OLD and NEW are directories with a package irwinhall. Both run the same random calls, in separate
processes. Compares the hashes of results and written values, or the types of exceptions. If there
are differences, they are printed and the exit status is 1. Calls whose framework is missing are
skipped and counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

TYPES = ["float32", "float64", "float16", "bfloat16"]
# Layouts, stored shapes that fit them, and their other arguments.
STORED = [
    ("torch.linear", (12, 10), {"parts": 3}),
    ("torch.conv", (8, 3, 5), {"groups": 2}),
    ("torch.conv_transpose", (6, 4, 3), {"groups": 3}),
    ("torch.embedding", (50, 6), {}),
    ("keras.depthwise", (3, 3, 4, 2), {}),
    ("flax.attention_in", (8, 2, 6), {}),
    ("flax.dense", (4, 8, 12), {"stacked": 1, "parts": 2}),
]


# ---- one call: each returns what is hashed, from a seeded source of choices ----------------------


def drawn_shape(choose: random.Random) -> tuple[int, ...]:
    """Return a shape of 2 to 4 axes."""
    return tuple(choose.randint(1, 9) for _ in range(choose.randint(2, 4)))


def drawn_region(choose: random.Random, shape: tuple[int, ...]) -> list[slice] | None:
    """Return a region of a shape, or None for all of it."""
    ends = [sorted(choose.choices(range(size + 1), k=2)) for size in shape]
    return choose.choice([None, [slice(*end) for end in ends]])


def drawn_scheme(choose: random.Random) -> tuple[str, dict[str, Any]]:
    """Return a scheme's name, and a gain where it needs one."""
    from irwinhall.schemes import SCHEMES

    name = choose.choice(sorted(SCHEMES))
    gain = choose.choice([0.0, 0.5, 3]) if SCHEMES[name].gain is None else None
    return name, {"gain": choose.choice([gain, 0.25, "tanh"])}


def stream(choose: random.Random) -> Any:
    """Call a law of a stream."""
    import irwinhall

    seed = choose.choice([choose.getrandbits(200) - 2**199, choose.randbytes(9)])
    source = irwinhall.Stream(seed, choose.choice(["", "a", "layer/0.weight"]))
    shape, scale = drawn_shape(choose), 2.0 ** choose.uniform(-12, 12)
    more = {
        "dtype": choose.choice(TYPES),
        "region": drawn_region(choose, shape),
        "threads": choose.choice([None, 1, 3]),
    }
    law = choose.choice(["uniform", "normal", "truncated_normal"])
    if law == "truncated_normal":
        low = choose.uniform(-9, 8)
        more.update(
            low=low, high=low + 2.0 ** choose.uniform(-9, 4), corrected=choose.random() < 0.5
        )
    return getattr(source, law)(shape, scale, **more)


def weights_by_axes(choose: random.Random) -> Any:
    """Sample weights by axes, into any strides."""
    import irwinhall

    shape = drawn_shape(choose)
    axes = choose.sample(range(len(shape)), k=len(shape))
    roles = {"in_axis": axes[0], "out_axis": axes[1], "batch_axis": tuple(axes[3:])}
    scheme, how = drawn_scheme(choose)
    region = drawn_region(choose, shape)
    out = np.zeros(shape[::-1], choose.choice(["f2", "f4", "f8"])).T
    if region is not None:
        out = out[tuple(region)][..., ::-1]
    out = choose.choice([out, None])
    return irwinhall.sample_weights(
        shape, scheme, rng=choose.randint(-9, 9), name="w", out=out, region=region, **roles, **how
    )


def weights_by_layout(choose: random.Random) -> Any:
    """Sample weights as a framework stores them."""
    import irwinhall
    from irwinhall import layouts

    layout, shape, options = choose.choice(STORED)
    scheme, how = drawn_scheme(choose)
    by_layout = getattr(layouts, "sample_weights", irwinhall.sample_weights)  # where it once was
    how = {**how, **options, "rng": 3, "region": drawn_region(choose, shape)}
    return by_layout(shape, scheme, layout=layout, dtype=choose.choice(TYPES), **how)


def saved(choose: random.Random) -> Any:
    """Save weights."""
    from irwinhall.weightfile import save_weights

    scheme, how = drawn_scheme(choose)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "w.npy")
        dtype = choose.choice(TYPES)
        save_weights(path, drawn_shape(choose), scheme, rng=1, dtype=dtype, **how)
        return path.read_bytes()


def bounds(choose: random.Random) -> Any:
    """Compute bounds and magnitudes."""
    import irwinhall

    most = 2 ** choose.choice([4, 10, 17, 30, 53, 63])
    n, m = (np.array([choose.randrange(1, most) for _ in range(50)]) for _ in range(2))
    return [
        irwinhall.letkeman_bound(n, m),
        irwinhall.letkeman_bound(n[::-1]),
        irwinhall.expected_magnitude(m),
        irwinhall.letkeman_bound(int(n[0]), int(m[0]), formula="as_printed"),
        *irwinhall.preserved_magnitude(n, m, choose.random()),
    ]


def sums(choose: random.Random) -> Any:
    """Evaluate distributions of sums."""
    from irwinhall import distribution

    n = choose.choice([1, 2, 3, 10, 63, 64, 1000])
    x = np.array([choose.uniform(-0.1, 1.1) * n for _ in range(20)])
    each = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
    quantiles = [distribution.ppf(np.linspace(0, 1, 9), n), distribution.isf(0.3, n)]
    coefficients = [choose.gauss(0, 1) for _ in range(choose.randint(1, 30))]
    weighted = [distribution.weighted_cdf(0.4, coefficients)]
    weighted.append(distribution.expected_magnitude_of(coefficients))
    return [getattr(distribution, name)(x, n) for name in each] + quantiles + weighted


def simulated(choose: random.Random) -> Any:
    """Simulate a layer."""
    from irwinhall import montecarlo

    return list(montecarlo.layer(choose.randint(1, 40), choose.randint(1, 40), trials=5000))


def torch_function(choose: random.Random) -> Any:
    """Fill a tensor by a function of irwinhall.torch."""
    import torch

    import irwinhall.torch as init

    names = [name for name in init.__all__ if name.endswith("_") and name != "lsuv_"]
    name = choose.choice(names)
    shape = drawn_shape(choose)
    tensor = torch.zeros(shape[::-1], dtype=getattr(torch, choose.choice(TYPES)))
    tensor = choose.choice([tensor, tensor.T, tensor[::2]])
    if name in ("constant_", "zeros_", "ones_"):
        getattr(init, name)(tensor, *([0.7] if name == "constant_" else []))
    elif name in ("uniform_", "normal_", "trunc_normal_"):
        getattr(init, name)(tensor, *choose.choice([(-1.5, 1.5), (0.25, 2.0)]), seed=5, name="w")
    else:
        getattr(init, name)(tensor, seed=5, name="w")
    return tensor.double().numpy()


def torch_model(choose: random.Random) -> Any:
    """Initialize a model, and read its report."""
    import torch
    from torch import nn

    import irwinhall.torch as init

    torch.manual_seed(0)  # for what is left alone
    tied = nn.Embedding(9, 8, padding_idx=2)
    head = nn.Linear(8, 9)
    head.weight = tied.weight
    layers = [
        *(nn.Linear(8, 6), nn.Bilinear(3, 4, 5), nn.Conv2d(4, 6, 3, groups=2)),
        *(nn.ConvTranspose1d(6, 4, 3, groups=2), nn.LSTM(5, 4, 2), nn.GRUCell(3, 4)),
        *(nn.MultiheadAttention(8, 2), nn.BatchNorm1d(4), nn.LayerNorm(5), nn.PReLU(3)),
        *(nn.utils.parametrizations.weight_norm(nn.Linear(4, 8)), nn.Sequential(tied, head)),
    ]
    model = nn.Sequential(*choose.sample(layers, k=4)).to(getattr(torch, choose.choice(TYPES)))
    scheme = choose.choice(["letkeman", "he_normal", "xavier_truncated_normal"])
    plan = choose.choice([None, {"*.bias": "ones", "0.*": "leave"}, {"1.*": {"factor": 0.5}}])
    how = {"plan": plan, "forget_bias": choose.choice([0.0, 1.0]), "seed": choose.randint(0, 99)}
    report = init.init_weights(model, scheme, **how)
    rows = [(*row[:7], f"{row.std}", f"{row.magnitude}", row.note) for row in report.rows]
    return [rows, *(each.detach().double().numpy() for each in model.state_dict().values())]


def jax_array(choose: random.Random) -> Any:
    """Draw by a key of JAX, or make an array of shards."""
    import jax

    import irwinhall.jax

    scheme, how = drawn_scheme(choose)
    shape, dtype = drawn_shape(choose), choose.choice(["float32", "float16", "bfloat16"])
    if choose.random() < 0.5:
        init = irwinhall.jax.initializer(scheme, dtype=dtype, **how)
        return np.asarray(init(jax.random.key(choose.randint(0, 9)), shape)).astype("f8")
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    made = irwinhall.jax.sharded(shape, place, scheme, seed=2, name="w", dtype=dtype, **how)
    return np.asarray(made).astype("f8")


def keras_array(choose: random.Random) -> Any:
    """Call an initializer of Keras twice."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import irwinhall.keras

    scheme, how = drawn_scheme(choose)
    init = irwinhall.keras.SchemeInitializer(scheme, seed=choose.randint(0, 9), **how)
    return [np.asarray(init(drawn_shape(choose))) for _ in range(2)]


def dask_array(choose: random.Random) -> Any:
    """Compute a dask.array."""
    import irwinhall.dask

    scheme, how = drawn_scheme(choose)
    weights = irwinhall.dask.sample_weights(drawn_shape(choose), scheme, rng=4, chunks=3, **how)
    return weights.compute(scheduler="sync")


KINDS: dict[str, Callable[[random.Random], Any]] = {
    function.__name__: function
    for function in (
        *(stream, weights_by_axes, weights_by_layout, saved, bounds, sums, simulated),
        *(torch_function, torch_model, jax_array, keras_array, dask_array),
    )
}


# ---- the calls in one install, and both beside each other ----------------------------------------


def content(value: Any) -> bytes:
    """Return the bytes of a result that are hashed."""
    if isinstance(value, (list, tuple)):
        return b"".join(content(each) for each in value)
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "US":
        return repr(value).encode()
    return f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes()


def answer(seed: str) -> str:
    """Make the call of a seed, and return the digest of its result or the reason for none."""
    choose = random.Random(seed)
    kind = choose.choice(sorted(KINDS))
    try:
        return f"{kind} " + blake2b(content(KINDS[kind](choose)), digest_size=16).hexdigest()
    except ModuleNotFoundError as error:
        return f"{kind} left out: {error.name} is missing"
    except Exception as error:
        return f"{kind} {type(error).__name__}"


def answers(install: str, seeds: list[str]) -> list[str]:
    """Return the outcomes of the calls of some seeds with an install."""
    finished = subprocess.run(
        [sys.executable, __file__, "--worker"],
        input=json.dumps(seeds),
        env={**os.environ, "PYTHONPATH": install},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> int:
    """Compare the installs that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", help="a directory that holds a package irwinhall")
    parser.add_argument("new", help="another one")
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seeds = [f"{options.seed} {call}" for call in range(options.calls)]
    pairs = list(zip(answers(options.old, seeds), answers(options.new, seeds), strict=True))
    for kind, count in sorted(Counter(old.split()[0] for old, _ in pairs).items()):
        raised = sum(old.startswith(kind) and len(old.split()[1]) != 32 for old, _ in pairs)
        print(f"{kind:<20}{count:5} calls, {raised} of them without a result")
    different = [
        (seed, *pair) for seed, pair in zip(seeds, pairs, strict=True) if pair[0] != pair[1]
    ]
    for seed, old, new in different:
        print(f"seed {seed!r}: {old} there, {new} here")
    print(f"{len(different)} of {len(pairs)} calls differ")
    return int(bool(different))


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        warnings.simplefilter("ignore")
        print(json.dumps([answer(seed) for seed in json.load(sys.stdin)]))
    else:
        sys.exit(main())
