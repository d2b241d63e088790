"""A page named after an optional framework is tested where the framework is installed."""

import pytest
from frameworks import framework

collect_ignore = ["_build", "conf.py", "conftest.py"]  # the site and its builder


@pytest.fixture(autouse=True)
def _framework_of_the_page(request):
    name = request.path.stem.split("-")[0]
    if name in ("dask", "jax", "keras", "torch"):
        framework(name)
    if name == "jax":  # whose page initializes models of these
        framework("flax")
        framework("equinox")
