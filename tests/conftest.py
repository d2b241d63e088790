"""What all tests share: no deadlines in Hypothesis, Ctrl-C, and examples of optional frameworks."""

import signal

import pytest
from frameworks import framework, imported
from hypothesis import settings

settings.register_profile("irwinhall", deadline=None)
settings.load_profile("irwinhall")

# A job that a script starts with & ignores Ctrl-C, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No doctests: docs/ has a module of this name, the typed clients are for type checkers alone, and
# wasi.py runs programs.
collect_ignore = [
    "conftest.py", "cross/wasi.py", "support/typed_client.py", "support/typed_frameworks.py",
]  # fmt: skip


def pytest_collection_modifyitems(items):
    """Skip pages and docstrings whose examples import a framework that is not installed."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            source = "".join(example.source for example in item.dtest.examples)
            for name in imported(source):
                try:
                    framework(name)
                except pytest.skip.Exception as missing:
                    item.add_marker(pytest.mark.skip(reason=str(missing)))
