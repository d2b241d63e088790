"""``python -m irwinhall``: the command line."""

try:
    from irwinhall.cli import main

    status = main()
except KeyboardInterrupt:  # while modules load
    status = 130
raise SystemExit(status)
