"""Callables of one tensor, which frameworks take in their configurations."""

from __future__ import annotations

import threading
from typing import Any

import torch

from irwinhall._keywords import takes
from irwinhall.schemes import Gain, Scheme, get_scheme
from irwinhall.stream import Seed, Stream
from irwinhall.torch._fill import check_seed, fill_, stream_of

__all__ = ["InitMethod", "init_method"]


@takes("seed", not_="rng")
def init_method(
    scheme: str | Scheme = "letkeman",
    gain: Gain = None,
    *,
    seed: Seed | Stream = None,
    generator: torch.Generator | None = None,
    name: str = "",
    **how: Any,
) -> InitMethod:
    """Return a function that fills one tensor: Megatron's init_method, torchtitan's param_init.

    Parameters
    ----------
    scheme, gain
        As for `fill_`.
    seed, generator, name
        As for `fill_`, read once. Call number k, from 0, draws from the child k of that stream.
        Give each callable of a configuration its own name.
    **how
        layout, groups, parts, stacked, transposed, active_inputs, low, high, corrected and threads,
        as for `fill_`.

    Returns
    -------
    InitMethod
        Its calls fill a tensor in place and return it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described. The returned function raises as `fill_` does.

    Notes
    -----
    Frameworks pass no names, so the weights depend on the order of calls: inserting a layer changes
    the layers after it. `replace_init`, given the model, uses names.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> method = init.init_method("normal", 0.02, seed=1, name="linear")
    >>> first, second = method(torch.empty(4, 4)), method(torch.empty(4, 4))
    >>> torch.equal(second, init.normal_(torch.empty(4, 4), 0.0, 0.02, seed=1, name="linear/1"))
    True
    """
    check_seed(seed, generator)
    return InitMethod(get_scheme(scheme), gain, stream_of(None, seed, generator, name), how)


# Held while a call gets its number; one lock for all methods, so that they can be pickled.
_COUNTING = threading.Lock()


class InitMethod:
    """The function that `init_method` returns. Its copies share one count of calls.

    Attributes
    ----------
    calls : int
        How often it was called.

    Examples
    --------
    >>> import torch
    >>> import irwinhall.torch as init
    >>> method = init.init_method("he_normal", seed=1)
    >>> _ = method(torch.empty(4, 4))
    >>> method.calls
    1
    """

    def __init__(self, scheme: Scheme, gain: Gain, stream: Stream, how: dict[str, Any]) -> None:
        self.calls: int = 0
        self._scheme = scheme
        self._gain = gain
        self._stream = stream
        self._how = how

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """Fill the tensor in place and return it."""
        with _COUNTING:
            number, self.calls = self.calls, self.calls + 1
        seed = self._stream.child(str(number))
        return fill_(tensor, self._scheme, self._gain, seed=seed, **self._how)

    def __copy__(self) -> InitMethod:
        return self

    def __deepcopy__(self, memo: object) -> InitMethod:
        """Return itself: a copy with its own count would repeat the weights."""
        return self
