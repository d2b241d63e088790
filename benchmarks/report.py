"""Run the benchmarks and write their tables: ``python benchmarks/report.py [FILE ...]``.

Without arguments every bench_*.py runs; with some, only those, and the other results stay, as do
those of a file whose benchmarks are all skipped. What was measured goes to results.json, each
file's part with the machine and versions it was measured on. The tables between
``<!-- table: NAME -->`` and ``<!-- end -->`` in README.md and docs/*.md are then written from the
recorded results, all or none of them. ``--render`` writes only the tables, which a test compares.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
VERIFIED_SUMS = ROOT / "tests" / "data" / "verify_weighted.json"
VERIFIED = ROOT / "tests" / "data" / "verify_magnitude.json"
VERIFIED_DISTRIBUTION = ROOT / "tests" / "data" / "verify_distribution.json"
VERIFIED_RECIPES = ROOT / "tests" / "data" / "verify_recipes.csv"
VERIFIED_TRAINING = ROOT / "tests" / "data" / "verify_training.json"
VERIFIED_REPLACE = ROOT / "tests" / "data" / "verify_replace.json"
VERIFIED_SHARDS = ROOT / "tests" / "data" / "verify_shards.json"
VERIFIED_FLOW = ROOT / "tests" / "data" / "verify_flow.json"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Those that docs/certification.md shows.
CHOSEN_FORMS = (
    *("article_standard", "article_standard_refit", "shifted_root", "tabulated_1", "tabulated_2"),
    *("minimax_1e3", "minimax_1e6", "minimax_1e9", "minimax_1e12", "article_normalized"),
    *("article_normalized_refit", "product", "normalized_tabulated_1", "normalized_tabulated_2"),
)

Results = dict[str, Any]

# Seconds a benchmark, where `pytest benchmarks` takes 1; and pytest's exit status of no tests.
_SECONDS = 60
_NOTHING_RAN = 5


def measure(file: Path) -> Results | None:
    """Run a benchmark file and return {machine, benchmarks}, or None if all of them are skipped."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "benchmark.json"
        options = ["-q", "-rs", f"--benchmark-json={output}", f"--benchmark-max-time={_SECONDS}"]
        options += ["-W", "ignore:Not saving anything"]  # where all are skipped
        command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", str(file), *options]
        status = subprocess.run(command, check=False, cwd=ROOT).returncode
        if status not in (0, _NOTHING_RAN):
            raise SystemExit(f"{file} failed: nothing of it is recorded")
        text = output.read_text() if output.exists() else ""
    rows = json.loads(text)["benchmarks"] if text else []
    # The row of ours has the figures of all contestants.
    benchmarks = {row["group"]: row["extra_info"] for row in rows if row["extra_info"]}
    return {"machine": _machine(), "benchmarks": benchmarks} if benchmarks else None


def _machine() -> dict[str, str]:
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    packages = ("numpy", "scipy", "mpmath", "torch", "mkl", "randomgen", "jax", "keras", "dask")
    found = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        **{name: importlib.metadata.version(name) for name in packages if name in found},
    }


# ---- tables --------------------------------------------------------------------------------------


def _versus_table(part: Results, unit: str) -> str:
    rows = []
    for name, measured in part["benchmarks"].items():
        title = name.removeprefix("bench_").replace("_", " ").replace("[", ": ").rstrip("]")
        ours = [title, _time(measured["nanoseconds"])]
        for rival, theirs in measured["rivals"].items():
            rows.append([*ours, rival, _time(theirs["nanoseconds"]), f"{theirs['ratio']:.3g}"])
        if not measured["rivals"]:
            rows.append([*ours, "", "", ""])
    head = ["benchmark", f"irwinhall, {unit}", "rival", "its time", "ratio"]
    return _markdown(head, rows) + "\n\n" + _machine_line(part["machine"])


def _stream_summary(part: Results) -> str:
    """Return the common fills of memory in use, with the ratios to ceiling and rivals."""
    rivals = ("streaming stores", "NumPy PCG64", "torch", "MKL")
    rows = []
    for name, measured in part["benchmarks"].items():
        found = re.fullmatch(r"bench_memory\[(\w+)-(float32|bfloat16)-(\d+) threads\]", name)
        if found:
            law, dtype, threads = found.groups()
            theirs = measured["rivals"].items()
            ratios = {key.removesuffix(" ICDF"): rival["ratio"] for key, rival in theirs}
            cells = [f"{ratios[rival]:.3g}" if rival in ratios else "" for rival in rivals]
            nanoseconds = f"{measured['nanoseconds']:.3f}"
            rows.append([law.replace("_", " "), dtype, threads, nanoseconds, *cells])
    multiples = ["x NumPy", "x torch", "x MKL"]
    head = ["distribution", "type", "threads", "ns", "of streaming stores", *multiples]
    return _markdown(head, rows) + "\n\n" + _machine_line(part["machine"])


def _speed_summary(part: Results) -> str:
    """Return the fills by every core, as multiples of the rivals' times."""
    rivals = {"NumPy PCG64": "NumPy", "torch": "PyTorch", "MKL": "MKL", "MKL ICDF": "MKL"}
    heads = list(dict.fromkeys(rivals.values()))
    rows = []
    for name, measured in part["benchmarks"].items():
        found = re.fullmatch(r"bench_memory\[(\w+)-float32-(\d+) threads\]", name)
        if found and found[2] == part["machine"]["cores"]:
            theirs = measured["rivals"].items()
            ratios = {rivals[key]: rival["ratio"] for key, rival in theirs if key in rivals}
            cells = [f"{ratios[head]:.3g} x" if head in ratios else "" for head in heads]
            rows.append([found[1].replace("_", " "), _time(measured["nanoseconds"]), *cells])
    return _markdown(["float32 weights", "irwinhall, per weight", *heads], rows)


def _transformer_table(part: Results) -> str:
    """Return the times of a whole model, and what its filling adds to the memory."""
    peak = part["benchmarks"]["bench_peak_memory"]
    rows = []
    for name, measured in part["benchmarks"].items():
        found = re.fullmatch(r"bench_(\w+)\[(.*)\]", name)
        if found:
            where = {"transformer": "memory in use", "to_empty": "meta, to_empty, fill"}[found[1]]
            torch, whole = measured["rivals"]["torch.nn.init"], measured["calls"]
            ours, theirs = (_time(m["nanoseconds"] * whole) for m in (measured, torch))
            rows.append([found[2], where, ours, theirs, f"{torch['ratio']:.3g}"])
    head = ["distribution", "from", "irwinhall.torch", "torch.nn.init", "ratio"]
    memory = f"The model takes {peak['model']:,.0f} MiB; filling it adds {peak['above']:.0f} MiB."
    lines = (_markdown(head, rows), memory, _machine_line(part["machine"]))
    return "\n\n".join(lines)


def _time(nanoseconds: float) -> str:
    for limit, scale, unit in ((1e3, 1.0, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if nanoseconds < limit:
            return f"{nanoseconds / scale:.3g} {unit}"
    return f"{nanoseconds / 1e9:.3g} s"


def _machine_line(machine: dict[str, str]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in machine.items() if k not in ("processor", "cores"))
    return f"Measured on {machine['processor']}, {machine['cores']} cores; {versions}."


def _accuracy_table() -> str:
    results = json.loads(VERIFIED.read_text())["results"]
    rows = [[what, f"{r['checked']:,}", f"{r['misrounded']:,}"] for what, r in results.items()]
    return _markdown(["compared with interval arithmetic", "results", "misrounded"], rows)


def _closed_forms_table() -> str:
    from irwinhall import approximations

    rows = []
    for form in approximations.FORMS.values():
        if form.name in CHOSEN_FORMS:
            where = form.argmax if isinstance(form.argmax, tuple) else (form.argmax,)
            sizes = ", ".join("large" if size > 10**6 else str(size) for size in where)
            constants = ", ".join(f"{name} = {value}" for name, value in form.parameters.items())
            target = {"magnitude": "A(n)", "normalized_bound": "bound"}[form.target]
            error = f"{form.max_relative_error:.2e}"
            rows.append([form.name, target, str(form.domain[0]), constants, error, sizes])
    return _markdown(["form", "of", "from n", "constants", "worst relative error", "at"], rows)


def _weighted_accuracy() -> str:
    results = json.loads(VERIFIED_SUMS.read_text())["accuracy"].items()
    rows = [[what, f"{r['worst error']:.1e}", f"{r['promised']:.0e}"] for what, r in results]
    return _markdown(["weights and points", "worst relative error found", "promised"], rows)


def _distribution_accuracy() -> str:
    """Return the worst relative error of each function, a row for each range of n."""
    ranges = json.loads(VERIFIED_DISTRIBUTION.read_text())["ranges"]
    functions = list(next(iter(ranges.values())))
    rows = []
    for title, entries in ranges.items():
        worst = [f"{entries[function]['worst']:.1e}" for function in functions]
        rows.append([title, f"{entries['pdf']['checked']:,}", *worst])
    return _markdown(["n", "x", *functions], rows)


def _recipes_table() -> str:
    """Return a row for each model: how far the recipe is from what the project's code draws."""
    models: dict[tuple[str, str], list[dict[str, str]]] = {}
    with VERIFIED_RECIPES.open(encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            models.setdefault((row["recipe"], row["model"]), []).append(row)
    rows = []
    for (recipe, model), compared in models.items():
        errors = max(abs(float(row["errors"])) for row in compared)
        largest = sorted(float(row["largest"]) for row in compared)
        least = min(float(row["p"]) for row in compared)
        ends = f"{largest[0]:.3f} to {largest[-1]:.3f}"
        rows.append([recipe, model, str(len(compared)), f"{errors:.2f}", ends, f"{least:.2g}"])
    head = ["recipe", "model", "parameters", "largest deviation, in standard errors"]
    return _markdown([*head, "largest magnitude, over theirs", "least p"], rows)


def _training_table() -> str:
    """Return the loss of each example from each start: its mean over the seeds, and its spread."""
    record = json.loads(VERIFIED_TRAINING.read_text())
    rows = []
    for example, losses in record["losses"].items():
        for start, each in losses.items():
            mean, spread = statistics.mean(each), statistics.stdev(each)
            rows.append([example, start, f"{mean:.3f}", f"{spread:.3f}", f"{max(each):.3f}"])
    return _markdown(["example", "start", "mean loss", "deviation of the seeds", "worst"], rows)


def _replace_times() -> str:
    """Return a row for each large model: seconds to build it, without and with replace_init."""
    rows = []
    for name, found in json.loads(VERIFIED_REPLACE.read_text())["times"].items():
        millions = f"{found['parameters'] / 1e6:.0f} million"
        times = [f"{1e3 * found[which]:.0f} ms" for which in ("torch", "irwinhall")]
        rows.append([name, millions, *times, f"{found['torch'] / found['irwinhall']:.1f}"])
    return _markdown(["model", "parameters", "torch", "with replace_init", "ratio"], rows)


def _shards_memory() -> str:
    """Return a row for each way to make a sharded kernel: the memory beyond its shards."""
    ways = {
        "called": "`init(shape, layout=layout)`",
        "made anew": "`init_weights`, beyond the old kernel and the new one",
        "built": "a layer built with one of these initializers: Keras copies each shard",
        "built by Keras": "a layer built with Keras' own GlorotUniform",
    }
    cases = json.loads(VERIFIED_SHARDS.read_text())["cases"]
    rows = [
        [text, f"{max(0.0, cases[name]['beyond_shards_mib']):,.0f}"] for name, text in ways.items()
    ]
    return _markdown(["way", "MiB"], rows)


# The kind of a network, by the first of these that its description has.
_KINDS_OF_NETWORKS = {
    "normalization=batch, residual": "batch normalization in branches, 256 samples",
    "normalization=batch": "batch normalization, 256 samples",
    "normalization": "layer and RMS normalization",
    "residual": "residual branches",
    "hardshrink": "hardshrink",
    "activation": "other activations",
    "": "schemes, with ReLU",
}


def _flow_predictions() -> str:
    """Return a row for each kind of network: how far predictions are from simulations."""
    record = json.loads(VERIFIED_FLOW.read_text())
    kinds: dict[str, list[list[float]]] = {}
    for network, _, *deviations in record["predictions"]:
        kind = next(kind for part, kind in _KINDS_OF_NETWORKS.items() if part in network)
        kinds.setdefault(kind, []).append(deviations)
    rows = [
        [kind, str(len(cases)), *(f"{max(column):.1f}" for column in zip(*cases, strict=True))]
        for kind, cases in kinds.items()
    ]
    head = ["networks", "cases", "signals: variance", "magnitude"]
    return _markdown([*head, "gradients: variance", "magnitude", "all, with allowance"], rows)


def _fixed_points() -> str:
    """Return a row for each activation that starts at a fixed point of its gain."""
    record = json.loads(VERIFIED_FLOW.read_text())
    rows = [
        [activation, str(at), *(f"{ratio:.3g}" for ratio in ratios)]
        for activation, at, *ratios in record["fixed_points"]
    ]
    return _markdown(["activation", "at", "median", "least", "most"], rows)


def _distribution_speed(part: Results) -> str:
    """Return a row for each n with the time of each function and SciPy's as a multiple."""
    cells: dict[int, dict[str, list[str]]] = {}
    for name, measured in part["benchmarks"].items():
        found = re.fullmatch(r"bench_distribution\[(\w+)-(\d+)\]", name)
        if found:
            rival = measured["rivals"].get("scipy")
            ratio = f"{rival['ratio']:,.0f}" if rival else ""
            cells.setdefault(int(found[2]), {})[found[1]] = [_time(measured["nanoseconds"]), ratio]
    functions = list(next(iter(cells.values())))
    rows = [[f"{n:,}", *(c for f in functions for c in cells[n][f])] for n in sorted(cells)]
    head = ["n", *(title for f in functions for title in (f, "x SciPy"))]
    return _markdown(head, rows) + "\n\n" + _machine_line(part["machine"])


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _unit(unit: str) -> Callable[[Results], str]:
    return lambda part: _versus_table(part, unit)


# Tables of what other programs recorded, and of the benchmark files' parts of results.json.
FIXED: dict[str, Callable[[], str]] = {
    "accuracy": _accuracy_table,
    "weighted accuracy": _weighted_accuracy,
    "closed forms": _closed_forms_table,
    "distribution accuracy": _distribution_accuracy,
    "recipes": _recipes_table,
    "training": _training_table,
    "flow predictions": _flow_predictions,
    "replace times": _replace_times,
    "shards memory": _shards_memory,
    "fixed points": _fixed_points,
}
MEASURED: dict[str, tuple[str, Callable[[Results], str]]] = {
    "magnitude speed": ("bench_magnitude", _unit("per call or element")),
    "montecarlo speed": ("bench_montecarlo", _unit("per weight")),
    "stats speed": ("bench_stats", _unit("per point, value or call")),
    "stream summary": ("bench_stream", _stream_summary),
    "speed summary": ("bench_stream", _speed_summary),
    "stream speed": ("bench_stream", _unit("per element")),
    "tables speed": ("bench_tables", _unit("per row or call")),
    "distribution speed": ("bench_distribution", _distribution_speed),
    "frameworks speed": ("bench_frameworks", _unit("per weight of 4096 x 4096")),
    "small speed": ("bench_small", _unit("per call")),
    "torch speed": ("bench_torch", _transformer_table),
    "import time": ("bench_import", _unit("per interpreter")),
}


def _table(name: str, results: Results) -> str:
    if name in FIXED:
        return FIXED[name]()
    file, make = MEASURED[name]
    if file in results:
        return make(results[file])
    return f"Not measured yet: `python benchmarks/report.py benchmarks/{file}.py`."


def rendered(text: str, results: Results) -> str:
    """Return a document's text with every marked table written anew."""

    def table(match: re.Match[str]) -> str:
        return f"{match[1]}\n\n{_table(match[2], results)}\n\n{match[3]}"

    return re.sub(r"(<!-- table: (.*?) -->).*?(<!-- end -->)", table, text, flags=re.DOTALL)


def main() -> None:
    """Measure what was asked for, record it and write the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="benchmark files (default: all)")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the tables")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not options.render:
        for file in options.files or sorted((ROOT / "benchmarks").glob("bench_*.py")):
            measured = measure(file)
            if measured is None:
                print(f"{file} is skipped: what is recorded of it stays")
                continue
            results[file.stem] = measured
            _write(RESULTS, json.dumps(results, indent=1) + "\n")
    texts = {document: rendered(document.read_text(), results) for document in DOCUMENTS}
    for document, text in texts.items():
        _write(document, text)


def _write(path: Path, text: str) -> None:
    """Write a file that appears when it is whole."""
    from irwinhall._files import write_files

    write_files(path.parent, {path.name: text.encode()})


if __name__ == "__main__":
    main()
