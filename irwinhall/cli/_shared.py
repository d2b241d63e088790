"""The common part of several commands: options, executors, progress bars and JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from concurrent.futures import Executor


def add_seed(parser: argparse.ArgumentParser, of: str) -> None:
    parser.add_argument(
        "--seed", dest="rng", type=int, metavar="K", default=0, help=f"seed of {of} (default 0)"
    )


def add_sizes(parser: argparse.ArgumentParser, outputs: str) -> None:
    parser.add_argument("n", type=shape, help="number of inputs (fan_in), or both, as in 784x256")
    parser.add_argument("m", type=int, nargs="?", help=outputs)


def sizes_of(options: argparse.Namespace) -> tuple[int, int | None]:
    """Return both sizes, given apart or as one, the second None if it was left out."""
    sizes = options.n if options.m is None else (*options.n, options.m)
    if len(sizes) > 2:
        options.parser.error(f"a layer has two sizes, got {len(sizes)}")
    return sizes[0], sizes[1] if sizes[1:] else None


def shape(text: str) -> tuple[int, ...]:
    """Return the integers in text such as 784x256."""
    try:
        return tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be like 784 or 784x256, got {text!r}") from None


def completed_by(action: argparse.Action, names: Callable[[], Iterable[str]]) -> None:
    """Let shells complete an option by names, where argcomplete is installed."""
    action.completer = lambda **_: names()  # type: ignore[attr-defined]


def activation_names() -> Iterable[str]:
    from irwinhall import gains

    return gains.ACTIVATIONS


def scheme_names() -> Iterable[str]:
    from irwinhall import schemes

    return schemes.SCHEMES


def add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="run on a Dask cluster, such as tcp://host:8786"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        default=10.0,
        help="seconds to wait for the cluster (default 10)",
    )


def executor_of(
    options: argparse.Namespace, workers: int
) -> contextlib.AbstractContextManager[Executor | None]:
    from irwinhall import executors

    if options.scheduler is None:
        return executors.processes(workers)
    if not options.debug:
        _silence_dask()
    return executors.dask(options.scheduler, timeout=options.timeout)


def _silence_dask() -> None:
    """Keep the logs of a cluster that is lost, tracebacks among them, off stderr."""
    with contextlib.suppress(ImportError):  # executors.dask says so
        import distributed  # noqa: F401 - sets the levels of its loggers
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("asyncio", "distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the program by an exception, so that unfinished work is cleaned up."""
    import signal
    import threading

    def end(*_: object) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def plain(value: Any) -> Any:
    """Return named tuples as dicts, arrays as lists, and numbers that JSON lacks as text."""
    if hasattr(value, "_asdict"):
        return {name: plain(entry) for name, entry in value._asdict().items()}
    if hasattr(value, "tolist"):
        return [plain(entry) for entry in value.tolist()]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False)


class progress_bar:  # noqa: N801 - a context manager used like a function
    """A tqdm bar on stderr, shown only on a terminal and only if the work takes over a second."""

    def __init__(self, total: int | None, what: str, unit: str) -> None:
        self._arguments = {"total": total, "desc": what, "unit": f" {unit}", "unit_scale": True}

    def __enter__(self) -> Callable[[int], object]:
        from tqdm import tqdm

        # Without tqdm's monitor, a thread, which may not be had; so each update looks at the clock.
        bar = type("bar", (tqdm,), {"monitor_interval": 0})
        options = {"delay": 1.0, "leave": False, "disable": None, "file": sys.stderr, "miniters": 1}
        self._bar = bar(**self._arguments, **options)
        update: Callable[[int], object] = self._bar.update
        return update

    def __exit__(self, *exception: object) -> None:
        self._bar.close()
