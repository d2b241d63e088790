"""Check that results are correctly rounded: ``python tests/verify/verify_magnitude.py``.

Compares expected_magnitude(n) and letkeman_bound(n) for every n to 10^6, and 10^6 random pairs to
2^53 and 1,000 to 2^63 - 1, with the balls of oracle.py, for the scalar and the array functions. It
takes a few minutes and writes the results to data/verify_magnitude.json; the suite checks this
record and a sample.
"""

import argparse
import json
import multiprocessing
import random
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

import irwinhall

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))

import oracle

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_magnitude.json"
SEED = 1729
LAST_N = 10**6
PAIRS_TO_2_53 = 10**6
PAIRS_TO_2_63 = 1000
BITS = 200
CHUNK = 2000


def promised_checks(last_n, pairs_to_2_53, pairs_to_2_63):
    """Yield (name, chunk of arguments) for everything to check."""
    for start in range(1, last_n + 1, CHUNK):
        numbers = range(start, min(start + CHUNK, last_n + 1))
        yield "expected_magnitude, every n to 10^6", [(n,) for n in numbers]
        yield "letkeman_bound, every n to 10^6", [(n,) for n in numbers]
    generator = random.Random(SEED)
    for limit, count, words in (
        (2**53, pairs_to_2_53, "2^53"),
        (2**63 - 1, pairs_to_2_63, "2^63 - 1"),
    ):
        for formula in ("node_average", "as_printed"):
            pairs = [random_pair(generator, limit) for _ in range(count // 2)]
            for start in range(0, len(pairs), CHUNK):
                yield f"letkeman_bound, {formula}, pairs to {words}", pairs[start : start + CHUNK]


def random_pair(generator, limit):
    """Return n and m, in every second pair uniform up to the limit, else in their logarithms."""
    if generator.getrandbits(1):
        return generator.randint(1, limit), generator.randint(1, limit)
    bits = limit.bit_length()
    return tuple(
        min(limit, int(2.0 ** generator.uniform(0, bits)) + generator.getrandbits(8))
        for _ in range(2)
    )


def misroundings(check):
    """Return the check's name, its number of results and the arguments with wrong results."""
    name, arguments = check
    columns = [np.array(column) for column in zip(*arguments, strict=True)]
    if name.startswith("expected_magnitude"):
        function, exact, keywords = irwinhall.expected_magnitude, oracle.magnitude, {}
    elif "pairs" not in name:
        function, exact, keywords = irwinhall.letkeman_bound, oracle.standard_bound, {}
    else:
        formula = name.split(", ")[1]
        function, exact = irwinhall.letkeman_bound, oracle.normalized_bound
        keywords = {"formula": formula}
    wrong = []
    for argument, value in zip(arguments, function(*columns, **keywords).tolist(), strict=True):
        scalar = function(*argument, **keywords)
        ball = exact(*argument, bits=BITS, **keywords)
        if scalar != value or not oracle.rounds_to(ball, value):
            wrong.append(argument)
    return name, len(arguments), wrong


def main():
    """Run all checks, print a line for each kind, write the record and return the exit status."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--processes", type=int, help="worker processes (default: one a core)")
    parser.add_argument(
        "--quick", type=int, default=1, metavar="N", help="check 1/N of it and write no record"
    )
    options = parser.parse_args()
    quick = options.quick
    checks = list(promised_checks(LAST_N // quick, PAIRS_TO_2_53 // quick, PAIRS_TO_2_63 // quick))
    counts: dict[str, dict[str, int]] = {}
    with (
        multiprocessing.Pool(options.processes) as pool,
        tqdm(total=sum(len(arguments) for _, arguments in checks), disable=None) as progress,
    ):
        for name, checked, wrong in pool.imap(misroundings, checks):
            count = counts.setdefault(name, {"checked": 0, "misrounded": 0})
            count["checked"] += checked
            count["misrounded"] += len(wrong)
            for arguments in wrong:
                print(f"misrounded: {name}: {arguments}", file=sys.stderr)
            progress.update(checked)
    for name, count in counts.items():
        print(f"{name}: {count['checked']} checked, {count['misrounded']} misrounded")
    if quick == 1:
        record = {"seed": SEED, "bits": BITS, "results": counts}
        RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="ascii")
    return int(any(count["misrounded"] for count in counts.values()))


if __name__ == "__main__":
    raise SystemExit(main())
