"""Counting what a call runs, which a machine's noise does not change as it does its time."""

import sys
from pathlib import Path

import irwinhall

PACKAGE = str(Path(irwinhall.__file__).parent)


def frames(call):
    """Return the names of the package's functions that a call runs, a name for each frame."""
    call()  # what is resolved once is not counted
    names = []

    def count(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            names.append(frame.f_code.co_name)

    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return names
