"""The slow reference of the stream gives the known answers of AES and ARS."""

import numpy as np
import pytest
import stream_reference as reference
from stream_layouts import skip_without

# Random123's kat_vectors (10 rounds); 5 and 7 rounds computed from its ars.h.
DIGITS_OF_PI = (
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
    (0xA4093822, 0x299F31D0, 0x082EFA98, 0xEC4E6C89),
)
ZEROS = ((0, 0, 0, 0), (0, 0, 0, 0))


def hexadecimal(words):
    """Return words as text."""
    return " ".join(f"{int(word):08x}" for word in words)


@pytest.mark.parametrize(
    ("inputs", "rounds", "expected"),
    [
        (DIGITS_OF_PI, 5, "9150862d 525af535 6612f4fa e2a60648"),
        (DIGITS_OF_PI, 7, "d1df87af f67d43ba 4f66afdb 393dcb2d"),
        (DIGITS_OF_PI, 10, "a516e7d6 8357ad74 5b59b3ec 8763fff3"),
        (ZEROS, 5, "7ecce06f 7cdc3bca 15513c87 29d24c9b"),
        (ZEROS, 7, "dacf61ff c45798f3 113c7eeb 101e27f3"),
        (ZEROS, 10, "8d73ee19 506401ef 13c2dbe4 0cbe9c0d"),
    ],
)
def test_ars_gives_the_known_answers(inputs, rounds, expected):
    assert expected == hexadecimal(reference.ars(*inputs, rounds))


# FIPS-197: the S-box's corners (figure 7), and the cipher of appendices B and C.1.
@pytest.mark.parametrize(
    ("byte", "expected"), [(0x00, 0x63), (0x53, 0xED), (0x0F, 0x76), (0xF0, 0x8C), (0xFF, 0x16)]
)
def test_the_substitution_is_that_of_fips_197(byte, expected):
    assert expected == reference.SBOX[byte]


def expanded_key(key):
    """Return AES-128's eleven round keys (FIPS-197, section 5.2)."""
    words = [list(key[4 * i : 4 * i + 4]) for i in range(4)]
    constant = 1
    for i in range(4, 44):
        word = list(words[-1])
        if i % 4 == 0:
            word = [int(reference.SBOX[byte]) for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = reference.field_product(constant, 2)
        words.append([a ^ b for a, b in zip(word, words[i - 4], strict=True)])
    return [[byte for word in words[4 * r : 4 * r + 4] for byte in word] for r in range(11)]


@pytest.mark.parametrize(
    ("key", "plain", "expected"),
    [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3243f6a8885a308d313198a2e0370734",
            "3925841d02dc09fbdc118597196a0b32",
        ),
        (
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
    ],
)
def test_the_rounds_encrypt_the_examples_of_fips_197(key, plain, expected):
    round_keys = expanded_key(bytes.fromhex(key))
    state = [np.uint8(a ^ b) for a, b in zip(bytes.fromhex(plain), round_keys[0], strict=True)]
    for r in range(1, 11):
        state = reference.aes_round(state, round_keys[r], last=r == 10)
    assert expected == bytes(state).hex()


def test_ars_takes_arrays_of_counters():
    counters = np.arange(5, dtype=np.uint64)
    together = reference.ars((counters, 0, 0, 0), (1, 2, 3, 4))
    for i in range(5):
        alone = reference.ars((i, 0, 0, 0), (1, 2, 3, 4))
        assert hexadecimal(alone) == hexadecimal(word[i] for word in together)


def test_ars_5_gives_the_recorded_words_of_mkl():
    # MKLRandomState(1, brng="ARS5").randint(0, 2**32, size=12, dtype=uint32)
    expected = (
        "9920b2f2 1c9a2e7e 05ccf378 89820f38",
        "17573d3c 4c1d1756 6eea8596 6de3f850",
        "cdda708e ced66114 ec63949a 911ef1b2",
    )
    for block, words in enumerate(expected):
        assert words == hexadecimal(reference.ars((block, 0, 0, 0), (1, 0, 0, 0), 5))


@pytest.mark.parametrize("seed", [1, 2021])
def test_ars_5_is_that_of_mkl(seed):
    mkl_random = skip_without("mkl_random")  # needs MKL, of some 900 MB: in no extra
    state = mkl_random.MKLRandomState(seed, brng="ARS5")
    expected = state.randint(0, 2**32, size=4000, dtype=np.uint32)
    words = reference.ars((np.arange(1000), 0, 0, 0), (seed, 0, 0, 0), 5)
    assert expected.tolist() == np.stack(words, axis=1).reshape(-1).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_the_reference_rounds_and_encodes_like_ieee(dtype):
    form, type_ = reference.FORMATS[dtype], np.dtype(dtype).type
    generator = np.random.default_rng(5)
    spread = 2.0 ** generator.uniform(form.least_exponent - form.precision - 2, 17, 500)
    for x in (*(generator.uniform(-1, 1, 500) * spread).tolist(), 65519.0, 65520.0, 2.0**-25):
        with np.errstate(over="ignore"):
            expected = np.array(type_(x)).view(f"u{form.bits // 8}")
        rounded = form.rounded(reference.Fraction(x))
        assert f"{int(expected):x}" == f"{form.encoded(rounded, negative=np.signbit(x)):x}"
