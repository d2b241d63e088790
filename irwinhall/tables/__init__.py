"""Tables of exact magnitudes and bounds, of closed forms and their errors, and of the article.

Builders return a `Table`; `rendered` writes it as CSV, JSON, Markdown and LaTeX. The text depends
only on the arguments, not on the machine.
"""

from irwinhall.tables._builders import (
    MOST_N,
    MOST_SIZES,
    article_table,
    check_sizes,
    closed_forms_table,
    grid_pairs,
    grid_sizes,
    normalized_table,
    standard_table,
)
from irwinhall.tables._rendering import closed_forms_document, rendered
from irwinhall.tables._table import Table, records

__all__ = [
    "MOST_N",
    "MOST_SIZES",
    "Table",
    "article_table",
    "check_sizes",
    "closed_forms_document",
    "closed_forms_table",
    "grid_pairs",
    "grid_sizes",
    "normalized_table",
    "records",
    "rendered",
    "standard_table",
]
