"""The oracle of the Irwin-Hall distribution: exact sums, and contour integrals for large n.

Both are in python-flint and share nothing with the C. `exact` is the closed alternating sum, as a
rational number; `by_contour` is the inversion integral along a vertical line through the saddle
point, by the trapezoidal rule with ever smaller steps at 300 bits, until two agree. A test compares
them where both are quick.
"""

import math
from fractions import Fraction

from flint import acb, arb, ctx, fmpq, fmpz

BITS = 300


def exact(x, n):
    """Return the density at x, the probability below and that above, as fractions of flint."""
    x = Fraction(x)
    upper = 2 * x > n
    u = n - x if upper else x
    density, below = _sums(u.numerator, u.denominator, n)
    return density, 1 - below if upper else below, below if upper else 1 - below


def _sums(numerator, denominator, n):
    """Return density and probability below u = numerator/denominator <= n/2."""
    density = below = fmpz(0)
    binomial = fmpz(1)
    for k in range(numerator // denominator + 1):
        distance = fmpz(numerator - k * denominator)
        power = binomial * distance ** (n - 1)
        density += power
        below += power * distance
        binomial = -binomial * (n - k) // (k + 1)
    factorial = fmpz(math.factorial(n - 1))
    scale = fmpz(denominator) ** (n - 1)
    return fmpq(density, factorial * scale), fmpq(below, factorial * n * scale * denominator)


def by_contour(x, n):
    """Return the same as balls, by quadrature, for n of some dozens and more."""
    ctx.prec = BITS
    x = Fraction(x)
    upper = 2 * x > n
    u = n - x if upper else x
    density, below = _integrals(arb(fmpq(u.numerator, u.denominator)), n)
    return density, 1 - below if upper else below, below if upper else 1 - below


def _integrals(u, n):
    if u <= 1:  # one term of the sum
        below = (n * u.log() - arb(n + 1).lgamma()).exp()
        return below * n / u, below
    s = _saddle(u / n)
    deviation = (n * (1 / s**2 - 1 / (2 * (s / 2).sinh()) ** 2)).sqrt()
    # At the middle the line keeps clear of the pole at 0, where the probability's integrand has it.
    if s * deviation < 4:
        s = (4 / deviation).mid()
    peak = s * u + n * ((1 - (-s).exp()) / s).log()
    last = None
    step = 1 / deviation
    while True:
        step = step / 2
        density = below = arb(0)
        k = 0
        while True:
            z = acb(s, k * step)
            term = (z * u + n * ((1 - (-z).exp()) / z).log() - peak).exp()
            weight = 1 if k == 0 else 2
            density += weight * term.real
            below += weight * (term / z).real
            if k and abs(term).mid() < arb(2) ** -(BITS // 2):
                break
            k += 1
        scale = peak.exp() * step / (2 * arb.pi())
        found = density * scale, below * scale
        if last and all(abs(f / g - 1) < arb(2) ** -100 for f, g in zip(found, last, strict=True)):
            return found
        last = found


def _saddle(m):
    """Return a point near where 1/s - 1/(e^s - 1) = m, exactly a number."""
    low, high = arb("1e-12"), 1 / m + 1
    for _ in range(60):
        s = ((low + high) / 2).mid()
        if 1 / s - 1 / (s.exp() - 1) > m:
            low = s
        else:
            high = s
    return s


def relative_error(value, true):
    """Return (value - true)/true as a float, for a double and a flint fraction or ball."""
    true = arb(true)
    return float(((arb(value) - true) / true).mid())


def log(value):
    """Return the logarithm of a flint fraction or ball as a ball."""
    return arb(value).log()
