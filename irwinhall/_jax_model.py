"""Initialize models of Flax and Equinox, and any pytree: each array by its layer and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from weakref import ref

import jax
import numpy as np
from numpy.typing import NDArray

from irwinhall._jax_layers import is_a, role_of
from irwinhall._jax_shards import made_like
from irwinhall._keywords import takes
from irwinhall._models.decisions import Values
from irwinhall._models.plan import Pattern, Plan, naming, shown
from irwinhall._models.planning import array_report, array_values, divisible_region, draw
from irwinhall._models.report import Report
from irwinhall._models.residual import Residual
from irwinhall._models.roles import ArraySite, Leaf, Role
from irwinhall.schemes import Gain, Scheme
from irwinhall.stream import Seed, Stream, as_stream, checked_threads

__all__ = ["init_weights", "linen_layers"]


@takes("seed", not_="rng")
def init_weights(
    model: Any,
    scheme: str | Scheme = "letkeman",
    *,
    seed: Seed | Stream,
    gain: Gain = None,
    layers: Mapping[tuple[str, ...], Any] | None = None,
    plan: Plan | None = None,
    exclude: Pattern | Sequence[Pattern] = (),
    residual: Residual = (),
    residual_factor: float | None = None,
    forget_bias: float = 0.0,
    threads: int | None = None,
) -> tuple[Any, Report]:
    """Return a model with initialized weights, and a report.

    Weights of known layers get the scheme, sized by their logical fans: those of one group of a
    convolution, of the heads of an attention's projection, of each gate of a recurrent layer, of
    one looked-up row of an embedding (one active input). Recurrent weights are orthogonal, gate by
    gate. Biases become 0, the scales and shifts of norms 1 and 0, their statistics 0 and 1. Arrays
    of unknown layers are left alone and reported.

    Parameters
    ----------
    model : pytree
        A module of Flax nnx or Equinox, the variables of Flax linen, or any other pytree of arrays.
        It is not changed. Its arrays may be abstract, as from `jax.eval_shape` and
        `nnx.eval_shape`; those with a sharding are made shard by shard, as by `sharded`.
    scheme, gain
        As for `irwinhall.torch.init_weights`.
    seed : int, bytes, SeedSequence or Stream
        The seed of the weights; every process must give the same.
    layers : mapping, optional
        For variables of linen: their layers, as returned by `linen_layers`.
    plan, exclude
        As for `irwinhall.torch.init_weights`. A pattern is a path with the wildcards of fnmatch, a
        compiled regular expression that is searched in the path, or a type of layers. An array of
        an unknown layer needs a layout in its line, unless the scheme does not depend on axes.
    residual, residual_factor, forget_bias
        As for `irwinhall.torch.init_weights`.
    threads : int, optional
        Maximum number of threads for a parameter; default all cores. The bits do not depend on it.

    Returns
    -------
    model : pytree
        A model of the same structure. Arrays that are left alone are the same objects.
    report : Report
        A row for every array; it prints as a table.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, a pattern matches no array or none that it could decide,
        nothing would be initialized, or a weight cannot have its scheme; the message names the
        array.

    Notes
    -----
    An array's bits are those of ``irwinhall.sample_weights(..., rng=seed, name=path)``, so they do
    not depend on other layers. The path has the names of attributes, keys and indices in lists,
    joined by dots: ``blocks.0.attention.query.kernel``.

    Additional leading axes of a weight, such as those of `nnx.vmap`, `nn.scan` and
    `eqx.filter_vmap`, stack independent weights.

    Examples
    --------
    >>> import jax.numpy as jnp, irwinhall.jax
    >>> params = {"hidden": {"w": jnp.zeros((784, 256)), "b": jnp.ones(256)}}
    >>> plan = {"*.w": {"layout": "haiku.linear"}, "hidden.b": "zeros"}
    >>> params, report = irwinhall.jax.init_weights(params, "he_normal", seed=1, plan=plan)
    >>> expected = irwinhall.sample_weights((784, 256), "he_normal", rng=1, name="hidden.w")
    >>> bool((params["hidden"]["w"] == expected).all()), report.left_alone
    (True, ())
    """
    if seed is None:
        raise TypeError("seed must be given: processes that draw their own would not agree")
    root = as_stream(seed, "", argument="seed")
    checked_threads(threads, 0)
    is_nnx = is_a(model, "flax.nnx", "Module")
    if layers is not None and (is_nnx or not isinstance(layers, Mapping)):
        what = "left out for a module, which knows its layers" if is_nnx else "a mapping"
        raise TypeError(f"layers must be {what}, got {shown(layers)}")
    found = _nnx(model) if is_nnx else _pytree(model, layers)
    planned = array_values(
        found.parameters,
        scheme,
        gain,
        plan,
        exclude,
        residual,
        residual_factor,
        forget_bias,
        found.others,
    )
    arrays = list(found.leaves)
    for place, places, values in zip(found.where, found.parameters, planned, strict=True):
        if values.parts:
            arrays[place] = _made(values, arrays[place], root, places[0].name, threads)
    held = [_reference(arrays[place]) for place in found.where]
    report = array_report(planned, found.parameters, held, found.others, root.seed)
    return found.rebuilt(arrays), report


def linen_layers(module: Any, *args: Any, **kwargs: Any) -> dict[tuple[str, ...], Any]:
    """Return the layers of a module of Flax linen, by their paths.

    The variables of linen do not name their layers. This function traces ``module.init`` without
    computing anything.

    Parameters
    ----------
    module : flax.linen.Module
        The model.
    *args, **kwargs
        The arguments of its ``init`` after the key.

    Returns
    -------
    dict
        The modules within it, and itself under ().

    Raises
    ------
    TypeError
        If module is not a module of linen.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, irwinhall.jax
    >>> from flax import linen as nn
    >>> model, x = nn.Sequential([nn.Dense(16), nn.relu, nn.Dense(4)]), jnp.ones((1, 8))
    >>> layers = irwinhall.jax.linen_layers(model, x)
    >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
    >>> variables, report = irwinhall.jax.init_weights(variables, seed=1, layers=layers)
    >>> [(row.name, row.fan_in, row.scheme) for row in report.rows][:2]
    [('params.layers_0.bias', None, 'zeros'), ('params.layers_0.kernel', 8, 'letkeman')]
    """
    if not is_a(module, "flax.linen", "Module"):
        raise TypeError(f"module must be a flax.linen.Module, got {shown(module)}")
    from flax import linen

    found: dict[tuple[str, ...], Any] = {}

    def note(method: Any, args: Any, kwargs: Any, context: Any) -> Any:
        found[context.module.path] = context.module
        return method(*args, **kwargs)

    with linen.intercept_methods(note):
        jax.eval_shape(lambda key: module.init(key, *args, **kwargs), jax.random.key(0))
    return found


# ---- what a model holds --------------------------------------------------------------------------


class _Found(NamedTuple):
    """The leaves of a model, and the places of those that are parameters.

    `where` has the numbers of their leaves, `others` the names of leaves that are not parameters.
    """

    leaves: list[Any]
    parameters: list[tuple[ArraySite, ...]]
    where: list[int]
    others: list[str]
    rebuilt: Callable[[list[Any]], Any]


def _pytree(model: Any, layers: Mapping[tuple[str, ...], Any] | None) -> _Found:
    if is_a(model, "flax.linen", "Module"):
        raise TypeError(
            f"model must be the variables of a linen module, got {type(model).__name__} itself: "
            "make them by jax.eval_shape(model.init, key, x)"
        )
    paths, structure = jax.tree_util.tree_flatten_with_path(model)
    found = _Found([leaf for _, leaf in paths], [], [], [], structure.unflatten)
    for number, (path, leaf) in enumerate(paths):
        if not _is_array(leaf):
            continue
        if not path:
            raise TypeError("model must hold arrays by names, got an array: use sharded")
        parent, layer = None, model
        for key in path[:-1]:
            parent, layer = layer, _child(layer, key)
        if is_a(layer, "flax.core.meta", "AxisMetadata"):
            path, layer = path[:-1], parent
        keys = tuple(map(_text, path))
        name, holder = ".".join(keys), keys[:-1]
        if layers is not None:
            if holder not in layers:
                holder = holder[1:]  # without the collection
            parent, layer = layers.get(holder[:-1]), layers.get(holder, layer)
        tensor = Leaf(tuple(leaf.shape), str(leaf.dtype))
        if isinstance(layer, (Mapping, list, tuple)):
            role: Role | str = "no layer is known to hold it"
        else:
            role = role_of(layer, keys[-1], tensor.shape, parent, holder[-1] if holder else "")
        found.parameters.append((ArraySite(name, tensor, role, layer, keys[-1]),))
        found.where.append(number)
    return found


def _nnx(model: Any) -> _Found:
    from flax import nnx

    graph, state = nnx.split(model)
    variables = dict(nnx.to_flat_state(state))
    paths, structure = jax.tree_util.tree_flatten_with_path(state)
    leaves = [leaf for _, leaf in paths]
    found = _Found(leaves, [], [], [], lambda made: nnx.merge(graph, structure.unflatten(made)))
    shared = nnx.find_duplicates(model)
    for number, (keys, leaf) in enumerate(paths):
        path = tuple(_plain(key) for key in keys)
        while path not in variables and path:
            path = path[:-1]  # the last key is inside the variable
        if not isinstance(variables.get(path), (nnx.Param, nnx.BatchStat)) or not _is_array(leaf):
            found.others.append(".".join(map(str, path)))
            continue
        tensor = Leaf(tuple(leaf.shape), str(leaf.dtype))
        places = []
        for names in (path, *_other_paths(path, shared)):
            parent, layer = None, model
            for key in names[:-1]:
                parent, layer = layer, _member(layer, key)
            held_as = str(names[-2]) if len(names) > 1 else ""
            attribute = str(names[-1])
            role = role_of(layer, attribute, tensor.shape, parent, held_as)
            places.append(ArraySite(".".join(map(str, names)), tensor, role, layer, attribute))
        found.parameters.append(tuple(places))
        found.where.append(number)
    return found


def _other_paths(path: tuple[Any, ...], shared: Any) -> list[tuple[Any, ...]]:
    """Return the other paths of a graph to the array at a path."""
    found = []
    for same in shared:
        first = next((each for each in same if path[: len(each)] == tuple(each)), None)
        if first is not None:
            rest = path[len(first) :]
            found += [(*other, *rest) for other in same if other != first]
    return found


def _is_array(leaf: object) -> bool:
    if isinstance(leaf, jax.core.Tracer):
        raise TypeError("model must hold arrays, got traced ones: call init_weights outside of jit")
    return isinstance(leaf, (jax.Array, np.ndarray, jax.ShapeDtypeStruct))


def _plain(key: Any) -> Any:
    """Return the name in a key of a path of JAX; pytrees may have keys of any type."""
    return next((getattr(key, name) for name in ("key", "idx", "name") if hasattr(key, name)), key)


def _text(key: Any) -> str:
    return str(_plain(key))


def _child(node: Any, key: Any) -> Any:
    """Return the child of a node of a pytree under a key; None if that cannot be known."""
    if isinstance(key, jax.tree_util.FlattenedIndexKey):
        return None
    try:
        return getattr(node, key.name) if hasattr(key, "name") else node[_plain(key)]
    except (AttributeError, LookupError, TypeError):  # a node need not use its keys for access
        return None


def _member(node: Any, key: Any) -> Any:
    """Return the child of a node of a graph of nnx under a key."""
    return getattr(node, key) if isinstance(key, str) and hasattr(node, key) else node[key]


# ---- what is made --------------------------------------------------------------------------------


def _made(values: Values, leaf: Any, root: Stream, name: str, threads: int | None) -> Any:
    """Return the new array of a parameter."""
    with naming(name):
        write = partial(draw, values, root, name, threads)
        return made_like(leaf, write, partial(divisible_region, values))


def _reference(array: Any) -> Callable[[], list[NDArray[Any]]]:
    """Return a function that yields this process's pieces of an array, none once it is deleted."""
    if isinstance(array, jax.ShapeDtypeStruct):
        return list
    there = ref(array)

    def pieces() -> list[NDArray[Any]]:
        array = there()
        if isinstance(array, np.ndarray):
            return [array]
        if array is None or array.is_deleted():
            return []
        shards = array.addressable_shards
        return [np.asarray(shard.data) for shard in shards if shard.replica_id == 0]

    return pieces
