"""``python -m irwinhall``: the command line."""

from irwinhall.cli import main

raise SystemExit(main())
