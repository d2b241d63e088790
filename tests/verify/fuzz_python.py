"""Call the public functions with hostile arguments: ``python tests/verify/fuzz_python.py``.

Runs for ten minutes. Each call draws a function and its arguments, valid or not: numbers at the
limits of types, NaN, text, odd arrays, objects. It checks that

- the process survives, and the call ends, by itself or by a signal;
- an error is one of ERRORS or of a type that the docstring names, and a TypeError or ValueError
  names an argument;
- arguments without NaN give no NaN, except as listed in UNDEFINED;
- a cdf decreases from one double to the next by no more than its error.

Call i depends only on the seed and i; ``--calls 1 --seed SEED --first i`` repeats it. Writes
data/fuzz_python.json, and a table in docs/trust.md; the suite checks both. With ``--seconds`` or
``--calls``, it makes fewer calls and writes nothing.
"""

import argparse
import contextlib
import inspect
import io
import json
import math
import multiprocessing
import random
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import trust_page

import irwinhall
from irwinhall import distribution, exact, flow, gains, lsuv, montecarlo, schemes, stats, tables

RECORD = Path(__file__).resolve().parents[1] / "data" / "fuzz_python.json"
SECONDS = 600
# Number of calls of a process, and the time limit of a call in seconds.
PART, LONGEST = 2000, 0.5
BYTES = 3 << 30
ERRORS = (TypeError, ValueError, OverflowError, MemoryError, OSError)
STREAM = irwinhall.Stream(1)

MODULES = {
    irwinhall: [
        "expected_magnitude", "expected_magnitude_of", "fans", "gain", "letkeman_bound",
        "preserved_magnitude", "sample_weights", "save_weights", "Stream",
    ],
    distribution: [
        *(name + kind for name in ("", "weighted_") for kind in (
            "cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf")),
    ],
    stats: [
        "coverage_factor", "coverage_interval", "edgington", "laplace_trend", "p_value_function",
        "rao_critical_value", "rao_spacing", "weighted_rvs",
    ],
    exact: [
        "expected_magnitude", "expected_magnitude_mp", "irwin_hall_cdf", "irwin_hall_pdf",
        "letkeman_bound", "letkeman_bound_mp", "series_coefficients", "uniform_cumulants",
    ],
    gains: ["activation", "fixed_points"],
    montecarlo: ["layer", "magnitude"],
    schemes: ["scale", "scheme", "statistics"],
    flow: ["predict", "simulate", "verdict", "with_gain"],
    lsuv: ["rescale"],
    irwinhall.compare: ["compare"],
    irwinhall.recipes: ["recipe"],
    irwinhall.sampling: ["scale_of"],
    tables: ["check_sizes", "grid_pairs", "grid_sizes"],
    STREAM: ["uniform", "normal", "truncated_normal", "log_uniform", "integers", "bits", "child"],
}  # fmt: skip
FUNCTIONS = {
    f"{getattr(module, '__name__', 'Stream').removeprefix('irwinhall.')}.{name}": function
    for module, names in MODULES.items()
    for name in names
    if (function := getattr(module, name, None)) is not None
}
# Functions whose documented result may be NaN for arguments without one.
UNDEFINED = {
    "flow.predict",  # where moments are no doubles
    "flow.simulate",  # where signals overflow
    "flow.verdict",  # the rate of fewer than two layers
    "stats.edgington", "stats.laplace_trend", "stats.rao_spacing",  # small samples, as in SciPy
}  # fmt: skip

NUMBERS = [
    -1, 0, 1, 2, 3, 7, 255, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400,
    0.5, -0.0, math.nan, math.inf, -math.inf, 1e308, 5e-324, -1e-300, 1.0, 2.5, True,
    np.float32(1.5), np.int8(-1), np.uint64(2**64 - 1), np.float16(2), np.longdouble(1) / 3,
    Fraction(1, 3), Fraction(10**400, 3), Decimal("0.1"), 1j, np.bool_(True),
]  # fmt: skip
OBJECTS = [
    None, "", "x", "relu", "é\0", "1", "\ud800", b"\xff", (), (0,), (-1,), (2, 3), [[1, 2], [3]],
    [1, [2]], {}, {"a": 1}, set(), object(), len, int, range(3), slice(1), Ellipsis, NotImplemented,
    np.datetime64("2020"), np.dtype("f4"), np.array(["a"]), np.array([None, 1]), np.array(1j),
    np.zeros((0,)), np.zeros((2, 0, 3)), np.zeros((1,) * 30), np.zeros(3, "i4,f8"),
    np.broadcast_to(np.float64(0.5), (3, 4)), np.broadcast_to(np.int64(5), (1 << 46,)),
    np.arange(6.0).reshape(2, 3).T, np.arange(5, dtype=">i4"), np.arange(5, dtype=">f8")[::-2],
    np.ma.masked_array([1.0, 2.0], [0, 1]), np.array([math.nan, 0.5]), memoryview(b"abcd"),
    np.frombuffer(b"\1" * 41, np.uint8)[1:].view("f8"), np.array([1, 2**63], "u8"), [math.inf],
]  # fmt: skip
ARRAYS = [0.5, 1.5, [0.25, 0.5], np.linspace(0, 3, 7), np.full((2, 3), 0.5, "f4"), 3]
PROBABILITIES = [0.5, 0.0, 1.0, 1e-300, [0.1, 0.9], np.linspace(0, 1, 5), 0.95]
SIZES = [1, 2, 3, 10, 100, 784, 10**6, 2**53, [1, 2, 3], np.arange(1, 9, dtype="i4")]
SMALL = [1, 2, 3, 10, 50]
POSITIVE = [[1.0], [1.0, 2.0, 0.5], np.ones(5), [1e-300, 1e300], [3.0, 1e-130], [-1.0, 2.0]]
EXPECTED = {
    "n": SIZES, "m": SIZES, "x": ARRAYS, "q": PROBABILITIES, "p": PROBABILITIES, "bound": ARRAYS,
    "weights": POSITIVE, "coefficients": POSITIVE, "half_widths": POSITIVE,
    "pvalues": PROBABILITIES, "estimates": POSITIVE, "standard_errors": POSITIVE,
    "triangular": POSITIVE, "normal": ARRAYS,
    "estimate": ARRAYS, "times": [[0.5, 1.0], np.linspace(0, 3, 7)], "end": [3.0, 5],
    "start": [0.0, -1.0, (0, 0)], "angles": [[0.0, 1.0, 2.0, 3.0, 4.0], np.linspace(0, 6, 20)],
    "significance": PROBABILITIES, "shape": [(3, 4), (5,), (2, 3, 4, 4), (0, 2), (64, 64), 7],
    "scheme": ["letkeman", "he_normal", "orthogonal", "xavier_uniform", "normal", "identity"],
    "schemes": [["he_normal"], ["letkeman", "orthogonal"], None], "text": ["he_normal:2", "relu"],
    "name": ["", "w", "relu", "he_normal", "vit"], "rng": [0, 1, None, b"key", STREAM],
    "seed": [0, None, b"key"], "in_axis": [-2, 0, 1], "out_axis": [-1, 0, 1], "batch_axis": [(), 0],
    "groups": SMALL, "layout": [None, "torch.linear", "keras.conv"], "parts": SMALL,
    "stacked": [0, 1], "active_inputs": [None, 1, 2], "gain": [None, 1.0, "relu"],
    "low": [None, -2.0, 0.5, 1.0], "high": [None, 2.0, 3.0], "corrected": [None, True, False],
    "dtype": ["float32", "float64", "float16", "bfloat16"], "out": [None, np.zeros((3, 4), "f4")],
    "threads": [1, 2, None], "region": [None, (slice(0, 2), slice(1, 3))], "path": ["w.npy"],
    "overwrite": [True, False], "progress": [None, float], "activation": ["relu", "tanh", "gelu"],
    "preserve": ["variance", "magnitude"], "at": [1.0, 0.5], "slope": [None, 0.1],
    "convention": ["exact", "torch"], "formula": ["node_average", "as_printed"], "log": [False],
    "trials": [2, 10, 1000], "standard_error": [None, 0.5], "executor": [None], "dps": [15, 50],
    "count": SMALL, "width": [3, 16], "depth": [1, 3], "batch": [2, 8], "residual": [None, 1.0],
    "normalization": [None, "batch"], "mean_squares": [[1.0, 2.0, 4.0]], "dead": [0.0],
    "fan_in": SMALL, "fan_out": SMALL, "bias_std": [0.0, 1.0], "variance": [1.0, 2.0],
    "tolerance": [0.01], "max_iterations": SMALL, "axis": [0, -1, None],
    "layers": [[lambda weight, x: x * weight.mean()]],
    "inputs": [np.ones((4, 2))], "keepdims": [True, False], "alternative": ["less", "two-sided"],
    "nan_policy": ["propagate", "omit", "raise"], "degrees": [True, False], "size": [None, 3, (2,)],
    "max_n": SMALL, "sizes": SMALL, "std": [1.0, 0.02], "span": SMALL,
}  # fmt: skip


class Finding(Exception):  # noqa: N818 - what is found is no error of this program
    """A property that does not hold."""


class TooLong(BaseException):
    """A call that exceeds its time limit."""


def draw(chance, name, exact):
    """Return a value for a parameter; exact numbers of large n take long."""
    kind = chance.random()
    if exact and name in ("n", "m", "count") and kind < 0.9:
        return chance.choice(SMALL)
    if kind < 0.75 and name in EXPECTED:
        return chance.choice(EXPECTED[name])
    return chance.choice(NUMBERS if kind < 0.9 else OBJECTS)


def arguments_of(chance, function):
    """Return arguments by name: the required ones, and some of the others."""
    exact = function.__module__ == "irwinhall.exact"
    return {
        parameter.name: draw(chance, parameter.name, exact)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        and (parameter.default is inspect.Parameter.empty or chance.random() < 0.3)
    }


def has_nan(value):
    """Return whether there is a NaN in a number, an array or a sequence."""
    if isinstance(value, (list, tuple)):
        return any(map(has_nan, value))
    with contextlib.suppress(TypeError, ValueError):
        return bool(np.isnan(value).any())
    return False


def shown(arguments):
    """Return arguments as text."""
    return ", ".join(f"{name}={value!r:.80}" for name, value in arguments.items())


def check_message(function, error):
    """Require that an error is one of those documented, and names an argument."""
    documented = type(error).__name__ in (inspect.getdoc(function) or "")
    if not isinstance(error, ERRORS) and not documented:
        raise Finding(f"{type(error).__name__}: {error}")
    if type(error) in (TypeError, ValueError):
        names = {*inspect.signature(function).parameters, "shape", "schemes"}
        said = "\n".join([str(error), *getattr(error, "__notes__", ())])
        # "unknown scheme 'x'", and NumPy's message for arrays in place of True or False.
        if said.startswith("unknown ") or "truth value" in said:
            return
        words = {word for name in names for word in (name, name.replace("_", " "))}
        if not any(re.search(rf"\b{word}\b", said) for word in words):
            raise Finding(f"no argument in {type(error).__name__}: {error}")


def check_order(name, function, arguments, values):
    """Require that a cdf does not decrease from one double to the next."""
    x = np.asarray(arguments["x"])
    if x.dtype != np.float64 or x.size > 100:
        return
    later = function(np.nextafter(x, math.inf), arguments.get("n", arguments.get("weights")))
    error = 2e-12 if "weighted" in name else 2e-13
    fallen = np.asarray(values) - np.asarray(later)
    if (fallen > error * np.abs(values) + 1e-320).any():
        raise Finding(f"the cdf falls by {fallen.max()}")


def call(seed, number):
    """Make a call; return its function and how it ended, or raise Finding."""
    chance = random.Random(f"{seed} {number}")
    name, function = chance.choice(list(FUNCTIONS.items()))
    arguments = arguments_of(chance, function)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            values = function(**arguments)
        if not has_nan(list(arguments.values())) and name not in UNDEFINED and has_nan(values):
            raise Finding("NaN")
        if name.endswith("cdf") and "log" not in name and "exact" not in name:
            check_order(name, function, arguments, values)
        return name, "a result"
    except TooLong:
        return name, "ended by a signal"
    except Finding as found:
        raise Finding(f"{name}({shown(arguments)}): {found}") from None
    except BaseException as error:
        # Errors in callbacks are not ours.
        if callable(arguments.get("progress")) or isinstance(arguments.get("layers"), list):
            return name, type(error).__name__
        try:
            check_message(function, error)
        except Finding as found:
            raise Finding(f"{name}({shown(arguments)}): {found}") from None
        return name, type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(*_):
    """End a call."""
    raise TooLong


def make(seed, first, calls, place):
    """Make calls in a process of its own, and send back the outcomes."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    signal.signal(signal.SIGALRM, too_long)
    made, ends, findings = Counter(), Counter(), []
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        for number in range(first, first + calls):
            place.value = number
            try:
                name, end = call(seed, number)
            except Finding as found:
                findings.append(f"{number}: {found}")
                name, end = "", "a finding"
            made[name] += 1
            ends[end] += 1
    return made, ends, findings


def _send(pipe, *arguments):
    pipe.send(make(*arguments))


def in_a_process(seed, first, calls):
    """Return the result of `make`, or the call at which its process died or hung."""
    context = multiprocessing.get_context("fork")
    place, (receiver, sender) = context.Value("q", first), context.Pipe(False)
    process = context.Process(target=_send, args=(sender, seed, first, calls, place))
    process.start()
    sender.close()
    try:
        seen = place.value
        while not receiver.poll(60):
            if place.value == seen:
                process.kill()
                return Counter(), Counter(), [f"{seen}: the process hangs"]
            seen = place.value
        return receiver.recv()
    except EOFError:
        return Counter(), Counter(), [f"{place.value}: the process died"]
    finally:
        process.join()


def render(record):
    """Return the table of a record."""
    rows = [[name, f"{count:,}"] for name, count in record["ends"].items()]
    rows.append(["all", f"{record['calls']:,} of {len(record['functions'])} functions"])
    return trust_page.table(["how it ended", "calls"], rows)


def main():
    """Make the calls and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    if options.calls == 1:
        signal.signal(signal.SIGALRM, too_long)
        with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
            print(*call(options.seed, options.first))
        return
    made, ends, findings = Counter(), Counter(), []
    at, began = options.first, time.monotonic()
    end = at + options.calls if options.calls else math.inf
    while at < end and time.monotonic() - began < options.seconds:
        calls, ended, found = in_a_process(options.seed, at, min(PART, end - at))
        made.update(calls)
        ends.update(ended)
        findings += found
        print(*found, sep="\n", end="\n" * bool(found), flush=True)
        at += PART
    print(sum(made.values()), "calls", dict(ends))
    if findings:
        sys.exit(f"{len(findings)} findings")
    if options.seconds >= SECONDS and options.calls is None:
        record = {
            "seed": options.seed,
            "calls": sum(made.values()),
            "functions": dict(sorted(made.items())),
            "ends": dict(ends.most_common()),
        }
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        trust_page.write("fuzz_python", render(record))


if __name__ == "__main__":
    main()
