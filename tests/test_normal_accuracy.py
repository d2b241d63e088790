"""The normal quantile against mpmath, and the constants of the truncated law."""

from __future__ import annotations

import json
import math
import random
from statistics import NormalDist

import mpmath
import numpy as np
import pytest
import verify_normal
from kernel_build import Fill

from irwinhall._codegen import normal

FILL = Fill()
F64_ULP = 3.0
TAIL_ULP = 5.0
F32_ULP = 2.8
F32_ABSOLUTE, F32_ABSOLUTE_FROM_4 = 2.8e-7, 4.5e-7


def exact_quantile(odd: int, bits: int):
    """Return Phi^-1(odd / 2^bits) to 40 digits."""
    q = mpmath.mpf(odd) / mpmath.mpf(2) ** bits
    guess = NormalDist().inv_cdf(min(max(float(q), 1e-300), 0.49999999))
    return normal._quantile(normal._mpf(odd) / normal._mpf(2) ** bits, guess)


def edges_and_random(bits: int, segments: int, count: int, rng: random.Random):
    """Yield odd integers at both ends of every segment, and random ones of every octave."""
    for octave in range(normal.OCTAVES):
        top = 1 << (bits - 1 - octave)
        for segment in range(segments):
            edge = top + top * segment // segments
            for value in (edge - 1, edge + 1):
                if value >= 1 << (bits - normal.OCTAVES):
                    yield value | 1
        for _ in range(count):
            yield (top | rng.randrange(top)) | 1
    for k in range(2, bits - 2):  # ever nearer to the centre
        yield (1 << bits) - (1 << k) + 1


def test_f64_quantile_is_within_a_few_ulp():
    rng = random.Random(11)
    worst = 0.0
    for odd in edges_and_random(64, 16, 40, rng):
        got, want = FILL.c.ih_normal_quantile(odd, 0), exact_quantile(odd, 65)
        worst = max(worst, float(abs(got - want)) / math.ulp(got))
    assert worst <= F64_ULP


def test_deep_quantile_is_within_a_few_ulp():
    rng = random.Random(12)
    worst = 0.0
    for _ in range(1500):
        shift, odd = rng.randrange(16, 960), rng.getrandbits(64) | 1
        got, want = FILL.c.ih_normal_quantile(odd, shift), exact_quantile(odd, 65 + shift)
        worst = max(worst, float(abs(got - want)) / math.ulp(got))
    for shift in range(960):  # both ends of every octave
        for odd in (2**63 + 1, 2**64 - 1):
            got, want = FILL.c.ih_normal_quantile(odd, shift), exact_quantile(odd, 65 + shift)
            worst = max(worst, float(abs(got - want)) / math.ulp(got))
    assert worst <= TAIL_ULP


def test_f32_values_are_close_to_the_exact_quantile():
    count = 1 << 16
    words = FILL.words((3, 4), 0, count // 4)
    values = FILL.fill(np.zeros(count, np.float32), FILL.normal(1.0), "float32", key=(3, 4))
    worst_ulp = worst = worst_from_4 = 0.0
    order = np.argsort(words | 1)
    picked = np.unique(np.concatenate([order[:200], order[-200:], order[::16]]))
    for i in picked:
        word = int(words[i])
        if word < 1 << 16:
            continue
        want = exact_quantile(word | 1, 33) * (-1 if word & 1 else 1)
        error = float(abs(float(values[i]) - want))
        if abs(values[i]) < 4:
            worst = max(worst, error)
        else:
            worst_from_4 = max(worst_from_4, error)
        worst_ulp = max(worst_ulp, error / float(np.spacing(abs(values[i]))))
    assert worst <= F32_ABSOLUTE
    assert 0 < worst_from_4 <= F32_ABSOLUTE_FROM_4
    assert worst_ulp <= F32_ULP


def test_the_record_of_every_f32_value_is_within_what_the_docs_say():
    recorded = json.loads(verify_normal.RECORD.read_text(encoding="ascii"))
    assert recorded["table"] == verify_normal.table_digest(), "run tests/verify/verify_normal.py"
    record = recorded["octaves"]
    assert [row["values"] for row in record] == [2**30 >> octave for octave in range(16)]
    # Octaves 14 and 15 are |z| > 4.
    assert max(row["worst"] for row in record[:14]) <= F32_ABSOLUTE
    assert max(row["worst"] for row in record) <= F32_ABSOLUTE_FROM_4
    assert max(row["worst_ulp"] for row in record) <= F32_ULP
    text = (verify_normal.HERE.parents[1] / "docs" / "stream.md").read_text(encoding="utf-8")
    assert "at most 2.8e-7 absolute for \\|z\\| < 4, 4.5e-7 beyond; 2.8 units" in text


@pytest.mark.parametrize(
    ("low", "high"),
    [(-2, 2), (-1, 3), (0, math.inf), (3, math.inf), (-math.inf, -5), (8, 9), (-0.01, 0.01),
     (30, math.inf), (2.5, 2.6), (-9, 9), (0.5, 0.500001)],
)  # fmt: skip
def test_truncated_constants_equal_mpmath(low, high):
    law = FILL.truncated(1.0, low, high)
    with mpmath.workdps(60):
        a, b = mpmath.mpf(low), mpmath.mpf(high)
        peak = max(a, min(mpmath.mpf(0), b))
        left, right = max(a, peak - 40), min(b, peak + 40)
        points = mpmath.linspace(left, right, 33)

        def moment(power, centre):
            return mpmath.quad(
                lambda x: (x - centre) ** power * mpmath.exp(-(x * x - peak * peak) / 2), points
            )

        mass = moment(0, 0)
        mean = moment(1, 0) / mass
        deviation = mpmath.sqrt(moment(2, mean) / mass)
        assert abs(law.deviation / deviation - 1) < 1e-13
        if law.draw == 2:
            near, far = (a, b) if a > 0 else (-b, -a)
            scale = mpmath.mpf(2) ** (64 + law.tail_shift)
            first, last = mpmath.ncdf(-far) * scale, mpmath.ncdf(-near) * scale
        else:
            first, last = mpmath.ncdf(a) * 2**64, mpmath.ncdf(b) * 2**64
        assert abs(law.first - first) <= 2**12
        assert abs(law.span - (last - first)) <= 2**13
