"""Runs and their results as CSV, with one line for each finished run."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby, product
from pathlib import Path
from typing import Any, Literal

from .methods import METHODS

__all__ = ["Case", "Row", "Run", "Study", "Table", "environment"]

# Increase it when the code of a run changes so that it no longer reproduces old results.
CODE = 1

FIELDS = (
    *("key", "study", "case", "method", "rate", "seed", "outcome", "curve", "figures", "seconds"),
    *("python", "numpy", "torch", "irwinhall", "machine"),
)


@dataclass(frozen=True)
class Case:
    """A network with its data, by name, and the settings of its runs."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """A question, and the runs that answer it, for every case, method, rate and seed.

    Attributes
    ----------
    name, title : str
    work : str
        The function from a list of runs to a list of results, as "module:function".
    cases : tuple of Case
    methods : tuple of str
        Names of `methods.METHODS`.
    rates : tuple of float
    seeds : tuple of int
    piece : {"run", "seeds", "study"}
        A piece of work: a run, all seeds of a case, method and rate, or all runs.
    omit : frozenset of (str, str)
        Pairs of case and method without runs.
    """

    name: str
    title: str
    work: str
    cases: tuple[Case, ...]
    methods: tuple[str, ...]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    piece: Literal["run", "seeds", "study"] = "run"
    omit: frozenset[tuple[str, str]] = frozenset()

    def runs(self) -> Iterator[Run]:
        """Yield the study's runs."""
        for case, method, rate, seed in product(self.cases, self.methods, self.rates, self.seeds):
            if (case.name, method) not in self.omit:
                yield Run(self.name, self.work, case.name, case.settings, method, rate, seed)

    def pieces(self, finished: Iterable[str]) -> list[list[Run]]:
        """Return the runs that are not finished, in pieces of work."""
        done = set(finished)
        left = [run for run in self.runs() if run.key not in done]
        size = {"run": 4, "seeds": 3, "study": 0}[self.piece]
        groups = groupby(left, key=lambda run: (run.case, run.method, run.rate, run.seed)[:size])
        return [list(group) for _, group in groups]


@dataclass(frozen=True)
class Run:
    """One training of one network."""

    study: str
    work: str
    case: str
    settings: Mapping[str, Any]
    method: str
    rate: float
    seed: int

    @property
    def key(self) -> str:
        """A digest of everything that the result depends on, except versions and machine."""
        # Identify the digits by their content, not by their path.
        settings = {name: value for name, value in self.settings.items() if name != "mnist"}
        facts = [CODE, self.work, settings, self.rate, self.seed]
        row = dataclasses.asdict(METHODS[self.method])
        del row["label"]
        text = json.dumps([*facts, row], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Row:
    """A finished run, as in the CSV."""

    case: str
    method: str
    rate: float
    seed: int
    outcome: str
    curve: tuple[float, ...]
    figures: Mapping[str, float]


class Table:
    """The results of a study in a CSV file."""

    def __init__(self, directory: Path, study: Study) -> None:
        self.path, self.study = directory / f"{study.name}.csv", study

    def records(self) -> dict[str, dict[str, str]]:
        """Return all lines by their keys, including those of other configurations."""
        if not self.path.exists():
            return {}
        # Ignore an incomplete last line, left by a machine that stopped while writing it.
        whole = self.path.read_text(encoding="utf-8").rpartition("\n")[0]
        return {record["key"]: record for record in csv.DictReader(io.StringIO(whole))}

    def rows(self) -> list[Row]:
        """Return the results of the study as it is configured now, in the order of its runs."""
        records = self.records()
        return [_row(records[run.key]) for run in self.study.runs() if run.key in records]

    def is_complete(self) -> bool:
        """Return whether every run of the study is finished."""
        return not self.study.pieces(self.records())

    def append(self, lines: list[dict[str, str]]) -> None:
        """Append lines in one write, so that either all of them or none are there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
        if not self.path.exists():
            writer.writeheader()
        writer.writerows(lines)
        with self.path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())


def line(run: Run, result: Any, seconds: float, where: Mapping[str, str]) -> dict[str, str]:
    """Return a finished run as a line of the CSV."""
    figures = " ".join(f"{name}={value!r}" for name, value in result.figures.items())
    return {
        "key": run.key,
        "study": run.study,
        "case": run.case,
        "method": run.method,
        "rate": f"{run.rate:g}",
        "seed": str(run.seed),
        "outcome": result.outcome,
        "curve": " ".join(f"{value:.4g}" for value in result.curve),
        "figures": figures,
        "seconds": f"{seconds:.1f}",
        **where,
    }


def _row(record: Mapping[str, str]) -> Row:
    pairs = (pair.split("=") for pair in record["figures"].split())
    return Row(
        record["case"],
        record["method"],
        float(record["rate"]),
        int(record["seed"]),
        record["outcome"],
        tuple(map(float, record["curve"].split())),
        {name: float(value) for name, value in pairs},
    )


def environment() -> dict[str, str]:
    """Return the versions and the machine, as in the CSV."""
    versions = {"python": platform.python_version()}
    for package in ("numpy", "torch", "irwinhall"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = ""
    try:
        cpus = Path("/proc/cpuinfo").read_text()
    except OSError:
        cpus = ""
    model = re.search(r"^model name\s*:\s*(.*)$", cpus, re.MULTILINE)
    return {**versions, "machine": model[1] if model else platform.machine()}
