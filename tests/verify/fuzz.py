"""Make random fills in C: ``python tests/verify/fuzz.py``, a few minutes on two cores.

Builds tests/cross/fuzz.c twice, optimized and with the address and undefined-behaviour sanitizers.
Makes the same calls with both, and writes their counts to data/fuzz.json; the suite checks this
record. To repeat a failing call, use ``--calls 1 --seed SEED --first NUMBER``. With fewer calls
than the default, the record is not written.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
SOURCES = TESTS.parent / "src_c"
PROGRAM = TESTS / "cross" / "fuzz.c"
RECORD = TESTS / "data" / "fuzz.json"
CALLS = 1_000_000
# Calls that one process makes.
PART = 100_000
BUILDS = {
    "optimized": ["-O3"],
    "sanitized": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}


def build(compiler, flags, program):
    """Compile the program with all kernels, and return its path."""
    sources = [PROGRAM, *sorted(SOURCES.glob("stream/**/*.c"))]
    command = [compiler, "-std=gnu11", "-ffp-contract=off", f"-I{SOURCES}", *flags]
    subprocess.run([*command, "-o", program, *sources, "-lm", "-pthread"], check=True)
    return program


def counts(program, calls, seed, first):
    """Return the counts of a program, or None if it found a difference or crashed."""
    command = [program, str(calls), str(seed), str(first)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(run.stdout) if run.returncode == 0 else None


def total(parts):
    """Return the sums of counts of the same seed."""
    kernels = Counter()
    for part in parts:
        kernels.update(part["kernels"])
    sums = {
        name: sum(part[name] for part in parts)
        for name in ("calls", "differences", "elements", "bad_arguments")
    }
    return {"seed": parts[0]["seed"], **sums, "kernels": dict(kernels)}


def main():
    """Make the calls and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    end = arguments.first + arguments.calls
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        programs = {
            name: pool.submit(build, arguments.compiler, flags, Path(folder) / name)
            for name, flags in BUILDS.items()
        }
        jobs = {
            name: [
                pool.submit(counts, program.result(), min(PART, end - at), arguments.seed, at)
                for at in range(arguments.first, end, PART)
            ]
            for name, program in programs.items()
        }
        parts = {name: [job.result() for job in running] for name, running in jobs.items()}
    if any(None in made for made in parts.values()):
        sys.exit("a call failed")
    builds = {name: total(made) for name, made in parts.items()}
    for name, made in builds.items():
        print(name, json.dumps(made))
    if arguments.calls >= CALLS:
        version = subprocess.run([arguments.compiler, "--version"], capture_output=True, text=True)
        record = {"compiler": version.stdout.splitlines()[0], "builds": builds}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
