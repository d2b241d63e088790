"""What SciPy has only from 1.15 on: tests that need it skip visibly with an older one."""

import pytest
import scipy.stats

OLD = not hasattr(scipy.stats, "irwinhall")
REASON = "scipy.stats has irwinhall and make_distribution from SciPy 1.15 on"
needs_newer_scipy = pytest.mark.skipif(OLD, reason=REASON)
