"""`irwinhall.approximations._certification` by its public name."""

import sys

from irwinhall.approximations import _certification
from irwinhall.approximations._certification import *  # noqa: F403 - for type checkers

sys.modules[__name__] = _certification
