"""Records of the lines that a run left out, and their tables in docs/trust.md.

A record is a dict from the name of a file to its number of lines, `lines`, and to the numbers of
those that were not run, `not_run`.
"""

import json
import sys

import trust_page


def share(record):
    """Return the percentage of lines that were run."""
    total = sum(file["lines"] for file in record.values())
    return 100 * (1 - sum(len(file["not_run"]) for file in record.values()) / total)


def render(record, reasons):
    """Return the table of a record: the files with lines that were not run, and the total."""
    rows = [
        [f"`{name}`", file["lines"], len(file["not_run"]), reasons[name]]
        for name, file in record.items()
        if file["not_run"]
    ]
    total = sum(file["lines"] for file in record.values())
    missed = sum(len(file["not_run"]) for file in record.values())
    rows.append(
        [f"all {len(record)} files", f"{total:,}", missed, f"{share(record):.2f} % were run"]
    )
    return trust_page.table(["file", "lines", "not run", "reason"], rows)


def finish(name, record, reasons, least, path):
    """Write the record to `path` and the table `name`, or exit with 1.

    Exit if fewer than `least` percent of the lines were run, or if a file has no reason for lines
    that were not run.
    """
    unexplained = {file for file, lines in record.items() if lines["not_run"]} - reasons.keys()
    for file in sorted(unexplained):
        print(f"{file} has no reason for lines that were not run:", *record[file]["not_run"])
    print(f"{share(record):.2f} % of the lines were run")
    if unexplained or share(record) < least:
        sys.exit(1)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    trust_page.write(name, render(record, reasons))
