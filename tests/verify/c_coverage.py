"""Sum up what programs built with --coverage ran: ``python tests/verify/c_coverage.py LEAST``.

Reads the .gcda files of the current folder by gcov. A line of a header was run if any file that
includes it ran it. Prints each file with the lines that were not run; fails if too few were.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src_c"


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
    """Print the shares, and exit with 1 if all together are below the least."""
    total = missed = 0
    for path, lines in sorted(counts().items()):
        not_run = sorted(number for number, count in lines.items() if count == 0)
        total, missed = total + len(lines), missed + len(not_run)
        share = 100 * (1 - len(not_run) / len(lines))
        print(f"{path.relative_to(SOURCES)!s:40} {share:5.1f} %", *not_run)
    share = 100 * (1 - missed / total)
    print(f"{total - missed:,} of {total:,} lines, {share:.2f} %")
    sys.exit(share < float(sys.argv[1]))


if __name__ == "__main__":
    main()
