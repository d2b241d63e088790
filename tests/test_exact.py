"""The exact layer: fractions, and numbers to any count of digits."""

import cmath
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from irwinhall import exact


class Index:
    def __index__(self):
        return 3


def relative_error(value, fraction):
    with mpmath.workdps(400):
        return abs(value * fraction.denominator / fraction.numerator - 1)


def density_magnitude(n):
    """Return E|S_n| by convolving the piecewise polynomial density of the sum, in fractions.

    pieces[j] holds the coefficients on (2 j - n, 2 j + 2 - n), in powers of x from its left end.
    """
    pieces = [[Fraction(1, 2)]]
    for _ in range(n - 1):
        below = [Fraction(0)]  # the integral over the piece below, from 0 to its local x
        built = []
        for piece in [*pieces, [Fraction(0)]]:
            integral = [Fraction(0)] + [c / (2 * (k + 1)) for k, c in enumerate(piece)]
            whole = sum(c * 2**k for k, c in enumerate(below))
            width = max(len(integral), len(below))
            built.append(
                [
                    (integral[k] if k < len(integral) else 0)
                    - (below[k] if k < len(below) else 0)
                    + (whole if k == 0 else 0)
                    for k in range(width)
                ]
            )
            below = integral
        pieces = built

    def moment(piece, start, low, high):
        """Return the integral of (start + x) times the piece over low to high."""
        return sum(
            c
            * (
                start * (high ** (k + 1) - low ** (k + 1)) / (k + 1)
                + (high ** (k + 2) - low ** (k + 2)) / (k + 2)
            )
            for k, c in enumerate(piece)
        )

    total = Fraction(0)
    for j, piece in enumerate(pieces):
        start = Fraction(2 * j - n)
        middle = min(max(-start, Fraction(0)), Fraction(2))
        total += moment(piece, start, middle, Fraction(2)) - moment(piece, start, 0, middle)
    return total


# ---- fractions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, Fraction(1, 2)), (2, Fraction(2, 3)), (3, Fraction(13, 16)), (4, Fraction(14, 15))],
)
def test_known_expected_magnitudes(n, expected):
    assert expected == exact.expected_magnitude(n)


@pytest.mark.parametrize("n", range(1, 31))
def test_the_sum_is_the_integral_over_the_convolved_density(n):
    assert density_magnitude(n) == exact.expected_magnitude(n)


@pytest.mark.parametrize(
    ("n", "m", "formula", "expected"),
    [
        (1, 1, "node_average", Fraction(2)),
        (1, 2, "node_average", Fraction(9, 5)),
        (1, 2, "as_printed", Fraction(18, 11)),
        (2, 3, "node_average", Fraction(40, 29)),
        (2, 3, "as_printed", Fraction(240, 181)),
    ],
)
def test_known_normalized_bounds(n, m, formula, expected):
    assert expected == exact.letkeman_bound(n, m, formula=formula)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 200])
def test_the_standard_bound_is_the_reciprocal(n):
    assert 1 / exact.expected_magnitude(n) == exact.letkeman_bound(n)


@pytest.mark.parametrize("formula", ["node_average", "as_printed"])
@pytest.mark.parametrize(("n", "m"), [(1, 2), (10, 100), (37, 150)])
def test_the_bound_is_symmetric(n, m, formula):
    there = exact.letkeman_bound(n, m, formula=formula)
    assert there == exact.letkeman_bound(m, n, formula=formula)


@pytest.mark.parametrize("bound", [exact.letkeman_bound, exact.letkeman_bound_mp])
@pytest.mark.parametrize("formula", ["node", None, np.zeros(3, "i4, f8")])
def test_an_unknown_formula_is_refused(bound, formula):
    with pytest.raises(ValueError, match="^formula must be 'node_average' or 'as_printed', got "):
        bound(5, 7, formula=formula)


@pytest.mark.parametrize("formula", ["node_average", "as_printed"])
def test_the_bound_of_equal_sizes_is_the_standard_one(formula):
    assert exact.letkeman_bound(37) == exact.letkeman_bound(37, 37, formula=formula)


def test_objects_with_index_count_as_integers():
    assert exact.expected_magnitude(3) == exact.expected_magnitude(Index())


def test_no_bound_of_small_layers_is_a_tie_between_two_doubles():
    magnitudes = {n: exact.expected_magnitude(n) for n in range(1, 201)}
    bounds = {
        (n, m): (n + m) / (m * magnitudes[n] + n * magnitudes[m])
        for n in magnitudes
        for m in range(n, 201)
    }
    dyadic = {pair: bound for pair, bound in bounds.items() if bound.denominator.bit_count() == 1}
    assert dyadic == {(1, 1): 2, (2, 2): Fraction(3, 2)}


# ---- the series ----------------------------------------------------------------------------------


def test_the_series_starts_with_its_known_coefficients():
    known = ["1", "1/20", "11/1120", "41/22400", "-19773/19712000", "-9938661/5125120000"]
    assert known == [str(c) for c in exact.series_coefficients(6)]


def test_fewer_coefficients_are_the_first_of_more():
    assert exact.series_coefficients(20)[:7] == exact.series_coefficients(7)


def h_on_the_circle(radius, steps):
    """Yield h(u) = sqrt(6 u)/t(u) for u from `radius` to -radius along the upper half circle.

    t(u) solves sin(t)/t = exp(-u); it is followed by Newton's method from t(u) ~ sqrt(6 u) at
    small u, in steps so short that the nearest solution is the one continued.
    """
    t = cmath.sqrt(6e-4)
    path = [radius * (1e-4 / radius) ** (1 - i / 400) for i in range(401)]
    path += [radius * cmath.exp(1j * math.pi * i / steps) for i in range(1, steps + 1)]
    for i, u in enumerate(path):
        for _ in range(8):
            residual = cmath.sin(t) / t - cmath.exp(-u)
            t -= residual / ((t * cmath.cos(t) - cmath.sin(t)) / t**2)
        assert abs(cmath.sin(t) / t - cmath.exp(-u)) < 1e-12
        if i >= 400:
            yield cmath.sqrt(6 * u) / t


def test_h_is_at_most_three_halves_where_the_series_proof_needs_it():
    sizes = [abs(value) for value in h_on_the_circle(3.0, 4000)]
    assert round(max(sizes), 5) == 1.41796  # as the module's docstring says
    longest_step = max(abs(a - b) for a, b in pairwise(sizes))
    assert max(sizes) + longest_step <= 1.5


def test_h_closes_on_the_other_side_as_an_analytic_function_must():
    # h(conj u) = conj h(u): on the negative axis h is real.
    assert abs(list(h_on_the_circle(3.0, 4000))[-1].imag) < 1e-9


def test_h_is_the_sum_of_its_series():
    coefficients = exact.series_coefficients(40)
    rising, total, u = 1.0, 0.0, 0.5
    for k, c in enumerate(coefficients):
        total += float(c) / rising * u**k
        rising *= k + 0.5
    assert next(iter(h_on_the_circle(u, 1))).real == pytest.approx(total, rel=1e-13)


def test_t_passes_five_halves_where_the_tail_begins():
    assert math.sin(2.5) / 2.5 > math.exp(-1.5) > math.sin(2.6) / 2.6


# ---- any number of digits ------------------------------------------------------------------------


def first_by_series(dps):
    """Return the smallest n that `expected_magnitude_mp` takes by the series at so many digits."""
    digits = dps + exact._GUARD_DIGITS
    return next(n for n in range(1, 2000) if exact._series_length(n, digits) is not None)


@pytest.mark.parametrize("dps", [1, 2, 5, 15, 30, 50, 77, 100, 200])
def test_every_digit_is_right_on_both_sides_of_the_switch(dps):
    switch = first_by_series(dps)
    numbers = (1, 2, 3, 10, switch - 2, switch - 1, switch, switch + 1, 2 * switch)
    errors = [
        relative_error(exact.expected_magnitude_mp(n, dps), exact.expected_magnitude(n))
        for n in numbers
    ]
    assert max(errors) < mpmath.mpf(10) ** -dps


@pytest.mark.parametrize("dps", [3, 16, 34])
def test_every_digit_is_right_for_all_n_to_200(dps):
    errors = [
        relative_error(exact.expected_magnitude_mp(n, dps), exact.expected_magnitude(n))
        for n in range(1, 201)
    ]
    assert max(errors) < mpmath.mpf(10) ** -dps


@pytest.mark.parametrize("dps", [10, 50, 300])
def test_the_switch_lies_near_1_6_times_all_digits_carried(dps):
    assert first_by_series(dps) == pytest.approx(1.6 * (dps + exact._GUARD_DIGITS), rel=0.1)


@pytest.mark.parametrize("n", [1000, 2500])
def test_every_digit_is_right_for_larger_numbers(n):
    value = exact.expected_magnitude_mp(n, 200)
    assert relative_error(value, exact.expected_magnitude(n)) < mpmath.mpf(10) ** -200


@pytest.mark.parametrize("n", [93, 110, 10**4, 10**9, 10**18, 2**63 - 1, 10**40])
@pytest.mark.parametrize("dps", [15, 50, 120])
def test_fewer_digits_are_the_first_of_more(n, dps):
    short, long = exact.expected_magnitude_mp(n, dps), exact.expected_magnitude_mp(n, 2 * dps)
    with mpmath.workdps(300):
        assert abs(short / long - 1) < mpmath.mpf(10) ** -dps


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 200), (120, 130), (300, 7)])
@pytest.mark.parametrize("formula", ["node_average", "as_printed"])
def test_bounds_have_every_digit_right(n, m, formula):
    value = exact.letkeman_bound_mp(n, m, 60, formula=formula)
    fraction = exact.letkeman_bound(n, m, formula=formula)
    assert relative_error(value, fraction) < mpmath.mpf(10) ** -60


def test_the_standard_bound_has_every_digit_right():
    value = exact.letkeman_bound_mp(150, dps=60)
    assert relative_error(value, exact.letkeman_bound(150)) < mpmath.mpf(10) ** -60


def test_the_callers_precision_is_left_alone():
    before = mpmath.mp.prec
    exact.letkeman_bound_mp(784, 256, 100)
    assert before == mpmath.mp.prec


def test_the_callers_precision_does_not_matter():
    expected = exact.expected_magnitude_mp(10**6, 50)
    with mpmath.workdps(5):
        actual = exact.expected_magnitude_mp(10**6, 50)
    assert expected._mpf_ == actual._mpf_


# ---- errors --------------------------------------------------------------------------------------

FUNCTIONS = {
    "expected_magnitude(n)": ("n", exact.expected_magnitude),
    "letkeman_bound(n)": ("n", exact.letkeman_bound),
    "letkeman_bound(5, m)": ("m", lambda value: exact.letkeman_bound(5, value)),
    "expected_magnitude_mp(n)": ("n", exact.expected_magnitude_mp),
    "expected_magnitude_mp(5, dps)": ("dps", lambda value: exact.expected_magnitude_mp(5, value)),
    "letkeman_bound_mp(n)": ("n", exact.letkeman_bound_mp),
    "letkeman_bound_mp(5, m)": ("m", lambda value: exact.letkeman_bound_mp(5, value)),
    "letkeman_bound_mp(5, 6, dps)": ("dps", lambda value: exact.letkeman_bound_mp(5, 6, value)),
}


@pytest.mark.parametrize("call", FUNCTIONS)
@pytest.mark.parametrize("value", [0, -1, -(10**30)])
def test_a_number_below_1_is_named(call, value):
    name, function = FUNCTIONS[call]
    with pytest.raises(ValueError, match=f"^{name} must be at least 1, got {value}$"):
        function(value)


@pytest.mark.parametrize("call", FUNCTIONS)
@pytest.mark.parametrize("value", [1.0, "3", True, Fraction(3), [3]])
def test_what_is_not_an_integer_is_named(call, value):
    name, function = FUNCTIONS[call]
    with pytest.raises(TypeError, match=f"^{name} must be an integer, got "):
        function(value)


@pytest.mark.parametrize("function", [exact.letkeman_bound, exact.letkeman_bound_mp])
def test_an_unknown_formula_is_named(function):
    with pytest.raises(ValueError, match=r"^formula must be .*, got 'printed'$"):
        function(5, 6, formula="printed")


@pytest.mark.parametrize("dps", [1, 2, 3, 6, 15, 16, 40, 50])
def test_printed_digits_are_the_exact_value_rounded_once(dps):
    for n in range(1, 120):
        fraction = exact.letkeman_bound(n, n + 3)
        printed = mpmath.nstr(exact.letkeman_bound_mp(n, n + 3, dps), dps)
        with localcontext(prec=dps):
            assert Decimal(printed) == Decimal(fraction.numerator) / fraction.denominator


def test_the_precision_of_another_thread_does_not_matter(monkeypatch):
    def interrupted(count):
        mpmath.mp.dps = 3  # as another thread might, in the middle
        return coefficients(count)

    coefficients = exact.series_coefficients
    expected = exact.expected_magnitude_mp(10**6, dps=50)
    with mpmath.workdps(15):
        monkeypatch.setattr(exact, "series_coefficients", interrupted)
        magnitude = exact.expected_magnitude_mp(10**6, dps=50)
        assert mpmath.mp.dps == 3
    assert mpmath.nstr(magnitude, 50) == mpmath.nstr(expected, 50)


# ---- numbers of NumPy ----------------------------------------------------------------------------


@pytest.mark.parametrize("x", [np.int64(30), np.int8(30), np.uint64(30), np.array(30), 30.0])
def test_x_may_be_any_number_and_none_overflows(x):
    assert exact.irwin_hall_cdf(x, 60) == Fraction(1, 2)
    assert exact.irwin_hall_pdf(x, 60) == exact.irwin_hall_pdf(30, 60)


@pytest.mark.parametrize("x", [Decimal("1.5"), np.float32(1.5), np.array(1.5), np.longdouble(1.5)])
def test_x_stands_for_exactly_its_value(x):
    assert exact.irwin_hall_pdf(x, 3) == Fraction(3, 4)


def test_a_fraction_of_small_integers_does_not_overflow():
    x = Fraction(np.int8(3), np.int8(2))
    assert exact.irwin_hall_cdf(x, 40) == exact.irwin_hall_cdf(Fraction(3, 2), 40)


@pytest.mark.parametrize("function", [exact.irwin_hall_cdf, exact.irwin_hall_pdf])
@pytest.mark.parametrize("x", ["1/3", 1j, np.array([1.0, 2.0]), None, int, float])
def test_an_x_that_is_not_a_real_number_is_named(function, x):
    with pytest.raises(TypeError, match="^x must be a real number, got "):
        function(x, 3)


@pytest.mark.parametrize("function", [exact.irwin_hall_cdf, exact.irwin_hall_pdf])
@pytest.mark.parametrize(("x", "error"), [(np.nan, ValueError), (np.inf, OverflowError)])
def test_an_x_that_is_not_finite_is_named(function, x, error):
    with pytest.raises(error, match="^x must be finite, got (nan|inf)$"):
        function(x, 3)


@pytest.mark.parametrize("function", [exact.series_coefficients, exact.uniform_cumulants])
def test_a_cache_keeps_no_integers_of_numpy(function):
    assert function(np.int8(15)) == function(15)  # the small one first, as a cache would keep it
    assert all(type(value.numerator) is int for value in function(15))
    assert function(0) == ()
    with pytest.raises(ValueError, match="^count must be at least 0, got -1$"):
        function(-1)
    with pytest.raises(TypeError, match="^count must be an integer, got 2.0"):
        function(2.0)
