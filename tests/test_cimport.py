"""The C functions from C, from Cython code by `cimport irwinhall`, and from ctypes by capsule."""

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from ctypes import c_char_p, c_double, c_int, c_int64, c_void_p, py_object
from pathlib import Path

import numpy as np
import pytest

import irwinhall
from irwinhall import _core

CLIENT = """# cython: language_level=3, freethreading_compatible=True
cimport irwinhall
from irwinhall.distribution cimport ih_irwin_hall_logsf


def logsf(double x, long long n):
    return ih_irwin_hall_logsf(x, n)


def expected_magnitude(long long n):
    return irwinhall.ih_expected_magnitude(n)


def standard_bound(long long n):
    return irwinhall.ih_letkeman_bound(n)


def normalized_bound(long long n, long long m, bint printed):
    return irwinhall.ih_letkeman_bound_normalized(
        n, m, irwinhall.IH_AS_PRINTED if printed else irwinhall.IH_NODE_AVERAGE)


def preserved_magnitude(long long n, long long m, double bound):
    cdef double forward, backward, node_average
    irwinhall.ih_preserved_magnitude(n, m, bound, &forward, &backward, &node_average)
    return forward, backward, node_average


def bounds(long long[:] n, long long[:] m, double[:] out):
    with nogil:
        irwinhall.ih_letkeman_bound_normalized_array(
            n.shape[0], <char *>&n[0], n.strides[0], <char *>&m[0], m.strides[0],
            irwinhall.IH_NODE_AVERAGE, <char *>&out[0], out.strides[0])
"""
SETUP = """
from setuptools import Extension, setup
from Cython.Build import cythonize
import irwinhall

extension = Extension(
    "client", ["client.pyx"], include_dirs=[irwinhall.get_include()], extra_compile_args=["-O0"]
)
setup(name="client", ext_modules=cythonize([extension], include_path=[{root!r}]))
"""
PAIRS = [(1, 1), (10, 100), (1000, 10), (784, 256), (2558, 7929), (2**52, 3), (5, 2**63 - 1)]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Return a module compiled against irwinhall as another package would be."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "client.pyx").write_text(CLIENT, encoding="ascii")
    root = str(Path(irwinhall.__file__).resolve().parent.parent)
    (folder / "setup.py").write_text(SETUP.format(root=root), encoding="utf-8")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (library,) = folder.glob("client.*.so")
    spec = importlib.util.spec_from_file_location("client", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_header_lies_where_get_include_says():
    assert (Path(irwinhall.get_include()) / "irwinhall.h").is_file()


@pytest.mark.parametrize(("n", "m"), PAIRS)
class TestACythonClientGetsTheBitsThatPythonGets:
    def test_for_the_expected_magnitude(self, client, n, m):
        assert irwinhall.expected_magnitude(n) == client.expected_magnitude(n)

    def test_for_the_standard_bound(self, client, n, m):
        assert irwinhall.letkeman_bound(n) == client.standard_bound(n)

    def test_for_the_normalized_bound(self, client, n, m):
        assert irwinhall.letkeman_bound(n, m) == client.normalized_bound(n, m, False)

    def test_for_the_printed_formula(self, client, n, m):
        expected = irwinhall.letkeman_bound(n, m, formula="as_printed")
        assert expected == client.normalized_bound(n, m, True)

    def test_for_the_preserved_magnitudes(self, client, n, m):
        assert irwinhall.preserved_magnitude(n, m, 0.3) == client.preserved_magnitude(n, m, 0.3)


@pytest.mark.parametrize(("x", "n"), [(0.3, 1), (2.5, 4), (70.0, 100)])
def test_a_cython_client_gets_the_distribution_that_python_gets(client, x, n):
    assert irwinhall.distribution.logsf(x, n) == client.logsf(x, n)


@pytest.mark.parametrize("step", [1, 3, -1])
def test_a_cython_client_gets_the_array_that_python_gets(client, step):
    n, m = np.arange(1, 1001)[::step], np.arange(1001, 1, -1)[::step]
    out = np.empty(n.size)
    client.bounds(n, m, out)
    assert irwinhall.letkeman_bound(n, m).tobytes() == out.tobytes()


@pytest.mark.parametrize("n", [0, -1, -(2**63)])
def test_the_c_functions_give_nan_below_1(client, n):
    results = [
        client.expected_magnitude(n),
        client.standard_bound(n),
        client.normalized_bound(n, 5, False),
        client.normalized_bound(5, n, True),
        *client.preserved_magnitude(n, 5, 1.0),
        *client.preserved_magnitude(5, n, 1.0),
    ]
    assert np.isnan(results).all()


def test_the_c_array_function_gives_nan_below_1_and_values_elsewhere(client):
    n, out = np.array([3, 0, 5, -7]), np.empty(4)
    client.bounds(n, np.full(4, 2), out)
    expected = [irwinhall.letkeman_bound(3, 2), np.nan, irwinhall.letkeman_bound(5, 2), np.nan]
    np.testing.assert_array_equal(expected, out)


def from_capsule(name, result, *arguments):
    """Return a C function of `_core.__pyx_capi__` for ctypes."""
    capsule = _core.__pyx_capi__[name]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = c_char_p, [py_object]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = c_void_p, [py_object, c_char_p]
    return ctypes.CFUNCTYPE(result, *arguments)(pointer_of(capsule, name_of(capsule)))


@pytest.mark.parametrize(("n", "m"), PAIRS)
def test_a_capsule_calls_the_normalized_bound(n, m):
    function = from_capsule("ih_letkeman_bound_normalized", c_double, c_int64, c_int64, c_int)
    expected = (
        irwinhall.letkeman_bound(n, m),
        irwinhall.letkeman_bound(n, m, formula="as_printed"),
    )
    assert expected == (function(n, m, 0), function(n, m, 1))


@pytest.mark.parametrize(("n", "m"), PAIRS)
def test_a_capsule_calls_the_expected_magnitude(n, m):
    function = from_capsule("ih_expected_magnitude", c_double, c_int64)
    assert irwinhall.expected_magnitude(n) == function(n)


# ---- docs/calling-from-c.md ----------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "calling-from-c.md"


def block(language, first=""):
    """Return the code of the page's block of a language that begins with a line."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return next(code for code in found if code.startswith(first))


def test_the_program_of_the_page_compiles_and_gives_the_bits_that_python_gives(tmp_path):
    (tmp_path / "src_c").symlink_to(ROOT / "src_c")
    (tmp_path / "program.c").write_text(block("c", "/* program.c */"), encoding="ascii")
    library = block("sh", "cc -c").replace("-O3", "-O0")  # in a fifth of the time
    script = f"set -e\n{library}\n{block('sh', 'cc program.c')}"
    finished = subprocess.run(
        [
            "bash",
            "-c",
            script.replace("cc -", f"{compiler()} -").replace("cc p", f"{compiler()} p"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    bound = irwinhall.letkeman_bound(784, 256)
    weight = irwinhall.Stream(1, "w").uniform((3, 4), bound)[2, 3]
    expected = [bound, irwinhall.distribution.cdf(1.25, 3), weight]
    printed = finished.stdout.split()
    assert [float(printed[0]), float(printed[1]), np.float32(printed[2])] == expected


def compiler():
    return sysconfig.get_config_var("CC").split()[0]


def check_client(folder):
    """Import the client of the page from a folder, and compare its results with Python's."""
    (library,) = folder.glob("client.*.so")
    program = "import client; print(*client.bounds(784, 256))"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=library.parent, capture_output=True, text=True
    )
    expected = irwinhall.letkeman_bound(784), irwinhall.letkeman_bound(784, 256)
    assert tuple(map(float, finished.stdout.split())) == expected


def test_the_client_of_the_page_is_built_by_its_setup_py(tmp_path):
    (tmp_path / "client.pyx").write_text(block("cython"), encoding="ascii")
    (tmp_path / "setup.py").write_text(block("python", "# setup.py"), encoding="ascii")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "CFLAGS": "-O0"}, check=True)
    check_client(tmp_path)


def test_the_client_of_the_page_is_built_by_its_meson_build(tmp_path):
    tools = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for tool in ("meson", "ninja", "cython"):
        if shutil.which(tool, path=tools["PATH"]) is None:
            pytest.skip(f"{tool} is not installed")
    meson = shutil.which("meson", path=tools["PATH"])
    (tmp_path / "client.pyx").write_text(block("cython"), encoding="ascii")
    (tmp_path / "meson.build").write_text(block("meson"), encoding="ascii")
    for arguments in (("setup", "build"), ("compile", "-C", "build")):
        finished = subprocess.run(
            [meson, *arguments],
            cwd=tmp_path,
            env={**os.environ, **tools},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
    check_client(tmp_path / "build")
