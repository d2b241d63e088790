"""Tabulate the Python lines that the suite ran: ``tests/verify/python_coverage.py REPORT LEAST``.

REPORT is the file of ``coverage json``. Writes data/python_coverage.json and the table in
docs/trust.md. Fails if fewer than LEAST percent of the lines were run, or if a file with lines that
were not run has no reason below.
"""

import json
import sys
from pathlib import Path

import line_coverage

RECORD = Path(__file__).resolve().parents[1] / "data" / "python_coverage.json"
# Why the suite does not run all lines of a file.
GUARD = "an error that no input raises"
REASONS = {
    "__init__.py": "a checkout without a build, tested in a copy",
    "_arrays.py": "a memory layout that NumPy does not make",
    "_codegen/distribution.py": GUARD,
    "_codegen/gains.py": GUARD,
    "_codegen/normal.py": GUARD,
    "_files.py": "Windows, file systems without locks, races of two processes",
    "_jax_layers.py": "layers without the attributes of their class",
    "_keras_model.py": "a variable without values",
    "_models/decisions.py": "defaults that every framework replaces; a rule for a norm",
    "_models/planning.py": "several matrix schemes in one parameter",
    "_models/report.py": "a part of an array in several shards",
    "_quadrature.py": "integrals that converge in the last step",
    "approximations/_certification.py": GUARD,
    "approximations/_expressions.py": "no expressions; a polynomial alone as source",
    "cli/__init__.py": "a pipe that is closed while Python ends",
    "cli/_compare.py": "a cell without a value",
    "cli/_shared.py": "commands that are not run by the main thread",
    "dask.py": "a broken installation of Dask",
    "exact.py": "a number of digits that the series does not have",
    "executors.py": "how a Dask cluster can be lost; workers without irwinhall",
    "flow.py": "overflow of gradients",
    "gains.py": "functions without an integral",
    "jax.py": "a broken installation of JAX",
    "stats/_circular.py": "a step of the quadrature that is too long",
    "stats/_fit.py": "a scale that underflows",
    "stats/_infrastructure.py": "SciPy before 1.16",
    "stats/_univariate.py": "methods that every distribution replaces",
    "stream.py": "systems without processor affinity",
    "tables/plots.py": "signals without a finite value",
    "torch/_draws.py": "calls that PyTorch itself refuses",
    "torch/_flow.py": "tensors on a GPU",
    "torch/_functions.py": "torch.compile, tested elsewhere; a piece without the centre; rounding",
    "torch/_layers.py": "missing attributes; modules within themselves",
    "torch/_model.py": "a norm of a sharded weight",
    "torch/_pending.py": "older versions of PyTorch, operations on several devices",
    "torch/_replacing.py": "contexts within contexts that draw the same tensor",
    "torch/_report.py": "tensors on meta",
    "torch/_shards.py": "processes outside of a mesh",
    "torch/_sharing.py": "pairs of views that models rarely have",
}


def main():
    """Write the record and the table."""
    files = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["files"]
    record = {
        name.removeprefix("irwinhall/"): {
            "lines": file["summary"]["num_statements"],
            "not_run": file["missing_lines"],
        }
        for name, file in sorted(files.items())
    }
    line_coverage.finish("python_coverage", record, REASONS, float(sys.argv[2]), RECORD)


if __name__ == "__main__":
    main()
