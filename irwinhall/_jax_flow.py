"""Signals and gradients through a model of Flax or Equinox, module by module, in one pass.

What a module returns goes through `_marked`, an identity whose values and gradients are seen as
they are computed. Neither framework is imported here: a model of one has imported it.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from irwinhall._jax_layers import is_a
from irwinhall._models.activations import ActivationFlow, FlowRow, Moments, with_verdicts
from irwinhall._models.plan import shown
from irwinhall._models.running import run
from irwinhall.stream import Stream

__all__ = ["activation_flow"]

# Number of elements measured at a time: few enough for the cache.
_CHUNK = 2**15


def activation_flow(
    model: Any,
    batch: Any,
    loss: Callable[[Any], Any] | None = None,
    *,
    seed: int | bytes = 0,
) -> ActivationFlow:
    """Return the sizes of signals and gradients after every module of a model.

    The model is run once on the batch, forward and backward.

    Parameters
    ----------
    model : module
        A module of Flax nnx or Equinox, or one of Flax linen that is bound to its variables. It
        runs in its current mode, training or evaluation. It is not changed.
    batch : array, sequence or mapping
        The model's argument, arguments, or keyword arguments. A unit counts as dead only if it is 0
        in every sample: use a few dozen samples. Modules of Equinox take one sample, so they are
        mapped over the first axis of every array.
    loss : callable, optional
        Maps the model's output to the scalar whose gradient is taken. Default: the gradient at the
        output is standard normal, as in `irwinhall.flow`.
    seed : int or bytes
        Seed of that gradient, which is drawn under the name "gradient".

    Returns
    -------
    ActivationFlow

    Raises
    ------
    TypeError, ValueError
        If model is not a module, arrays are traced, or loss does not return a scalar that depends
        on the model.

    Notes
    -----
    *Rows.* Each call of a module has a row for the first array of real or complex numbers that it
    returns, also modules within modules, such as a block that adds a branch to its input. An output
    that is passed on unchanged, as by Sequential, has only the row of the module that made it.
    Functions such as jax.nn.relu, and methods other than ``__call__``, have no rows. Names are the
    paths of `init_weights`.

    *Transformations.* The pass runs without `jit`, and each step of a `scan` has its rows. Rows
    from the body of a `while_loop` may be missing. Modules of Equinox are mapped by `jax.vmap`,
    with the axis_name "batch"; scalars and an `equinox.nn.State` are the same for all samples.

    *Cost.* Every operation is compiled separately when it first runs. The gradients of parameters
    are not computed. Means are computed on the host, in float64.

    Examples
    --------
    >>> import jax, equinox, irwinhall.jax
    >>> model = equinox.nn.MLP(64, 10, width_size=256, depth=2, key=jax.random.key(0))
    >>> model, _ = irwinhall.jax.init_weights(model, "he_normal", seed=1)
    >>> batch = irwinhall.Stream(2).normal((100, 64))
    >>> print(irwinhall.jax.activation_flow(model, batch))
       module    kind     E|x|  E x^2  dead   E|g|   E g^2     dead
    0  (batch)   batch   0.805      1     0
    1  layers.0  Linear   1.13   2.03     0  0.106  0.0381        0
    2  layers.1  Linear   1.15   2.09     0  0.106  0.0385  0.00391
    3  layers.2  Linear   1.14   1.99     0  0.788    1.01        0
    mean square of signals kept: times 0.99 a layer, times 0.98 over 3 layers
    square norm of gradients kept: times 0.982 a layer, times 0.97 over 3 layers
    """
    run_marked = _runner(model)
    given = _first(list(batch.values()) if isinstance(batch, Mapping) else batch)
    batch = jax.tree_util.tree_map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, batch
    )
    seen = _Pass()

    def forward(zero: Any) -> Any:
        seen.zero = zero
        return _root(run_marked(seen, batch), loss)

    with jax.disable_jit():
        root, backward = jax.vjp(forward, 0.0)
        start: Any = np.ones((), root.dtype)
        if loss is None:
            start = Stream(seed, "gradient").normal(root.shape, dtype=root.dtype)
        seen.is_backward = True
        backward(jnp.asarray(start))
    rows, calls = [], Counter[str]()
    for row in seen.rows:
        if row.shape:  # it was computed
            rows.append(row._replace(call=calls[row.name]))
            calls[row.name] += 1
    if seen.rows and not rows:
        raise TypeError("model must hold arrays, got traced ones: call activation_flow outside jit")
    if all(row.gradient_magnitude is None for row in rows):
        raise ValueError("loss must depend on the model's output, got a value without a gradient")
    if given is not None:
        rows.insert(0, FlowRow("", "batch", 0, given.shape, False, *_moments(given)))
    return with_verdicts(rows)


def _root(output: Any, loss: Callable[[Any], Any] | None) -> Any:
    """Return where gradients start."""
    if loss is not None:
        value = loss(output)
        is_array = isinstance(value, jax.Array)
        if not is_array or value.size != 1 or not jnp.issubdtype(value.dtype, jnp.floating):
            got = f"one of shape {value.shape} and {value.dtype}" if is_array else shown(value)
            raise ValueError(f"loss must return a scalar array, got {got}")
        return value.reshape(())
    found = _first(output)
    if found is None:
        raise ValueError(
            "the model's output must hold an array that has a gradient, or loss must be given; "
            f"got {shown(output)}"
        )
    return found


def _first(tree: Any, least_axes: int = 1) -> Any | None:
    """Return the first array of real or complex numbers that a pytree holds."""

    def has_values(leaf: Any) -> bool:
        is_array = isinstance(leaf, (jax.Array, np.ndarray))
        is_number = is_array and jnp.issubdtype(leaf.dtype, jnp.inexact)
        return is_number and leaf.ndim >= least_axes and leaf.size > 0

    return next(filter(has_values, jax.tree_util.tree_leaves(tree, is_leaf=_is_whole)), None)


def _is_whole(node: Any) -> bool:
    """Return whether the arrays in a node of a pytree are no signals: a layer's, or its state."""
    return is_a(node, "equinox.nn", "State") or _is_layer(node)


def _is_layer(node: Any) -> bool:
    is_module = is_a(node, "flax.nnx", "Module") or is_a(node, "equinox", "Module")
    return is_module and callable(node)


# ---- the pass ------------------------------------------------------------------------------------


@dataclass
class _Pass:
    """One pass through a model.

    zero: the variable of the derivative; each marked value depends on it and so has a gradient.
    known: values that have a row already, by their id.
    least_axes: the least number of axes of a measured array, as a module sees it.
    """

    zero: Any = None
    least_axes: int = 1
    is_backward: bool = False
    rows: list[FlowRow] = field(default_factory=list)
    known: dict[int, Any] = field(default_factory=dict)

    def run(self, model: Callable[..., Any], batch: Any) -> Any:
        """Return the output of a model, whose inputs are known."""
        self.known.update({id(leaf): leaf for leaf in jax.tree_util.tree_leaves(batch)})
        return run(model, batch)

    def marked(self, name: str, kind: str, has_weight: bool, output: Any) -> Any:
        """Return what a module returned, with its first array marked if that has no row."""
        first = _first(output, self.least_axes)
        if first is None or id(first) in self.known:
            return output
        number = len(self.rows)
        self.rows.append(FlowRow(name, kind, 0, (), has_weight, *[math.nan] * 3))

        def signal(values: Any) -> None:
            found = _moments(values)._asdict()
            self.rows[number] = self.rows[number]._replace(shape=values.shape, **found)

        def gradient(values: Any) -> None:
            if self.is_backward:  # and no derivative that the model takes itself
                self.rows[number] = FlowRow(*self.rows[number][:-3], *_moments(values))

        value = _marked(self.zero, first, signal, gradient)
        self.known[id(value)] = value
        return jax.tree_util.tree_map(
            lambda leaf: value if leaf is first else leaf, output, is_leaf=_is_whole
        )


_Measure: TypeAlias = "Callable[[Any], None]"


def _marked(zero: Any, values: Any, signal: _Measure, gradient: _Measure) -> Any:
    """Return the same values; signal and gradient are called with them and with their gradient."""

    def same(zero: Any, values: Any) -> Any:
        return values

    def forward(zero: Any, values: Any) -> Any:
        return _measured.bind(values, measure=signal), zero

    def backward(zero: Any, values: Any) -> Any:
        return zero, _measured.bind(values, measure=gradient)

    marked = jax.custom_vjp(same)
    marked.defvjp(forward, backward)
    return marked(zero, values)


def _measure(values: Any, *, measure: _Measure) -> Any:
    measure(values)
    return values


def _measure_mapped(values: Any, axes: Any, *, measure: _Measure) -> Any:
    return _measured.bind(jnp.moveaxis(values[0], axes[0], 0), measure=measure), 0


def _measure_with_tangent(values: Any, tangents: Any, *, measure: _Measure) -> Any:
    return _measured.bind(*values, measure=measure), *tangents


# The identity; it passes the values to `measure`, with the axes of jax.vmap first. In code that is
# compiled all the same, such as the body of a while_loop, it does nothing.
_measured = Primitive("measured")
_measured.def_impl(_measure)
_measured.def_abstract_eval(lambda values, **_: values)
batching.primitive_batchers[_measured] = _measure_mapped
ad.primitive_jvps[_measured] = _measure_with_tangent
mlir.register_lowering(_measured, lambda context, values, **_: [values])


def _moments(array: Any) -> Moments:
    values = np.asarray(array)
    total = squares = 0.0
    flat = values.reshape(-1)
    with np.errstate(over="ignore"):
        for start in range(0, flat.size, _CHUNK):
            sizes = np.abs(flat[start : start + _CHUNK]).astype(np.float64)
            total += float(sizes.sum())
            squares += float(np.square(sizes).sum())
    dead = (values == 0).all(axis=0)
    return Moments(total / flat.size, squares / flat.size, float(dead.mean()))


# ---- the models of each framework ----------------------------------------------------------------


def _runner(model: Any) -> Callable[[_Pass, Any], Any]:
    """Return a function that runs a copy of a model, whose outputs are marked."""
    if is_a(model, "flax.nnx", "Module"):
        return partial(_nnx, model)
    if is_a(model, "equinox", "Module"):
        return partial(_equinox, model)
    if not is_a(model, "flax.linen", "Module"):
        raise TypeError(f"model must be a module of Flax or Equinox, got {shown(model)}")
    if model.scope is None:
        raise TypeError(
            f"model must be bound to its variables, got {type(model).__name__} itself: "
            "model.bind(variables) is"
        )
    return partial(_linen, model)


def _nnx(model: Any, seen: _Pass, batch: Any) -> Any:
    from flax import nnx

    def has_weight(module: Any) -> bool:
        own = vars(module).values()
        return any(isinstance(each, nnx.Param) and each.ndim > 1 for each in own)

    copy = nnx.clone(model)
    for path, module in list(nnx.iter_graph(copy)):
        if isinstance(module, nnx.Module) and callable(module):
            _mark(module, ".".join(map(str, path)), has_weight, seen)
    return seen.run(copy, batch)


def _equinox(model: Any, seen: _Pass, batch: Any) -> Any:
    import equinox

    def modules(path: Any, module: Any) -> Iterator[tuple[str, Any]]:
        yield jax.tree_util.keystr(path, simple=True, separator="."), module
        for keys, child in jax.tree_util.tree_leaves_with_path(
            module, is_leaf=lambda node: node is not module and _is_layer(node)
        ):
            if _is_layer(child):
                yield from modules((*path, *keys), child)

    def has_weight(module: Any) -> bool:
        own = jax.tree_util.tree_leaves(vars(module), is_leaf=_is_layer)
        return any(equinox.is_array(each) and each.ndim > 1 for each in own)

    def axis(node: Any) -> int | None:
        return 0 if getattr(node, "ndim", 0) > 0 else None

    copy = jax.tree_util.tree_map(lambda leaf: leaf, model)
    for name, module in list(modules((), copy)):
        _mark(module, name, has_weight, seen)
    seen.least_axes = 0  # modules do not see the axis of the samples
    axes = jax.tree_util.tree_map(axis, batch, is_leaf=_is_whole)
    mapped = jax.vmap(partial(seen.run, copy), in_axes=(axes,), axis_name="batch")
    return mapped(batch)


def _linen(model: Any, seen: _Pass, batch: Any) -> Any:
    from flax import linen

    def mark(method: Any, args: Any, kwargs: Any, context: Any) -> Any:
        output = method(*args, **kwargs)
        if context.method_name != "__call__":
            return output
        module = context.module
        own = module.variables.get("params", {}).values()
        has_weight = any(getattr(each, "ndim", 0) > 1 for each in own)
        return seen.marked(".".join(module.path), type(module).__name__, has_weight, output)

    module, variables = model.unbind()
    scope = model.scope
    copy = module.bind(variables, rngs=scope.rngs, mutable=scope.mutable)
    with linen.intercept_methods(mark):
        return seen.run(copy, batch)


def _mark(module: Any, name: str, has_weight: Callable[[Any], bool], seen: _Pass) -> None:
    """Change the class of a module of a copy, so that what it returns is marked."""
    kind: Any = type(module)

    def mark(itself: Any, output: Any) -> Any:
        return seen.marked(name, kind.__name__, has_weight(itself), output)

    object.__setattr__(module, "__class__", _marking(kind))
    object.__setattr__(module, "_irwinhall_mark", mark)


@cache
def _marking(kind: Any) -> Any:
    """Return a subclass of a class of modules that passes its outputs to `_irwinhall_mark`."""
    equinox: Any = sys.modules.get("equinox")
    is_equinox = equinox is not None and issubclass(kind, equinox.Module)

    class Marking(kind):  # type: ignore[misc]  # the class is known when it runs
        # Transformations of Equinox keep only fields; a static one is no leaf.
        _irwinhall_mark: Any = equinox.field(static=True, default=None) if is_equinox else None

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self._irwinhall_mark(self, super().__call__(*args, **kwargs))

    Marking.__name__ = kind.__name__
    return Marking
