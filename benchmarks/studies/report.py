"""Write docs/evidence.md from evidence.template.md, inserting every number from the results.

In the template, {{name argument ...}} is replaced by what the function of this name in `PARTS`
returns for the results.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from . import claims, statistics
from .catalogue import ALL, ARTICLE, FOUR
from .claims import accuracies, compared, number, shown
from .flows import Prediction, read_predictions
from .methods import METHODS
from .tables import Row, Table

__all__ = ["rendered", "write"]

TEMPLATE = Path(__file__).with_name("evidence.template.md")

Tables = Mapping[str, Table]
Rows = Mapping[str, Sequence[Row]]


def rendered(tables: Tables) -> str:
    """Return the page."""
    rows = {name: table.rows() for name, table in tables.items()}

    def part(match: re.Match[str]) -> str:
        name, *arguments = match[1].split()
        return PARTS[name](tables, rows, *arguments)

    return re.sub(r"\{\{([^}]+)\}\}", part, TEMPLATE.read_text(encoding="utf-8"))


def write(tables: Tables, path: Path) -> None:
    """Write the page."""
    path.write_text(rendered(tables), encoding="utf-8")


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _speed(tables: Tables, rows: Rows, study: str, case: str, one: str, *other: str) -> str:
    """Return how much faster a method is than another, or than one of another case."""
    case = case.replace("_", " ")
    return shown(compared(rows[study], case, one, other[0], *other[1:])[0])


def _at(tables: Tables, rows: Rows, study: str, case: str, one: str, other: str, rate: str) -> str:
    """Return how much faster a method is than another at a learning rate (not with --quick)."""
    found = compared(rows[study], case.replace("_", " "), one, other)[1].get(float(rate))
    return shown(found) if found else "not run"


def _loss(tables: Tables, rows: Rows, study: str, case: str, method: str) -> str:
    """Return a method's last loss at its best rate."""
    return number(statistics.curves(rows[study], case.replace("_", " "), method).final)


def _rate(tables: Tables, rows: Rows, study: str, case: str, method: str) -> str:
    """Return a method's best rate."""
    return f"{statistics.curves(rows[study], case.replace('_', ' '), method).rate:g}"


def _claims(tables: Tables, rows: Rows) -> str:
    lines = []
    for claim in claims.CLAIMS:
        found = claim.judge(rows)
        lines.append([claim.source, claim.text, found.measured, f"**{found.verdict}**"])
    return _table(["who", "claim", "measured", "verdict"], lines)


def _verdicts(tables: Tables, rows: Rows) -> str:
    found = [claim.judge(rows).verdict for claim in claims.CLAIMS]
    counts = [(found.count(verdict), verdict) for verdict in dict.fromkeys(found)]
    text = "; ".join(f"{count} {verdict}" for count, verdict in sorted(counts, reverse=True))
    return f"{len(found)} claims: {text}"


def _networks(tables: Tables, rows: Rows) -> str:
    """Return the speed of the article's methods relative to Standard Letkeman, and their rates."""
    others = (*ARTICLE[1:], "letkeman_real")
    lines = []
    for study in FOUR:
        for case in tables[study].study.cases:
            cells = [case.name if study != "hamlet" else f"Hamlet, {case.name}"]
            for name in others:
                cells.append(shown(compared(rows[study], case.name, name, "letkeman")[0]))
            lines.append(cells)
    return _table(["network", *(METHODS[name].label for name in others)], lines)


def _best(tables: Tables, rows: Rows) -> str:
    """Return the last loss of every method at its best rate, with a column for each network."""
    places = [(s, c.name) for s in FOUR for c in tables[s].study.cases]
    lines = []
    for name in ALL:
        cells = [METHODS[name].label]
        for study, case in places:
            if any((row.case, row.method) == (case, name) for row in rows[study]):
                found = statistics.curves(rows[study], case, name)
                cells.append(f"{number(found.final)} at {found.rate:g}")
            else:
                cells.append("")
        lines.append(cells)
    heads = [c if s != "hamlet" else f"Hamlet, {c}" for s, c in places]
    return _table(["method", *heads], lines)


def _depth_lines(tables: Tables, rows: Rows) -> list[tuple[Prediction, float]]:
    """Return the prediction and the median measured depth of every pair."""
    return [
        (one, _depth(rows, one.activation, one.method))
        for one in read_predictions(tables["depth"].path.with_name("predictions.csv"))
    ]


def _depth(rows: Rows, activation: str, method: str) -> float:
    found = [
        r.figures["depth"] for r in rows["depth"] if (r.case, r.method) == (activation, method)
    ]
    return float(np.median(found))


def _agree(predicted: int, measured: float) -> bool:
    return abs(predicted - measured) <= 0.25 * measured


def _depth_of(tables: Tables, rows: Rows, activation: str, method: str) -> str:
    return f"{_depth(rows, activation, method):.0f}"


def _depths(tables: Tables, rows: Rows) -> str:
    lines = [
        [
            one.activation,
            METHODS[one.method].label,
            number(one.signal_rate),
            number(one.gradient_rate),
            str(one.kept),
            str(one.scales),
            f"{middle:.0f}",
            "yes" if _agree(one.kept, middle) else "no",
        ]
        for one, middle in _depth_lines(tables, rows)
    ]
    head = ["activation", "method", "signals x", "gradients x", "predicted", "six scales"]
    return _table([*head, "measured", "within 25 %"], lines)


def _depths_right(tables: Tables, rows: Rows, rule: str) -> str:
    """Return for how many pairs a rule, "kept" or "scales", is within 25 %."""
    lines = _depth_lines(tables, rows)
    return f"{sum(_agree(getattr(one, rule), middle) for one, middle in lines)} of {len(lines)}"


def _accuracy_table(study: str) -> Callable[[Tables, Rows], str]:
    """Return a table of test errors in percent, at the best rates."""

    def part(tables: Tables, rows: Rows) -> str:
        plan = tables[study].study
        lines = []
        for case in plan.cases:
            cells = [case.name]
            for name in plan.methods:
                found = accuracies(rows[study], case.name, name)
                value, low, high = (100 - share for share in found)
                text = f"{value:.1f} ({high:.1f} to {low:.1f})"
                cells.append("diverges" if math.isnan(value) else text)
            lines.append(cells)
        return _table(["", *(METHODS[name].label for name in plan.methods)], lines)

    return part


def _signals(tables: Tables, rows: Rows) -> str:
    """Return measured and predicted factors per layer, with a line for each activation."""
    plan = tables["flow"].study
    lines = []
    for case in plan.cases:
        cells = [case.name.replace("_", " ")]
        for name in plan.methods:
            chosen = [r for r in rows["flow"] if (r.case, r.method) == (case.name, name)]
            depth = case.settings["depth"]
            found = np.mean([r.figures["gradient"] for r in chosen]) / depth
            expected = chosen[0].figures["gradient_predicted"] / depth
            cells.append(f"{number(10**found)}, {number(10**expected)}")
        lines.append(cells)
    return _table(["", *(METHODS[name].label for name in plan.methods)], lines)


def _layouts(tables: Tables, rows: Rows) -> str:
    lines = []
    for method, label in (("letkeman", "irwinhall"), ("torch", "PyTorch")):
        losses: dict[int, list[float]] = {}
        for row in rows["layouts"]:
            if row.method == method:
                losses.setdefault(row.seed, []).append(row.figures["loss"])
        spread = [max(found) - min(found) for found in losses.values()]
        different = max(len(set(found)) for found in losses.values())
        lines.append([label, f"{different}", number(max(spread))])
    return _table(["weights by", "different first losses of a seed", "largest difference"], lines)


def _dead(tables: Tables, rows: Rows) -> str:
    found = {
        name: statistics.mean([r.figures["dead"] for r in rows["dead_heads"] if r.method == name])
        for name in ("torch", "letkeman")
    }
    torch, ours = (f"{100 * found[name].value:.2g} %" for name in ("torch", "letkeman"))
    return f"{torch} of draws by PyTorch and {ours} by irwinhall"


def _runs(tables: Tables, rows: Rows) -> str:
    return f"{sum(map(len, rows.values())):,}"


def _minutes(tables: Tables, rows: Rows) -> str:
    seconds = sum(
        float(record["seconds"]) for table in tables.values() for record in table.records().values()
    )
    return f"{seconds / 60:.0f}"


def _machine(tables: Tables, rows: Rows) -> str:
    records = [r for table in tables.values() for r in table.records().values()]
    places = {(r["machine"], r["python"], r["torch"], r["numpy"]) for r in records}
    return "; ".join(
        f"{machine}, Python {python}, PyTorch {torch}, NumPy {numpy}"
        for machine, python, torch, numpy in sorted(places)
    )


def _diverged(tables: Tables, rows: Rows) -> str:
    return f"{sum(row.outcome == 'diverged' for study in rows.values() for row in study):,}"


PARTS: Mapping[str, Callable[..., str]] = {
    "speed": _speed,
    "at": _at,
    "loss": _loss,
    "rate": _rate,
    "claims": _claims,
    "verdicts": _verdicts,
    "networks": _networks,
    "best": _best,
    "depths": _depths,
    "depths_right": _depths_right,
    "depth": _depth_of,
    "signals": _signals,
    "glorot": _accuracy_table("glorot"),
    "he": _accuracy_table("he"),
    "normalization": _accuracy_table("normalization"),
    "residual": _accuracy_table("residual"),
    "inputs": _accuracy_table("inputs"),
    "layouts": _layouts,
    "dead": _dead,
    "runs": _runs,
    "minutes": _minutes,
    "machine": _machine,
    "diverged": _diverged,
}
