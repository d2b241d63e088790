"""The command line: arguments in, tables, plots and files out."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import irwinhall

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0 for success; 1 if a file cannot be written, a package or a cluster is missing, or tables are
    not what they should be; 2 for arguments that make no sense; 130 if interrupted, 141 if the
    reader of the output went away.
    """
    parser = _build_parser()
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options) or 0
        sys.stdout.flush()
    except (TypeError, ValueError) as error:
        options.parser.error(str(error))
    except BrokenPipeError:
        # As a program killed by SIGPIPE would end; what is buffered can no longer be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ImportError, OSError) as error:
        print(f"{options.parser.prog}: error: {_reason(error)}", file=sys.stderr)
        return 1
    except MemoryError:
        print(f"{options.parser.prog}: error: not enough memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{options.parser.prog}: interrupted", file=sys.stderr)
        return 130
    return status


def _reason(error: Exception) -> str:
    """Return what went wrong as one line, the system's words before the file's name."""
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f": {error.filename}"
        return f"{error.strerror}{name}"
    return " ".join(str(error).split())


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="irwinhall", description=irwinhall.__doc__)
    parser.add_argument("--version", action="version", version=f"irwinhall {irwinhall.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], int | None], text: str) -> _Parser:
        subparser: _Parser = commands.add_parser(name, help=text, description=text)
        subparser.set_defaults(run=run, parser=subparser)
        subparser.add_argument("--json", action="store_true", help="print JSON")
        return subparser

    bound = command("bound", _bound, "Print the Letkeman bound of a layer, exactly.")
    bound.add_argument("n", type=int, help="number of inputs (fan_in)")
    bound.add_argument(
        "m", type=int, nargs="?", help="number of outputs (fan_out); without it, the standard bound"
    )
    bound.add_argument(
        "--digits", type=int, metavar="D", help="print D digits, all right (default: a double)"
    )
    bound.add_argument(
        "--formula",
        choices=["node_average", "as_printed"],
        default="node_average",
        help="as_printed: the normalized integral as the article prints it",
    )

    tables = command(
        "tables",
        _tables,
        "Write tables of exact magnitudes and bounds, of closed forms with certified errors, and of"
        " the article's figures, as CSV, JSON and Markdown; print the closed forms.",
    )
    tables.add_argument(
        "--out", metavar="DIR", default="tables", help="directory of the files (default tables)"
    )
    tables.add_argument(
        "--check",
        action="store_true",
        help="write nothing; say where files differ, and exit with 1 if any does",
    )
    tables.add_argument(
        "--max-n", type=int, metavar="N", default=1000, help="last n (default 1000)"
    )
    tables.add_argument(
        "--grid",
        type=int,
        metavar="K",
        default=25,
        help="sizes from 1 to 10^6 of which all pairs are normalized layers (default 25)",
    )
    tables.add_argument(
        "--plots", action="store_true", help="also draw the errors, and write report.html"
    )
    tables.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes (default 1: more pay from some 20,000 rows on)",
    )
    _add_cluster(tables)

    montecarlo = command(
        "montecarlo",
        _montecarlo,
        "Estimate what random weights preserve by simulation, beside the exact value.",
    )
    montecarlo.add_argument("n", type=int, help="number of inputs (fan_in)")
    montecarlo.add_argument(
        "m", type=int, nargs="?", help="number of outputs (fan_out); without it, of a single sum"
    )
    montecarlo.add_argument(
        "--bound", type=float, metavar="B", default=1.0, help="weights on (-B, B) (default 1)"
    )
    montecarlo.add_argument(
        "--trials", type=int, metavar="T", help="sums (default 1000000) or layers (default 5000)"
    )
    montecarlo.add_argument(
        "--standard-error", type=float, metavar="E", help="go on until it is at most E"
    )
    montecarlo.add_argument("--seed", type=int, default=0, help="seed of the weights (default 0)")
    montecarlo.add_argument(
        "--threads", type=int, metavar="N", help="threads (default: a core each; 1 on a cluster)"
    )
    _add_cluster(montecarlo)

    reproduce = command(
        "reproduce",
        _reproduce,
        "Print the article's tables: its figures, our simulation, the exact values.",
    )
    reproduce.add_argument(
        "--trials",
        type=int,
        metavar="T",
        help="trials a size (default: the article's 1000000 and 5000)",
    )
    reproduce.add_argument("--seed", type=int, default=0, help="seed of the simulation (default 0)")

    compare = command(
        "compare",
        _compare,
        "Print what every initialization scheme does with a layer: scale, forward and backward.",
    )
    compare.add_argument("n", type=int, help="number of inputs (fan_in)")
    compare.add_argument("m", type=int, help="number of outputs (fan_out)")
    compare.add_argument(
        "--activation",
        metavar="A",
        help="activation that the layer reads; its gain takes the place of every scheme's own",
    )
    compare.add_argument("--seed", type=int, default=0, help="seed of the simulation (default 0)")

    flow = command(
        "flow",
        _flow,
        "Print how large signals and gradients are, layer by layer, in deep networks fresh from"
        " initialization.",
    )
    flow.add_argument(
        "--width",
        type=_widths,
        metavar="N[,N...]",
        help="units of a layer (default 256; 100 with --table); several are taken in turn",
    )
    flow.add_argument("--depth", type=int, metavar="L", help="layers (default 50; 5 with --table)")
    flow.add_argument(
        "--activation", metavar="A", help="activation between the layers (default relu)"
    )
    flow.add_argument(
        "--schemes",
        metavar="S[:GAIN][,...]",
        help="schemes, each with its own gain unless a number or an activation follows a colon"
        " (default: some that explode, vanish and keep)",
    )
    flow.add_argument("--batch", type=int, metavar="B", help="signals sent through (default 32)")
    flow.add_argument("--seed", type=int, default=0, help="seed of everything (default 0)")
    flow.add_argument("--plot", metavar="FILE", help="draw both panels into FILE, .png or .svg")
    flow.add_argument(
        "--table",
        action="store_true",
        help="the textbook table instead: variances of a linear network with normal weights of"
        " variance 1 and 0.001, expected beside simulated",
    )

    sample = command(
        "sample",
        _sample,
        "Write random weights of any size to a .npy file; the same arguments give the same bytes.",
    )
    sample.add_argument("shape", type=_shape, help="such as 4096x11008")
    sample.add_argument("--scheme", required=True, metavar="S", help="such as letkeman, he_normal")
    sample.add_argument("--seed", type=int, required=True, metavar="K", help="any integer")
    sample.add_argument("--out", required=True, metavar="FILE", help="such as w.npy")
    sample.add_argument(
        "--dtype",
        default="float32",
        metavar="D",
        help="float32 (default), float64, float16, or bfloat16, stored as uint16",
    )
    sample.add_argument("--name", default="", help="the parameter's name, part of the seed")
    sample.add_argument(
        "--gain", type=_gain, metavar="G", help="a number, or the activation that the layer reads"
    )
    sample.add_argument(
        "--in-axis", type=int, metavar="I", default=-2, help="axis of inputs (default -2)"
    )
    sample.add_argument(
        "--out-axis", type=int, metavar="I", default=-1, help="axis of outputs (default -1)"
    )
    sample.add_argument(
        "--batch-axis", type=int, metavar="I", help="axis of stacked weights (default: none)"
    )
    sample.add_argument("--groups", type=int, default=1, help="groups of a convolution (default 1)")
    sample.add_argument("--force", action="store_true", help="replace a file that is there")
    return parser


def _add_cluster(command: _Parser) -> None:
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="run on a Dask cluster, such as tcp://host:8786"
    )
    command.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        default=10.0,
        help="seconds to wait for the cluster (default 10)",
    )


def _widths(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.lower().split("x"))


def _gain(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# argparse says "invalid <name> value".
_widths.__name__, _shape.__name__ = "list of widths", "shape"


# ---- bound ---------------------------------------------------------------------------------------


# Beyond some thousands the series' coefficients take minutes.
_MOST_DIGITS = 2_000


def _bound(options: argparse.Namespace) -> None:
    value: float | str
    if options.digits is None:
        value = irwinhall.letkeman_bound(options.n, options.m, formula=options.formula)
    else:
        import mpmath

        if not 1 <= options.digits <= _MOST_DIGITS:
            raise ValueError(f"--digits must be from 1 to {_MOST_DIGITS}, got {options.digits}")

        exact = irwinhall.exact.letkeman_bound_mp(
            options.n, options.m, dps=options.digits, formula=options.formula
        )
        value = mpmath.nstr(exact, options.digits, strip_zeros=False)
    if options.json:
        layer = {"n": options.n, "m": options.m, "formula": options.formula}
        print(json.dumps({**layer, "bound": value}))
    else:
        print(value)


# ---- tables --------------------------------------------------------------------------------------


def _tables(options: argparse.Namespace) -> int:
    from pathlib import Path

    from irwinhall import _files, approximations, article, tables

    if options.workers is not None and options.scheduler is not None:
        raise ValueError("--workers must stand without --scheduler")
    # Small tables are made sooner than other processes start.
    workers = 1 if options.workers is None else options.workers
    tables.check_sizes(options.max_n, options.grid)
    directory = Path(options.out)
    if options.plots:
        from irwinhall import htmlreport, plots

        plots.check_matplotlib()

    with contextlib.ExitStack() as stack:
        stack.enter_context(_ended_by_sigterm())
        executor = stack.enter_context(_executor(options, workers))
        if not options.check:
            _files.check_writable(directory)
        uniforms = article.uniforms_drawn(article.STANDARD_TRIALS, article.NORMALIZED_TRIALS)
        with _progress_bar(len(approximations.FORMS), "certifying", "forms") as update:
            forms = tables.closed_forms_table(executor=executor, progress=update)
        with _progress_bar(options.max_n, "tabulating magnitudes", "rows") as update:
            standard = tables.standard_table(options.max_n, executor=executor, progress=update)
        pairs = len(tables.grid_pairs(options.grid))
        with _progress_bar(pairs, "tabulating bounds", "rows") as update:
            normalized = tables.normalized_table(options.grid, executor=executor, progress=update)
        with _progress_bar(uniforms, "simulating", "uniforms") as update:
            printed = tables.article_table(executor=executor, progress=update)

    made = (forms, standard, normalized, printed)
    texts = {name: text for table in made for name, text in tables.rendered(table).items()}
    if options.plots:
        texts |= htmlreport.report(made)
    files = {name: text.encode() for name, text in texts.items()}
    if options.check:
        return _report_differences(directory, files)
    _files.write_files(directory, files)
    if options.json:
        print(tables.rendered(forms)["closed-forms.json"], end="")
    else:
        _print_forms(forms)
        print(f"\n{len(files)} files in {directory}{os.sep}: {', '.join(sorted(files))}")
    return 0


def _executor(
    options: argparse.Namespace, workers: int
) -> contextlib.AbstractContextManager[Executor | None]:
    from irwinhall import executors

    if options.scheduler is None:
        return executors.processes(workers)
    return executors.dask(options.scheduler, timeout=options.timeout)


def _report_differences(directory: Path, files: Mapping[str, bytes]) -> int:
    from irwinhall import _files

    different = 0
    for name in sorted(files):
        lines = list(_files.differences(directory, {name: files[name]}))
        different += bool(lines)
        print(*lines, sep="\n", end="\n" * bool(lines))
    if not different:
        print(f"{len(files)} files in {directory}{os.sep} are as they should be")
        return 0
    print(
        f"irwinhall tables: {different} of {len(files)} files are not as they should be (-: as they"
        " are, +: as they should be); without --check they are written anew",
        file=sys.stderr,
    )
    return 1


_FORMS_TITLE = {
    "magnitude": "Closed forms of A(n)",
    "normalized_bound": "Closed forms of the normalized bound, of n inputs and m outputs",
}


def _print_forms(table: Any) -> None:
    from irwinhall.tables import records

    rows = records(table)
    width = max(len(str(row["form"])) for row in rows)
    for target, title in _FORMS_TITLE.items():
        head = f"{'form':<{width}}  from n  worst error  {'at':<18}  constants"
        print(f"\n{title}\n\n{head}")
        for row in rows:
            if row["target"] == target:
                worst = f"{row['first']:>6}  {row['max_relative_error']:>11.2e}"
                where = ", ".join(map(_size, str(row["where"]).split(", ")))
                print(f"{row['form']:<{width}}  {worst}  {where:<18}  {row['constants']}".rstrip())


def _size(text: str) -> str:
    """Return a size in a few characters."""
    return text if len(text) <= 8 else f"{int(text):.2g}"


# ---- montecarlo ----------------------------------------------------------------------------------


def _montecarlo(options: argparse.Namespace) -> None:
    from irwinhall import montecarlo

    n, m, bound = options.n, options.m, options.bound
    arguments = {
        "seed": options.seed,
        "standard_error": options.standard_error,
        "threads": options.threads,
    }
    weights = None if options.trials is None else options.trials * n * (m or 1)
    with (
        _executor(options, 1) as executor,
        _progress_bar(weights, "simulating", "weights") as update,
    ):
        if m is None:
            estimates = {
                "magnitude": montecarlo.magnitude(
                    n, bound, options.trials, executor=executor, progress=update, **arguments
                )
            }
            exact = [bound * irwinhall.expected_magnitude(n)]
        else:
            layer = montecarlo.layer(
                n, m, bound, options.trials, executor=executor, progress=update, **arguments
            )
            estimates = layer._asdict()
            exact = list(irwinhall.preserved_magnitude(n, m, bound))
    if options.json:
        layer_of = {"n": n, "m": m, "bound": bound, "seed": options.seed}
        found = {
            name: {**_plain(estimate), "exact": value}
            for (name, estimate), value in zip(estimates.items(), exact, strict=True)
        }
        print(_json({**layer_of, **found}))
        return
    size = f"{n} weights" if m is None else f"{n} inputs, {m} outputs, weights"
    trials = next(iter(estimates.values())).trials
    print(f"{size} uniform on (-{bound:g}, {bound:g}): {trials} trials, seed {options.seed}\n")
    print("                  Monte Carlo  standard error           exact   dev")
    for (name, estimate), value in zip(estimates.items(), exact, strict=True):
        error = estimate.standard_error
        deviation = f"{(estimate.estimate - value) / error:+.1f}" if error else "-"
        figures = f"{estimate.estimate:>15.10g}  {error:>14.2g}  {value:>14.10g}  {deviation:>4}"
        print(f"{name.replace('_', ' '):<12}  {figures}")
    print("\ndev: Monte Carlo minus exact, in standard errors.")


# ---- reproduce -----------------------------------------------------------------------------------

_STANDARD_TITLE = """\
Standard: the magnitude that n weights uniform on (-b, b) make of n ones, E|w_1 + ... + w_n|
"""
_STANDARD_HEAD = """\
              Xavier bound b = 1/sqrt(n)              |  over its approximation   | Letkeman
    n    article   Monte Carlo           exact   dev  |  article    exact    dev  |  exact"""
_NORMALIZED_TITLE = """\

Normalized: n inputs, m outputs. The article's program divides by the other side's count, so that
"forward" is (n/m) b A(m) and "backward" (m/n) b A(n); "true" is what the names say, b A(n) and
b A(m).
"""
_NORMALIZED_HEAD = """\
                             Xavier bound b = sqrt(6/(n+m))                \
 |  over its approximation  | Letkeman
     n, m   column     article     Monte Carlo            exact   dev      true\
  |  article     exact   dev  |  exact"""
_LEGEND = """
dev: the article's figure minus the exact one, in standard errors of its own number of trials.
Monte Carlo: {standard} and {normalized} trials a size, seed {seed}; all figures within {worst:.1f}
standard errors of the exact ones."""


def _reproduce(options: argparse.Namespace) -> None:
    from irwinhall import article

    standard_trials = article.STANDARD_TRIALS if options.trials is None else options.trials
    normalized_trials = article.NORMALIZED_TRIALS if options.trials is None else options.trials
    if standard_trials < 2:
        raise ValueError(f"--trials must be at least 2, got {standard_trials}")
    if options.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {options.seed}")
    total = article.uniforms_drawn(standard_trials, normalized_trials)
    with _progress_bar(total, "simulating", "uniforms") as update:
        standard = list(article.standard_rows(standard_trials, seed=options.seed, progress=update))
        normalized = list(
            article.normalized_rows(normalized_trials, seed=options.seed, progress=update)
        )

    rows = standard + normalized
    if options.json:
        print(json.dumps([_row_as_dict(row) for row in rows], indent=1))
        return
    print(_STANDARD_TITLE)
    print(_STANDARD_HEAD)
    for row in standard:
        x, a = row.xavier, row.approximated
        print(
            f"{row.size[0]:5d}  {x.printed:9.6f}  {x.monte_carlo:9.6f} +- {x.standard_error:8.6f}"
            f"  {x.exact:9.6f}  {x.printed_deviation:+4.1f}  |  {a.printed:8.6f}  {a.exact:8.6f}"
            f"  {a.printed_deviation:+4.1f}  |  {row.letkeman:.6f}"
        )
    print(_NORMALIZED_TITLE)
    print(_NORMALIZED_HEAD)
    for row in normalized:
        x, a = row.xavier, row.approximated
        size = f"{row.size[0]}, {row.size[1]}" if row.quantity == "forward" else ""
        print(
            f"{size:>9}   {row.quantity:8}  {_six(x.printed)}  {_six(x.monte_carlo)} +-"
            f" {x.standard_error:8.2g}  {_six(x.exact)}  {x.printed_deviation:+4.1f}"
            f"  {_six(row.true_magnitude)}  |  {_six(a.printed)}  {_six(a.exact)}"
            f"  {a.printed_deviation:+4.1f}  |  {_six(row.letkeman)}"
        )
    worst = max(abs(row.xavier.monte_carlo_deviation) for row in rows)
    print(
        _LEGEND.format(
            standard=standard_trials, normalized=normalized_trials, seed=options.seed, worst=worst
        )
    )


def _six(value: float) -> str:
    """Return the value in eight columns, with six digits where they fit."""
    digits = 6 if value < 10 else 5 if value < 100 else 4 if value < 1000 else 3
    return f"{value:8.{digits}f}"


def _row_as_dict(row: Any) -> dict[str, Any]:
    entries = {
        name: {
            **entry._asdict(),
            "printed_deviation": entry.printed_deviation,
            "monte_carlo_deviation": entry.monte_carlo_deviation,
        }
        for name, entry in (("xavier", row.xavier), ("approximated", row.approximated))
    }
    return {**row._asdict(), **entries}


# ---- compare -------------------------------------------------------------------------------------

_COMPARE_HEAD = """\
                                                       forward   backward    forward   backward\
       node
scheme                        law               scale variance   variance  magnitude  magnitude\
    average   share"""
_COMPARE_LEGEND = """
scale: the bound of a uniform law, the standard deviation of a normal one, the factor of others.
variance: of outputs for inputs of variance 1; of inputs' gradients for outputs' gradients of 1.
magnitude: the mean of |output| for inputs that are all 1, and backward likewise; node average: of
  all {n} outputs and gradients together. ~ by simulation, standard error at most {error:.1g} of the
  figure; all others are exact.
share: std / (gain / sqrt(min(n, m))), the largest std that preserving a variance asks for, that of
  the direction with fewer summands. Below 1: over-shrunk for that direction. Above 1: both
  variances grow. The gain is {reference}.
Xavier / Kalafus: std {ratio:.4f}, which is sqrt(2 max(n, m) / (n + m)): at the same gain Xavier's
  weights are never the smaller ones, and equal for n = m; their shares are
  {xavier:.4f} and {kalafus:.4f}.
Left out, as they have no scale of their own or do not fit: {left_out}."""
_NO_GAIN = "1; he_* have sqrt(2) in their scale, for ReLU"
_ACTIVATION = """
The weights' gain is that of {activation}, {gain:.6g}. A layer that reads {activation} of standard
normal inputs keeps their variance where the forward variance says {square:.6g}."""


def _compare(options: argparse.Namespace) -> None:
    from irwinhall import compare, gains

    with _progress_bar(None, "simulating", "weights") as update:
        rows = compare.compare(
            options.n,
            options.m,
            activation=options.activation,
            seed=options.seed,
            progress=update,
        )
    gain = None if options.activation is None else gains.gain(options.activation)
    if options.json:
        layer = {"n": options.n, "m": options.m, "activation": options.activation, "gain": gain}
        print(_json({**layer, "schemes": [_plain(row) for row in rows]}))
        return
    print(f"{options.n} inputs, {options.m} outputs")
    if gain is not None:
        name = gains.activation(options.activation).name
        print(_ACTIVATION.strip().format(activation=name, gain=gain, square=gain * gain))
    print(f"\n{_COMPARE_HEAD}")
    errors = [0.0]
    for row in rows:
        magnitudes = (row.forward_magnitude, row.backward_magnitude, row.node_average)
        errors += [m.standard_error / m.estimate for m in magnitudes if m and m.estimate]
        print(
            f"{row.scheme:<28}  {row.law:<16}{_short(row.scale):>9}"
            f"{_short(row.forward_variance):>9}  {_short(row.backward_variance):>9}  "
            + "  ".join(f"{_estimate(magnitude):>9}" for magnitude in magnitudes)
            + f"  {_short(row.share):>8}"
        )
    shares = {row.scheme: row.share for row in rows}
    xavier, kalafus = shares["xavier_normal"], shares["kalafus_normal"]
    print(
        _COMPARE_LEGEND.format(
            n=options.n + options.m,
            error=max(errors),
            reference=_NO_GAIN if gain is None else f"{gain:.6g}",
            ratio=xavier / kalafus,
            xavier=xavier,
            kalafus=kalafus,
            left_out=", ".join(compare.left_out(options.n, options.m)),
        )
    )


def _short(value: float) -> str:
    """Return the value with four digits behind the point, or as many significant ones."""
    return f"{value:.4f}" if value == 0.0 or 0.1 <= value < 1000 else f"{value:.4g}"


def _estimate(value: Any) -> str:
    if value is None:
        return "-"
    return ("~" if value.trials else "") + _short(value.estimate)


# ---- flow ----------------------------------------------------------------------------------------

_FLOW_TITLE = """\
{activation}, {layers} layers of {units}, {batch} signals, seed {seed}
"""
_FLOW_LEGEND = """
Signals are the layers' outputs before the activation; layer 0 is standard normal, and so is the
gradient at the last layer. Magnitude is the mean of |x| over units and signals, variance the mean
of x^2. A scheme has its own gain unless one follows a colon. The activation's derivative is by
differences, central where it has one. inf: beyond the range of doubles; nan: no gradient, behind an
infinite signal."""
_EXPLOSION_HEAD = """\
A linear network of {width} units a layer, normal weights: the variance of layer l is
({width} variance)^l for inputs of variance 1. {trials} networks, seed {seed}.

weights' variance  layer      expected     simulated   standard error"""
_NETWORKS = 1000


def _flow(options: argparse.Namespace) -> None:
    if options.table:
        _explosion_table(options)
        return
    from irwinhall import flow, gains

    if options.plot is not None:
        from irwinhall import plots

        plots.checked_format(options.plot)
    row = gains.activation("relu" if options.activation is None else options.activation)
    widths = options.width or (256,)
    depth = 50 if options.depth is None else options.depth
    batch = 32 if options.batch is None else options.batch
    names = options.schemes.split(",") if options.schemes else flow.default_schemes(row.name)
    with _progress_bar(2 * depth * len(names), "simulating", "layers") as update:
        flows = flow.simulate(
            names,
            width=widths,
            depth=depth,
            activation=row.name,
            batch=batch,
            seed=options.seed,
            progress=update,
        )
    units = ", ".join(str(width) for width in widths) + " units"
    units += " in turn" if len(widths) > 1 else ""
    title = _FLOW_TITLE.strip().format(
        activation=row.name, layers=depth, units=units, batch=batch, seed=options.seed
    )
    if options.plot is not None:
        plots.save_flow(options.plot, flows, title=title)
    if options.json:
        network = {"activation": row.name, "width": widths, "depth": depth}
        simulation = {"batch": batch, "seed": options.seed}
        print(_json({**network, **simulation, "schemes": [_plain(one) for one in flows]}))
        return
    print(title)
    layers = _some_layers(depth)
    label = max(len("scheme"), *(len(one.scheme) for one in flows))
    for quantity, order in (("forward", layers), ("backward", layers[::-1])):
        for measure in ("magnitude", "variance"):
            heads = "".join(f"{layer:>10}" for layer in order)
            print(f"\n{quantity} {measure}\n{'layer':<{label}}{heads}")
            for one in flows:
                values = getattr(one, f"{quantity}_{measure}")
                print(f"{one.scheme:<{label}}" + "".join(f"{values[i]:>10.2g}" for i in order))
    print(_FLOW_LEGEND)
    if options.plot is not None:
        print(f"\nplotted to {options.plot}")


def _some_layers(depth: int) -> list[int]:
    """Return 0, the powers of 2 and the last layer; at most eight, of the larger ones."""
    powers = [1 << k for k in range(depth.bit_length()) if 1 << k < depth]
    return [0, *powers[-6:], depth]


def _explosion_table(options: argparse.Namespace) -> None:
    from irwinhall import flow

    for name in ("activation", "schemes", "batch", "plot"):
        if getattr(options, name) is not None:
            raise ValueError(f"--table must stand without --{name}")
    widths = options.width or (100,)
    if len(widths) > 1:
        raise ValueError(f"--width must be one number with --table, got {len(widths)}")
    depth = 5 if options.depth is None else options.depth
    total = 2 * _NETWORKS * depth * widths[0] ** 2
    with _progress_bar(total, "simulating", "weights") as update:
        rows = list(
            flow.explosion(
                width=widths[0], depth=depth, trials=_NETWORKS, seed=options.seed, progress=update
            )
        )
    if options.json:
        print(_json([_plain(row) for row in rows]))
        return
    print(_EXPLOSION_HEAD.format(width=widths[0], trials=_NETWORKS, seed=options.seed))
    for row in rows:
        print(
            f"{row.variance_of_weights:>17g}  {row.layer:>5}  {row.expected:>12.6g}"
            f"  {row.simulated:>12.4g} +- {row.standard_error:>13.2g}"
        )


# ---- sample --------------------------------------------------------------------------------------


def _sample(options: argparse.Namespace) -> None:
    from irwinhall.weightfile import save_weights

    elements = math.prod(options.shape)
    size = elements * {"float64": 8, "float32": 4}.get(options.dtype, 2)
    with _ended_by_sigterm(), _progress_bar(size, "writing", "B") as update:
        save_weights(
            options.out,
            options.shape,
            options.scheme,
            rng=options.seed,
            name=options.name,
            in_axis=options.in_axis,
            out_axis=options.out_axis,
            batch_axis=() if options.batch_axis is None else options.batch_axis,
            groups=options.groups,
            gain=options.gain,
            dtype=options.dtype,
            overwrite=options.force,
            progress=update,
        )
    row = irwinhall.schemes.scheme(options.scheme)
    if options.json:
        facts = {"out": options.out, "shape": options.shape, "dtype": options.dtype}
        origin = {"scheme": row.name, "seed": options.seed, "name": options.name}
        print(_json({**facts, **origin}))
        return
    shape = "x".join(str(length) for length in options.shape)
    print(f"{options.out}: {shape} {options.dtype}, {row.name}, seed {options.seed}")
    if options.dtype == "bfloat16":
        print("The .npy format has no bfloat16: its bits are stored as uint16.")


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the program by an exception, so that what is half done is cleaned up."""
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


# ---- printing ------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Return named tuples as dicts, arrays as lists, and what JSON has no number for as text."""
    if hasattr(value, "_asdict"):
        return {name: _plain(entry) for name, entry in value._asdict().items()}
    if hasattr(value, "tolist"):
        return [_plain(entry) for entry in value.tolist()]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False)


class _progress_bar:  # noqa: N801 - a context manager used like a function
    """A tqdm bar on stderr, shown only on a terminal and only if the work takes over a second."""

    def __init__(self, total: int | None, what: str, unit: str) -> None:
        self._arguments = {"total": total, "desc": what, "unit": f" {unit}", "unit_scale": True}

    def __enter__(self) -> Callable[[int], object]:
        from tqdm import tqdm

        self._bar = tqdm(**self._arguments, delay=1.0, leave=False, disable=None, file=sys.stderr)
        update: Callable[[int], object] = self._bar.update
        return update

    def __exit__(self, *exception: object) -> None:
        self._bar.close()
