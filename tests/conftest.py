"""What all tests share: Hypothesis without deadlines, which a busy machine misses."""

from hypothesis import settings

settings.register_profile("irwinhall", deadline=None)
settings.load_profile("irwinhall")

collect_ignore = ["conftest.py"]  # no doctests: docs/ has a module of the same name
