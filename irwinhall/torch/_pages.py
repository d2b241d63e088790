"""Large pages for memory that is about to be written for the first time.

The system hands out memory page by page as it is first written to, which for pages of 4 KiB takes
longer than to draw the weights. Linux gives pages of 2 MiB where it is asked.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import lru_cache
from typing import Any

import torch

__all__ = ["prefer_large_pages"]

_PAGE = 2**21


def prefer_large_pages(tensor: torch.Tensor) -> None:
    """Ask for large pages for a dense tensor's memory, where that is possible and of use."""
    if not tensor.is_cpu or tensor.nbytes < 2 * _PAGE:
        return
    begin = -(-tensor.data_ptr() // _PAGE) * _PAGE
    end = (tensor.data_ptr() + tensor.nbytes) // _PAGE * _PAGE
    advise = _madvise()
    if advise is not None and begin < end:
        advise(begin, end - begin, mmap.MADV_HUGEPAGE)  # advice: nothing depends on the answer


@lru_cache(maxsize=1)
def _madvise() -> Any:
    if sys.platform != "linux" or not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    function = getattr(ctypes.CDLL(None), "madvise", None)
    if function is not None:
        function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function
