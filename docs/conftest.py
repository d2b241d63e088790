"""The site and its builder hold no tests."""

collect_ignore = ["_build", "conf.py", "conftest.py"]
