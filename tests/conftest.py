"""What all tests share: Hypothesis without deadlines, which a busy machine misses, and Ctrl-C."""

import signal

from hypothesis import settings

settings.register_profile("irwinhall", deadline=None)
settings.load_profile("irwinhall")

# A job that a script starts with & ignores Ctrl-C, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No doctests: docs/ has a module of this name, and the typed clients are for type checkers alone.
collect_ignore = ["conftest.py", "support/typed_client.py", "support/typed_frameworks.py"]
