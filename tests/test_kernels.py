"""Every kernel gives the portable kernel's bytes; the portable kernel gives known answers.

Under test are ih_fill.c (regions, threads), ih_fill_law.c, ih_ars.c, ih_tail.c, ih_fill_dispatch.c,
ih_cpu.c and the kernels: ih_fill_portable.c, ih_fill_aesni.c, ih_fill_aesni_avx2.c, ih_fill_avx2.c,
ih_fill_avx512.c; tests/cross/run.sh runs ih_fill_neon.c.
"""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import threading

import hypothesis
import hypothesis.strategies as st
import kernel_build
import numpy as np
import pytest
from kernel_build import DTYPES, NUMPY_TYPES, Fill, StatusError

from irwinhall import _core

FILL = Fill()
KERNELS = FILL.kernels()
OTHERS = [name for name in KERNELS if name != "portable"]
SENTINEL = 0xCA
LAWS = {
    "uniform": FILL.uniform(0.1),
    "normal": FILL.normal(0.02),
    "truncated": FILL.truncated(1.0, -2.0, 2.0),
    "half_normal": FILL.truncated(0.5, 0.0, math.inf),
    "wide": FILL.truncated(1.0, -9.0, 9.0),
    "narrow": FILL.truncated(1.0, -0.01, 0.02),
    "one_tail": FILL.truncated(1.0, 3.0, math.inf),
    "lower_tail": FILL.truncated(1.0, -math.inf, -12.0, corrected=False),
}
PI = (
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
    (0xA4093822, 0x299F31D0, 0x082EFA98, 0xEC4E6C89),
)
ZERO = ((0,) * 4, (0,) * 4)


def words(text: str) -> list[int]:
    """Return the hexadecimal words of a line."""
    return [int(word, 16) for word in text.split()]


def kernel_or_skip(name: str) -> str:
    """Return a kernel's name; skip visibly where the machine cannot run it."""
    if not KERNELS[name]:
        if name in os.environ.get("IRWINHALL_REQUIRE_KERNELS", "").split(","):
            pytest.fail(f"kernel {name} is required and this machine cannot run it")
        pytest.skip(f"this machine cannot run kernel {name}")
    return name


def guarded(count: int, dtype: str, shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return an array at an odd address between sentinels, and the bytes of the whole buffer."""
    size = np.dtype(NUMPY_TYPES[dtype]).itemsize * count
    whole = np.full(size + 256, SENTINEL, np.uint8)
    return whole[64 + shift : 64 + shift + size].view(NUMPY_TYPES[dtype]), whole


def flat(law, dtype: str, count: int, start: int, kernel: str, shift: int = 0) -> bytes:
    """Return the buffer after filling elements [start, start + count) of a huge array."""
    out, whole = guarded(count, dtype, shift)
    FILL.fill(out, law, dtype, shape=(2**64 - 1,), start=(start,), kernel=kernel)
    return whole.tobytes()


@pytest.mark.parametrize(
    ("inputs", "rounds", "expected"),
    [
        (PI, 5, "9150862d 525af535 6612f4fa e2a60648"),
        (PI, 7, "d1df87af f67d43ba 4f66afdb 393dcb2d"),
        (PI, 10, "a516e7d6 8357ad74 5b59b3ec 8763fff3"),
        (ZERO, 5, "7ecce06f 7cdc3bca 15513c87 29d24c9b"),
        (ZERO, 7, "dacf61ff c45798f3 113c7eeb 101e27f3"),
        (ZERO, 10, "8d73ee19 506401ef 13c2dbe4 0cbe9c0d"),
    ],
)
def test_ars_gives_the_known_answers(inputs, rounds, expected):
    assert list(FILL.ars(*inputs, rounds)) == words(expected)


def test_ars5_equals_the_words_of_an_independent_implementation():
    expected = [
        "9920b2f2 1c9a2e7e 05ccf378 89820f38",
        "17573d3c 4c1d1756 6eea8596 6de3f850",
        "cdda708e ced66114 ec63949a 911ef1b2",
    ]
    for block, line in enumerate(expected):
        assert list(FILL.ars((block, 0, 0, 0), (1, 0, 0, 0), 5)) == words(line)


def test_aes_round_encrypts_the_fips_197_example():
    # Appendix C.1, with the key schedule of AES-128 done here.
    from irwinhall._codegen.aes import aes_sbox

    box = aes_sbox()
    key = [list(range(4 * i, 4 * i + 4)) for i in range(4)]
    constant = 1
    for i in range(4, 44):
        column = list(key[-1])
        if i % 4 == 0:
            column = [box[b] for b in column[1:] + column[:1]]
            column[0] ^= constant
            constant = constant << 1 ^ (0x11B if constant & 0x80 else 0)
        key.append([a ^ b for a, b in zip(column, key[i - 4], strict=True)])
    round_keys = np.array(key, np.uint8).reshape(11, 16).view("<u4").astype(np.uint32)
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    state = (np.frombuffer(plain, "<u4") ^ round_keys[0]).astype(np.uint32)
    for i in range(1, 11):
        this = np.ascontiguousarray(round_keys[i])
        FILL.aes_round(state, this, last=i == 10)
    assert state.astype("<u4").tobytes().hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("first", [0, 2**31 - 3, 2**32 - 3, 2**62 - 3])
def test_raw_words_are_ars7_of_the_counter(kernel, first):
    kernel_or_skip(kernel)
    for blocks in range(10):
        got = FILL.words((5, 6), first, blocks, 1, kernel)
        for i in range(blocks):
            counter = ((first + i) & 0xFFFFFFFF, (first + i) >> 32, 1, 1)
            assert list(got[4 * i : 4 * i + 4]) == list(FILL.ars(counter, (5, 0, 6, 0), 7))


@pytest.mark.parametrize("kernel", OTHERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_kernel_equals_portable_at_every_length_phase_and_address(kernel, dtype, law):
    kernel_or_skip(kernel)
    for count in [*range(0, 131, 3), *range(1, 34), 31 * 64, 31 * 64 + 17]:
        start = 4 * (2**31 - 8) + count % 4
        shift = count % 65
        got = flat(LAWS[law], dtype, count, start, kernel, shift)
        assert got == flat(LAWS[law], dtype, count, start, "portable", shift)


@pytest.mark.parametrize("kernel", OTHERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("middle", [4 * 2**31, 2 * 2**31, 4 * 2**32, 2 * 2**32, 2**63])
def test_kernel_equals_portable_across_counter_carries(kernel, dtype, middle):
    kernel_or_skip(kernel)
    for law in LAWS.values():
        for phase in range(4):
            start = middle - 64 + phase
            assert flat(law, dtype, 200, start, kernel) == flat(law, dtype, 200, start, "portable")


@pytest.mark.parametrize("kernel", OTHERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_equals_portable_on_many_elements_with_tails(kernel, dtype):
    kernel_or_skip(kernel)
    for law in ("normal", "wide"):
        got = flat(LAWS[law], dtype, 1 << 20, 12345, kernel)
        assert got == flat(LAWS[law], dtype, 1 << 20, 12345, "portable")


# Of each type the exponent of the least positive value.
LEAST = {"float32": -149, "float64": -1074, "float16": -24, "bfloat16": -133}
SIDES = [
    (None, None), (-2.0, 2.0), (-0.01, 1.0), (-1.0, 0.01), (-0.01, 0.02), (0.0, math.inf),
    (-math.inf, 0.0), (-0.0, 0.3), (-math.inf, 1e-3), (-1e-3, math.inf), (1.0, math.inf),
    (-math.inf, -3.0), (0.1, 0.2), (1.5, 1.6), (-1e-9, 8.0), (-9.0, 9.0),
]  # fmt: skip


def small_laws(dtype: str, rng: random.Random):
    """Yield normal and truncated laws of scales around and below the least value of a type."""
    least = LEAST[dtype]
    exponents = {least + step for step in range(-6, 32)} | {-149, -150, -152, -1074, -126, -16}
    for exponent in sorted(exponents):
        std = math.ldexp(rng.uniform(0.5, 1.0), exponent + 1)
        for low, high in SIDES:
            if low is None:
                yield FILL.normal(std)
                continue
            with contextlib.suppress(StatusError):
                yield FILL.truncated(std, low, high, rng.random() < 0.5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_agree_on_every_zero(dtype):
    rng = random.Random(2)
    kernels = [name for name in OTHERS if KERNELS[name]]
    zeros = set()
    for law in small_laws(dtype, rng):
        start = rng.randrange(2**40)
        try:
            expected = flat(law, dtype, 333, start, "portable")
        except StatusError:  # no value of the type
            continue
        values = np.frombuffer(expected, np.uint8)[64:-192].view(NUMPY_TYPES[dtype])
        if dtype == "bfloat16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        assert not np.isnan(values).any()
        zeros |= set(np.signbit(values[values == 0]).tolist())
        for kernel in kernels:
            assert flat(law, dtype, 333, start, kernel) == expected, (kernel, law.scale, law.low)
    assert zeros == {False, True}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_have_the_sign_of_the_value_or_are_all_that_there_is(kernel, dtype):
    kernel_or_skip(kernel)
    least = math.ldexp(1.0, LEAST[dtype])
    sign = {2: 0x8000, 4: 0x80000000, 8: 1 << 63}[np.dtype(NUMPY_TYPES[dtype]).itemsize]

    def drawn(*law):
        out = np.zeros(999, NUMPY_TYPES[dtype])
        FILL.fill(out, FILL.truncated(least, *law, False), dtype, kernel=kernel)
        return out.view(f"u{out.itemsize}")

    signs = FILL.fill(np.zeros(999, np.float32), FILL.truncated(1, -0.25, 2), "float32") < 0
    assert not drawn(-0.25, 0.25).any()
    if dtype != "float64":  # the words of which are others
        assert np.array_equal(drawn(-0.25, 2) == sign, signs)
    assert np.all(drawn(0, math.inf) < sign)
    assert np.all(drawn(-math.inf, 0) >= sign)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("memory", [0, 1, 2])
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shift", [0, 1, 4, 16])
def test_large_fills_do_not_depend_on_threads_or_stores(kernel, memory, threads, shift):
    kernel_or_skip(kernel)
    count = (9 << 20) // 4
    whole = np.full(4 * count + 128, SENTINEL, np.uint8)
    out = whole[64 + shift : 64 + shift + 4 * count].view(np.float32)
    FILL.fill(out, LAWS["uniform"], "float32", kernel=kernel, threads=threads, memory=memory)
    assert np.all(whole[: 64 + shift] == SENTINEL)
    assert np.all(whole[64 + shift + 4 * count :] == SENTINEL)
    for begin in (0, 1000, count // 2 - 7, count - 999):
        part = FILL.fill(
            np.zeros(999, np.float32), LAWS["uniform"], "float32",
            shape=(count,), start=(begin,), kernel="portable",
        )  # fmt: skip
        assert np.array_equal(out[begin : begin + 999], part)


@st.composite
def regions(draw):
    """Return a global shape, a region of it and how the output is laid out."""
    ndim = draw(st.integers(1, 4))
    shape = [draw(st.integers(1, (400, 60, 24, 12)[ndim - 1])) for _ in range(ndim)]
    start = [draw(st.integers(0, n - 1)) for n in shape]
    count = [draw(st.integers(0, n - s)) for n, s in zip(shape, start, strict=True)]
    order = draw(st.permutations(range(ndim)))
    steps = [draw(st.sampled_from([1, 1, 2, 3, -1, -2])) for _ in range(ndim)]
    return shape, start, count, order, steps


def strided(count, order, steps, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return an array with permuted axes and stepped, maybe reversed, strides, and its base."""
    base = np.full([max(1, count[a] * abs(steps[a])) for a in order], 7, NUMPY_TYPES[dtype])
    view = base[tuple(slice(None, None, steps[a]) for a in order)]
    view = view[tuple(slice(0, count[a]) for a in order)]
    return view.transpose(np.argsort(order)), base


@hypothesis.settings(max_examples=300)
@hypothesis.given(
    regions(), st.sampled_from(sorted(LAWS)), st.sampled_from(sorted(DTYPES)),
    st.sampled_from([k for k, ok in KERNELS.items() if ok]), st.integers(1, 8),
)  # fmt: skip
def test_a_region_is_that_part_of_the_whole(region, law, dtype, kernel, threads):
    shape, start, count, order, steps = region
    whole = FILL.fill(np.zeros(shape, NUMPY_TYPES[dtype]), LAWS[law], dtype, kernel="portable")
    out, base = strided(count, order, steps, dtype)
    assert out.shape == tuple(count)
    before = base.copy()
    FILL.fill(out, LAWS[law], dtype, shape=shape, start=start, kernel=kernel, threads=threads)
    expected = whole[tuple(slice(s, s + c) for s, c in zip(start, count, strict=True))]
    assert np.array_equal(out, expected)
    out[...] = 7
    assert np.array_equal(base, before)  # nothing was written elsewhere


@pytest.mark.parametrize("kernel", KERNELS)
def test_rows_columns_and_blocks_of_a_large_matrix_are_parts_of_it(kernel):
    kernel_or_skip(kernel)
    shape = (1500, 1501)
    law = LAWS["normal"]
    whole = FILL.fill(np.empty(shape, np.float32), law, "float32")
    for region in (
        np.s_[:, 700:701], np.s_[:, 3:20], np.s_[7:, 5:1400], np.s_[::1, :], np.s_[1499:, 1500:],
    ):  # fmt: skip
        part = whole[region]
        start = tuple(r.start or 0 for r in region)
        for out in (np.empty(part.shape, np.float32), np.empty(part.shape[::-1], np.float32).T):
            FILL.fill(out, law, "float32", shape=shape, start=start, kernel=kernel, threads=2)
            assert np.array_equal(out, part)


def test_scalars_and_empty_regions_succeed():
    law = LAWS["uniform"]
    one = FILL.fill(np.zeros((), np.float32), law, "float32")
    assert one == FILL.fill(np.zeros(1, np.float32), law, "float32")[0]
    FILL.fill(np.zeros((0, 5), np.float32), law, "float32")
    FILL.fill(np.zeros((2, 0), np.float32), law, "float32", shape=(9, 9), start=(7, 9))


def test_zero_std_fills_zeros_and_only_the_region():
    base = np.full((6, 10), 7, np.float32)
    FILL.fill(base[::2, 1::3], FILL.normal(0.0), "float32", shape=(3, 3))
    assert np.all(base[::2, 1::3] == 0)
    assert np.sum(base == 7) == 60 - 9


def test_callers_in_many_threads_and_after_fork_agree():
    law = LAWS["normal"]
    expected = FILL.fill(np.zeros(1 << 19, np.float32), law, "float32")
    results: list = []

    def work():
        out = FILL.fill(np.zeros(1 << 19, np.float32), law, "float32", threads=3)
        results.append(np.array_equal(out, expected))

    callers = [threading.Thread(target=work) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [True] * 6
    child = os.fork()
    if child == 0:
        work()
        os._exit(0 if results[-1] else 1)
    assert os.waitpid(child, 0)[1] == 0


def fill_normals(out, **options):
    return FILL.fill(out, LAWS["normal"], "float32", **options)


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda: FILL.uniform(0.0), "scale"),
        (lambda: FILL.uniform(-1.0), "scale"),
        (lambda: FILL.uniform(math.nan), "scale"),
        (lambda: FILL.uniform(math.inf), "scale"),
        (lambda: FILL.normal(-1.0), "scale"),
        (lambda: FILL.normal(math.nan), "scale"),
        (lambda: FILL.truncated(1, 2, 2), "interval"),
        (lambda: FILL.truncated(1, math.nan, 2), "interval"),
        (lambda: FILL.truncated(1, 38, 39), "far tail"),
        (lambda: FILL.kernel("none"), "kernel"),
        (lambda: fill_normals(np.zeros(3, np.float32), threads=0), "threads"),
        (lambda: fill_normals(np.zeros(3, np.float32), shape=(4,), start=(2,)), "region"),
        (lambda: fill_normals(np.zeros((1, 1), np.float32), shape=(2**32, 2**32)), "shape"),
        (lambda: FILL.fill(np.zeros(1, np.float32), FILL.uniform(2.0**-96), "float32"), "scale"),
        (lambda: FILL.fill(np.zeros(1, np.float16), FILL.uniform(2.0**-15), "float16"), "scale"),
        (lambda: FILL.fill(np.zeros(1, np.float32), FILL.normal(1e39), "float32"), "scale"),
        (lambda: FILL.ars(*ZERO, 0), "rounds"),
    ],
)  # fmt: skip
def test_bad_input_is_a_named_status(call, status):
    with pytest.raises(StatusError, match=status):
        call()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_limits_of_a_type_are_what_a_law_may_have(dtype):
    least, greatest = _core.TYPE_LIMITS[DTYPES[dtype]]
    out = np.zeros(1, NUMPY_TYPES[dtype])
    for scale in (least, greatest):
        FILL.fill(out, FILL.uniform(scale), dtype)
    refused = [FILL.uniform(math.nextafter(least, 0.0))]
    if greatest < sys.float_info.max:
        above = math.nextafter(greatest, math.inf)
        refused += [FILL.uniform(above), FILL.normal(above)]
    for law in refused:
        with pytest.raises(StatusError, match="scale"):
            FILL.fill(out, law, dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_16_bit_values_are_the_f32_values_rounded_to_nearest_even(dtype, kernel):
    kernel_or_skip(kernel)
    for std in (0.02, 1e-7, 3e4) if dtype == "float16" else (0.02, 1e-39, 1e30):
        law = FILL.normal(std)
        wide = FILL.fill(np.zeros(1 << 16, np.float32), law, "float32")
        got = FILL.fill(np.zeros(1 << 16, NUMPY_TYPES[dtype]), law, dtype, kernel=kernel)
        if dtype == "float16":
            with np.errstate(over="ignore"):
                expected = wide.astype(np.float16)
        else:
            bits = wide.view(np.uint32).astype(np.uint64)
            expected = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        assert got.tobytes() == expected.tobytes()


def test_uniform_is_inside_symmetric_and_never_zero_at_the_extreme_words():
    rng = random.Random(7)
    for bound in [1.0, 0.1, 2.0**-95, 3e38, *(rng.uniform(0, 1) for _ in range(50))]:
        law = FILL.uniform(bound)
        for dtype in ("float32", "float64"):
            out = FILL.fill(np.zeros(4096, NUMPY_TYPES[dtype]), law, dtype)
            assert np.all(np.abs(out.astype(np.float64)) < bound)
            assert np.all(out != 0)


@pytest.mark.parametrize("bound", [1.0, 0.1, 0.02, 0.5, 1.5])
def test_16_bit_uniforms_never_reach_the_bound(bound):
    half = FILL.fill(np.zeros(1 << 18, np.float16), FILL.uniform(bound), "float16")
    assert np.max(np.abs(half.astype(np.float64))) < bound
    bits = FILL.fill(np.zeros(1 << 18, np.uint16), FILL.uniform(bound), "bfloat16")
    brain = (bits.astype(np.uint32) << 16).view(np.float32)
    assert np.max(np.abs(brain.astype(np.float64))) < bound


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("low", "high"),
    [(-2, 2), (-1, 3), (0, math.inf), (3, math.inf), (-math.inf, -5), (8, 9), (-0.01, 0.01),
     (30, math.inf), (2.5, 2.6), (-9, 9)],
)  # fmt: skip
def test_truncated_values_stay_inside_and_have_the_std_asked_for(low, high, dtype):
    law = FILL.truncated(1.0, low, high)
    out = FILL.fill(np.zeros(1 << 18, NUMPY_TYPES[dtype]), law, dtype)
    if dtype == "bfloat16":
        out = (out.astype(np.uint32) << 16).view(np.float32)
    out = out.astype(np.float64)
    assert np.all(out >= law.low)
    assert np.all(out <= law.high)
    if dtype in ("float32", "float64"):
        kurtosis = np.mean((out - out.mean()) ** 4) / np.var(out) ** 2
        error = math.sqrt((kurtosis - 1) / 4 / out.size)
        assert abs(out.std() - 1.0) < 5 * error + 1e-6 * abs(law.scale)


@pytest.mark.parametrize("kernel", KERNELS)
def test_digests_of_every_law_and_type_are_those_on_record(kernel, tmp_path):
    # Of 200,003 elements each, and of the smallest and largest scales: stream_digests.txt.
    kernel_or_skip(kernel)
    tests = pathlib.Path(__file__).parent
    library, program = kernel_build.build(), tmp_path / "vectors"
    command = ["cc", "-std=gnu11", "-O1", f"-I{kernel_build.SOURCES}", "-o", program]
    sources = [tests / "cross" / "vectors.c", library, f"-Wl,-rpath,{library.parent}", "-lm"]
    subprocess.run([*command, *sources], check=True)
    printed = subprocess.run([program, kernel], check=True, capture_output=True, text=True).stdout
    recorded = (tests / "data" / "stream_digests.txt").read_text(encoding="ascii")
    assert printed == recorded, "the stream's format version 1 is frozen (docs/stream.md)"


# What a kernel's file is compiled for, and the bits by which the processor is asked for it.
FEATURES = {
    "sse4.1": "LEAF1_ECX_SSE41", "aes": "LEAF1_ECX_AES", "f16c": "LEAF1_ECX_F16C",
    "fma": "LEAF1_ECX_FMA", "avx2": "LEAF7_EBX_AVX2", "vaes": "LEAF7_ECX_VAES",
    "avx512vbmi2": "LEAF7_ECX_VBMI2",
    **{f"avx512{part}": "LEAF7_EBX_AVX512" for part in ("f", "dq", "cd", "bw", "vl")},
}  # fmt: skip
IMPLIED = {"avx512": ["avx2"], "avx2": ["aesni_avx2"], "aesni_avx2": [], "aesni": []}


@pytest.mark.parametrize("kernel", IMPLIED)
def test_the_processor_is_asked_for_all_that_a_kernel_is_compiled_for(kernel):
    kernels = kernel_build.SOURCES / "stream" / "kernels"
    source = (kernels / f"ih_fill_{kernel}.c").read_text(encoding="utf-8")
    targets = set(re.findall(r'target\("([^"]+)"', source))
    assert len(targets) == 1  # GCC's and Clang's
    asked, functions = "", [kernel]
    while functions:
        name = functions.pop()
        text = (kernels / "ih_cpu.c").read_text(encoding="utf-8")
        asked += text.split(f"int ih_cpu_has_{name}(void)")[1].split("\n}")[0]
        functions += IMPLIED[name]
    for feature in targets.pop().split(","):
        assert FEATURES[feature] in asked, feature
