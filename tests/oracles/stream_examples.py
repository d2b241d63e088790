"""docs/stream-examples.md: one element of each law and type, with every intermediate value.

``python tests/oracles/stream_examples.py`` rewrites the page.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
import stream_reference as reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stream-examples.md"
COMMAND = "python tests/oracles/stream_examples.py"
SEED, NAME = 1, "example"
INDEX = 5  # of the elements shown, but for those that need a second word
INFINITY = reference.INFINITY

HEAD = f"""\
# Worked examples of the weight stream

Made by `{COMMAND}`; do not edit. Names are those of
[the definition](stream.md). Floats are hexadecimal; the last line of an example is the element's
encoding.
"""


class Example:
    """The text of one example."""

    def __init__(self, title):
        self.lines = [f"## {title}", "", "```text"]

    def put(self, name, value, bits=None):
        """Add a line; integers take the number of their bits."""
        if isinstance(value, int) and bits:
            shown = f"0x{value:0{bits // 4}x}"
        elif isinstance(value, (float, np.floating)):
            shown = float(value).hex()
        else:
            shown = str(value)
        self.lines.append(f"{name} = {shown}")
        return value

    def text(self):
        """Return the example as Markdown."""
        return "\n".join([*self.lines, "```", ""])


def bits_of_type(dtype):
    """Return the bits of the words that a type takes."""
    return 64 if dtype.endswith("64") else 32


def words(example, key, index, dtype, second=False):
    """Show the words of an element, and return them."""
    bits = bits_of_type(dtype)
    example.put("i", index)
    w = example.put("w", reference.word_of(key, index, bits, reference.MAIN), bits)
    if not second:
        return w, None
    return w, example.put("e", reference.word_of(key, index, bits, reference.TAIL), bits)


def quantile(example, c, bits):
    """Show the quantile of a canonical word whose octave is below 16."""
    octave = example.put("octave", reference.octave_of(c, bits))
    fraction = example.put("fraction", reference.fraction_of(c, bits), bits)
    if bits == 32:
        example.put("t", np.float32(fraction >> 1) * np.float32(2.0**-31))
        z = reference.quantile_single(c)
    else:
        example.put("row", 16 * octave + (fraction >> 60))
        example.put("t", float(fraction % 2**60) * 2.0**-60)
        z = reference.quantile_double(octave, fraction)
    return example.put("z", -z if c & 1 else z)


def deep(example, odd, shift):
    """Show the deep quantile."""
    example.put("odd", odd, 64)
    example.put("shift", shift)
    zeros = example.put("lz", reference.octave_of(odd, 64))
    if zeros + shift >= reference.OCTAVES:
        f = example.put("f", float(odd << zeros) * 2.0**-63)
        logarithm = example.put(
            f"ln(f, {-(zeros + shift + 2)})", reference.scaled_logarithm(f, -(zeros + shift + 2))
        )
        example.put("r", float(np.sqrt(-2.0 * logarithm)))
    return example.put("Q", reference.deep_quantile(odd, shift))


def key_example(key):
    """Show how a seed and a name become a key, and a block of words."""
    example = Example("Key and words")
    name = NAME.encode()
    message = b"i" + (1).to_bytes(8, "little") + SEED.to_bytes(1, "little") + name
    example.put("seed, name", f"{SEED}, {NAME!r}")
    example.put("hashed bytes", message.hex(" "))
    packed = b"".join(word.to_bytes(4, "little") for word in key)
    example.put("key", packed.hex(" "))
    example.put("k0", int.from_bytes(packed[:8], "little"), 64)
    example.put("k1", int.from_bytes(packed[8:], "little"), 64)
    for domain in (0, 1):
        output = [int(word) for word in reference.block_words(key, 1, domain)]
        shown = " ".join(f"0x{word:08x}" for word in output)
        example.put(f"block 1, domain {domain}", shown)
    return example


def finished(example, key, index, dtype, law, parameters):
    """End an example with the element's encoding."""
    bits = reference.FORMATS[dtype].bits if dtype in reference.FORMATS else int(dtype[-2:])
    example.put("bits", reference.bits_of(key, index, dtype, law, parameters), bits)
    return example


def uniform(key, dtype):
    """Show a uniform element."""
    parameters = {"bound": 0.1}
    example = Example(f"uniform, {dtype}, b = 0.1")
    w, _ = words(example, key, INDEX, dtype)
    if dtype == "float64":
        v, scale = (w & ~0x7FF) | 0x400, 0.1 * 2.0**-63
    else:
        v, scale = (w & ~0xFF) | 0x80, float(reference.SINGLE.at_most(0.1)) * 2.0**-31
    bits = bits_of_type(dtype)
    example.put("v", v, bits)
    signed = v - (v >> bits - 1 << bits)
    example.put("b * 2^-63" if bits == 64 else "b32 * 2^-31", scale)
    form = reference.FORMATS[dtype if bits == 64 else "float32"]
    example.put("value", float(form.rounded(signed * Fraction(scale))))
    return finished(example, key, INDEX, dtype, "uniform", parameters)


def normal(key, dtype, index=INDEX):
    """Show a normal element."""
    parameters = {"std": 0.02}
    bits = bits_of_type(dtype)
    is_tail = reference.is_tail(reference.word_of(key, index, bits, reference.MAIN), bits)
    example = Example(f"normal, {dtype}, std = 0.02{', second word' if is_tail else ''}")
    w, e = words(example, key, index, dtype, second=is_tail)
    if not is_tail:
        quantile(example, w, bits)
    elif bits == 32:
        deep(example, w >> 1 << 33 | e << 1 | 1, 0)
    else:
        high = example.put("high", (w & ~1) | e >> 63, 64)
        low = example.put("low", e << 1 & 2**64 - 1, 64)
        zeros = reference.octave_of(high, 64)
        deep(example, ((high << 64 | low) << zeros >> 64) & 2**64 - 1 | 1, zeros)
    return finished(example, key, index, dtype, "normal", parameters)


def truncated(key, dtype, low, high, corrected):
    """Show an element of a truncated law."""
    parameters = {"std": 1.0, "low": low, "high": high, "corrected": corrected}
    law = reference.truncation(*parameters.values())
    bits = bits_of_type(dtype)
    ends = f"low = {low}, high = {high}, corrected = {corrected}"
    example = Example(f"truncated normal, {dtype}, std = 1, {ends}")
    one_word = law.draw == "one word" or (law.draw == "two words" and bits == 64)
    w, e = words(example, key, INDEX, dtype, second=not one_word and bits == 32)
    example.put("scale", float(law.scale))
    if law.draw == "one tail":
        example.put("shift", law.shift)
    example.put("first", law.first, 64)
    example.put("span", law.span, 64)
    word = w if bits == 64 else w << 32 | (e or 0)
    if law.draw == "one tail":
        deep(example, law.first + (word * law.span >> 64) | 1, law.shift - 1)
    elif one_word:
        first, span = (law.first, law.span) if bits == 64 else (law.first >> 32, law.span >> 32)
        u = first + (w * span >> bits)
        quantile(example, example.put("c", reference.canonical(u, bits), bits), bits)
    else:
        u = law.first + (word * law.span >> 64)
        deep(example, example.put("c", reference.canonical(u, 64), 64) | 1, 0)
    return finished(example, key, INDEX, dtype, "truncated_normal", parameters)


def interval(key, dtype, law, low, high):
    """Show an element of a law on an interval."""
    example = Example(f"{law}, {dtype}, low = {low}, high = {high}")
    words(example, key, INDEX, dtype)
    u = example.put("u", reference.unit_of(key, INDEX, bits_of_type(dtype)))
    if law in ("uniform_between", "log_of_uniform"):
        x = example.put("low + (high - low) * u", low + (high - low) * u)
        if law == "log_of_uniform":
            example.put("ln", reference.logarithm(x))
    else:
        width = example.put("ln(high / low)", reference.logarithm(high / low))
        x = example.put("low * exp(ln(high / low) * u)", low * reference.exponential(width * u))
        if law == "inverse_softplus_log_uniform":
            example.put("s", reference.inverse_softplus(x))
    return finished(example, key, INDEX, dtype, law, {"low": low, "high": high})


def page():
    """Return the text of docs/stream-examples.md."""
    key = reference.key_words(SEED, NAME)
    examples = [key_example(key)]
    floats = ("float32", "float64", "float16", "bfloat16")
    examples += [uniform(key, dtype) for dtype in floats]
    examples += [normal(key, dtype) for dtype in floats]
    for dtype in ("float32", "float64"):
        index = reference.tail_indices(key, "normal", {"std": 0.02}, dtype)[0]
        examples.append(normal(key, dtype, index))
    examples += [truncated(key, dtype, -2.0, 2.0, True) for dtype in floats]
    for ends in ((-0.01, 0.02, False), (3.0, INFINITY, True)):
        examples += [truncated(key, dtype, *ends) for dtype in floats]
    for law, ends in (
        ("uniform_between", (0.0, 16.0)),
        ("log_uniform", (0.001, 0.1)),
        ("log_of_uniform", (1.0, 16.0)),
        ("inverse_softplus_log_uniform", (0.001, 0.1)),
    ):
        examples += [interval(key, dtype, law, *ends) for dtype in floats]
    example = Example("integers, low = -5, high = 6")
    words(example, key, INDEX, "int64")
    integers = {"low": -5, "high": 6}
    examples.append(finished(example, key, INDEX, "int64", "integers", integers))
    for dtype in ("uint32", "uint64"):
        example = Example(f"bits, {dtype}")
        words(example, key, INDEX, dtype)
        examples.append(finished(example, key, INDEX, dtype, "bits", {}))
    return "\n".join([HEAD, *(example.text() for example in examples)]).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
