"""Weights in .npy files: the bytes of numpy.save, whatever the pieces."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest

import irwinhall
from irwinhall import weightfile
from irwinhall.weightfile import save_weights


def saved(weights):
    file = io.BytesIO()
    np.save(file, weights)
    return file.getvalue()


@pytest.mark.parametrize("piece", [1, 100, 1000, 1 << 26])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(
    ("shape", "scheme"),
    [
        ((37, 5), "letkeman"),
        ((3, 3, 6, 7), "he_normal"),
        ((2, 113), "xavier_truncated_normal"),
        ((3, 4, 5), "identity"),
        ((12, 8), "orthogonal"),
    ],
)
def test_the_bytes_are_those_of_numpy_save(monkeypatch, tmp_path, piece, dtype, shape, scheme):
    monkeypatch.setattr(weightfile, "_PIECE", piece * 8)
    save_weights(tmp_path / "w.npy", shape, scheme, rng=5, name="w", dtype=dtype)
    expected = irwinhall.sample_weights(shape, scheme, rng=5, name="w", dtype=dtype)
    assert (tmp_path / "w.npy").read_bytes() == saved(expected)


@pytest.mark.parametrize("piece", [1, 100, 1 << 26])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (37, 5), (3, 4, 5)])
def test_an_open_file_gets_the_same_bytes(monkeypatch, piece, shape):
    monkeypatch.setattr(weightfile, "_PIECE", piece * 8)
    file, done = io.BytesIO(b""), []
    save_weights(file, shape, "normal", gain=2.0, rng=1, progress=done.append)
    expected = irwinhall.sample_weights(shape, "normal", gain=2.0, rng=1)
    assert (file.getvalue(), sum(done)) == (saved(expected), expected.nbytes)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 0, 2)])
def test_shapes_of_few_axes_and_no_elements_are_written_too(tmp_path, shape):
    save_weights(tmp_path / "w.npy", shape, "normal", gain=2.0, rng=1)
    expected = irwinhall.sample_weights(shape, "normal", gain=2.0, rng=1)
    assert (tmp_path / "w.npy").read_bytes() == saved(expected)


def test_axes_and_groups_reach_the_scale(tmp_path):
    layout = {"in_axis": 1, "out_axis": 0, "groups": 2}
    save_weights(tmp_path / "w.npy", (8, 3, 5), "he_uniform", rng=1, **layout)
    expected = irwinhall.sample_weights((8, 3, 5), "he_uniform", rng=1, **layout)
    assert (tmp_path / "w.npy").read_bytes() == saved(expected)


@pytest.mark.parametrize("rng", [None, np.random.default_rng(3)])
def test_a_source_that_gives_each_stream_once_gives_one_to_all_pieces(monkeypatch, tmp_path, rng):
    monkeypatch.setattr(weightfile, "_PIECE", 4 * 64)
    save_weights(tmp_path / "w.npy", (64, 64), "normal", gain=1.0, rng=rng)
    weights = np.load(tmp_path / "w.npy")
    assert len(np.unique(weights)) > 4000


def test_a_generator_gives_the_file_what_it_gives_the_array(tmp_path):
    save_weights(tmp_path / "w.npy", (9, 9), rng=np.random.default_rng(3), name="w")
    expected = irwinhall.sample_weights((9, 9), rng=np.random.default_rng(3), name="w")
    assert (tmp_path / "w.npy").read_bytes() == saved(expected)


@pytest.mark.parametrize("most", [1, 3, 7, 24, 1000])
def test_the_pieces_are_small_enough_and_cover_everything_once_in_order(most):
    shape = (3, 4, 5)
    counted = np.zeros(shape, int)
    firsts = []
    for region in weightfile._pieces(shape, most):
        assert counted[region].size <= most
        counted[region] += 1
        firsts.append(tuple(part.start for part in region))
    assert (counted == 1).all()
    assert all(one < other for one, other in itertools.pairwise(firsts))


def test_progress_counts_every_byte(tmp_path):
    counts = []
    save_weights(tmp_path / "w.npy", (50, 3), dtype="float16", rng=0, progress=counts.append)
    assert sum(counts) == 300


def test_a_file_is_not_replaced_unless_asked(tmp_path):
    path = tmp_path / "w.npy"
    save_weights(path, (2, 2), rng=1)
    with pytest.raises(FileExistsError, match=r"w\.npy exists"):
        save_weights(path, (3, 3), rng=1)
    save_weights(path, (3, 3), rng=1, overwrite=True)
    assert np.load(path).shape == (3, 3)


def test_a_file_made_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "w.npy"
    with pytest.raises(FileExistsError):
        save_weights(path, (2, 2), rng=1, progress=lambda _: path.write_bytes(b"theirs"))
    assert path.read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_directory_is_never_replaced(tmp_path):
    with pytest.raises(IsADirectoryError):
        save_weights(tmp_path, (2, 2), rng=1, overwrite=True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scheme": "letkemann"}, ValueError, "did you mean 'letkeman'"),
        ({"gain": "rellu"}, ValueError, "did you mean 'relu'"),
        ({"dtype": "int32"}, TypeError, "dtype must be one of"),
        ({"in_axis": 5}, ValueError, "in_axis must name an axis"),
        ({"rng": "seed"}, TypeError, "rng must be"),
        ({"progress": 3}, TypeError, "progress must be callable, got 3"),
        ({"shape": (2, -1)}, ValueError, "shape must have no negative sizes"),
    ],
)
def test_bad_arguments_are_named_before_the_disk_is_touched(tmp_path, arguments, error, message):
    options = {"shape": (4, 4), "rng": 0, **arguments}
    with pytest.raises(error, match=message):
        save_weights(tmp_path / "missing" / "w.npy", **options)


def test_what_is_no_path_is_named():
    with pytest.raises(
        TypeError, match=r"path must be a string, a path or a binary file, got 3\.5"
    ):
        save_weights(3.5, (4, 4), rng=0)


def test_a_path_with_a_null_character_is_named():
    with pytest.raises(ValueError, match=r"path must have no null character, got 'w\\x00'"):
        save_weights("w\0", (3, 4), rng=1)
