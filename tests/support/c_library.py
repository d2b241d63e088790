"""Parts of the C sources compiled by themselves, for tests of what Python cannot see."""

import ctypes
import subprocess
import sysconfig
from ctypes import c_double, c_int, c_int64
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src_c"
LAST = 2**63 - 1
FORMULAS = {"node_average": 0, "as_printed": 1}


class Pair(ctypes.Structure):
    """ih_dd: an unevaluated sum of two doubles."""

    _fields_ = (("hi", c_double), ("lo", c_double))


def compiled(folder, signatures, *sources):
    """Return a library made of C files, given {name: (result, argument, ...)}."""
    library = folder / "library.so"
    compiler = sysconfig.get_config_var("CC").split()
    flags = ["-std=gnu11", "-O2", "-ffp-contract=off", "-shared", "-fPIC", f"-I{SOURCES}"]
    subprocess.run([*compiler, *flags, *map(str, sources), "-o", str(library), "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    for name, (result, *arguments) in signatures.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


PUBLIC = {
    "ih_expected_magnitude": (c_double, c_int64),
    "ih_letkeman_bound": (c_double, c_int64),
    "ih_letkeman_bound_normalized": (c_double, c_int64, c_int64, c_int),
}
WIDE = {
    "ih_magnitude_wide": (Pair, c_int64),
    "ih_average_wide": (Pair, c_int64, c_int64),
    "ih_bound_wide": (c_double, c_int64, c_int64, c_int),
}
