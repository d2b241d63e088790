"""`irwinhall.tables.article` by its public name."""

import sys

from irwinhall.tables import article
from irwinhall.tables.article import *  # noqa: F403 - for type checkers

sys.modules[__name__] = article
