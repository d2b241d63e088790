"""``python -m irwinhall``: the command line."""

import sys

try:
    from irwinhall.cli import main

    status = main()
except KeyboardInterrupt:  # while modules load
    print("irwinhall: interrupted", file=sys.stderr)
    status = 130
raise SystemExit(status)
