"""Fuzz the C interface: ``python tests/verify/fuzz_interface.py``, a quarter of an hour.

Builds tests/cross/fuzz_interface.c and the whole library with clang's libFuzzer and its address and
undefined-behaviour sanitizers. Runs ten million calls, and writes their number to
data/fuzz_interface.json and docs/trust.md; the suite checks both. ``--seconds S`` runs for S
seconds and writes nothing. libFuzzer prints its findings, with the inputs that repeat them.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import trust_page

TESTS = Path(__file__).resolve().parents[1]
SOURCES = TESTS.parent / "src_c"
PROGRAM = TESTS / "cross" / "fuzz_interface.c"
RECORD = TESTS / "data" / "fuzz_interface.json"
CALLS = 10_000_000
SECONDS = 120
LONGEST = 1000
# Without tracing of comparisons, which takes half of the time.
FLAGS = [
    "-std=gnu11", "-O2", "-g", "-ffp-contract=off", f"-I{SOURCES}", "-fno-sanitize-recover=all",
    "-fno-sanitize-coverage=trace-cmp",
]  # fmt: skip


def build(folder, jobs):
    """Compile the program, and return its path."""

    def compile_file(source):
        made = folder / f"{source.stem}.o"
        kind = "fuzzer" if source == PROGRAM else "fuzzer-no-link"
        sanitizers = f"-fsanitize={kind},address,undefined"
        subprocess.run(["clang", *FLAGS, sanitizers, "-c", source, "-o", made], check=True)
        return made

    with ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(compile_file, [PROGRAM, *sorted(SOURCES.rglob("*.c"))]))
    program = folder / "fuzz_interface"
    sanitizers = "-fsanitize=fuzzer,address,undefined"
    command = ["clang", sanitizers, "-o", program, *objects, "-lm", "-pthread"]
    subprocess.run(command, check=True)
    return program


def fuzz(program, corpus, seconds, seed):
    """Run the program for some seconds, and return its calls, inputs and edges."""
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "max_len": LONGEST,
        "len_control": 0,
        "entropic": 0,
    }
    command = [program, *(f"-{name}={value}" for name, value in options.items()), corpus]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=corpus.parent)
    if run.returncode != 0:
        sys.exit(f"{run.stderr[-5000:]}\n{run.stdout}")
    inputs = re.search(r"Done (\d+) runs", run.stderr)[1]
    edges = re.findall(r"cov: (\d+)", run.stderr)[-1]
    return Counter(json.loads(run.stdout)), int(inputs), int(edges)


def render(record):
    """Return the table of a record."""
    rows = [[name, f"{calls:,}"] for name, calls in record["calls"].items()]
    rows.append(["all", f"{sum(record['calls'].values()):,} of {record['inputs']:,} inputs"])
    return trust_page.table(["what", "calls"], rows)


def main():
    """Make the calls and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    if shutil.which("clang") is None:
        print("SKIP fuzz_interface: clang is not installed")
        return
    calls, inputs, seed = Counter(), 0, arguments.seed
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        chance = random.Random(seed)
        for number in range(100):
            (corpus / f"first{number}").write_bytes(chance.randbytes(LONGEST))
        program = build(Path(folder), arguments.jobs)
        while sum(calls.values()) < CALLS:
            seconds = arguments.seconds or SECONDS
            runs = [
                pool.submit(fuzz, program, corpus, seconds, seed + job)
                for job in range(arguments.jobs)
            ]
            for run in runs:
                made, tried, edges = run.result()
                calls += made
                inputs += tried
            seed += arguments.jobs
            print(f"{sum(calls.values()):,} calls, {edges:,} edges", flush=True)
            if arguments.seconds:
                return
    version = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True)
    record = {
        "compiler": version.stdout.splitlines()[0], "calls": calls, "inputs": inputs, "edges": edges
    }  # fmt: skip
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    trust_page.write("fuzz_interface", render(record))


if __name__ == "__main__":
    main()
