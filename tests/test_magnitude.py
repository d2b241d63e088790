"""expected_magnitude, letkeman_bound and preserved_magnitude, of _core.pyx and ih_magnitude.c."""

import csv
import doctest
import json
import math
import random
import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import make_hard_cases
import numpy as np
import oracle
import pytest
import verify_magnitude
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import irwinhall
from irwinhall import exact, expected_magnitude, letkeman_bound, preserved_magnitude

LAST = 2**63 - 1
FORMULAS = ("node_average", "as_printed")
# Each side of every branch: the two tables' ends, the end of the fast path, and the last n.
EDGES = [1, 2, 3, 255, 256, 257, 1023, 1024, 1025]
EDGES += [2**k + d for k in (31, 32, 51, 52, 53, 61, 62) for d in (-1, 0, 1)] + [LAST - 1, LAST]
INTEGER_TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]

numbers = st.one_of(
    st.integers(1, 2000), st.integers(1, LAST), st.integers(0, 62).map(lambda k: 2**k)
)
ordinary_numbers = st.integers(1, 2**40)
formulas = st.sampled_from(FORMULAS)


def log_uniform(count, last, seed):
    generator = random.Random(seed)
    bits = last.bit_length()
    return [min(last, int(2.0 ** generator.uniform(0, bits))) for _ in range(count)]


def log_uniform_pairs(count, last, seed):
    values = log_uniform(2 * count, last, seed)
    return list(zip(values[::2], values[1::2], strict=True))


def misrounded(arguments, function, ball):
    return [a for a in arguments if not oracle.rounds_to(ball(*a), function(*a))]


# ---- correct rounding ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "ball"),
    [(expected_magnitude, oracle.magnitude), (letkeman_bound, oracle.standard_bound)],
    ids=["expected_magnitude", "letkeman_bound"],
)
class TestEveryResultOfOneNumberIsCorrectlyRounded:
    def test_for_every_n_to_3000(self, function, ball):
        assert misrounded([(n,) for n in range(1, 3001)], function, ball) == []

    def test_at_the_edges_of_every_branch(self, function, ball):
        assert misrounded([(n,) for n in EDGES], function, ball) == []

    def test_for_random_n_of_every_size(self, function, ball):
        arguments = [(n,) for n in log_uniform(4000, LAST, seed=11)]
        assert misrounded(arguments, function, ball) == []

    def test_for_random_n_near_the_last(self, function, ball):
        generator = random.Random(12)
        arguments = [(generator.randint(2**52, LAST),) for _ in range(500)]
        assert misrounded(arguments, function, ball) == []


@pytest.mark.parametrize("formula", FORMULAS)
class TestEveryBoundOfAPairIsCorrectlyRounded:
    def check(self, pairs, formula):
        assert (
            misrounded(
                pairs,
                lambda n, m: letkeman_bound(n, m, formula=formula),
                lambda n, m: oracle.normalized_bound(n, m, formula),
            )
            == []
        )

    def test_for_every_small_pair(self, formula):
        self.check([(n, m) for n in range(1, 61) for m in range(1, 61)], formula)

    def test_at_the_edges_of_every_branch(self, formula):
        self.check([(n, m) for n in EDGES for m in EDGES], formula)

    def test_for_random_pairs_to_2_53(self, formula):
        self.check(log_uniform_pairs(3000, 2**53, seed=21), formula)

    def test_for_random_pairs_to_the_last(self, formula):
        self.check(log_uniform_pairs(2000, LAST, seed=22), formula)

    def test_for_pairs_of_the_largest_numbers(self, formula):
        generator = random.Random(23)
        pairs = [(generator.randint(1, LAST), generator.randint(1, LAST)) for _ in range(500)]
        self.check(pairs, formula)


def test_the_exhaustive_verification_is_on_record_without_a_misrounding():
    record = json.loads(verify_magnitude.RECORD.read_text(encoding="ascii"))
    assert {"misrounded": sum(result["misrounded"] for result in record["results"].values())} == {
        "misrounded": 0
    }


def test_the_exhaustive_verification_checked_everything_promised():
    record = json.loads(verify_magnitude.RECORD.read_text(encoding="ascii"))
    checked = {name: result["checked"] for name, result in record["results"].items()}
    expected = {
        "expected_magnitude, every n to 10^6": 10**6,
        "letkeman_bound, every n to 10^6": 10**6,
        "letkeman_bound, node_average, pairs to 2^53": 500_000,
        "letkeman_bound, as_printed, pairs to 2^53": 500_000,
        "letkeman_bound, node_average, pairs to 2^63 - 1": 500,
        "letkeman_bound, as_printed, pairs to 2^63 - 1": 500,
    }
    assert expected == checked


def test_the_verification_reports_a_wrong_result(monkeypatch):
    real = expected_magnitude
    monkeypatch.setattr(
        irwinhall, "expected_magnitude", lambda n: real(n) + 2 * np.spacing(real(n))
    )
    check = ("expected_magnitude, every n to 10^6", [(5,), (2000,)])
    assert (*check[:1], 2, [(5,), (2000,)]) == verify_magnitude.misroundings(check)


# ---- the hardest results, which the accurate path must round -------------------------------------


def hard_cases():
    with make_hard_cases.HARD_CASES.open(encoding="ascii", newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def computed(function, n, m):
    if function in FORMULAS:
        return letkeman_bound(n, m, formula=function)
    return getattr(irwinhall, function)(n)


@pytest.mark.parametrize("case", hard_cases(), ids=lambda case: "-".join(case[:3]).rstrip("-"))
class TestAHardCase:
    def test_lies_where_the_oracle_measures_it(self, case):
        function, n, m = case[:3]
        assert case == make_hard_cases.row(function, int(n), int(m) if m else None)

    def test_lies_nearer_to_a_middle_than_the_fast_path_can_decide(self, case):
        assert float(case[3]) < -74

    def test_is_correctly_rounded(self, case):
        function, n, m = case[0], int(case[1]), int(case[2] or 1)
        assert float.fromhex(case[4]) == computed(function, n, m)

    def test_is_correctly_rounded_in_an_array_with_easy_ones(self, case):
        function, n, m = case[0], int(case[1]), int(case[2] or 1)
        column = np.full(300, 7)
        column[200] = n
        assert float.fromhex(case[4]) == computed(function, column, m)[200]


def test_there_are_ten_hard_cases_of_each_function():
    functions = [case[0] for case in hard_cases()]
    assert dict.fromkeys(make_hard_cases.EXACT, 10) == {f: functions.count(f) for f in functions}


# ---- values and scalars --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "m", "expected"),
    [
        (1, 1, 2.0),
        (100, 1, 1.8495154910275815),
        (10, 100, 0.5714136991151525),
        (1000, 10, 0.6273912057210065),
    ],
)
def test_known_normalized_bounds(n, m, expected):
    assert expected == letkeman_bound(n, m)


@pytest.mark.parametrize(("n", "expected"), [(1, 0.5), (2, 2 / 3), (3, 0.8125), (4, 14 / 15)])
def test_known_expected_magnitudes(n, expected):
    assert expected == expected_magnitude(n)


def test_the_printed_formula_gives_another_bound():
    value = exact.letkeman_bound(10, 100, formula="as_printed")
    assert float(value) == letkeman_bound(10, 100, formula="as_printed")


def test_without_m_the_formulas_are_the_same():
    assert letkeman_bound(784) == letkeman_bound(784, formula="as_printed")


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Whole(int):
    pass


class ForeignArray:
    """Like other libraries' arrays: it has __index__, which raises unless it is a scalar."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __index__(self):
        return self.values.__index__()

    def __array__(self, dtype=None, copy=None):
        return self.values


SCALARS = [np.dtype(name).type for name in INTEGER_TYPES] + [np.intp, np.longlong, Index, Whole]


@pytest.mark.parametrize("scalar", SCALARS)
def test_integer_scalars_of_every_type_give_a_float(scalar):
    results = (expected_magnitude(scalar(100)), letkeman_bound(scalar(100), scalar(10)))
    assert ([float, float], expected_magnitude(100), letkeman_bound(100, 10)) == (
        [type(result) for result in results],
        *results,
    )


@pytest.mark.parametrize("scalar", SCALARS)
def test_preserved_magnitude_takes_integer_scalars_of_every_type(scalar):
    assert preserved_magnitude(100, 10, 0.5) == preserved_magnitude(scalar(100), scalar(10), 0.5)


def test_a_foreign_array_counts_as_an_array():
    assert letkeman_bound([1, 2], 3).tolist() == letkeman_bound(ForeignArray([1, 2]), 3).tolist()


def test_a_list_gives_an_array():
    assert np.ndarray is type(letkeman_bound([1, 2, 3]))


def test_nested_lists_give_an_array_of_their_shape():
    assert expected_magnitude([[1, 2, 3], [4, 5, 6]]).shape == (2, 3)


def test_a_range_counts_as_an_array():
    assert [expected_magnitude(n) for n in range(1, 9)] == expected_magnitude(range(1, 9)).tolist()


def test_a_zero_dimensional_array_gives_the_scalar_value():
    assert letkeman_bound(784, 256) == letkeman_bound(np.array(784), np.array(256))


def test_preserved_magnitude_names_its_three_values():
    result = preserved_magnitude(3, 4, 0.5)
    assert (result.forward, result.backward, result.node_average) == tuple(result)


# Those of the .pyx file, where --doctest-modules does not look.
@pytest.mark.parametrize("name", ["expected_magnitude", "letkeman_bound", "preserved_magnitude"])
def test_the_docstring_examples_run(name):
    test = doctest.DocTestParser().get_doctest(getattr(irwinhall, name).__doc__, {}, name, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert (runner.run(test).failed, runner.tries > 0) == (0, True)


# ---- arrays --------------------------------------------------------------------------------------


def scalar_loop(function, *arrays, **keywords):
    broadcast = np.broadcast(*arrays)
    values = [function(*(int(a) for a in row), **keywords) for row in broadcast]
    return np.array(values, dtype=np.float64).reshape(broadcast.shape)


def identical(expected, actual):
    return (
        expected.dtype == actual.dtype
        and expected.shape == actual.shape
        and expected.tobytes() == actual.tobytes()
    )


def layouts(array):
    """Yield the array under many layouts, each with the same elements in the same order."""
    yield "contiguous", array
    yield "Fortran", np.asfortranarray(array)
    spaced = np.ones(tuple(3 * length for length in array.shape), array.dtype)
    spaced[::3, ::3] = array
    yield "strided", spaced[::3, ::3]
    yield "reversed", array[::-1, ::-1].copy()[::-1, ::-1]
    yield "byte-swapped", array.astype(array.dtype.newbyteorder())
    frozen = array.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    padded = np.zeros(array.nbytes + 1, np.uint8)
    misaligned = padded[1:].view(array.dtype).reshape(array.shape)
    misaligned[...] = array
    yield "misaligned", misaligned
    record = np.zeros(array.shape, np.dtype([("pad", "i1"), ("n", array.dtype)]))
    record["n"] = array
    yield "a field of records", record["n"]
    yield (
        "chosen by a mask",
        np.append(array, array)[np.arange(2 * array.size) < array.size].reshape(array.shape),
    )


LAYOUTS = [name for name, _ in layouts(np.ones((1, 1), np.int64))]


@pytest.mark.parametrize("layout", LAYOUTS)
class TestEveryTypeGivesTheScalarResultsInEveryLayout:
    def check(self, layout, function, arguments):
        wrong = []
        for dtype in INTEGER_TYPES:
            last = min(np.iinfo(dtype).max, LAST)
            values = [last, last - 1, *log_uniform(28, last, seed=31)]
            n = dict(layouts(np.array(values, dtype).reshape(5, 6)))[layout]
            arrays = (n, n[::-1, ::-1])[:arguments]
            if not identical(scalar_loop(function, *arrays), np.array(function(*arrays))):
                wrong.append(dtype)
        assert wrong == []

    def test_for_expected_magnitude(self, layout):
        self.check(layout, expected_magnitude, 1)

    def test_for_the_standard_bound(self, layout):
        self.check(layout, letkeman_bound, 1)

    @pytest.mark.parametrize("formula", FORMULAS)
    def test_for_the_normalized_bound(self, layout, formula):
        def bound(n, m):
            return letkeman_bound(n, m, formula=formula)

        self.check(layout, bound, 2)

    def test_for_the_preserved_magnitudes(self, layout):
        def average(n, m):
            return preserved_magnitude(n, m, 0.25)[2]

        self.check(layout, average, 2)


# Around the C loop's pieces of 128 elements and NumPy's buffer of 8192.
@pytest.mark.parametrize("count", [1, 127, 128, 129, 255, 257, 8191, 8192, 8193, 20_001])
@pytest.mark.parametrize("dtype", ["int64", "uint16", ">i4"])
def test_long_arrays_give_the_scalar_results(count, dtype):
    n = np.array(log_uniform(count, 2**15, seed=41), dtype)
    m = n[::-1]
    assert identical(scalar_loop(letkeman_bound, n, m), letkeman_bound(n, m))


def test_a_long_array_of_expected_magnitudes_gives_the_scalar_results():
    n = np.array(log_uniform(20_001, LAST, seed=42))
    assert identical(scalar_loop(expected_magnitude, n), expected_magnitude(n))


def test_a_long_array_of_standard_bounds_gives_the_scalar_results():
    n = np.array(log_uniform(20_001, LAST, seed=43))
    assert identical(scalar_loop(letkeman_bound, n), letkeman_bound(n))


def test_a_run_of_one_number_gives_the_scalar_result():
    n = np.full(1000, 784)
    assert [expected_magnitude(784)] * 1000 == expected_magnitude(n).tolist()


# What a piece of an array may hold: each pair is walked in its own way, some in one pass.
PIECES = {
    "small": lambda g, count: g.integers(1, 1024, count),
    "few small": lambda g, count: g.integers(1, 10**5, count),
    "half small": lambda g, count: g.integers(1, 2048, count),
    "large": lambda g, count: g.integers(1024, 2**52, count),
    "one": lambda g, count: np.full(count, g.integers(1, 5000)),
    "one but at its middle": lambda g, count: np.where(np.arange(count) == count // 2, 2000, 9),
    "around 2^52": lambda g, count: g.integers(2**52 - 2, 2**52 + 1, count),
}


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("of_m", PIECES)
@pytest.mark.parametrize("of_n", PIECES)
def test_arrays_of_every_mixture_give_the_scalar_results(of_n, of_m, formula):
    generator = np.random.default_rng(44)
    for count in (1, 3, 4, 17, 128, 300):
        n, m = PIECES[of_n](generator, count), PIECES[of_m](generator, count)
        expected = scalar_loop(letkeman_bound, n, m, formula=formula)
        assert identical(expected, letkeman_bound(n, m, formula=formula))
        assert identical(scalar_loop(letkeman_bound, n), letkeman_bound(n))
        assert identical(scalar_loop(expected_magnitude, n), expected_magnitude(n))


def test_mixed_types_broadcast_together():
    n, m = np.arange(1, 200, dtype=np.uint8)[:, None], np.array([LAST, 5], np.uint64)
    assert identical(scalar_loop(letkeman_bound, n, m), letkeman_bound(n, m))


@pytest.mark.parametrize(
    ("n", "m"),
    [
        (784, np.arange(1, 9)),
        (np.arange(1, 9), 784),
        (np.arange(1, 4)[:, None], np.arange(1, 300)[None, :]),
        (np.broadcast_to(np.array(7), (3, 4)), np.ones((2, 1, 1), int)),
    ],
    ids=["scalar and array", "array and scalar", "column and row", "zero strides"],
)
def test_arguments_broadcast(n, m):
    assert identical(scalar_loop(letkeman_bound, n, m), letkeman_bound(n, m))


@pytest.mark.parametrize("dtype", INTEGER_TYPES)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_empty_integer_arrays_give_empty_float64(dtype, shape):
    n = np.empty(shape, dtype)
    results = [
        expected_magnitude(n),
        letkeman_bound(n),
        letkeman_bound(n, 5),
        *preserved_magnitude(n, 5, 1.0),
    ]
    assert [(np.dtype("float64"), shape)] * 6 == [(r.dtype, r.shape) for r in results]


def test_large_numbers_raise_no_floating_point_flags():
    n = np.array([*EDGES, *log_uniform(1000, LAST, seed=44)])
    with np.errstate(all="raise"):
        results = expected_magnitude(n), letkeman_bound(n), letkeman_bound(n, n[::-1])
    assert all(np.isfinite(result).all() for result in results)


@pytest.mark.parametrize("workers", [2, 4])
def test_concurrent_calls_give_the_same_results(workers):
    n = np.array(log_uniform(5000, 2**55, seed=45))
    m = n[::-1]
    expected = letkeman_bound(n, m)
    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(lambda _: letkeman_bound(n, m), range(20)))
    assert all(identical(expected, result) for result in results)


def test_concurrent_scalar_calls_give_the_same_results():
    numbers = log_uniform(2000, LAST, seed=46)
    expected = [letkeman_bound(n, 784) for n in numbers]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: [letkeman_bound(n, 784) for n in numbers], range(8)))
    assert [expected] * 8 == results


# ---- out -----------------------------------------------------------------------------------------


def test_out_is_the_object_returned():
    out = np.empty(3)
    assert letkeman_bound([1, 2, 3], 4, out=out) is out


def test_out_holds_the_result():
    out = np.empty(3)
    letkeman_bound([1, 2, 3], 4, out=out)
    assert letkeman_bound([1, 2, 3], 4).tolist() == out.tolist()


def test_out_holds_the_standard_bound():
    out = np.empty(3)
    letkeman_bound([1, 2, 3], out=out)
    assert letkeman_bound([1, 2, 3]).tolist() == out.tolist()


def test_out_holds_the_printed_formula():
    out = np.empty(3)
    letkeman_bound([1, 2, 3], 4, formula="as_printed", out=out)
    assert letkeman_bound([1, 2, 3], 4, formula="as_printed").tolist() == out.tolist()


@pytest.mark.parametrize("scalar", [int, np.int64, Index])
def test_scalars_go_into_a_zero_dimensional_out(scalar):
    out = np.empty(())
    letkeman_bound(scalar(784), scalar(256), out=out)
    assert letkeman_bound(784, 256) == out[()]


@pytest.mark.parametrize("step", [2, -1, -3])
def test_a_strided_out_gets_the_results_and_nothing_between(step):
    n = np.arange(1, 401)
    memory = np.full(400 * abs(step), 7.0)
    expected = memory.copy()
    expected[::step] = letkeman_bound(n, 5)
    letkeman_bound(n, 5, out=memory[::step])
    assert expected.tolist() == memory.tolist()


def test_a_fortran_out_gets_the_results():
    n, m = np.arange(1, 6)[:, None], np.arange(1, 8)
    out = np.empty((5, 7), order="F")
    assert letkeman_bound(n, m).tolist() == letkeman_bound(n, m, out=out).tolist()


def test_a_byte_swapped_out_is_refused():
    out = np.empty(3, ">f8")
    with pytest.raises(TypeError, match="out must have dtype float64, got >f8"):
        letkeman_bound([1, 2, 3], out=out)


@pytest.mark.parametrize("shift", [-3, -1, 0, 1, 2])
def test_out_may_overlap_the_input(shift):
    memory = np.arange(1, 1007)
    n = memory[3:1003]
    expected = letkeman_bound(n, 5)
    letkeman_bound(n, 5, out=memory[3 + shift : 1003 + shift].view(np.float64))
    assert expected.tolist() == memory[3 + shift : 1003 + shift].view(np.float64).tolist()


def test_out_may_be_the_reversed_input():
    n = np.arange(1, 1001)
    expected = letkeman_bound(n)
    letkeman_bound(n, out=n[::-1].view(np.float64))
    assert expected.tolist() == n[::-1].view(np.float64).tolist()


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([0.0, 0.0], TypeError, r"out must be a NumPy array, got \[0\.0, 0\.0\] \(list\)"),
        (np.zeros(2, "f4"), TypeError, "out must have dtype float64, got float32"),
        (np.zeros(2, "i8"), TypeError, "out must have dtype float64, got int64"),
        (np.zeros(3), ValueError, r"out must have shape \(2,\), got \(3,\)"),
        (np.zeros((1, 2)), ValueError, r"out must have shape \(2,\), got \(1, 2\)"),
        (np.zeros(()), ValueError, r"out must have shape \(2,\), got \(\)"),
    ],
)
def test_a_bad_out_is_named(out, error, message):
    with pytest.raises(error, match=message):
        letkeman_bound([1, 2], out=out)


def test_a_read_only_out_is_named():
    out = np.zeros(2)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out must be writeable, got a read-only array"):
        letkeman_bound([1, 2], out=out)


# ---- bad input -----------------------------------------------------------------------------------

FUNCTIONS = {
    "expected_magnitude(n)": ("n", expected_magnitude),
    "letkeman_bound(n)": ("n", letkeman_bound),
    "letkeman_bound(n, 5)": ("n", lambda value: letkeman_bound(value, 5)),
    "letkeman_bound(5, m)": ("m", lambda value: letkeman_bound(5, value)),
    "letkeman_bound([5], m)": ("m", lambda value: letkeman_bound([5], value)),
    "preserved_magnitude(n, 5, 1)": ("n", lambda value: preserved_magnitude(value, 5, 1.0)),
    "preserved_magnitude(5, m, 1)": ("m", lambda value: preserved_magnitude(5, value, 1.0)),
    "preserved_magnitude(5, m, [1])": ("m", lambda value: preserved_magnitude(5, value, [1.0])),
}
OUT_OF_RANGE = [
    (0, "got 0$"),
    (-1, "got -1$"),
    (-(2**63), "got -9223372036854775808$"),
    (2**63, "got 9223372036854775808$"),
    (10**30, "got 1000000000000000000000000000000$"),
    (-(10**30), "got -1000000000000000000000000000000$"),
    (np.int8(-3), "got -3$"),
    (np.uint64(2**63), "got 9223372036854775808$"),
    (Index(0), "got 0$"),
    (Index(2**63), "got 9223372036854775808$"),
    (Whole(2**64), "got 18446744073709551616$"),
    (np.array(0), "got 0$"),
    ([1, 0, 2], r"got 0 at index \(1,\)$"),
    ([[1, 2], [3, -4]], r"got -4 at index \(1, 1\)$"),
    (np.array([1, 2**63], np.uint64), r"got 9223372036854775808 at index \(1,\)$"),
    (np.array([1, 2**64 - 1], ">u8"), r"got 18446744073709551615 at index \(1,\)$"),
    (np.array([5, -7], np.int8), r"got -7 at index \(1,\)$"),
    (np.arange(9, -1, -1).reshape(5, 2).T, r"got 0 at index \(1, 4\)$"),
]
NOT_INTEGERS = [
    (1.0, r"got 1\.0 \(float\)"),
    (math.nan, r"got nan \(float\)"),
    (np.float64(3), r"got np\.float64\(3\.0\) \(float64\)"),
    (True, r"got True \(bool\)"),
    (np.True_, r"got np\.True_ \(bool\)"),
    ("3", r"got '3' \(str\)"),
    (b"3", r"got b'3' \(bytes\)"),
    (1j, r"got 1j \(complex\)"),
    (Fraction(3), r"got Fraction\(3, 1\) \(Fraction\)"),
    ([], r"got \[\] \(list\)"),
    ([1, 2.5], r"got \[1, 2\.5\] \(list\)"),
    ([1, None], r"got \[1, None\] \(list\)"),
    ({1}, r"got \{1\} \(set\)"),
    (np.array([]), "got an array of float64"),
    (np.array([1.0, 2.0]), "got an array of float64"),
    (np.array([True]), "got an array of bool"),
    (np.array([1, 2], object), "got an array of object"),
    (np.array(["1"]), "got an array of <U1"),
    (np.array([1], "m8[s]"), r"got an array of timedelta64\[s\]"),
    (np.array(["2020-01-01"], "M8[D]"), r"got an array of datetime64\[D\]"),
]
BOOLEANS_IN_LISTS = [[True, False], [True, 2], [[1, 2], [3, True]], (2, np.True_), [1.5, True]]


@pytest.mark.parametrize("call", FUNCTIONS)
class TestBadInputIsNamed:
    def check(self, call, error, start, cases):
        name, function = FUNCTIONS[call]
        wrong = []
        for value, message in cases:
            try:
                outcome = function(value)
            except error as raised:
                outcome = raised
            if not re.search(f"^{name} must {start}{message}", str(outcome)):
                wrong.append((value, outcome))
        assert wrong == []

    def test_a_boolean_in_a_list(self, call):
        cases = [(value, r".*True.* \(bool\)$") for value in BOOLEANS_IN_LISTS]
        self.check(call, TypeError, "hold integers, got ", cases)

    def test_a_masked_array(self, call):
        masked = np.ma.array([1, 2], mask=[False, True])
        cases = [(masked, "got a masked array of int64$")]
        self.check(call, TypeError, "be an array without a mask, ", cases)

    def test_out_of_range(self, call):
        self.check(call, ValueError, r"be from 1 to 2\*\*63 - 1, ", OUT_OF_RANGE)

    def test_not_an_integer(self, call):
        self.check(call, TypeError, "be an integer or an array of integers, ", NOT_INTEGERS)

    def test_a_ragged_list(self, call):
        cases = [([[1], [1, 2]], r"got \[\[1\], \[1, 2\]\] \(list\)")]
        self.check(call, ValueError, ".* ", cases)


@pytest.mark.parametrize(
    "function",
    [
        expected_magnitude,
        letkeman_bound,
        lambda n: letkeman_bound(n, 5),
        lambda n: preserved_magnitude(n, 5, 1),
    ],
)
def test_none_for_n_is_named(function):
    with pytest.raises(TypeError, match=r"^n must be .* got None \(NoneType\)"):
        function(None)


def test_none_for_m_is_named_by_preserved_magnitude():
    with pytest.raises(TypeError, match=r"^m must be .* got None \(NoneType\)"):
        preserved_magnitude(5, None, 1.0)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(
        ValueError, match=r"n and m must broadcast together, got shapes \(2,\), \(3,\)"
    ):
        letkeman_bound([1, 2], [1, 2, 3])


def test_shapes_that_do_not_broadcast_are_named_by_preserved_magnitude():
    with pytest.raises(
        ValueError,
        match=r"n, m and bound must broadcast together, got shapes \(2,\), \(\), \(3,\)",
    ):
        preserved_magnitude([1, 2], 1, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("formula", ["", "node-average", "AS_PRINTED", None, 0, b"as_printed"])
def test_an_unknown_formula_is_named(formula):
    with pytest.raises(
        ValueError,
        match=f"formula must be 'node_average' or 'as_printed', got {formula!r}",
    ):
        letkeman_bound(5, 6, formula=formula)


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (-1.0, "got -1.0$"),
        (math.nan, "got nan$"),
        (math.inf, "got inf$"),
        ([1.0, -2.0], r"got -2\.0 at index \(1,\)$"),
        (np.array([[1.0], [np.nan]]), r"got nan at index \(1, 0\)$"),
    ],
)
def test_a_bound_that_is_negative_or_not_finite_is_named(bound, message):
    with pytest.raises(ValueError, match=f"^bound must be finite and at least 0, {message}"):
        preserved_magnitude(5, 6, bound)


@pytest.mark.parametrize(
    "bound", ["1", None, True, 1j, np.array([True]), np.array([1], object), [None]]
)
def test_a_bound_that_is_not_real_is_named(bound):
    with pytest.raises(TypeError, match=r"^bound must be a real number or an array of them, got "):
        preserved_magnitude(5, 6, bound)


@pytest.mark.parametrize("bound", [2, Fraction(2), np.float32(2), np.int8(2), 2.0])
def test_a_bound_may_be_any_real_number(bound):
    assert preserved_magnitude(5, 6, bound) == preserved_magnitude(5, 6, 2.0)


def test_a_bound_beyond_double_is_refused():
    with pytest.raises(ValueError, match="bound must be finite and at least 0"):
        preserved_magnitude(5, 6, 10**400)


def test_a_ragged_bound_is_named():
    with pytest.raises(ValueError, match=r"^bound must .* got \[\["):
        preserved_magnitude(5, 6, [[1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("n", "m", "keywords"),
    [
        ([1, 0], 5, {}),
        ([1, 2], [3, -1], {}),
        ([1, 2], 2**63, {}),
        ([1.0, 2.0], 5, {}),
        (None, 5, {}),
        ([1, 2], "5", {}),
        ([1, 2], [1, 2, 3], {}),
        ([1, 2, 3], 5, {}),
        ([1, 2], 5, {"formula": "printed"}),
    ],
)
def test_out_is_untouched_by_a_call_that_fails(n, m, keywords):
    out = np.array([7.0, 7.0])
    with pytest.raises((TypeError, ValueError)):
        letkeman_bound(n, m, out=out, **keywords)
    assert out.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    "call",
    [
        expected_magnitude,
        letkeman_bound,
        lambda: letkeman_bound(1, 2, "node_average"),
        lambda: preserved_magnitude(1, 2),
    ],
)
def test_a_call_with_the_wrong_arguments_is_a_type_error(call):
    with pytest.raises(TypeError):
        call()


# ---- properties ----------------------------------------------------------------------------------


@given(numbers, numbers, formulas)
def test_the_bound_is_symmetric(n, m, formula):
    assert letkeman_bound(n, m, formula=formula) == letkeman_bound(m, n, formula=formula)


@given(numbers, formulas)
@example(2**52, "node_average")
def test_the_bound_of_equal_sizes_is_the_standard_one(n, formula):
    assert letkeman_bound(n) == letkeman_bound(n, n, formula=formula)


@given(numbers, numbers)
def test_the_expected_magnitude_rises_with_n(n, other):
    low, high = sorted((n, other))
    assert expected_magnitude(low) <= expected_magnitude(high)


@given(numbers, numbers)
def test_the_standard_bound_falls_with_n(n, other):
    low, high = sorted((n, other))
    assert letkeman_bound(low) >= letkeman_bound(high)


def test_the_expected_magnitude_rises_strictly_to_10_6():
    assert np.all(np.diff(expected_magnitude(np.arange(1, 10**6 + 1))) > 0)


def test_the_standard_bound_falls_strictly_to_10_6():
    assert np.all(np.diff(letkeman_bound(np.arange(1, 10**6 + 1))) < 0)


@given(ordinary_numbers, ordinary_numbers)
def test_the_normalized_bound_lies_between_the_standard_ones(n, m):
    low, high = sorted((letkeman_bound(n), letkeman_bound(m)))
    assert low <= letkeman_bound(n, m) <= high


@given(numbers, numbers)
def test_the_node_average_of_the_bound_is_1_within_an_ulp(n, m):
    value = preserved_magnitude(n, m, letkeman_bound(n, m)).node_average
    assert abs(value - 1.0) <= math.ulp(1.0)


@given(numbers)
def test_the_forward_magnitude_of_the_standard_bound_is_1_within_an_ulp(n):
    value = preserved_magnitude(n, 1, letkeman_bound(n)).forward
    assert abs(value - 1.0) <= math.ulp(1.0)


@given(st.integers(1, 150), st.integers(1, 150))
def test_the_exact_bound_preserves_exactly_1(n, m):
    a_n, a_m = exact.expected_magnitude(n), exact.expected_magnitude(m)
    assert exact.letkeman_bound(n, m) * (m * a_n + n * a_m) / (n + m) == 1


@given(st.integers(1, 150), st.integers(1, 150), formulas)
def test_the_bound_is_the_nearest_double_to_the_fraction(n, m, formula):
    value = exact.letkeman_bound(n, m, formula=formula)
    assert float(value) == letkeman_bound(n, m, formula=formula)


@given(numbers, numbers, formulas)
def test_any_bound_is_correctly_rounded(n, m, formula):
    assert oracle.rounds_to(
        oracle.normalized_bound(n, m, formula), letkeman_bound(n, m, formula=formula)
    )


@given(hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=9), elements=numbers))
def test_any_array_gives_the_scalar_results(n):
    assert identical(scalar_loop(expected_magnitude, n), expected_magnitude(n))


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=5), st.data())
def test_any_broadcast_gives_what_a_loop_gives(shapes, data):
    n, m = (
        data.draw(hnp.arrays(np.int64, shape, elements=numbers)) for shape in shapes.input_shapes
    )
    assert identical(scalar_loop(letkeman_bound, n, m), np.array(letkeman_bound(n, m)))


# ---- preserved_magnitude -------------------------------------------------------------------------


def worst_ulps(n, m, bound):
    balls = oracle.preserved(n, m, bound)
    values = preserved_magnitude(n, m, bound)
    return max(oracle.ulps(ball, value) for ball, value in zip(balls, values, strict=True))


@pytest.mark.parametrize("last", [2**12, 2**52 - 1, LAST])
def test_preserved_magnitudes_are_within_0_501_ulp(last):
    generator = random.Random(51)
    pairs = log_uniform_pairs(1000, last, seed=52)
    assert max(worst_ulps(n, m, generator.uniform(0.0, 4.0)) for n, m in pairs) <= 0.501


@pytest.mark.parametrize("bound", [2.0**-960, 1e-280, 1e-100, 1.0, 1e100, 1e290])
def test_preserved_magnitudes_of_huge_and_tiny_bounds_are_within_0_501_ulp(bound):
    pairs = log_uniform_pairs(200, LAST, seed=53)
    assert max(worst_ulps(n, m, bound * 1.2345) for n, m in pairs) <= 0.501


@pytest.mark.parametrize("bound", [2.0**-1030, 2.0**-1000, 2.0**-970])
def test_preserved_magnitudes_of_the_tiniest_bounds_are_within_an_ulp(bound):
    pairs = log_uniform_pairs(200, LAST, seed=54)
    assert max(worst_ulps(n, m, bound * 1.2345) for n, m in pairs) <= 1.0


@pytest.mark.parametrize("n", EDGES)
def test_preserved_magnitudes_at_the_edges_of_every_branch_are_within_0_501_ulp(n):
    assert max(worst_ulps(n, m, 0.3) for m in EDGES) <= 0.501


def test_a_bound_of_zero_preserves_nothing():
    assert preserved_magnitude(10, 100, 0) == (0.0, 0.0, 0.0)


def test_a_bound_of_zero_preserves_nothing_of_the_largest_layer():
    assert preserved_magnitude(LAST, LAST, 0.0) == (0.0, 0.0, 0.0)


def test_a_bound_too_large_gives_infinity_and_not_nan():
    assert preserved_magnitude(10**12, 1, 1e308).forward == math.inf


def test_a_bound_too_large_in_an_array_gives_infinity_with_numpys_warning():
    with pytest.warns(RuntimeWarning, match="overflow"):
        result = preserved_magnitude([10**12, 1], 1, 1e308)
    assert [math.inf, 5e307] == result.forward.tolist()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8", "int32", "uint64"])
def test_bounds_of_every_real_type_are_taken(dtype):
    bounds = np.array([1, 2, 4], dtype)
    expected = [preserved_magnitude(10, 100, bound).node_average for bound in (1.0, 2.0, 4.0)]
    assert expected == preserved_magnitude(10, 100, bounds).node_average.tolist()


def test_preserved_magnitudes_broadcast_over_three_arguments():
    n, m, bound = np.arange(1, 4)[:, None, None], np.arange(1, 5)[:, None], np.array([0.5, 1, 2])
    result = preserved_magnitude(n, m, bound)
    expected = [
        [[preserved_magnitude(int(i), int(j), float(b)).forward for b in bound] for j in m[:, 0]]
        for i in n[:, 0, 0]
    ]
    assert expected == result.forward.tolist()


def test_forward_and_backward_change_places_with_n_and_m():
    there, back = preserved_magnitude(10, 100, 0.3), preserved_magnitude(100, 10, 0.3)
    assert (there.forward, there.backward) == (back.backward, back.forward)


@pytest.mark.parametrize(
    "n", [[1, 2**63], [[1, 2**64]], (1, -(2**70)), 10**5000], ids=["63", "64", "negative", "huge"]
)
def test_integers_too_large_for_any_array_are_out_of_range(n):
    with pytest.raises(ValueError, match=r"n must be from 1 to 2\*\*63 - 1"):
        irwinhall.letkeman_bound(n)
