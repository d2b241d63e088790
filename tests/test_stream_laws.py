"""The laws of the stream's weights: ranges, lattices, moments, distributions and tails.

Seeds are fixed, so that a test that passes passes always; limits are what chance exceeds less than
once in a million cases, five standard errors or a p-value of 10^-6.
"""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
import stream_reference as reference
from scipy import special, stats
from stream_layouts import DTYPES, raw_words

from irwinhall import Stream

LEAST_P = 1e-6
INF = math.inf
COUNT = 1 << 18
MANY = 1 << 21
INTERVALS = [
    (-2.0, 2.0),
    (-1.0, 3.0),
    (-6.0, 6.0),
    (-9.0, 9.0),
    (0.0, INF),
    (-INF, 0.5),
    (-0.01, 0.02),
    (0.5, 0.5001),
    (2.5, 2.75),
    (3.0, INF),
    (-INF, -5.0),
    (8.0, 9.0),
    (20.0, INF),
    (-INF, -36.0),
]


def wide(weights):
    """Return weights as doubles."""
    return weights.astype(np.float64)


def standard_errors(weights, mean):
    """Return how many standard errors the weights' mean lies from the expected one."""
    return abs(weights.mean() - mean) / (weights.std() / math.sqrt(weights.size))


def std_errors(weights, std):
    """Return how many standard errors the standard deviation lies from the expected one."""
    centred = weights - weights.mean()
    kurtosis = np.mean(centred**4) / np.mean(centred**2) ** 2
    return abs(weights.std() / std - 1) / math.sqrt((kurtosis - 1) / (4 * weights.size))


def chi_square_p(cells, count):
    """Return the p-value of values in [0, 1) that should be uniform, in `count` cells."""
    return stats.chisquare(np.bincount((cells * count).astype(int), minlength=count)).pvalue


# ---- uniform -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_weights_lie_strictly_inside_any_bound(dtype):
    generator = np.random.default_rng(1)
    for bound in [1.0, 0.1, 2.0**-14, *2.0 ** generator.uniform(-14, 15, 300)]:
        weights = wide(Stream(1).uniform(1 << 14, bound, dtype=dtype))
        assert np.max(np.abs(weights)) < bound


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_uniform_weights_are_never_zero(dtype):
    for bound in [1.0, 0.1, 2.0**-14, 2.0**-95]:
        assert np.all(Stream(1).uniform(COUNT, bound, dtype=dtype) != 0)


def test_float16_uniform_weights_are_zero_only_where_float16_has_nothing_nearer():
    single = Stream(1).uniform(COUNT, 2.0**-14)
    half = Stream(1).uniform(COUNT, 2.0**-14, dtype="float16")
    assert np.array_equal(np.abs(single) <= 2.0**-25, half == 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_uniform_weights_reach_the_value_below_the_bound_and_no_more(dtype):
    generator = np.random.default_rng(2)
    form = reference.FORMATS[dtype]
    for bound in [1.0, 0.5, 0.1, 255 / 256, *generator.uniform(0.001, 2, 100)]:
        weights = wide(Stream(2).uniform(1 << 16, bound, dtype=dtype))
        limit = float(form.below(reference.SINGLE.at_most(bound)))
        assert (-limit, limit) == (weights.min(), weights.max())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_top_lattice_value_rounds_to_below_the_bound(dtype):
    # The float32 lattice is k * bound * 2^-24; the rounding to 16 bits is here exact.
    form = reference.FORMATS[dtype]
    top = np.arange(2**24 - 2**15 - 1, 2**24, 2).astype(np.float32)
    for bound in np.random.default_rng(3).uniform(0.01, 1, 200).astype(np.float32):
        limit = np.float32(float(form.below(reference.Fraction(float(bound)))))
        values = np.minimum(top * np.float32(bound * np.float32(2.0**-24)), limit)
        assert wide(values.astype(DTYPES[dtype])).max() < bound


@pytest.mark.parametrize("bound", [1.0, 0.75, 13421773 / 2**27, 2 - 2.0**-23])
def test_float32_uniform_weights_are_odd_multiples_of_the_spacing(bound):
    weights = wide(Stream(3).uniform(COUNT, bound))
    unit = float(np.float32(bound)) * 2.0**-24
    odd = 2 * np.floor(weights / (2 * unit)) + 1
    assert np.max(np.abs(odd)) < 2**24
    assert np.array_equal(weights, (odd * unit).astype(np.float32))


def test_float64_uniform_weights_are_odd_multiples_of_the_spacing():
    odd = Stream(3).uniform(COUNT, dtype="float64") * 2.0**53
    assert np.array_equal(np.full(COUNT, 1.0), np.abs(np.fmod(odd, 2.0)))
    assert np.max(np.abs(odd)) < 2.0**53


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float64", 53)])
def test_uniform_weights_are_the_leading_bits_of_the_words_made_symmetric(dtype, bits):
    # A word and its complement give k and -k, so the law is symmetric word by word.
    words = raw_words(Stream(3), 1000)
    words = words.view(np.int32) if dtype == "float32" else words.view(np.int64)
    shift = 7 if dtype == "float32" else 10
    assert np.array_equal((words >> shift) | 1, -((~words >> shift) | 1))
    weights = Stream(3).uniform(words.size, dtype=dtype)
    assert np.array_equal((words >> shift) | 1, wide(weights) * 2.0**bits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_weights_have_mean_0_and_variance_a_third(dtype):
    weights = wide(Stream(4).uniform(MANY, 0.1, dtype=dtype))
    assert standard_errors(weights, 0.0) < 5
    # Rounding to 8 bits, kept inside the bound, moves the variance by some 10^-4 of it.
    slack = {"bfloat16": 2e-4, "float16": 2e-5}.get(dtype, 0.0)
    assert std_errors(weights, 0.1 / math.sqrt(3)) < 5 + slack * math.sqrt(MANY)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_weights_fill_the_interval_evenly(dtype):
    cells = (wide(Stream(5).uniform(MANY, dtype=dtype)) + 1) / 2
    assert chi_square_p(cells, 4096) > LEAST_P
    assert stats.kstest(cells[:200_000], "uniform").pvalue > LEAST_P


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 5, 8, 1024])
def test_uniform_weights_do_not_depend_on_their_neighbours(lag):
    weights = wide(Stream(6).uniform(MANY))
    errors = np.mean(weights[lag:] * weights[:-lag]) * 3 * math.sqrt(weights.size)
    assert abs(errors) < 5


@pytest.mark.parametrize("other", [Stream(7, "b"), Stream(8, "a"), Stream(7), Stream(b"\x07", "a")])
def test_streams_do_not_depend_on_each_other(other):
    a, b = wide(Stream(7, "a").uniform(COUNT)), wide(other.uniform(COUNT))
    for shift in range(4):
        errors = np.mean(a * np.roll(b, shift)) * 3 * math.sqrt(COUNT)
        assert abs(errors) < 5


# ---- normal --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_normal_weights_have_the_moments_of_the_law(dtype):
    weights = wide(Stream(11).normal(MANY, dtype=dtype))
    # Rounding adds the variance of a rounding error: some 2^-18 / 12 for bfloat16.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        errors = (np.mean(weights**power) - moment) / math.sqrt(variance / weights.size)
        assert abs(errors) < 5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("std", [1.0, 0.02])
def test_normal_weights_have_the_distribution_of_the_law(std, dtype):
    cells = special.ndtr(wide(Stream(12).normal(MANY, std, dtype=dtype)) / std)
    assert chi_square_p(cells, 4096) > LEAST_P
    assert stats.kstest(cells[:200_000], "uniform").pvalue > LEAST_P


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_normal_weights_have_the_probabilities_of_their_rounding_cells(dtype):
    weights = Stream(13).normal(MANY, dtype=dtype)
    values, counts = np.unique(wide(weights), return_counts=True)
    middles = (values[1:] + values[:-1]) / 2
    # Ends of cells that NumPy sees beside a value that never came up belong to wider cells.
    probabilities = np.diff(special.ndtr(np.concatenate([[-INF], middles, [INF]])))
    often = (probabilities * weights.size > 50) & (np.abs(values) > 0.01) & (np.abs(values) < 3)
    excess = (counts - probabilities * weights.size)[often]
    chi_square = np.sum(excess**2 / (probabilities[often] * weights.size))
    assert stats.chi2.sf(chi_square, np.count_nonzero(often)) > LEAST_P


@cache
def many_normal_weights(dtype):
    """Return the magnitudes beyond 3 of 2^24 weights."""
    weights = np.abs(Stream(14).normal(1 << 24, dtype=dtype, threads=2))
    return weights[weights > 3]


# From |z| = 4.17 on, where q = 2^-17, a second word is drawn.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("low", "high"),
    [(3.0, 3.5), (3.5, 4.0), (4.0, 4.17), (4.17, 4.2), (4.2, 4.5), (4.5, 5.0), (5.0, INF)],
)
def test_tails_hold_as_many_normal_weights_as_they_should(low, high, dtype):
    tails = many_normal_weights(dtype)
    found = np.count_nonzero((tails > low) & (tails <= high))
    probability = 2 * (special.ndtr(-low) - special.ndtr(-high))
    assert stats.binomtest(found, 1 << 24, probability).pvalue > LEAST_P


def exact_quantile(numerator, bits):
    """Return Phi^-1(numerator / 2^bits) to 30 digits, by Newton's steps."""
    with mpmath.workdps(40):
        q = mpmath.mpf(numerator) / mpmath.mpf(2) ** bits
        z = mpmath.mpf(float(special.ndtri(float(q))))
        for _ in range(3):
            z -= (mpmath.erfc(-z / mpmath.sqrt(2)) / 2 - q) / mpmath.npdf(z)
        return z


def picked(words):
    """Return elements to look at: the nearest to 0, the furthest, and some of all."""
    order = np.argsort(words)
    return np.unique(np.concatenate([order[:40], order[-200:], order[:: words.size // 600]]))


def test_float32_normal_weights_are_near_the_exact_quantile():
    words = raw_words(Stream(15), MANY // 4)
    weights = Stream(15).normal(MANY)
    single = words >= 1 << 16
    exact = special.ndtri((words | 1) * 2.0**-33)
    exact = np.where(words & 1, -exact, exact)[single]
    errors = np.abs(wide(weights[single]) - exact)
    units = errors / np.spacing(np.abs(exact).astype(np.float32))
    # Stated in docs/stream.md.
    assert np.max(errors) < 5.6e-7
    assert np.max(errors[np.abs(exact) < 2]) < 2.8e-7
    assert np.max(units) < 6.3
    assert np.max(units[np.abs(exact) > 0.68]) < 3.1


def test_refined_float32_normal_weights_are_correctly_rounded_but_rarely():
    words = raw_words(Stream(15), MANY // 4)
    extra = raw_words(Stream(15), MANY // 4, domain=1)
    weights = Stream(15).normal(MANY)
    wrong = 0
    tails = np.flatnonzero(words < 1 << 16)
    for i in tails:
        odd = int(words[i]) >> 1 << 33 | int(extra[i]) << 1 | 1
        z = exact_quantile(odd, 65) * (-1 if words[i] & 1 else 1)
        wrong += np.float32(float(z)) != weights[i]
    assert len(tails) > 20
    assert wrong == 0


@pytest.mark.parametrize("first", reference.FAR_TAILS)
def test_tails_go_on_beyond_what_one_word_reaches(first):
    block, lane = divmod(first, 4)
    word, extra = (int(raw_words(Stream(1), 1, domain, block)[lane]) for domain in (0, 1))
    z = exact_quantile(word >> 1 << 33 | extra << 1 | 1, 65) * (-1 if word & 1 else 1)
    weight = Stream(1).normal(2**62, region=slice(first, first + 1))[0]
    assert np.float32(float(z)) == weight
    assert abs(weight) > 6.5


@pytest.mark.parametrize(("shift", "reach"), [(0, 9.2), (64, 13.1)], ids=["32 bits", "float64"])
def test_the_furthest_normal_weight_lies_beyond_8(shift, reach):
    furthest = reference.deep_quantile(1, shift)
    assert round(float(exact_quantile(1, 65 + shift)), 1) == round(furthest, 1) == -reach


def test_float64_normal_weights_are_within_4_units_in_the_last_place():
    words = raw_words(Stream(16), COUNT // 2).view(np.uint64)
    weights = Stream(16).normal(COUNT, dtype="float64")
    worst = 0.0
    for i in picked(words):
        word = int(words[i])
        if word >= 1 << 48:
            z = exact_quantile(word | 1, 65) * (-1 if word & 1 else 1)
            worst = max(worst, float(abs(weights[i] - z)) / math.ulp(weights[i]))
    assert 0 < worst <= 4


def test_refined_float64_normal_weights_are_within_5_units_in_the_last_place():
    words = raw_words(Stream(16), MANY // 4).view(np.uint64)
    extra = raw_words(Stream(16), MANY // 4, domain=1).view(np.uint64)
    weights = Stream(16).normal(MANY // 2, dtype="float64")
    tails = np.flatnonzero(words < 1 << 48)
    assert len(tails) > 10
    for i in tails:
        word, more = int(words[i]), int(extra[i])
        z = exact_quantile((word >> 1 << 65) + (more << 1) + 1, 129) * (-1 if word & 1 else 1)
        assert float(abs(weights[i] - z)) <= 5 * math.ulp(weights[i])


def test_the_smallest_normal_weights_keep_their_relative_precision():
    words = raw_words(Stream(17), MANY // 4)
    weights = Stream(17).normal(MANY)
    for i in np.argsort(words)[-200:]:  # q nearest to 1/2: z = -(1 - 2 q) sqrt(pi / 2)
        distance = (2**32 - (int(words[i]) | 1)) / 2**32
        exact = distance * math.sqrt(math.pi / 2) * (1 if words[i] & 1 else -1)
        assert abs(float(weights[i]) / exact - 1) < 2.0**-22


def test_the_deep_quantile_is_within_5_units_in_the_last_place():
    # Reached by the far truncated laws; the normal law goes to a shift of 64.
    generator = np.random.default_rng(18)
    for shift in [0, 1, 14, 15, 16, 17, 32, 48, 63, 64, *range(70, 960, 50)]:
        for odd in (1, 2**63 + 1, 2**64 - 1, *(int(generator.integers(2**62)) * 4 + 3,) * 3):
            z = reference.deep_quantile(odd, shift)
            if odd > 1 or shift < 900:
                assert float(abs(z - exact_quantile(odd, 65 + shift))) <= 5 * math.ulp(z)


# ---- truncated normal ----------------------------------------------------------------------------


def deviation_of(low, high):
    """Return the standard deviation of the standard normal law cut to [low, high]."""
    peak = min(max(0.0, low), high)
    left, right = max(low, peak - 12), min(high, peak + 12)
    with mpmath.workdps(30):
        nodes = mpmath.linspace(left, right, 13)

        def moment(power, centre):
            density = lambda x: (x - centre) ** power * mpmath.exp((peak - x) * (peak + x) / 2)  # noqa: E731
            return mpmath.quad(density, nodes)

        mass = moment(0, 0)
        return float(mpmath.sqrt(moment(2, moment(1, 0) / mass) / mass))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_a_truncated_law_has_the_std_asked_for(low, high, dtype):
    weights = wide(Stream(21).truncated_normal(COUNT, 0.5, low=low, high=high, dtype=dtype))
    assert std_errors(weights, 0.5) < 5


@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_an_uncorrected_truncated_law_has_the_std_of_the_cut(low, high):
    weights = Stream(22).truncated_normal(
        COUNT, 0.5, low=low, high=high, corrected=False, dtype="float64"
    )
    assert std_errors(weights, 0.5 * deviation_of(low, high)) < 5


def probabilities_below(z, low, high):
    """Return the truncated law's distribution function; both tails keep their precision."""
    if low >= 0:
        z, low, high = -z, -high, -low
        return 1 - (special.ndtr(z) - special.ndtr(low)) / (special.ndtr(high) - special.ndtr(low))
    return (special.ndtr(z) - special.ndtr(low)) / (special.ndtr(high) - special.ndtr(low))


# In float32 only where the cut is so wide, and so near to 0, that no cell feels the spacing.
@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        *((low, high, "float64") for low, high in INTERVALS),
        *((low, high, "float32") for low, high in INTERVALS if high - low > 0.2 and low >= -9),
    ],
)
def test_a_truncated_law_has_its_distribution(low, high, dtype):
    weights = wide(Stream(23).truncated_normal(COUNT, low=low, high=high, dtype=dtype))
    cells = probabilities_below(weights * deviation_of(low, high), low, high)
    assert np.max(np.abs(cells - 0.5)) < 0.5 + 1e-7
    cells = np.clip(cells, 0, 1 - 2.0**-53)
    assert chi_square_p(cells, 256) > LEAST_P
    assert stats.kstest(cells[:50_000], "uniform").pvalue > LEAST_P


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_truncated_weights_stay_inside_the_interval(low, high, dtype):
    if high - low < 0.01 and dtype == "bfloat16":
        low, high = low - 0.1, high + 0.1  # some values of bfloat16 must lie inside
    for std in (1.0, 0.3):
        weights = wide(
            Stream(24).truncated_normal(
                COUNT, std, low=low, high=high, corrected=False, dtype=dtype
            )
        )
        assert low * std <= weights.min() <= weights.max() <= high * std


@pytest.mark.parametrize("low", [-3.0, -2.0, 0.0, 1.0, 2.0])
def test_the_smallest_probabilities_of_a_wide_truncated_law_are_drawn(low):
    weights = Stream(25).truncated_normal(MANY, low=low, high=INF, corrected=False)
    probability = special.ndtr(-4.5) / special.ndtr(-low)
    found = np.count_nonzero(weights > 4.5)
    assert stats.binomtest(found, MANY, probability).pvalue > LEAST_P


def test_a_truncated_law_has_more_than_2_24_values_where_the_cut_is_narrow():
    weights = Stream(26).truncated_normal(COUNT, low=-1e-6, high=1e-6, corrected=False)
    distinct = np.unique(weights).size
    assert distinct > 0.9 * COUNT


def test_a_symmetric_cut_gives_both_signs_alike():
    weights = Stream(27).truncated_normal(COUNT)
    assert stats.binomtest(int(np.count_nonzero(weights > 0)), COUNT, 0.5).pvalue > LEAST_P
    assert standard_errors(wide(weights), 0.0) < 5
