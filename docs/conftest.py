"""A page named after an optional framework is tested where the framework is installed."""

import pytest
from frameworks import framework


@pytest.fixture(autouse=True)
def _framework_of_the_page(request):
    if request.path.stem in ("dask", "jax", "keras", "torch"):
        framework(request.path.stem)
