"""Test the stream with Debian's dieharder: ``python tests/verify/dieharder.py``, about 15 minutes.

Pipes bits to ``dieharder -g 200``, with separate data for each test, and writes p-values and
assessments to data/dieharder.json: the raw words, the 24-bit integers that float32 uniform weights
decode to, and the upper 16 and 32 bits of the probabilities of float32 and float64 normal weights,
packed without gaps. The suite checks that record.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from irwinhall import Stream, _core, kernels

RECORD = Path(__file__).resolve().parents[1] / "data" / "dieharder.json"
SEED = 20210101
# Not a power of 2, and a float32, so that the lattice is known.
BOUND = float(np.float32(0.1))
# Leaves out the tests that dieharder's own list marks as suspect or not to be used.
TESTS = (0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 15, 16, 17, 100, 101, 102, 205, 206, 207, 208)
STREAMS = ("words", "uniform24", "normal16", "normal32")
FIELDS = ("test_name", "ntuple", "tsamples", "psamples", "pvalues", "assessment")
CHUNK = 1 << 20
# Elements between the data of two tests: more than any of them reads.
DISTANCE = 1 << 40


def words_from(first):
    """Return the bytes of raw words from element `first`, a multiple of 4, on."""
    key = Stream(SEED, "dieharder/words").key
    return _core.words(key, first // 4, 0, CHUNK // 4, _core.find_kernel(None)).tobytes()


def uniform24_from(first):
    """Return the packed 24-bit integers of the float32 uniform weights from `first` on."""
    stream = Stream(SEED, "dieharder/uniform24")
    weights = stream.uniform(2**62, BOUND, region=slice(first, first + CHUNK))
    spacing = BOUND * 2.0**-23
    integers = np.floor(weights.astype(np.float64) / spacing).astype(np.int64) + 2**23
    return integers.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def normal16_from(first):
    """Return the upper 16 bits of the probabilities of the float32 normals from `first` on."""
    stream = Stream(SEED, "dieharder/normal16")
    normals = stream.normal(2**62, region=slice(first, first + CHUNK))
    return np.floor(ndtr(normals.astype(np.float64)) * 2.0**16).astype("<u2").tobytes()


def normal32_from(first):
    """Return the upper 32 bits of the probabilities of the float64 normals from `first` on."""
    stream = Stream(SEED, "dieharder/normal32")
    normals = stream.normal(2**62, dtype="float64", region=slice(first, first + CHUNK))
    return np.floor(ndtr(normals) * 2.0**32).astype("<u4").tobytes()


def run(number, source, first):
    """Return the records of one of dieharder's tests on the data from element `first` on."""
    flags = [argument for field in FIELDS for argument in ("-D", field)]
    command = ["dieharder", "-g", "200", "-d", str(number), "-c", ",", *flags]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with ThreadPoolExecutor(1) as reader:
        output = reader.submit(process.stdout.read)
        # A test that has read enough closes the pipe.
        with contextlib.suppress(BrokenPipeError):
            while process.poll() is None:
                process.stdin.write(source(first))
                first += CHUNK
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        lines = output.result().decode().splitlines()
    process.wait()
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    return [
        {
            "number": number,
            "test": row[0],
            "ntuple": int(row[1]),
            "tsamples": int(row[2]),
            "psamples": int(row[3]),
            "p": float(row[4]),
            "assessment": row[5],
        }
        for row in rows
        if len(row) == len(FIELDS)
    ]


def version():
    """Return dieharder's version, from the head of its list of tests."""
    listed = subprocess.run(["dieharder", "-l"], capture_output=True, text=True).stdout
    return re.search(r"dieharder version (\S+)", listed)[1]


def main():
    """Run the tests and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, nargs="+", default=TESTS)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    sources = dict(
        zip(STREAMS, (words_from, uniform24_from, normal16_from, normal32_from), strict=True)
    )
    with ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = {
            name: [
                pool.submit(run, number, sources[name], place * DISTANCE)
                for place, number in enumerate(arguments.tests)
            ]
            for name in STREAMS
        }
        results = {
            name: [row for job in running for row in job.result()] for name, running in jobs.items()
        }
    record = {
        "program": f"dieharder {version()}",
        "seed": SEED,
        "kernel": next(name for name, available in kernels() if available),
        "results": results,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name in STREAMS:
        for row in results[name]:
            print(name, *row.values())


if __name__ == "__main__":
    main()
