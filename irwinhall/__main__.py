"""The command ``irwinhall``, and ``python -m irwinhall``: the command line under Ctrl-C."""

import signal
import sys


def main() -> int:
    """Run the command line and return the exit status.

    `irwinhall.cli` answers Ctrl-C while a command runs. While modules load, and when all is done,
    there is nothing to clean up: then it ends the process at once, without a traceback.
    """
    _set_handler(signal.SIG_DFL)
    try:
        # With NumPy, whose import may turn Ctrl-C into ImportError.
        import irwinhall._core  # noqa: F401
        from irwinhall.cli import main as run
    except (ImportError, MemoryError, OSError) as error:  # no memory, no descriptors, no NumPy
        if "--debug" in sys.argv:
            raise
        reason = str(error).strip().splitlines()[-1:] or ["not enough memory"]
        print(f"irwinhall: error: {reason[0]}", file=sys.stderr)
        return 1

    try:
        _set_handler(signal.default_int_handler)
        return run()
    except KeyboardInterrupt:  # before `run` could catch it, or a second one
        return 128 + signal.SIGINT
    finally:
        _set_handler(signal.SIG_DFL)


def _set_handler(handler: "signal._HANDLER") -> None:
    # A job that a script starts with & ignores Ctrl-C, and goes on doing so.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


if __name__ == "__main__":
    raise SystemExit(main())
