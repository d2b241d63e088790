"""The weight stream's definition in slow, plain Python, and the vectors made from it.

Independent of the C: AES from the field's arithmetic, uniform values and all roundings in exact
rationals, the normal law by one NumPy scalar operation a rounding. Only the coefficients of
src_c/stream/ih_normal_table.h, which are part of the definition in docs/stream.md, are shared.

``python tests/oracles/stream_reference.py`` rewrites stream_vectors.csv and stream_keys.csv in
tests/data.
"""

import ast
import csv
import io
import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
TABLE = TESTS.parent / "src_c" / "stream" / "ih_normal_table.h"
VECTORS = TESTS / "data" / "stream_vectors.csv"
KEYS = TESTS / "data" / "stream_keys.csv"

ROUNDS = 7
VERSION = 1
COMMAND = "python tests/oracles/stream_reference.py"
MAIN, TAIL = 0, 1
OCTAVES = 16
BITS_32, BITS_64 = 2**32 - 1, 2**64 - 1
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
INFINITY = math.inf

# ---- AES (FIPS-197) and ARS ----------------------------------------------------------------------


def field_product(a, b):
    """Return the product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def substituted(byte):
    """Return SubBytes of a byte: the field's inverse (byte^254), then the affine map."""
    inverse = 1
    for _ in range(254):
        inverse = field_product(inverse, byte)
    turned = [(inverse << turn | inverse >> (8 - turn)) & 255 for turn in range(5)]
    return turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63


# As arrays, so that the rounds below work on a byte or on an array of bytes alike.
SBOX = np.array([substituted(byte) for byte in range(256)], np.uint8)
TWICE = np.array([field_product(byte, 2) for byte in range(256)], np.uint8)


def aes_round(state, round_key, last):
    """Return SubBytes, ShiftRows, MixColumns (not in the last round) and AddRoundKey of 16 bytes.

    Byte 4 c + r is row r of column c.
    """
    boxed = [SBOX[byte] for byte in state]
    shifted = [boxed[(i + 4 * (i % 4)) % 16] for i in range(16)]
    if not last:
        mixed = []
        for column in range(4):
            bytes_ = shifted[4 * column : 4 * column + 4]
            every = bytes_[0] ^ bytes_[1] ^ bytes_[2] ^ bytes_[3]
            for row in range(4):  # 2 a + 3 b + c + d
                doubled = TWICE[bytes_[row] ^ bytes_[(row + 1) % 4]]
                mixed.append(doubled ^ every ^ bytes_[row])
        shifted = mixed
    return [byte ^ np.uint8(key) for byte, key in zip(shifted, round_key, strict=True)]


def ars(counter, key, rounds=ROUNDS):
    """Return the four words of ARS; counter words may be arrays, key is four 32-bit words."""
    low, high = key[0] | key[1] << 32, key[2] | key[3] << 32
    round_keys = [
        ((low + r * WEYL[0]) & BITS_64 | ((high + r * WEYL[1]) & BITS_64) << 64).to_bytes(
            16, "little"
        )
        for r in range(rounds + 1)
    ]
    state = [
        (np.asarray(word, np.uint64) >> np.uint64(8 * i) & np.uint64(255)).astype(np.uint8)
        for word in counter
        for i in range(4)
    ]
    state = [byte ^ np.uint8(first) for byte, first in zip(state, round_keys[0], strict=True)]
    for r in range(1, rounds + 1):
        state = aes_round(state, round_keys[r], last=r == rounds)
    return [
        sum(state[4 * word + i].astype(np.uint64) << np.uint64(8 * i) for i in range(4))
        for word in range(4)
    ]


# ---- keys and words ------------------------------------------------------------------------------


def key_words(seed, name):
    """Return the four 32-bit words of the stream's key.

    BLAKE2b-128, personalized with the format tag, of: the seed's kind (i or b), the length of its
    bytes in 8 bytes, its bytes (an int: two's complement, little-endian, one byte more than the
    whole bytes of its magnitude's bits), and the name in UTF-8.
    """
    if isinstance(seed, bytes):
        kind, content = b"b", seed
    else:
        kind, size = b"i", len(f"{abs(seed):b}".lstrip("0")) // 8 + 1
        content = (seed % (1 << 8 * size)).to_bytes(size, "little")
    message = kind + len(content).to_bytes(8, "little") + content + name.encode("utf-8")
    digest = blake2b(message, digest_size=16, person=b"irwinhall stream").digest()
    return tuple(int.from_bytes(digest[4 * i : 4 * i + 4], "little") for i in range(4))


def block_words(key, blocks, domain):
    """Return the generator's words of blocks, which may be an array, in one domain."""
    blocks = np.asarray(blocks, np.uint64)
    low, high = blocks & np.uint64(BITS_32), blocks >> np.uint64(32)
    return ars((low, high, domain, VERSION), key)


def word_of(key, index, bits, domain):
    """Return the word of an element, of 32 or 64 bits."""
    per_block = 128 // bits
    words = [int(word) for word in block_words(key, index // per_block, domain)]
    place = index % per_block
    return words[place] if bits == 32 else words[2 * place] | words[2 * place + 1] << 32


@cache
def main_words_32(key, count):
    """Return the main words of the 32-bit elements 0 to count - 1, count a multiple of 4."""
    words = block_words(key, np.arange(count // 4), MAIN)
    return np.stack(words, axis=1).reshape(-1)


# ---- element types: exact rounding and encoding --------------------------------------------------


@dataclass(frozen=True)
class Format:
    """A binary interchange format: precision counts the hidden bit."""

    bits: int
    precision: int

    @property
    def least_exponent(self):
        """Exponent of the least normal number."""
        return 2 - (1 << (self.bits - self.precision - 1))

    @property
    def largest(self):
        """Return the largest finite value."""
        return Fraction(2) ** (2 - self.least_exponent) - self.quantum(
            2 ** (1 - self.least_exponent)
        )

    @property
    def least(self):
        """Return the least positive value, a subnormal number."""
        return math.ldexp(1.0, self.least_exponent - self.precision + 1)

    def quantum(self, x):
        """Return the spacing of the format's values in the binade of x."""
        x = abs(Fraction(x))
        exponent = self.least_exponent
        if x:
            exponent = x.numerator.bit_length() - x.denominator.bit_length()
            exponent -= x < Fraction(2) ** exponent
        return Fraction(2) ** (max(exponent, self.least_exponent) - self.precision + 1)

    def rounded(self, x):
        """Return x rounded to nearest even; infinite on overflow."""
        if x in (INFINITY, -INFINITY):
            return x
        quantum = self.quantum(x)
        value = round(Fraction(x) / quantum) * quantum  # Fraction rounds halves to even
        return value if abs(value) <= self.largest else math.copysign(INFINITY, x)

    def at_most(self, x):
        """Return the greatest value of the format that is not above x."""
        if x in (INFINITY, -INFINITY):
            return x
        quantum = self.quantum(x)
        value = math.floor(Fraction(x) / quantum) * quantum
        return -INFINITY if value < -self.largest else min(value, self.largest)

    def at_least(self, x):
        """Return the least value of the format that is not below x."""
        return -self.at_most(-x)

    def below(self, x):
        """Return the greatest value of the format below the positive x."""
        value = self.at_most(x)
        return value if value < x else self.at_most(x - self.quantum(x) / 4)

    def below_any(self, x):
        """Return the greatest value of the format below x, of any sign, or infinite."""
        if x == INFINITY:
            return self.largest
        value = self.at_most(x)
        return value if value < x else self.at_most(Fraction(x) - self.quantum(x) / 4)

    def encoded(self, x, negative=False):
        """Return the bits of a value of the format; zero takes its sign from `negative`."""
        sign = int(x < 0 or (x == 0 and negative)) << (self.bits - 1)
        mantissa_bits = self.precision - 1
        if x in (INFINITY, -INFINITY):
            exponent_bits = self.bits - self.precision
            return sign | ((1 << exponent_bits) - 1) << mantissa_bits
        quantum = self.quantum(x)
        significand = abs(Fraction(x)) / quantum
        assert significand.denominator == 1, f"{x} is no value of the format"
        if significand < 1 << mantissa_bits:
            return sign | int(significand)
        exponent = quantum.numerator.bit_length() - quantum.denominator.bit_length()
        biased = exponent + self.precision - self.least_exponent
        return sign | biased << mantissa_bits | int(significand) - (1 << mantissa_bits)


FORMATS = {
    "float32": Format(32, 24),
    "float64": Format(64, 53),
    "float16": Format(16, 11),
    "bfloat16": Format(16, 8),
}
SINGLE = FORMATS["float32"]


# ---- uniform -------------------------------------------------------------------------------------


def signed_shift(word, bits, shift):
    """Return the word taken as a signed integer, shifted right."""
    return (word - (word >> bits - 1 << bits)) >> shift


def uniform_bits(key, index, dtype, bound):
    """Return the encoding of a uniform element."""
    if dtype == "float64":
        odd = signed_shift(word_of(key, index, 64, MAIN), 64, 10) | 1
        exact = odd * Fraction(bound) / 2**53
        return FORMATS[dtype].encoded(FORMATS[dtype].rounded(exact))
    bound = SINGLE.at_most(bound)
    odd = signed_shift(word_of(key, index, 32, MAIN), 32, 7) | 1
    value = SINGLE.rounded(odd * bound / 2**24)
    if dtype != "float32":
        limit = FORMATS[dtype].below(bound)
        value = FORMATS[dtype].rounded(max(-limit, min(limit, value)))
    return FORMATS[dtype].encoded(value, negative=odd < 0)


# ---- the normal quantile -------------------------------------------------------------------------


@cache
def table(name):
    """Return a table of src_c/stream/ih_normal_table.h, as floats that hold it exactly."""
    text = TABLE.read_text()
    found = re.search(rf"{name}((?:\[\d+\])+) = (.*?);", text, re.S)
    shape = [int(length) for length in re.findall(r"\d+", found[1])]
    numbers = [float.fromhex(n) for n in re.findall(r"-?0x[0-9a-f.]+p[+-]\d+", found[2])]
    return np.array(numbers).reshape(shape)


def octave_of(word, bits):
    """Return the number of leading zeros."""
    return bits - word.bit_length()


def fraction_of(word, bits):
    """Return the distance from the octave's inner end, on the scale 2^bits."""
    return (-(word | 1) << octave_of(word, bits) + 1) % (1 << bits)


def fused_single(a, b, c):
    """Return a * b + c rounded once to single precision."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    return np.float32(float(SINGLE.rounded(exact)))


def fused_double(a, b, c):
    """Return a * b + c rounded once to double precision."""
    return float(Fraction(a) * Fraction(b) + Fraction(c))  # float() of a Fraction rounds once


def quantile_single(word):
    """Return Phi^-1 of a canonical 32-bit word of octave below 16, in single precision."""
    octave = octave_of(word, 32)
    t = np.float32(fraction_of(word, 32) >> 1) * np.float32(2.0**-31)
    z, *coefficients = table("ih_normal_f32").astype(np.float32)[::-1, octave]
    for coefficient in coefficients:
        z = fused_single(z, t, coefficient)
    return z


def quantile_double(octave, fraction):
    """Return Phi^-1 by the table of doubles, from the octave and the 64-bit fraction."""
    t = float(fraction % 2**60) * 2.0**-60
    z, *coefficients = map(float, table("ih_normal_f64")[16 * octave + (fraction >> 60)][::-1])
    for coefficient in coefficients:
        z = fused_double(z, t, coefficient)
    return z


LN_2_HIGH, LN_2_LOW = map(float.fromhex, ("0x1.62e42fee00000p-1", "0x1.a39ef35793c76p-33"))


def scaled_logarithm(f, k):
    """Return ln(f * 2^k) for f in [1, 2] by the definition's series."""
    if f > math.sqrt(2):
        f, k = f * 0.5, k + 1
    s = (f - 1.0) / (f + 1.0)
    p = s * s
    a = 1.0 / 23.0
    for odd in range(21, 0, -2):
        a = a * p + 1.0 / odd
    return (2.0 * s * a + k * LN_2_LOW) + k * LN_2_HIGH


def deep_quantile(odd, shift):
    """Return Phi^-1(odd / 2^(65 + shift)), odd an odd 64-bit integer."""
    zeros = octave_of(odd, 64)
    if zeros + shift < OCTAVES:
        return quantile_double(zeros + shift, fraction_of(odd, 64))
    logarithm = scaled_logarithm(float(odd << zeros) * 2.0**-63, -(zeros + shift + 2))
    r = math.sqrt(-2.0 * logarithm)
    piece = sum(r >= edge for edge in table("ih_normal_tail_edges"))
    middle, per_half, *coefficients = (float(c) for c in table("ih_normal_tail")[piece])
    x = (r - middle) * per_half
    z = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        z = fused_double(z, x, coefficient)
    return z - r


def deep_quantile_128(value):
    """Return Phi^-1 of a 128-bit canonical word over 2^129, by its 64 leading bits."""
    if value < 2**64:
        return deep_quantile(value | 1, 64)
    zeros = octave_of(value, 128)
    return deep_quantile(value << zeros >> 64 | 1, zeros)


def is_tail(word, bits):
    """Return whether a canonical word needs more bits."""
    return octave_of(word, bits) >= OCTAVES


# ---- normal and truncated normal -----------------------------------------------------------------


def standard_normal(key, index, bits):
    """Return the standard normal value of an element: np.float32 for 32 bits, float for 64."""
    word = word_of(key, index, bits, MAIN)
    if not is_tail(word, bits):
        if bits == 32:
            z = quantile_single(word)
        else:
            z = quantile_double(octave_of(word, 64), fraction_of(word, 64))
    elif bits == 32:
        extra = word_of(key, index, 32, TAIL)
        z = np.float32(deep_quantile(word >> 1 << 33 | extra << 1 | 1, 0))
    else:
        extra = word_of(key, index, 64, TAIL)
        z = deep_quantile_128((word >> 1 << 65) + (extra << 1))
    return -z if word & 1 else z


@dataclass(frozen=True)
class Truncation:
    """The constants of a truncated normal law."""

    draw: str
    first: int
    span: int
    shift: int
    upper: bool
    low: float
    high: float
    scale: float


def exponential(x):
    """Return exp(x) by the definition's series."""
    if x < -708:
        return 0.0
    k = int(x * float.fromhex("0x1.71547652b82fep+0") + (-0.5 if x < 0 else 0.5))
    r = (x - k * LN_2_HIGH) - k * LN_2_LOW
    total = 1.0 / math.factorial(14)
    for power in range(13, -1, -1):
        total = total * r + 1.0 / math.factorial(power)
    return total * math.ldexp(1.0, k)


def density(x):
    """Return the normal density."""
    head = float(np.float32(x))
    first = exponential(-0.5 * head * head)
    return (
        float.fromhex("0x1.9884533d43651p-2") * first * exponential(-0.5 * (x - head) * (x + head))
    )


def tail_probability(x):
    """Return 1 - Phi(x) for x >= 1 by the continued fraction."""
    if x > 38.0:
        return 0.0
    fraction = x
    for k in range(300, 0, -1):
        fraction = x + k / fraction
    return density(x) / fraction


def probability_64(x):
    """Return Phi(x) on the scale 2^-64, an integer."""
    if x < -1:
        return int(tail_probability(-x) * 2.0**64)
    if x > 1:
        return 2**64 - int(tail_probability(x) * 2.0**64)
    term = total = abs(x)
    for odd in range(3, 61, 2):
        term = term * abs(x) * abs(x) / odd
        total += term
    off_centre = int(density(x) * total * 2.0**64)
    return 2**63 + (-off_centre if x < 0 else off_centre)


def truncated_deviation(low, high):
    """Return the standard deviation of the law on [low, high] by tanh-sinh quadrature."""
    peak = low if low > 0 else high if high < 0 else 0.0
    reach = math.sqrt(peak * peak + 90.0)
    left, right = max(low, -reach), min(high, reach)
    width = right - left
    mass = mean = variance = 0.0
    nodes = []
    for i in range(-112, 113):
        e = exponential(i * 2.0**-5)
        u = 0.5 * float.fromhex("0x1.921fb54442d18p+0") * (e - 1 / e)
        decay = exponential(-2 * abs(u))
        share = decay / (1 + decay) if u < 0 else 1 / (1 + decay)
        slope = (e + 1 / e) * decay / ((1 + decay) * (1 + decay))
        x = left + width * share
        weight = slope * exponential(-0.5 * (x - peak) * (x + peak))
        nodes.append((width * share, weight))
        mass += weight
        mean += weight * (width * share)
    mean /= mass
    for offset, weight in nodes:
        variance += weight * (offset - mean) * (offset - mean)
    return math.sqrt(variance / mass)


@cache
def truncation(std, low, high, corrected):
    """Return the constants of a truncated law with a finite end."""
    scale = std / truncated_deviation(low, high) if corrected else std
    first = probability_64(low)
    # The words' range is 2^64 - 1 at most.
    span = max(0, min(probability_64(high) - first, BITS_64))
    draw, shift = "one word", 0
    if span < 2**60:
        draw = "two words"
        if low >= 1 or high <= -1:
            draw = "one tail"
            near, far = (low, high) if low >= 1 else (-high, -low)
            most, least = tail_probability(near), tail_probability(far)
            while most < 0.5:
                most, least, shift = 2 * most, 2 * least, shift + 1
            first, span = int(least * 2.0**64), int((most - least) * 2.0**64)
    return Truncation(draw, first, span, shift, low > 0, low * scale, high * scale, scale)


def canonical(u, bits):
    """Return the canonical word of the probability (u + 1/2) / 2^bits."""
    top = u >> bits - 1
    return (u ^ (2**bits - 1)) << 1 & 2**bits - 1 | 1 if top else u << 1


def standard_truncated(key, index, bits, law):
    """Return the value of an element before scaling: np.float32 or float."""
    word = word_of(key, index, bits, MAIN)
    extra = word_of(key, index, bits, TAIL)
    double_word = word << 32 | extra if bits == 32 else word
    if law.draw == "one tail":
        z = deep_quantile(law.first + (double_word * law.span >> 64) | 1, law.shift - 1)
        z = -z if law.upper else z
        return np.float32(z) if bits == 32 else z
    if law.draw == "one word" and bits == 32:
        u = canonical((law.first >> 32) + (word * (law.span >> 32) >> 32), 32)
        if not is_tail(u, 32):
            return -quantile_single(u) if u & 1 else quantile_single(u)
    if bits == 32:
        u = canonical(law.first + (double_word * law.span >> 64), 64)
        z = deep_quantile(u | 1, 0)
        return np.float32(-z if u & 1 else z)
    u = canonical(law.first + (word * law.span >> 64), 64)
    if not is_tail(u, 64) or law.draw == "two words":
        z = deep_quantile(u | 1, 0)
        return -z if u & 1 else z
    return truncated_128(word, extra, law)


def truncated_128(word, extra, law):
    """Return the value, before scaling, of a probability of 128 bits."""
    total = (law.first << 64) + law.span * word + (extra * law.span >> 64)
    upper = total >> 127
    z = deep_quantile_128((total ^ (2**128 - 1) if upper else total) << 1 & 2**128 - 1)
    return -z if upper else z


def scaled_bits(z, scale, dtype, low, high):
    """Return the encoding of z * scale, cut to the type's values within [low, high]."""
    form = FORMATS[dtype]
    low, high = (form.at_least(low), form.at_most(high))
    with np.errstate(over="ignore", under="ignore"):
        product = z * (scale if dtype == "float64" else np.float32(scale))
    exact = Fraction(float(product)) if math.isfinite(product) else float(product)
    cut = low if exact < low else high if exact > high else exact
    return form.encoded(form.rounded(cut), negative=bool(np.signbit(product)))


# ---- laws on an interval, integers, words --------------------------------------------------------


def logarithm(x):
    """Return ln(x) by the definition's series."""
    mantissa, exponent = math.frexp(x)
    return scaled_logarithm(2.0 * mantissa, exponent - 1)


def inverse_softplus(t):
    """Return ln(exp(t) - 1) by the definition's series."""
    if t >= 1.0:
        return t + logarithm(1.0 - exponential(-t))
    total = 0.0
    for power in range(19, 1, -1):
        total = (1.0 + total) * t / power
    return logarithm(t + t * total)


def unit_of(key, index, bits):
    """Return the element's number in (0, 1)."""
    word = word_of(key, index, bits, MAIN)
    return (word + 0.5) / 2.0**32 if bits == 32 else ((word >> 12) + 0.5) / 2.0**52


def interval_bits(key, index, dtype, law, low, high):
    """Return the encoding of an element of a law on the open interval (low, high)."""
    u = unit_of(key, index, 64 if dtype == "float64" else 32)
    if law in ("uniform_between", "log_of_uniform"):
        x, ends = low + (high - low) * u, (low, high)
        if law == "log_of_uniform":
            x, ends = logarithm(x), (logarithm(low) if low else -INFINITY, logarithm(high))
    else:
        x, ends = low * exponential(logarithm(high / low) * u), (low, high)
        if law == "inverse_softplus_log_uniform":
            x, ends = inverse_softplus(x), (inverse_softplus(low), inverse_softplus(high))
    form, negative = FORMATS[dtype], math.copysign(1.0, x) < 0
    single = form if dtype == "float64" else SINGLE
    exact = single.rounded(Fraction(x))
    least, most = -form.below_any(-ends[0]), form.below_any(ends[1])
    if least == most == 0:
        return 0
    cut = least if exact < least else most if exact > most else exact
    return form.encoded(form.rounded(cut), negative=negative)


def integer_of(key, index, low, high):
    """Return an element of the law of integers, as 64 bits."""
    span, domain = high - low, MAIN
    while True:
        product = word_of(key, index, 64, domain) * span
        if product % 2**64 >= 2**64 % span:
            return (low + (product >> 64)) % 2**64
        domain += 1


def bits_of(key, index, dtype, law, parameters):
    """Return the encoding of one element as an integer."""
    if law == "integers":
        return integer_of(key, index, parameters["low"], parameters["high"])
    if law == "bits":
        return word_of(key, index, 64 if dtype == "uint64" else 32, MAIN)
    if law in INTERVAL_LAWS:
        return interval_bits(key, index, dtype, law, parameters["low"], parameters["high"])
    if law == "uniform":
        return uniform_bits(key, index, dtype, parameters["bound"])
    bits = 64 if dtype == "float64" else 32
    std, low, high = parameters["std"], parameters.get("low"), parameters.get("high")
    if std == 0:
        return 0
    if law == "normal" or (low, high) == (-INFINITY, INFINITY):
        z = standard_normal(key, index, bits)
        return scaled_bits(z, std, dtype, -INFINITY, INFINITY)
    made = truncation(std, low, high, parameters["corrected"])
    if FORMATS[dtype].at_least(made.low) == FORMATS[dtype].at_most(made.high) == 0:
        return 0
    z = standard_truncated(key, index, bits, made)
    return scaled_bits(z, made.scale, dtype, made.low, made.high)


def bits_from(seed, name, law, parameters, dtype, first, count):
    """Return the encodings of elements first to first + count - 1."""
    key = key_words(seed, name)
    return [bits_of(key, first + i, dtype, law, parameters) for i in range(count)]


# ---- vectors -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vector:
    """One row of the golden vectors."""

    seed: int | bytes
    name: str
    law: str
    parameters: dict
    dtype: str
    first: int
    values: list[int]


INTERVAL_LAWS = (
    "uniform_between", "log_uniform", "log_of_uniform", "inverse_softplus_log_uniform",
)  # fmt: skip
INTERVALS = (
    ("uniform_between", {"low": 0.0, "high": 16.0}),
    ("uniform_between", {"low": -3.0, "high": -1e-3}),
    ("uniform_between", {"low": -2.0, "high": 1.0}),
    ("log_uniform", {"low": 1e-3, "high": 0.1}),
    ("log_uniform", {"low": 1e-4, "high": 6e4}),
    ("log_of_uniform", {"low": 1.0, "high": 16.0}),
    ("log_of_uniform", {"low": 0.0, "high": 16.0}),
    ("inverse_softplus_log_uniform", {"low": 1e-3, "high": 0.1}),
    ("inverse_softplus_log_uniform", {"low": 0.5, "high": 50.0}),
)
INTEGERS = (
    (0, 2),
    (-5, 6),
    (-(2**63), 2**63),
    (-(2**63), 2**62),
    (-(2**63), 2**63 - 1),
    (0, 2**63),
)
LAWS = (
    ("uniform", {"bound": 1.0}),
    ("uniform", {"bound": 0.1}),
    ("uniform", {"bound": 2.0**-14}),
    ("normal", {"std": 1.0}),
    ("normal", {"std": 0.02}),
    ("normal", {"std": 1e-7}),
    ("truncated_normal", {"std": 1.0, "low": -2.0, "high": 2.0, "corrected": True}),
    ("truncated_normal", {"std": 0.02, "low": -2.0, "high": 2.0, "corrected": False}),
    ("truncated_normal", {"std": 1.0, "low": -9.5, "high": INFINITY, "corrected": True}),
    ("truncated_normal", {"std": 1.0, "low": 0.0, "high": INFINITY, "corrected": True}),
    ("truncated_normal", {"std": 0.5, "low": -INFINITY, "high": -0.25, "corrected": False}),
    ("truncated_normal", {"std": 1.0, "low": -1.0, "high": 3.0, "corrected": True}),
    ("truncated_normal", {"std": 1.0, "low": -0.01, "high": 0.02, "corrected": True}),
    ("truncated_normal", {"std": 1.0, "low": 2.5, "high": 2.75, "corrected": True}),
    # Its span is 2^60 - 32, a little too narrow for one word.
    (
        "truncated_normal",
        {"std": 1.0, "low": -2.326347874040841, "high": -1.4574217385976513, "corrected": False},
    ),
    ("truncated_normal", {"std": 0.1, "low": 5.0, "high": INFINITY, "corrected": False}),
    ("truncated_normal", {"std": 1.0, "low": -INFINITY, "high": -36.0, "corrected": True}),
)
STREAMS = ((1, ""), (-(2**70), "encoder.layer.0/weight"), (b"\x01", "Gewicht \u00fc \u6743\u91cd"))
LAST_INDEX = 2**63 - 2  # of the largest shape that a Stream takes
FIRST_INDICES = (0, 4 * 2**31 - 2, 4 * 2**32 - 2, 2 * 2**32 - 1, 2**62 - 2, LAST_INDEX - 2)
COUNT = 3
# In units of the least value of a type: at least one end is 0 there.
ENDS_THAT_ROUND_TO_ZERO = (
    *((-0.25, 0.25), (-0.01, 0.02), (-0.25, 2.0), (-2.0, 0.25), (-0.01, 1.0), (-1.0, 0.01)),
    *((0.0, INFINITY), (-INFINITY, 0.0), (-0.25, INFINITY), (-INFINITY, 0.25)),
)
TAIL_SEARCH = 1 << 18
# Elements of Stream(1) whose 32-bit main words are 0 and 1: the second word alone gives the value,
# beyond the 6.34 that one word reaches. Found by looking at the first 2^35 words.
FAR_TAILS = (26451553984, 25073342698, 11154128994)


# Elements of Stream(1) by the float64 law on [-0.01, 0.02] corrected, which takes one word: drawn
# from two, as float32 is, they would have other bits.
ONE_WORD_ELEMENTS = (56, 1323, 2273)


def tail_indices(key, law, parameters, dtype):
    """Return the first elements whose main word alone does not settle their value."""
    words = main_words_32(key, TAIL_SEARCH)
    if dtype == "float64":
        words = words.reshape(-1, 2)[:, 1]  # the high half
    if law == "truncated_normal":
        made = truncation(*parameters.values())
        words = (made.first >> 32) + (words * np.uint64(made.span >> 32) >> np.uint64(32))
        words = np.minimum(words, BITS_32 - words) << np.uint64(1)
    return [int(i) for i in np.flatnonzero(words < 1 << 16)[:3]]


def cases():
    """Yield (seed, name, law, parameters, dtype, first element) of every vector."""
    for number, (law, parameters) in enumerate(LAWS):
        for dtype in FORMATS:
            for place, first in enumerate(FIRST_INDICES):
                seed, name = STREAMS[(number + place) % len(STREAMS)]
                yield seed, name, law, parameters, dtype, first
    wide = (
        ("normal", {"std": 1.0}),
        ("truncated_normal", {"std": 1.0, "low": -8.0, "high": 8.5, "corrected": False}),
        ("truncated_normal", {"std": 1.0, "low": -INFINITY, "high": 0.5, "corrected": True}),
    )
    for law, parameters in wide:
        for dtype in FORMATS:
            seed, name = STREAMS[0]
            for first in tail_indices(key_words(seed, name), law, parameters, dtype):
                yield seed, name, law, parameters, dtype, first
    narrow = {"std": 1.0, "low": -0.01, "high": 0.02, "corrected": True}
    for first in ONE_WORD_ELEMENTS:
        yield *STREAMS[0], "truncated_normal", narrow, "float64", first
    for law, parameters in wide:
        for first in FAR_TAILS:
            yield *STREAMS[0], law, parameters, "float32", first
    for number, (law, parameters) in enumerate(INTERVALS):
        for dtype in FORMATS:
            for place, first in enumerate((0, 4 * 2**32 - 2)):
                seed, name = STREAMS[(number + place) % len(STREAMS)]
                yield seed, name, law, parameters, dtype, first
    for dtype, form in FORMATS.items():
        # 0 alone; 0 and its neighbours, of which a value may round to 0 from either side
        for end in (form.least, 2.5 * form.least):
            parameters = {"low": -end, "high": end}
            yield *STREAMS[0], "uniform_between", parameters, dtype, 0
        yield *STREAMS[0], "normal", {"std": 0.0}, dtype, 0
    for dtype, std in (("float16", 65504.0), ("bfloat16", 3e38), ("float32", 3e38)):
        yield *STREAMS[0], "normal", {"std": std}, dtype, 0  # beyond the greatest value
    for low, high in INTEGERS:
        yield *STREAMS[0], "integers", {"low": low, "high": high}, "int64", 2 * 2**32 - 1
    for dtype in ("uint32", "uint64"):
        yield *STREAMS[1], "bits", {}, dtype, 2 * 2**32 - 1
    for dtype, form in FORMATS.items():
        for low, high in ENDS_THAT_ROUND_TO_ZERO:
            parameters = {"std": form.least, "low": low, "high": high, "corrected": False}
            yield *STREAMS[0], "truncated_normal", parameters, dtype, 0
            if form.bits == 16:  # so small that already the single is 0
                parameters = {**parameters, "std": SINGLE.least}
                yield *STREAMS[0], "truncated_normal", parameters, dtype, 0


def stream_vectors():
    """Return the text of data/stream_vectors.csv."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["seed", "name", "law", "parameters", "dtype", "first", "values"])
    for seed, name, law, parameters, dtype, first in cases():
        digits = (FORMATS[dtype].bits if dtype in FORMATS else int(dtype[-2:])) // 4
        values = bits_from(seed, name, law, parameters, dtype, first, COUNT)
        hexadecimal = " ".join(f"{value:0{digits}x}" for value in values)
        writer.writerow([repr(seed), name, law, json.dumps(parameters), dtype, first, hexadecimal])
    return lines.getvalue()


def read_vectors():
    """Return the recorded vectors."""
    with VECTORS.open(newline="", encoding="utf-8") as lines:
        return [
            Vector(
                ast.literal_eval(row["seed"]),
                row["name"],
                row["law"],
                json.loads(row["parameters"]),
                row["dtype"],
                int(row["first"]),
                [int(value, 16) for value in row["values"].split()],
            )
            for row in csv.DictReader(lines)
        ]


KEY_SEEDS = (
    *(0, 1, -1, 127, 128, -128, -129, 255, 256, 2**31, 2**63, -(2**63), 2**64, 10**40, -(10**40)),
    *(b"", b"\x00", b"\x01", b"1", b"\xff", bytes(range(40))),
)
KEY_NAMES = ("", "a", "a/b", "encoder.layer.0/weight", "Gewicht \u00fc \u6743\u91cd \U0001d4a9")


def key_vectors():
    """Return the text of data/stream_keys.csv."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["seed", "name", "key"])
    for seed in KEY_SEEDS:
        for name in KEY_NAMES:
            key = b"".join(word.to_bytes(4, "little") for word in key_words(seed, name))
            writer.writerow([repr(seed), name, key.hex()])
    return lines.getvalue()


def read_keys():
    """Return the recorded (seed, name, key)."""
    with KEYS.open(newline="", encoding="utf-8") as lines:
        return [
            (ast.literal_eval(row["seed"]), row["name"], bytes.fromhex(row["key"]))
            for row in csv.DictReader(lines)
        ]


def main():
    """Rewrite the recorded vectors."""
    VECTORS.write_text(stream_vectors(), encoding="utf-8")
    KEYS.write_text(key_vectors(), encoding="utf-8")


if __name__ == "__main__":
    main()
