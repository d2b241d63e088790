"""Builder of the table of weighted sums: the cumulants of a uniform variable."""

from __future__ import annotations

import math

from irwinhall import exact
from irwinhall._codegen._text import header

# The series is used up to half its radius, where the error of 24 terms is below 2^-50 / 25.
CUMULANT_TERMS = 24


def weighted_table() -> str:
    """Return ih_weighted_table.h: the series of log(sinh(z/2)/(z/2)) in even powers of z."""
    cumulants = enumerate(exact.uniform_cumulants(CUMULANT_TERMS), start=1)
    return header(
        "IH_WEIGHTED_TABLE_H",
        "Table of ih_weighted.c: cumulants of a uniform variable over factorials.",
        [
            f"#define IH_TWO_PI {math.tau.hex()}",
            f"#define IH_CUMULANT_TERMS {CUMULANT_TERMS}",
            "",
            "/* log(sinh(z/2)/(z/2)) = sum over j of ih_cumulant[j - 1] z^(2 j), abs(z) < 2 pi */",
            "static const double ih_cumulant[IH_CUMULANT_TERMS] = {",
            *(f"    {float(c / math.factorial(2 * j)).hex()}," for j, c in cumulants),
            "};",
        ],
    )
