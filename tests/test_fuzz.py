"""What ``python tests/verify/fuzz.py`` recorded, and that its program finds what is wrong."""

import json
import shutil
import subprocess

import fuzz
import kernel_build
import pytest

KERNELS = ["avx512", "avx2", "aesni_avx2", "aesni", "portable"]
# Faults that a program with ih_fill replaced by `faulty` must find, and what it says then. Expected
# elements are made with one thread, so that they are right.
FAULTS = {
    "none": ("", None),
    "a wrong bit": ("if (one_axis) ((char *)out)[0] ^= 1;", "other bytes"),
    "a byte between elements": (
        "if (one_axis && strides[0] > 9) ((char *)out)[9] ^= 1;",
        "other bytes",
    ),
    "a store beyond the guard": (
        "if (one_axis && count[0] == 1) ((volatile char *)out)[sysconf(_SC_PAGESIZE)] = 0;",
        "a crash",
    ),
    "an argument unchecked": ("if (status == IH_ERROR_THREADS) status = IH_OK;", "a wrong status"),
}
FAULTY = """
#include <unistd.h>
#include "ih_fill.h"
int faulty(const ih_key *key, const ih_law *law, int dtype, int ndim, const uint64_t *shape,
           const uint64_t *start, const uint64_t *count, const ptrdiff_t *strides, void *out,
           int threads, int memory, int kernel) {
    int status = ih_fill(key, law, dtype, ndim, shape, start, count, strides, out, threads, memory,
                         kernel);
    const int one_axis = status == IH_OK && threads == 2 && ndim == 1 && count[0] > 0;
    (void)one_axis;
    FAULT
    return status;
}
"""


def recorded(build):
    return json.loads(fuzz.RECORD.read_text(encoding="utf-8"))["builds"][build]


@pytest.mark.parametrize("build", fuzz.BUILDS)
def test_a_million_calls_made_no_difference(build):
    record = recorded(build)
    assert record["calls"] >= fuzz.CALLS
    assert record["differences"] == 0
    assert list(record["kernels"]) == KERNELS
    assert min(record["kernels"].values()) > 0.9 * record["calls"] / len(KERNELS)
    assert sum(record["kernels"].values()) + record["bad_arguments"] == record["calls"]


def test_both_builds_made_the_same_calls():
    assert recorded("optimized") == recorded("sanitized")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_its_call_can_be_repeated(fault, tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    code, message = FAULTS[fault]
    (tmp_path / "faulty.c").write_text(FAULTY.replace("FAULT", code))
    library = kernel_build.build()
    program = tmp_path / "fuzz"
    command = [compiler, "-std=gnu11", "-O1", f"-I{fuzz.SOURCES}"]
    for source, flags in (("faulty.c", []), (fuzz.PROGRAM, ["-Dih_fill=faulty"])):
        subprocess.run([*command, *flags, "-c", source], check=True, cwd=tmp_path)
    subprocess.run(
        [compiler, "-o", program, "faulty.o", "fuzz.o", library, f"-Wl,-rpath,{library.parent}",
         "-lm"],
        check=True, cwd=tmp_path,
    )  # fmt: skip

    def calls(*arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)

    run = calls("3000", "5")
    if message is None:
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["differences"] == 0
        return
    assert run.returncode != 0
    assert message in run.stderr
    repeated = run.stderr.partition("repeat it by: fuzz ")[2].split("\n")[0].split()
    assert repeated[:2] == ["1", "5"]
    assert message in calls(*repeated).stderr
