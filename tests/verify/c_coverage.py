"""Count the lines that programs built with --coverage ran: ``tests/verify/c_coverage.py LEAST``.

Reads the .gcda files of the current folder with gcov. A line of a header was run if any file that
includes it ran it. Writes data/c_coverage.json and the table in docs/trust.md. Fails if fewer than
LEAST percent of the lines were run, or if a file with lines that were not run has no reason below.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import line_coverage

SOURCES = Path(__file__).resolve().parents[2] / "src_c"
RECORD = Path(__file__).resolve().parents[1] / "data" / "c_coverage.json"
LARGE = "streaming stores, for larger arrays than the programs fill"
# Why the programs do not run all lines of a file.
REASONS = {
    "distribution/ih_distribution.c": "the end of a table, reachable only by rounding",
    "distribution/ih_dot.c": "called only by the Python interface",
    "distribution/ih_weighted.c": "weights that are tiny relative to others; a search from below",
    "distribution/ih_weighted_quantile.c": "a step of the search that no program needs",
    "montecarlo/ih_montecarlo.c": "Ctrl-C, tested by tests/test_interrupts.py",
    "stream/ih_fill.c": "arrays of several axes that are larger than the programs fill",
    "stream/kernels/ih_fill_aesni.c": LARGE,
    "stream/kernels/ih_fill_avx2_verbs.h": LARGE,
    "stream/kernels/ih_fill_avx512.c": LARGE,
}


def counts():
    """Return how often each line of each file in src_c was run."""
    command = ["gcov", "--json-format", "--stdout", *sorted(map(str, Path().glob("ih_*.gcda")))]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    lines = defaultdict(Counter)
    for report in output.splitlines():
        for file in json.loads(report)["files"]:
            if SOURCES in (path := Path(file["file"]).resolve()).parents:
                for line in file["lines"]:
                    lines[path][line["line_number"]] += line["count"]
    return lines


def main():
    """Write the record and the table."""
    record = {}
    for path, lines in sorted(counts().items()):
        not_run = sorted(number for number, count in lines.items() if count == 0)
        record[path.relative_to(SOURCES).as_posix()] = {"lines": len(lines), "not_run": not_run}
    line_coverage.finish("c_coverage", record, REASONS, float(sys.argv[1]), RECORD)


if __name__ == "__main__":
    main()
