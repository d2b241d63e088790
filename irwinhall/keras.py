"""Keras initializers of every scheme, whose bits do not depend on the backend.

Weights are made in NumPy from the stream, equal to those of `irwinhall.sample_weights` for the same
seed and name, and passed to the backend. Initializers named as in `keras.initializers` have the
same distribution, truncated normals included; `SchemeInitializer` takes any scheme of
`irwinhall.schemes.SCHEMES` by name.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from irwinhall import layouts, schemes
from irwinhall._arguments import checked_count
from irwinhall._arrays import output
from irwinhall._keywords import takes
from irwinhall._models.plan import Options
from irwinhall._models.report import Report, Row
from irwinhall.layouts import Weight, WeightOptions
from irwinhall.sampling import Sampler
from irwinhall.schemes import Gain
from irwinhall.stream import Stream

try:
    import keras
except ModuleNotFoundError as _error:
    if _error.name != "keras":
        raise
    raise ImportError("irwinhall.keras needs Keras: pip install keras") from _error

from irwinhall._keras_model import init_weights  # imports Keras

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "KalafusNormal",
    "KalafusUniform",
    "LecunNormal",
    "LecunUniform",
    "Letkeman",
    "LetkemanGaussian",
    "LetkemanNormalized",
    "LetkemanNormalizedGaussian",
    "Options",
    "Orthogonal",
    "Report",
    "Row",
    "SchemeInitializer",
    "init_weights",
]

_registered = keras.saving.register_keras_serializable(package="irwinhall")


# Held while a draw gets its number; one lock for all, so that initializers can be pickled.
_COUNTING = threading.Lock()


class _Draws:
    """The stream of an initializer and its clones, and their number of draws."""

    def __init__(self, seed: int | keras.random.SeedGenerator, name: str) -> None:
        self.seed = seed
        self.stream = Stream(seed if isinstance(seed, int) else 0, name)
        self.count = 0

    def __deepcopy__(self, memo: object) -> _Draws:
        return self

    def next(self) -> Stream:
        if not isinstance(self.seed, int):
            words = keras.ops.convert_to_numpy(self.seed.next()).astype(np.uint32)
            return Stream(int(words[0]) + (int(words[1]) << 32), self.stream.name)
        with _COUNTING:
            number, self.count = self.count, self.count + 1
        return self.stream.child(str(number)) if number else self.stream


class _Name(str):
    """The name in a config, which remembers its initializer as long as it stays in memory.

    Keras copies configs by value but keeps strings; JSON and pickles keep only the text.
    """

    __slots__ = ("draws",)

    draws: _Draws

    def __deepcopy__(self, memo: object) -> _Name:
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


# Layers that know their axes, such as attention, set them on a VarianceScaling.
@_registered
class SchemeInitializer(keras.initializers.VarianceScaling):  # type: ignore[misc]
    """An initializer of any scheme.

    Parameters
    ----------
    scheme : str
        A name or alias of `irwinhall.schemes.SCHEMES`, with its meaning there.
    seed : int or keras.random.SeedGenerator, optional
        The seed of the weights; default 128 bits of Python's `random`, which
        ``keras.utils.set_random_seed`` seeds.
    name : str
        The parameter's name: parameters of one model may share a seed and differ by name.
    gain : float, str or callable, optional
        As for `irwinhall.sample_weights`; for a callable, only its number is kept.
    low, high, corrected, active_inputs
        As for `irwinhall.sample_weights`.
    layout, groups, parts, stacked
        As for `irwinhall.layouts.Weight.of`. Default: as Keras reads a shape: (..., in, out), and a
        vector's size is both of its fans.
    input_axes, output_axes : sequence of int, optional
        The axes of inputs and outputs, in place of a layout; give both. EinsumDense, and so
        attention, sets them itself.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; shape and axes are checked when it is called.

    Notes
    -----
    The first call gives ``irwinhall.sample_weights(shape, scheme, rng=seed, name=name)``, the
    second draws from the name's child "1", the third from "2", and so on. Clones and copies share
    the count of their original, as do initializers made from its config in memory, as in
    Bidirectional and clone_model. So one object that is given to many layers, or cloned by one for
    query, key and value, never repeats weights. An initializer from a saved config, in JSON or a
    pickle, starts a new count.

    A `SeedGenerator` has its own count, shared by all that draw from it: a call takes its next
    state, two words of 32 bits with the lower one first, as the seed. So ``SeedGenerator(s)`` first
    gives the weights of the seed s, then those of s + 2^32, and so on.

    Examples
    --------
    >>> import irwinhall, irwinhall.keras, keras
    >>> init = irwinhall.keras.SchemeInitializer("he_normal", seed=1, name="hidden")
    >>> layer = keras.layers.Dense(16, kernel_initializer=init)
    >>> layer.build((None, 8))
    >>> expected = irwinhall.sample_weights((8, 16), "he_normal", rng=1, name="hidden")
    >>> bool((keras.ops.convert_to_numpy(layer.kernel) == expected).all())
    True
    """

    @takes("seed", not_="rng")
    def __init__(
        self,
        scheme: str = "letkeman",
        seed: int | keras.random.SeedGenerator | None = None,
        *,
        name: str = "",
        gain: Gain = None,
        low: float | None = None,
        high: float | None = None,
        corrected: bool | None = None,
        active_inputs: int | None = None,
        layout: str | None = None,
        groups: int = 1,
        parts: int = 1,
        stacked: int = 0,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        self._row = schemes.scheme(scheme).with_ends(low, high, corrected)
        named = schemes.SCHEMES[self._row.name]
        self._ends = {
            end: None if getattr(self._row, end) == getattr(named, end) else getattr(self._row, end)
            for end in ("low", "high", "corrected")
        }
        number = schemes.resolve_gain(self._row, gain)
        self._gain = gain if gain is None or isinstance(gain, str) else number
        if active_inputs is not None:
            active_inputs = checked_count("active_inputs", active_inputs, 1)
        self._active_inputs = active_inputs
        if (input_axes is None) != (output_axes is None):
            raise ValueError(
                "input_axes and output_axes must be given together, "
                f"got {input_axes!r} and {output_axes!r}"
            )
        if layout is not None and input_axes is not None:
            raise ValueError(
                "input_axes and output_axes must be left out with a layout, "
                f"got {input_axes!r} and {output_axes!r}"
            )
        self._axes = WeightOptions(groups=groups, layout=layout, parts=parts, stacked=stacked)
        if input_axes is not None and output_axes is not None:
            self._axes["in_axis"] = tuple(input_axes)
            self._axes["out_axis"] = tuple(output_axes)
        self._axes = WeightOptions(**layouts.plain_options(self._axes))  # type: ignore[typeddict-item]
        # EinsumDense reads this: with None it sets the axes, which a layout already has.
        self.input_axes = self._axes.get("in_axis", None if layout is None else ())
        self.output_axes = self._axes.get("out_axis", None if layout is None else ())
        self._given_seed = None if seed is None else _checked_seed(seed)
        self.seed = random.getrandbits(128) if seed is None else self._given_seed
        self._draws = _Draws(self.seed, name)

    @property
    def gain(self) -> float:
        """The gain, as a number."""
        return schemes.resolve_gain(self._row, self._gain)

    def __repr__(self) -> str:
        defaults = {"seed": None, "name": "", "groups": 1, "parts": 1, "stacked": 0}
        given = (
            f"{name}={value!r}"
            for name, value in self.get_config().items()
            if value != defaults.get(name)
        )
        return f"{type(self).__name__}({', '.join(given)})"

    def __call__(self, shape: Sequence[int], dtype: Any = None, layout: Any = None) -> Any:
        """Return weights of the given shape as a tensor of the backend.

        Parameters
        ----------
        shape : sequence of int
            Shape of the whole weight.
        dtype : optional
            float32, float64, float16 or bfloat16; default ``keras.config.floatx()``.
        layout : keras.distribution.TensorLayout or jax.sharding.Sharding, optional
            The sharding of the weights, as given by Keras under `keras.distribution`. On JAX each
            device's shard is then made separately, and no host holds the whole.

        Returns
        -------
        tensor
        """
        element = keras.backend.standardize_dtype(dtype)
        sampler = self._sampler(shape)
        weight, stream = sampler.weight, self._draws.next()
        if layout is not None and keras.backend.backend() == "jax":
            return _split(sampler, stream, layout, element)
        weights = sampler.draw(stream, output(weight.shape, element, None, None))
        tensor = keras.ops.convert_to_tensor(weights, dtype=element)
        return tensor if layout is None else keras.distribution.distribute_tensor(tensor, layout)

    def _sampler(self, shape: Sequence[int]) -> Sampler:
        options: dict[str, Any] = dict(
            gain=self._gain, active_inputs=self._active_inputs, **self._axes
        )
        if not self._axes and self._row.elementwise and len(shape) == 1:
            # As in Keras, both fans of a vector are its size.
            square = Sampler.of((*shape, *shape), self._row, **options)
            return square._replace(weight=Weight.of(shape))
        return Sampler.of(shape, self._row, **options)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config` as plain values, for JSON."""
        axes: dict[str, Any] = {
            "input_axes": self._axes.get("in_axis"),
            "output_axes": self._axes.get("out_axis"),
        }
        name = _Name(self._draws.stream.name)
        name.draws = self._draws
        return dict(
            scheme=self._row.name,
            seed=keras.saving.serialize_keras_object(self._given_seed),
            name=name,
            gain=self._gain,
            **self._ends,
            active_inputs=self._active_inputs,
            layout=self._axes.get("layout"),
            groups=self._axes.get("groups", 1),
            parts=self._axes.get("parts", 1),
            stacked=self._axes.get("stacked", 0),
            **{key: value and list(value) for key, value in axes.items()},
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SchemeInitializer:
        """Return the initializer of a config, a clone if the config is still in memory."""
        name = config.get("name")
        if not isinstance(name, _Name):
            return cls(**config)
        made = cls(**{**config, "name": str(name)})
        seed = name.draws.seed
        if config.get("seed") in (None, seed, keras.saving.serialize_keras_object(seed)):
            made.seed, made._draws = seed, name.draws
        return made


def _checked_seed(seed: object) -> int | keras.random.SeedGenerator:
    if isinstance(seed, Mapping):  # from a saved config
        seed = keras.saving.deserialize_keras_object(dict(seed))
    if isinstance(seed, keras.random.SeedGenerator):
        return seed
    if isinstance(seed, (bool, np.bool)) or not hasattr(seed, "__index__"):
        raise TypeError(
            "seed must be an integer, a keras.random.SeedGenerator or None, "
            f"got {seed!r} ({type(seed).__name__})"
        )
    return int(seed)


def _split(sampler: Sampler, stream: Stream, layout: Any, element: str) -> Any:
    """Return the weights of a sampler as an array of JAX, made shard by shard."""
    import jax

    from irwinhall._jax_shards import checked_for_jax, sampled_by_shards

    sharding = getattr(layout, "backend_layout", layout)
    if isinstance(getattr(sharding, "mesh", None), jax.sharding.AbstractMesh):
        # Keras has set the mesh itself, with its devices.
        sharding = jax.sharding.NamedSharding(jax.sharding.get_mesh(), sharding.spec)
    dtype = checked_for_jax(np.dtype(element), element)
    return sampled_by_shards(sampler, stream, sharding, dtype)


# ---- by the names of keras.initializers, and by ours ---------------------------------------------


def _named(name: str, scheme: str) -> type[SchemeInitializer]:
    """Return the registered class of a scheme."""
    row = schemes.SCHEMES[scheme]

    def __init__(self: SchemeInitializer, seed: int | None = None, **more: Any) -> None:  # noqa: N807
        SchemeInitializer.__init__(self, scheme, seed, **more)

    def get_config(self: SchemeInitializer) -> dict[str, Any]:
        config = SchemeInitializer.get_config(self)
        del config["scheme"]
        return config

    law = row.law.replace("_", " ") + " at 2 standard deviations" * ("trunc" in row.law)
    documentation = f"""Preserves {row.preserves} ({law}): the scheme {scheme}.

    Parameters
    ----------
    seed, **more
        As for `SchemeInitializer`.

    Examples
    --------
    >>> import irwinhall, irwinhall.keras, keras
    >>> weights = keras.ops.convert_to_numpy(irwinhall.keras.{name}(seed=1)((8, 16)))
    >>> bool((weights == irwinhall.sample_weights((8, 16), "{scheme}", rng=1)).all())
    True
    """
    body = {
        "__init__": __init__,
        "get_config": get_config,
        "__doc__": documentation,
        "__module__": __name__,
    }
    made: type[SchemeInitializer] = _registered(type(name, (SchemeInitializer,), body))
    return made


Letkeman: type[SchemeInitializer] = _named("Letkeman", "letkeman")
LetkemanNormalized: type[SchemeInitializer] = _named("LetkemanNormalized", "letkeman_normalized")
LetkemanGaussian: type[SchemeInitializer] = _named("LetkemanGaussian", "letkeman_gaussian")
LetkemanNormalizedGaussian: type[SchemeInitializer] = _named(
    "LetkemanNormalizedGaussian", "letkeman_normalized_gaussian"
)
KalafusUniform: type[SchemeInitializer] = _named("KalafusUniform", "kalafus_uniform")
KalafusNormal: type[SchemeInitializer] = _named("KalafusNormal", "kalafus_normal")
GlorotUniform: type[SchemeInitializer] = _named("GlorotUniform", "xavier_uniform")
GlorotNormal: type[SchemeInitializer] = _named("GlorotNormal", "xavier_truncated_normal")
HeUniform: type[SchemeInitializer] = _named("HeUniform", "he_uniform")
HeNormal: type[SchemeInitializer] = _named("HeNormal", "he_truncated_normal")
LecunUniform: type[SchemeInitializer] = _named("LecunUniform", "lecun_uniform")
LecunNormal: type[SchemeInitializer] = _named("LecunNormal", "lecun_truncated_normal")


@_registered
class Orthogonal(SchemeInitializer):
    """Gives orthonormal columns, or rows if fewer, times the gain: the scheme orthogonal.

    Parameters
    ----------
    gain : float
        The factor on the matrix.
    seed, **more
        As for `SchemeInitializer`.

    Examples
    --------
    >>> import irwinhall.keras, keras
    >>> q = keras.ops.convert_to_numpy(irwinhall.keras.Orthogonal(seed=1)((16, 8)))
    >>> bool(abs(q.T @ q - keras.ops.convert_to_numpy(keras.ops.eye(8))).max() < 1e-6)
    True
    """

    def __init__(self, gain: Gain = 1.0, seed: int | None = None, **more: Any) -> None:
        super().__init__("orthogonal", seed, gain=gain, **more)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config`."""
        config = super().get_config()
        del config["scheme"]
        return config


# Keras finds these by name, like its own; those that share a name with one of Keras's are excluded.
keras.saving.get_custom_objects().update(
    {
        name: made
        for made in (
            Letkeman,
            LetkemanNormalized,
            LetkemanGaussian,
            LetkemanNormalizedGaussian,
            KalafusUniform,
            KalafusNormal,
        )
        for name in (made.__name__, re.sub("(?<!^)(?=[A-Z])", "_", made.__name__).lower())
    }
)
