"""The report: a single HTML page with tables and plots, which needs no network and no other file.

Tables are HTML tables with captions and row headers. A script sorts and filters them; all content
is there without it. A content security policy forbids all connections.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files as resources

from irwinhall._version import __version__
from irwinhall.tables._mathml import mathml
from irwinhall.tables._table import Cell, Table, records
from irwinhall.tables.plots import Plot, form_plots

__all__ = ["page", "report"]

# Longer tables show only this many rows, which a browser sorts without delay.
_MOST_ROWS = 2000

_TITLES = {
    "closed-forms": "Closed forms",
    "standard": "The expected magnitude A(n)",
    "normalized": "Normalized bounds",
    "article": "The article's figures",
}
# Columns in the table of closed forms; the details below the table have the others.
_SUMMARY = ("form", "target", "first", "max_relative_error", "where", "formula")
_TEXTS = ("exact", "quantity", "form", "target", "formula")
_WRAPPED = ("target", "where")


def report(tables: Sequence[Table]) -> dict[str, str]:
    """Return the files of the report: the plots, and the page with the plots and the tables.

    Parameters
    ----------
    tables : sequence of Table
        The tables. The first must be that of `irwinhall.tables.closed_forms_table`.

    Returns
    -------
    dict of str to str
        Text by file name.

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> from irwinhall import tables
    >>> from irwinhall.tables import report
    >>> made = report.report([tables.closed_forms_table()])  # doctest: +SKIP
    >>> sorted(made)  # doctest: +SKIP
    ['errors.svg', 'heat-maps.svg', 'magnitude.svg', 'report.html']
    """
    worst = {str(row["form"]): row["max_relative_error"] for row in records(tables[0])}
    plots = form_plots({name: float(error) for name, error in worst.items() if error is not None})
    return {
        **{f"{plot.name}.svg": plot.svg for plot in plots},
        "report.html": page(tables, plots),
    }


def page(tables: Sequence[Table], plots: Sequence[Plot]) -> str:
    """Return an HTML page with the tables, which can be sorted and filtered, and the plots.

    Parameters
    ----------
    tables : sequence of Table
        The tables, such as those of `irwinhall.tables`.
    plots : sequence of Plot
        The plots, such as those of `irwinhall.plots.form_plots`.

    Returns
    -------
    str
        The HTML source.

    Examples
    --------
    >>> from irwinhall.tables import Table, report
    >>> html = report.page([Table("squares", "Squares.", ("n", "square"), [(2, 4)])], [])
    >>> '<td class="number">4</td>' in html
    True
    """
    style = resources("irwinhall.tables").joinpath("report.css").read_text(encoding="utf-8")
    script = resources("irwinhall.tables").joinpath("report.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    )
    first, rest = tables[:1], tables[1:]
    links = [(table.name, _title(table)) for table in first]
    links += [("plots", "Plots")] * bool(plots) + [(table.name, _title(table)) for table in rest]
    contents = "\n".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in links)
    sections = [*map(_section, first), _figures(plots), *map(_section, rest)]
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>irwinhall: exact magnitudes, bounds and closed forms</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">To the tables</a>
<header>
<h1>Exact magnitudes, Letkeman bounds and closed forms</h1>
<p>A(n) is the expected magnitude of a sum of n numbers uniform on (&minus;1, 1). Weights uniform
on (&minus;b, b) with b = 1/A(n) keep the expected magnitude of a layer's outputs at 1; with
b = (n + m)/(m A(n) + n A(m)) they keep it on average over all n inputs and m outputs. Written by
irwinhall {__version__}; the same folder has the tables as CSV, JSON, Markdown and LaTeX.</p>
<nav aria-label="Contents"><ul>
{contents}
</ul></nav>
</header>
<main id="main">
{"".join(sections)}</main>
<script>{script}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _title(table: Table) -> str:
    return _TITLES.get(table.name, table.name)


# ---- tables --------------------------------------------------------------------------------------


def _section(table: Table) -> str:
    forms = table.name == "closed-forms"
    columns = _SUMMARY if forms else table.columns
    kinds = {column: _kind(table, column) for column in columns}
    heads = "".join(
        f'<th scope="col" data-column="{column}"{_class(kinds[column])}>'
        f'<button type="button">{_words(column)}</button></th>'
        for column in columns
    )
    rows = records(table)[:_MOST_ROWS]
    body = "\n".join(_row(row, kinds, linked=forms) for row in rows)
    more = ""
    if len(table.rows) > _MOST_ROWS:
        more = f" The first {_MOST_ROWS:,} of {len(table.rows):,} rows; {table.name}.csv has all."
    title = escape(_title(table))
    return f"""\
<section class="table" id="{table.name}" aria-labelledby="{table.name}-title">
<h2 id="{table.name}-title">{title}</h2>
<p class="caption">{escape(table.caption + more)}</p>
<div class="tools" hidden>
<label for="{table.name}-filter">Filter</label>
<input id="{table.name}-filter" type="search" autocomplete="off" spellcheck="false"\
 aria-describedby="{table.name}-hint">
<output for="{table.name}-filter" aria-live="polite"></output>
<span class="hint" id="{table.name}-hint">Words, and comparisons such as\
 {_hint(table, kinds)}; errors are compared by absolute value.</span>
</div>
<div class="scroll" role="region" aria-labelledby="{table.name}-title" tabindex="0">
<table>
<caption>{title}</caption>
<thead><tr>{heads}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</div>
{_details(rows) if forms else ""}</section>
"""


def _kind(table: Table, column: str) -> str:
    """Return "text", "number" or "error", which determines how a column is shown and sorted."""
    if column in _TEXTS:
        return "text"
    errors = table.columns[table.columns.index("bound") :] if "bound" in table.columns else ()
    is_error = column == "max_relative_error" or (
        column in errors and column not in ("bound", "forward", "backward")
    )
    return "error" if is_error else "number"


def _class(kind: str, *, wrapped: bool = False) -> str:
    names = {"text": [], "number": ["number"], "error": ["number", "error"]}[kind]
    names = [*names, *(["wrap"] if wrapped else [])]
    return f' class="{" ".join(names)}"' if names else ""


def _words(column: str) -> str:
    """Return the name of a column, with possible line breaks after underscores."""
    return escape(column).replace("_", "_<wbr>")


def _hint(table: Table, kinds: Mapping[str, str]) -> str:
    errors = [column for column, kind in kinds.items() if kind == "error"]
    examples = [f"{errors[-1]}<1e-3"] if errors else []
    examples += ["n>=100"] if "n" in kinds else []
    return " ".join(f"<kbd>{escape(example)}</kbd>" for example in examples[::-1])


def _row(row: Mapping[str, Cell], kinds: Mapping[str, str], *, linked: bool) -> str:
    cells = []
    for i, (column, kind) in enumerate(kinds.items()):
        cell = row[column]
        text = "" if cell is None else f"{cell:.2e}" if kind == "error" else escape(str(cell))
        if linked and column == "formula":
            cells.append(f"<td>{mathml(str(cell))}</td>")
        elif i == 0:
            name = f'<a href="#form-{text}">{_words(text)}</a>' if linked else text
            cells.append(f'<th scope="row"{_class(kind)}>{name}</th>')
        elif kind == "error":
            cells.append(f'<td class="number{_tint(cell)}">{text}</td>')
        else:
            if column in _WRAPPED:
                text = text.replace("_", "_<wbr>")
            cells.append(f"<td{_class(kind, wrapped=column in _WRAPPED)}>{text}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _tint(cell: Cell) -> str:
    """Return the CSS class of an error's shade; the darkest is for errors above 1 %."""
    if not isinstance(cell, float) or cell == 0.0:
        return ""
    shade = max(0, 2 * (math.floor(-math.log10(abs(cell))) // 2))
    return f" e{shade}" if shade <= 10 else ""


def _details(rows: Iterable[Mapping[str, Cell]]) -> str:
    return "<h3>Formula and source of each form</h3>\n" + "".join(
        f"""\
<details id="form-{row["form"]}">
<summary>{row["form"]}<span>at most {row["max_relative_error"]:.2e}</span></summary>
<p>{escape(str(row["about"]))}</p>
<div class="formula" tabindex="0">{mathml(str(row["formula"]))}</div>
<p>{_constants(row)}Worst relative error {row["max_relative_error"]:.2e}, at {row["where"]}.\
 {escape(str(row["certificate"]))}</p>
{"".join(_code(name, str(row[column])) for name, column in _LANGUAGES.items())}</details>
"""
        for row in rows
    )


def _constants(row: Mapping[str, Cell]) -> str:
    return f"Constants: {escape(str(row['constants']))}. " if row["constants"] else ""


_LANGUAGES = {"Python": "python", "C": "c", "LaTeX": "formula"}


def _code(language: str, text: str) -> str:
    return (
        f'<div class="code"><h4>{language}</h4><pre tabindex="0"><code>{escape(text.strip())}\n'
        '</code></pre><button type="button" class="copy" hidden>Copy</button></div>\n'
    )


# ---- plots ---------------------------------------------------------------------------------------


def _figures(plots: Sequence[Plot]) -> str:
    if not plots:
        return ""
    figures = "".join(
        f"""\
<figure>
<div class="plot" tabindex="0"><img alt="{escape(plot.alt)}"\
 src="data:image/svg+xml;base64,{base64.b64encode(plot.svg.encode()).decode()}"></div>
<figcaption>{escape(plot.caption)}</figcaption>
</figure>
"""
        for plot in plots
    )
    return (
        '<section id="plots" aria-labelledby="plots-title">\n'
        f'<h2 id="plots-title">Plots</h2>\n{figures}</section>\n'
    )
