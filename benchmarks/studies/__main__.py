"""Run the studies and write the report: ``python -m benchmarks.studies [STUDY ...]``.

Finished runs are kept in benchmarks/studies/results and not repeated. ``--quick`` runs everything
with small sizes, into a separate directory. ``--render`` only draws the figures and writes
docs/evidence.md from the recorded results.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from pathlib import Path

from irwinhall import executors

from . import catalogue, data, flows, running
from .tables import Table

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
QUICK = ROOT / "build" / "studies-quick"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    asked = _parser().parse_args(arguments)
    try:
        chosen = catalogue.studies(asked.mnist)
    except data.MissingDataError as error:
        return _fail(error)
    if asked.quick:
        chosen = {name: catalogue.quick(study) for name, study in chosen.items()}
    if unknown := sorted(set(asked.studies) - set(chosen)):
        return _fail(f"unknown study {unknown[0]!r}; there are {', '.join(chosen)}")
    results = asked.results or (QUICK if asked.quick else RESULTS)
    if not asked.render:
        try:
            data.check()
            _run([chosen[name] for name in asked.studies or chosen], results, asked)
        except (data.MissingDataError, ConnectionError, ChildProcessError) as error:
            return _fail(error)
        except KeyboardInterrupt:
            return _fail("interrupted; the same command goes on from here", 130)
    tables = {name: Table(results, study) for name, study in chosen.items()}
    missing = [name for name, table in tables.items() if not table.is_complete()]
    if missing:
        print(f"no report yet: {', '.join(missing)} not finished")
        return 0
    from . import figures, report

    docs = results if asked.quick or asked.results else ROOT / "docs"
    figures.save(tables, docs / "figures")
    report.write(tables, docs / "evidence.md")
    print(f"wrote {docs / 'evidence.md'} and its figures")
    return 0


def _run(studies: list[catalogue.Study], results: Path, asked: argparse.Namespace) -> None:
    from tqdm import tqdm

    with _executor(asked) as executor:
        for study in studies:
            total = len(list(study.runs()))
            left = sum(map(len, study.pieces(Table(results, study).records())))
            if study.name == "depth" and left:
                flows.write_predictions(study, results / "predictions.csv")
            with tqdm(
                total=total, initial=total - left, desc=study.name, unit="run", disable=None
            ) as bar:
                running.finish(study, results, executor, bar.update)


def _executor(asked: argparse.Namespace) -> AbstractContextManager[Executor | None]:
    if asked.scheduler:
        return executors.dask(asked.scheduler)
    return executors.processes(asked.workers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.studies", description=__doc__)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="default all")
    parser.add_argument("--quick", action="store_true", help="small sizes, in minutes")
    parser.add_argument("--workers", type=int, default=1, help="processes, each of one thread")
    parser.add_argument(
        "--scheduler", help="tcp://host:port of Dask, whose workers run in this folder"
    )
    parser.add_argument("--mnist", default="", help="a directory with the IDX files of MNIST")
    parser.add_argument("--results", type=Path, help="where results are kept")
    parser.add_argument("--render", action="store_true", help="only figures and report")
    return parser


def _fail(message: object, status: int = 2) -> int:
    print(f"python -m benchmarks.studies: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
