"""The oracle of weighted sums of uniforms: the sum over the corners of a box, and Fourier series.

X = w_1 U_1 + ... + w_k U_k. For few weights everything is a fraction: the volume that a plane cuts
off the unit cube is a sum over its corners. For many the centred sum lies within half its span W,
where a Fourier series of period W is exact; its coefficients are products of sines, and it is
summed in ball arithmetic, which carries its own error and that of the terms left out.
"""

import math
from fractions import Fraction

from flint import arb, ctx


def by_corners(kind, x, weights):
    """Return the pdf, cdf or sf at x, or with kind "magnitude" E|X - its mean|, as a fraction."""
    weights = [Fraction(w) for w in weights]
    sizes = [abs(w) for w in weights]
    span, count = sum(sizes), len(sizes)
    start = sum(w for w in weights if w < 0)
    distance = span / 2 if kind == "magnitude" else Fraction(x) - start
    if kind == "sf":
        distance = span - distance
    if distance >= span:
        return Fraction(kind != "pdf")
    if distance <= 0:
        return Fraction(0)
    if kind == "pdf":
        distance = min(distance, span - distance)
    power = {"pdf": count - 1, "magnitude": count + 1}.get(kind, count)
    unit = math.lcm(*(number.denominator for number in [*sizes, distance]))
    reach = int(distance * unit)
    corners = [(0, 1)]
    for size in sizes:
        step = int(size * unit)
        corners += [(at + step, -sign) for at, sign in corners if at + step < reach]
    volume = sum(sign * (reach - at) ** power for at, sign in corners)
    value = Fraction(volume, math.factorial(power)) / math.prod(sizes) / unit**power
    return 2 * value if kind == "magnitude" else value


def by_series(weights, distances, bits):
    """Return balls around pdf and cdf at distances from the lower end, and E|X - its mean|."""
    ctx.prec = bits
    sizes = [arb(abs(float(w))) for w in weights]
    span = sum(sizes, arb(0))
    centred = [arb(distance) - span / 2 for distance in distances]
    density = [1 / span for _ in centred]
    below = [(y + span / 2) / span for y in centred]
    magnitude = span / 4
    left_out, j = arb(1), 0
    while not left_out < arb(2) ** -bits:
        j += 1
        t = 2 * arb.pi() * j / span
        coefficient = math.prod(((size * t / 2).sinc() for size in sizes), start=arb(1))
        for i, y in enumerate(centred):
            density[i] += 2 / span * coefficient * (t * y).cos()
            # The integral from the lower end, where t y = -pi j.
            below[i] += 2 / span * coefficient * (t * y).sin() / t
        if j % 2:
            magnitude -= 2 * span / arb.pi() ** 2 * coefficient / j**2
        steep = [size * t / 2 for size in sizes if size * t > 2]
        if len(steep) > 2:
            # From here on abs(coefficient) is below the envelope, which falls like j^-len(steep).
            envelope = 1 / math.prod(steep, start=arb(1))
            left_out = 2 * envelope * j / (len(steep) - 1) * (1 / span + 1 + span)
    rest = arb(0, left_out.upper())
    return [d + rest for d in density], [b + rest for b in below], magnitude + rest


def relative_error(value, exact):
    """Return how far a double lies from an exact fraction or ball, relative to it."""
    if isinstance(exact, Fraction):
        return float(abs(Fraction(value) - exact) / exact) if exact else math.inf * (value != 0)
    return float((abs(arb(value) - exact) / abs(exact)).upper())
