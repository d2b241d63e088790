"""`irwinhall.tables.plots` by its public name."""

import sys

from irwinhall.tables import plots
from irwinhall.tables.plots import *  # noqa: F403 - for type checkers

sys.modules[__name__] = plots
