"""Compare two installs bit for bit: ``python tests/verify/compare_installs.py OLD NEW``.

OLD and NEW are directories that hold a package irwinhall. Random calls of everything that is
promised to keep its bits are drawn from a seed and described in JSON; each install answers them in
processes of its own, with a digest of what a call returned and wrote, or with the type of what it
raised. Every difference is printed with its call, and makes the exit status 1. Where the interfaces
differ, `Interface` translates; what is meant to differ is listed in `INTENDED`. It needs all
frameworks, and takes half a minute for 500 calls.

What is printed of a difference can be run by itself:
``echo '[CALL]' | PYTHONPATH=NEW python tests/verify/compare_installs.py --worker``
"""

import argparse
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import itertools
import json
import math
import os
import pickle
import random
import re
import struct
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

DTYPES = ("float32", "float64", "float16", "bfloat16")
LAWS = (
    *("uniform", "normal", "truncated_normal"),
    *("orthogonal", "delta_orthogonal", "identity", "constant"),
)
# Schemes whose gain must be given, and those that are no function of irwinhall.torch by their name.
NEED_GAIN = ("constant", "uniform", "normal", "truncated_normal")
OTHERWISE_IN_TORCH = (*NEED_GAIN, "zeros", "ones")
DESCRIBING = ("in_axis", "out_axis", "batch_axis", "groups", "layout", "parts", "stacked")
INFINITY = math.inf
# Scale rules of schemes that are not in the table: first those that every element type can hold.
RULES = {
    "inverse": lambda fan_in, fan_out: 0.4 / fan_in,
    "geometric": lambda fan_in, fan_out: 1.0 / math.sqrt(fan_in * fan_out),
    "ratio": lambda fan_in, fan_out: fan_out / fan_in,
    "nothing": lambda fan_in, fan_out: 0.0,
    "large": lambda fan_in, fan_out: 1e5 * fan_in,
    "negative": lambda fan_in, fan_out: -0.25,
    "infinite": lambda fan_in, fan_out: math.inf,
}
GOOD_RULES, BAD_RULES = [*RULES][:4], [*RULES][4:]
CALLABLES = {
    "cube": lambda z: z**3,
    "softplus": lambda z: np.logaddexp(0.0, z),
    "step": lambda z: np.where(z > 0.5, 1.0, 0.0),
    "float32": lambda z: np.tanh(z).astype(np.float32),
    "zero": np.zeros_like,
    "first": lambda z: z[:1],
}


# ---- what is meant to differ ---------------------------------------------------------------------


class Intended(NamedTuple):
    """A change that is meant: what calls gave, what they give, and which calls it is about."""

    old: tuple
    new: tuple
    about: str
    matches: object


def _shape_is_array(call):
    return '"array"' in json.dumps(call["arguments"].get("shape"))


def _shape_is_outs(call):
    return call["arguments"].get("shape", 0) is None and "layout" in call["arguments"]


def _shape_is_length(call):
    return call["arguments"].get("what") == "fans" and isinstance(call["arguments"]["shape"], int)


def _is_scale(call):
    return call["arguments"].get("what") == "scale_of"


def _threads_are_wrong(call):
    threads = call["arguments"].get("options", call["arguments"]).get("threads")
    return threads is not None and (type(threads) is not int or threads < 1)


def _name_is_none(call):
    return '"name": null' in json.dumps(call["arguments"])


def _is_empty_file(call):
    return call["kind"] == "save_weights" and 0 in thaw(call["arguments"]["shape"])


def _is_file(call):
    return call["kind"] == "save_weights"


_REFUSED = ("TypeError", "ValueError")
INTENDED = (
    Intended(("TypeError",), ("ok",), "an array is a shape", _shape_is_array),
    Intended(("TypeError",), ("ok",), "out gives the shape beside a layout, too", _shape_is_outs),
    Intended(("TypeError",), ("ok", "ValueError"), "fans take a length", _shape_is_length),
    Intended(("ok",), ("TypeError",), "None is no name", _name_is_none),
    Intended(("ok",), ("TypeError",), "a type is checked at scale 0, too", _is_scale),
    Intended(("ok",), _REFUSED, "threads are checked though nothing is drawn", _threads_are_wrong),
    Intended(("ok",), _REFUSED, "files without elements are refused, too", _is_empty_file),
    Intended(("FileExistsError",), _REFUSED, "arguments are refused before a file", _is_file),
)


# ---- random arguments ----------------------------------------------------------------------------


def tagged(kind, **content):
    """Return the description of a value that JSON has no form for; `thaw` makes the value."""
    return {"@": kind, **content}


class Draw:
    """Random descriptions of arguments, from one seed and what an install says it knows."""

    def __init__(self, seed, known):
        self.random = random.Random(seed)
        self.known = known
        self.decks = {}
        self.is_wrong = False

    def wrong(self, probability):
        """Return whether something is to be wrong: once in a call at most.

        Which of two wrong arguments is refused first is no promise.
        """
        if self.is_wrong or not self.chance(probability):
            return False
        self.is_wrong = True
        return True

    def choose(self, right, wrong, probability=0.08):
        """Return one of the right values, or now and then a wrong one."""
        return self.pick(*(wrong if self.wrong(probability) else right))

    def deal(self, name, items):
        """Return each of the items in random order before any comes again."""
        deck = self.decks.setdefault((name, *items), [])
        if not deck:
            deck.extend(items)
            self.random.shuffle(deck)
        return deck.pop()

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, *items):
        return self.random.choice(items)

    def integer(self, least, most):
        return self.random.randint(least, most)

    def log(self, least, most):
        """Return a number whose logarithm is uniform."""
        return math.exp(self.random.uniform(math.log(least), math.log(most)))

    def size(self, most):
        """Return a size from 1 on, small ones more often."""
        return int(self.log(1, most + 1))

    def lengths(self, count, most=3000):
        """Return lengths of axes that make no more than that many elements."""
        made = []
        for _ in range(count):
            made.append(self.size(max(1, min(most, 60 if count > 1 else most))))
            most //= made[-1]
        self.random.shuffle(made)
        return made

    def shape(self, most=3000):
        """Return the lengths of a shape of 0 to 5 axes.

        Now and then it has no elements, or so many that more than one thread fills them.
        """
        if most > 1000 and self.chance(0.03):
            return self.pick([self.integer(2**18, 2**19)], [self.integer(400, 800), 700])
        made = self.lengths(self.pick(0, 1, 1, 2, 2, 3, 4, 5), most)
        if made and self.chance(0.05):
            made[self.integer(0, len(made) - 1)] = 0
        return made

    def stated(self, shape):
        """Return a shape in one of the forms that it may be given in, now and then a wrong one."""
        if self.wrong(0.02):
            return self.pick([*shape, -1], [*shape, 1.0], [*shape, True], "3", None, [2**62, 4])
        form = self.random.random()
        if form < 0.06:
            return tagged("list", items=shape)
        if form < 0.10:
            return tagged("int64s", items=shape)
        if form < 0.13 and not self.is_wrong:
            self.is_wrong = True  # to the older install
            return tagged("array", dtype="int64", values=shape)
        return shape[0] if len(shape) == 1 and form < 0.5 else shape

    def seed(self, plain=False, streams=True):
        """Return a seed of any kind, or a plain one: an int of any size and sign, or bytes."""
        if self.wrong(0.01):
            return self.pick(1.5, "seed", True)
        form = self.random.random()
        if form < 0.35:
            return self.integer(-5, 1000)
        if form < 0.6:
            return self.random.getrandbits(self.integer(1, 300)) * self.pick(-1, 1)
        if form < 0.75 or plain:
            return tagged("bytes", hex=self.random.randbytes(self.integer(0, 40)).hex())
        if form < 0.8:
            return tagged("int64s", items=self.integer(-9, 9))
        if form < 0.85:
            return tagged("seed_sequence", entropy=self.integer(0, 99))
        if form < 0.9 or not streams:
            return tagged("generator", seed=self.integer(0, 99))
        return tagged("stream", seed=self.seed(plain=True), name=self.name())

    def name(self):
        right = ("", "", "w", "hidden.weight", "größe/7", "层.0", "x" * 300, "a/b")
        return self.choose(right, ("\ud800", 3, None), 0.01)

    def threads(self):
        return self.choose((None, None, 1, 2, 3, 7), (0, True, 2.0), 0.02)

    def dtype(self):
        """Return an element type, in one of the forms that it may be given in."""
        if self.wrong(0.02):
            return self.pick("int32", "complex64", ">f4", 3)
        name = self.deal("dtype", DTYPES)
        if self.chance(0.7):
            return name
        return tagged("dtype", name=name, form=self.pick("dtype", "type"))

    def scale(self):
        """Return a bound or standard deviation, now and then one at or beyond a type's limits."""
        if self.wrong(0.15):
            tiny, huge = (2.0**-102, 2.0**-969, 1e-310), (65504.0, 65520.0, 3.4e38, 1e300)
            return self.pick(-1.0, *tiny, *huge, INFINITY, math.nan, "1", True)
        return self.pick(0.0, -0.0, 1, 3, 2.0**-14) if self.chance(0.1) else self.log(1e-3, 10.0)

    def region(self, shape):
        """Return a region of a shape, and its lengths."""
        if self.chance(0.6):
            return None, shape
        if self.wrong(0.04):
            bad = [-1, 1, None], [0, 1, 2], [0, 10**6, None], [1.0, 2, None]
            return [tagged("slice", ends=self.pick(*bad))], shape
        region, lengths = [], []
        for length in shape[: self.integer(0, len(shape))]:
            ends = sorted((self.integer(0, length), self.integer(0, length)))
            if self.chance(0.8) and ends[0] == ends[1] < length:
                ends[1] += 1
            region.append(tagged("slice", ends=[*ends, self.pick(None, 1)]))
            lengths.append(ends[1] - ends[0])
            if self.wrong(0.08):
                region[-1], lengths[-1] = tagged("slice", ends=[None, None, None]), length
        lengths += shape[len(region) :]
        return region[0] if len(region) == 1 and self.chance(0.5) else region, lengths

    def memory(self, shape):
        """Return an element type and memory of it; out may give the type."""
        dtype = self.dtype()
        out = self.out(shape, dtype)
        if self.chance(0.1) and (out is None or out["dtype"] in DTYPES):
            dtype = None
        return {"dtype": dtype, "out": out}

    def out(self, shape, dtype, buffers=True):
        """Return memory to write to: strided, a buffer perhaps, or wrong in some way."""
        if self.chance(0.55):
            return None
        name = dtype["name"] if isinstance(dtype, dict) else dtype
        if name not in DTYPES:
            name = "float32"
        order = list(range(len(shape)))
        self.random.shuffle(order)
        steps = [self.pick(1, 1, 2, 3, -1, -2) for _ in shape]
        form = "array"
        if self.wrong(0.15):
            form = self.pick("read-only", "other shape", "other type", "overlap", "swapped")
        elif name == "bfloat16" and self.chance(0.5):
            name = "uint16"
        elif buffers and len(shape) == 1 and name.startswith("float") and self.chance(0.5):
            form = "buffer"
        return tagged("out", shape=shape, dtype=name, order=order, steps=steps, form=form)

    def scheme(self):
        """Return a scheme by one of its names, or one of its own."""
        if self.chance(0.12):
            rule = self.choose((*GOOD_RULES, 0.25, 1, 0.0), (*BAD_RULES, -0.5))
            law = "cauchy" if self.wrong(0.03) else self.deal("law", LAWS)
            return tagged("scheme", law=law, rule=rule, gain=self.pick(1.0, 1.0, 2.0, 0.0))
        if self.wrong(0.01):
            return self.pick("he_uniforn", "", 3, None)
        name = self.deal("scheme", self.known["schemes"])
        if self.chance(0.2):
            alias = self.pick(name, *self.known["schemes"][name]["aliases"])
            return self.pick(alias, alias.title(), alias.replace("_", "-"), alias.replace("_", " "))
        return name

    def law_of(self, scheme):
        """Return the law of a scheme, and whether it reads fans, as far as there is one."""
        if isinstance(scheme, dict):
            return scheme["law"], isinstance(scheme["rule"], str)
        plain = str(scheme).lower().replace("-", "_").replace(" ", "_")
        for name, row in self.known["schemes"].items():
            if plain in (name, *row["aliases"]):
                return row["law"], row["reads_fans"]
        return "", True

    def active_inputs(self, scheme, most):
        """Return options with a number of active inputs, where a scheme reads it."""
        if not self.chance(0.1):
            return {}
        if not self.law_of(scheme)[1]:
            return {"active_inputs": 1} if self.wrong(0.3) else {}
        if self.wrong(0.1):
            return {"active_inputs": self.pick(0, most + 1, True, 1.0)}
        return {"active_inputs": self.pick(1, self.integer(1, max(1, most)))}

    def fit(self, scheme, sizes, ins, outs):
        """Make the outputs as many as the inputs, where a scheme needs that."""
        if self.law_of(scheme)[0] != "delta_orthogonal" or self.wrong(0.1):
            return
        for axis in ins[1:]:
            sizes[axis] = 1
        if ins and outs:
            least, most = sorted((sizes[ins[0]], sizes[outs[0]]))
            sizes[ins[0]], sizes[outs[0]] = least, most
        elif ins:
            sizes[ins[0]] = 1

    def gain(self, scheme):
        """Return a gain for a scheme: none, a number or an activation."""
        if self.wrong(0.06):
            if self.chance(0.3):
                return tagged("callable", name=self.deal("callable", CALLABLES))
            return self.pick(-1.0, 1e6, 1e39, 1e300, INFINITY, math.nan, "reluu", True, None)
        form = self.random.random()
        if form < 0.5 and scheme not in NEED_GAIN:
            return None
        if form < 0.75:
            return self.log(1e-3, 10.0)
        if form < 0.88:
            return self.pick(0.0, -0.0, 0, 1, 2, -4.5 if scheme == "constant" else 0.5, 0.02)
        if form < 0.97:
            name = self.deal("activation", self.known["activations"])
            return self.pick(name, *self.known["activations"][name])
        return tagged("callable", name=self.pick("cube", "softplus", "step"))

    def number_of_axes(self, axes, dimensions):
        """Return axes as a call names them: from either end, one or several."""
        named = [axis - dimensions if self.chance(0.5) else axis for axis in axes]
        if len(named) == 1 and self.chance(0.7):
            return named[0]
        return tagged("list", items=named) if self.chance(0.3) else named

    def axes(self, scheme):
        """Return a shape and what its axes are."""
        dimensions = self.pick(0, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5)
        sizes = self.lengths(dimensions)
        options = {}
        places = list(range(dimensions))
        ins, outs = places[-2:-1], places[-1:]
        if dimensions < 2 or self.chance(0.6):
            self.random.shuffle(places)
            ins = [places.pop() for _ in range(min(len(places), self.pick(0, 1, 1, 1, 2)))]
            outs = [places.pop() for _ in range(min(len(places), self.pick(0, 1, 1, 1, 2)))]
            options["in_axis"] = self.number_of_axes(ins, dimensions)
            options["out_axis"] = self.number_of_axes(outs, dimensions)
            batch = [places.pop() for _ in range(min(len(places), self.pick(0, 0, 1, 2)))]
            if batch or self.chance(0.2):
                options["batch_axis"] = self.number_of_axes(batch, dimensions)
            if self.wrong(0.08):
                del options[self.pick("in_axis", "out_axis")]
            elif self.wrong(0.05):
                wrong = self.pick(7, [0, 0], "0", 1.0, True, [0, None], -9)
                options[self.pick(*options)] = wrong
        elif dimensions > 2 and self.chance(0.3):
            options["batch_axis"] = self.pick(0, [0], -dimensions)
        self.fit(scheme, sizes, ins, outs)
        if outs and self.chance(0.15):
            options["groups"] = self.pick(1, 2, 3)
            sizes[outs[0]] *= options["groups"]
        elif self.wrong(0.03):
            options["groups"] = self.pick(0, 2, 5, True, 1.0)
        if sizes and self.wrong(0.03):
            sizes[self.integer(0, len(sizes) - 1)] = 0
        elif dimensions == 2 and not options and self.chance(0.1):
            sizes = [self.integer(300, 700), 700]
        inputs = math.prod(sizes[axis] for axis in ins)
        options |= self.active_inputs(scheme, inputs)
        return {"shape": sizes, **options}

    def layout(self, scheme, names=None):
        """Return a shape and the layout that it is stored by."""
        name = self.deal(f"layout {names}", [n for n in self.known["layouts"] if _begins(n, names)])
        stored = self.known["layouts"][name]
        named = [axis.split("/")[0] for axis in stored.strip("()").split(", ")]
        if "*k" in named:
            named[named.index("*k") : named.index("*k") + 1] = ["*k"] * self.pick(1, 1, 2, 3)
        sizes = self.lengths(len(named), 1500)
        ins, outs = ([i for i, role in enumerate(named) if role == r] for r in ("in", "out"))
        self.fit(scheme, sizes, ins, outs)
        options = {"layout": name}
        if "/groups" in stored and self.chance(0.4):
            # The axis without "/groups" holds all of them.
            whole = "in" if "out/groups" in stored else "out"
            options["groups"] = self.pick(2, 3)
            sizes[named.index(whole)] *= options["groups"]
        elif self.chance(0.3) and (len(outs) == 1 or self.wrong(0.3)):
            options["parts"] = self.pick(2, 3)
            sizes[outs[0]] *= options["parts"]
        options |= self.active_inputs(scheme, min([sizes[i] for i in ins], default=1))
        if self.chance(0.25):
            options["stacked"] = self.pick(1, 1, 2)
            sizes = self.lengths(options["stacked"], 6) + sizes
        if self.wrong(0.04):
            options[self.pick("groups", "parts", "stacked")] = self.pick(0, -1, 7, True, 2)
        if self.wrong(0.03):
            sizes[self.integer(0, len(sizes) - 1)] = 0
        elif self.wrong(0.02):
            sizes.append(2)
        return {"shape": sizes, **options}

    def where(self, scheme):
        """Return a shape, and its axes or its layout."""
        return self.axes(scheme) if self.chance(0.4) else self.layout(scheme)


def _begins(name, prefixes):
    return prefixes is None or name.startswith(prefixes)


# ---- from descriptions to values -----------------------------------------------------------------


def thaw(value):
    """Return the value of a description; lists are tuples, and dicts with a tag anything else."""
    if isinstance(value, list):
        return tuple(thaw(item) for item in value)
    if not isinstance(value, dict):
        return value
    content = {key: thaw(item) for key, item in value.items() if key != "@"}
    return _THAWS[value["@"]](**content) if "@" in value else content


def _thaw_int64s(items):
    return tuple(map(np.int64, items)) if isinstance(items, tuple) else np.int64(items)


def _thaw_dtype(name, form):
    if name == "bfloat16":
        from ml_dtypes import bfloat16

        return np.dtype(bfloat16) if form == "dtype" else bfloat16
    return np.dtype(name) if form == "dtype" else np.dtype(name).type


def _thaw_stream(seed, name):
    return importlib.import_module("irwinhall").Stream(seed, name)


def _thaw_scheme(law, rule, gain):
    schemes = importlib.import_module("irwinhall.schemes")
    return schemes.Scheme("own", law, RULES.get(rule, rule), gain)


def _thaw_array(dtype, values, step=1, shape=None):
    """Return an array, of which only every step-th element is seen."""
    flat = np.asarray(values, dtype)
    if shape is not None:
        flat = flat.reshape(shape)
    if step == 1:
        return flat
    spread = np.zeros((*flat.shape[:-1], flat.shape[-1] * abs(step)), flat.dtype)
    view = spread[..., ::step]
    view[...] = flat
    return view


class Out(NamedTuple):
    """Memory to write to, and all that lies around it."""

    given: object
    around: np.ndarray


def _thaw_out(shape, dtype, order, steps, form):
    element = _thaw_dtype(dtype, "dtype")
    if form == "other type":
        element = np.dtype("int32")
    elif form == "swapped":
        element = element.newbyteorder()
    elif form == "other shape":
        shape = (*shape[:-1], shape[-1] + 1) if shape else (1,)
        order, steps = tuple(range(len(shape))), (1,) * len(shape)
    if form == "buffer":
        around = np.full(shape, 7, element)
        return Out(memoryview(around), around)
    lengths = [shape[axis] * abs(steps[axis]) for axis in order]
    around = np.full(lengths, 7, np.float32).astype(element)
    view = around[(*[slice(None, None, steps[axis]) for axis in order], ...)]
    view = view.transpose(np.argsort(order))
    if form == "overlap" and shape:
        view = np.lib.stride_tricks.as_strided(view, shape, (0,) * len(shape))
    elif form == "read-only":
        view.flags.writeable = False
    return Out(view, around)


_THAWS = {
    "array": _thaw_array,
    "bytes": lambda hex: bytes.fromhex(hex),
    "callable": lambda name: CALLABLES[name],
    "dtype": _thaw_dtype,
    "generator": lambda seed: np.random.default_rng(seed),
    "int64s": _thaw_int64s,
    "layer": lambda name: getattr(importlib.import_module("torch").nn, name),
    "list": lambda items: list(items),
    "out": _thaw_out,
    "pairs": lambda items: dict(items),
    "regex": lambda pattern: re.compile(pattern),
    "scheme": _thaw_scheme,
    "seed_sequence": lambda entropy: np.random.SeedSequence(entropy),
    "slice": lambda ends: slice(*ends),
    "stream": _thaw_stream,
}


# ---- the interfaces ------------------------------------------------------------------------------


class Interface:
    """The package of this process by its newer interface, whichever of the two it has.

    `watch` is given what a call writes to, whose bytes count whether the call returns or raises.
    """

    def __init__(self):
        self.package = importlib.import_module("irwinhall")
        self.is_new = importlib.util.find_spec("irwinhall.sampling") is not None
        self.watched = []

    def watch(self, value):
        self.watched.append(value)
        return value

    def module(self, name):
        return importlib.import_module(f"irwinhall.{name}")

    def drawing(self, module, name):
        """Return a function that takes its seed as rng."""
        function = getattr(self.module(module), name)
        if self.is_new:
            return function
        return lambda *args, rng, **options: function(*args, seed=rng, **options)

    def described(self, shape, options):
        """Return options with one description of the weight for all that say what its axes are."""
        layouts = self.module("layouts")
        describe = layouts.Weight.of if self.is_new else layouts.described
        about = {name: options[name] for name in DESCRIBING if name in options}
        others = {name: option for name, option in options.items() if name not in about}
        return {**others, "layout": describe(shape, **about)}

    def sample_weights(self, shape, scheme, **options):
        if self.is_new or options.get("layout") is None:
            return self.package.sample_weights(shape, scheme, **options)
        return self.module("layouts").sample_weights(shape, scheme, **options)

    def scale_of(self, shape, scheme, *, active_inputs=None, gain=None, dtype=None, **options):
        about = {"active_inputs": active_inputs, "gain": gain, "dtype": dtype}
        if self.is_new:
            return self.module("sampling").scale_of(shape, scheme, **about, **options)
        schemes = self.module("schemes")
        if options.get("layout") is not None:
            seen = self.module("layouts").described(shape, **options)
            row = schemes.row_of(scheme)
            if active_inputs is None and callable(row.rule):
                about["active_inputs"] = seen.active_inputs
            return schemes.scale_of(seen.shape, row, **about, **seen.axes)
        return schemes.scale_of(shape, scheme, **about, **options)

    def fans(self, shape, **options):
        if self.is_new or options.get("layout") is None:
            return self.package.fans(shape, **options)
        return self.module("layouts").fans(shape, **options)


# ---- NumPy ---------------------------------------------------------------------------------------


def draw_stream(draw):
    """Draw a law of a stream, by region and into memory of any strides."""
    law = draw.deal("stream", ("uniform", "normal", "truncated_normal"))
    shape = draw.shape()
    region, lengths = draw.region(shape)
    options = {}
    if law == "truncated_normal":
        cuts = (-2.0, 2.0), (-1, 3), (-INFINITY, 0.5), (1.5, INFINITY), (5.0, 6.0), (-30, -29.0)
        bad = (2.0, 1.0), (0.0, 0.0), (math.nan, 1.0), ("0", 1.0), (-40.0, -39.0)
        if draw.chance(0.3):
            low = draw.random.uniform(-5.0, 3.0)
            options = {"low": low, "high": low + draw.log(0.01, 5.0)}
        elif draw.chance(0.9):
            low, high = draw.choose((*cuts, (-INFINITY, INFINITY)), bad)
            options = {"low": low, "high": high}
        if draw.chance(0.6):
            options["corrected"] = draw.choose((True, False, False), (1,))
    return {
        "law": law,
        "seed": draw.seed(streams=False),
        "name": draw.name(),
        "child": draw.name() if draw.chance(0.3) else None,
        "shape": draw.stated(shape),
        "scale": draw.scale(),
        **draw.memory(lengths),
        "region": region,
        "threads": draw.threads(),
        **options,
    }


def run_stream(api, law, seed, name, child, shape, scale, out, **options):
    stream = api.package.Stream(seed, name)
    if child is not None:
        stream = stream.child(child)
    about = repr(stream), stream.seed, stream.name, pickle.loads(pickle.dumps(stream)) == stream
    made = _written(api, out, getattr(stream, law), shape, scale, **options)
    return about, made


def _written(api, out, function, *args, **options):
    """Return what a function returns, or whether it is what it was given to write to."""
    if out is None:
        return function(*args, **options)
    api.watch(out.around)
    return function(*args, out=out.given, **options) is out.given


def _draw_weights(draw, scheme, where):
    shape = where.pop("shape")
    region, lengths = draw.region(shape)
    return {
        "shape": draw.stated(shape),
        "scheme": scheme,
        "rng": draw.seed(),
        "name": draw.name(),
        "gain": draw.gain(scheme),
        **draw.memory(lengths),
        "region": region,
        "threads": draw.threads(),
        "described": draw.chance(0.15),
        **where,
    }


def draw_axes(draw):
    """Draw weights by their axes."""
    scheme = draw.scheme()
    return _draw_weights(draw, scheme, draw.axes(scheme))


def draw_layout(draw):
    """Draw weights by a layout."""
    scheme = draw.scheme()
    return _draw_weights(draw, scheme, draw.layout(scheme))


def run_weights(api, shape, scheme, out, described, **options):
    def drawn(**memory):
        how = api.described(shape, options) if described else options
        return api.sample_weights(shape, scheme, **how, **memory)

    return _written(api, out, drawn)


def draw_file(draw):
    """Draw a weight file."""
    scheme = draw.scheme()
    where = draw.axes(scheme)
    where.pop("active_inputs", None)
    there = draw.chance(0.1)
    return {
        "shape": draw.stated(where.pop("shape")),
        "scheme": scheme,
        "rng": draw.seed(),
        "name": draw.name(),
        "gain": draw.gain(scheme),
        "dtype": draw.dtype(),
        "there": there,
        "overwrite": not (there and draw.wrong(0.5)),
        **where,
    }


def run_file(api, shape, scheme, there, **options):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "w.npy")
        if there:
            path.write_bytes(b"there")
        try:
            api.module("weightfile").save_weights(path, shape, scheme, **options)
        finally:
            files = sorted(Path(directory).iterdir())
            api.watch([(file.name, file.read_bytes()) for file in files])


def draw_scales(draw):
    """Draw scales, fans and statistics: what is known without weights."""
    scheme = draw.scheme()
    where = draw.where(scheme)
    return {
        "shape": draw.stated(where.pop("shape")),
        "scheme": scheme,
        "gain": draw.gain(scheme),
        "dtype": draw.dtype() if draw.chance(0.5) else None,
        "fans": [draw.size(10**6), draw.size(10**6)],
        "what": draw.deal("scales", ("scale_of", "fans", "scale", "statistics")),
        "where": where,
    }


def run_scales(api, shape, scheme, gain, dtype, fans, what, where):
    if what == "scale_of":
        return api.scale_of(shape, scheme, gain=gain, dtype=dtype, **where)
    if what == "fans":
        where.pop("active_inputs", None)
        return api.fans(shape, **where)
    return getattr(api.module("schemes"), what)(scheme, *fans, gain=gain)


def draw_gain(draw):
    """Draw the gain of an activation, and what the activation gives."""
    name = draw.deal("gain", draw.known["activations"])
    made = {"activation": draw.pick(name, name, *draw.known["activations"][name])}
    if draw.chance(0.15):
        made["activation"] = tagged("callable", name=draw.deal("callable", CALLABLES))
    if draw.chance(0.5):
        made["preserve"] = draw.choose(("variance", "magnitude", "magnitude"), ("norm",))
    if draw.chance(0.2):
        made["convention"] = draw.choose(("exact", "torch", "textbook"), ("book",))
    if draw.chance(0.5 if name in ("leaky_relu", "prelu") else 0.03):
        made["slope"] = draw.choose((0.0, 0.3, -1, 5.5, None), (INFINITY, "1"))
    return made


def run_gain(api, activation, **options):
    number = api.package.gain(activation, **options)
    if callable(activation):
        return number
    row = api.module("gains").activation(activation)
    return number, tuple(row.aliases), row.slope, row(np.linspace(-4.0, 4.0, 41))


def _draw_sizes(draw, shape):
    """Return sizes of layers, one or an array, of all magnitudes."""

    def one(most=2**63 - 1):
        if draw.chance(0.2):
            power = 2 ** draw.integer(0, most.bit_length() - 1)
            return min(max(power + draw.integer(-1, 1), 1), most)
        return min(draw.size(draw.pick(100, 10**4, most)), most)

    if shape is None:
        if draw.wrong(0.12):
            return draw.pick(0, -1, 2**63, 2**64, 1.5, True, "3", None, tagged("list", items=[]))
        number = one()
        return tagged("int64s", items=number) if draw.chance(0.2) else number
    dtype = draw.deal("integers", [f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64)])
    most = min(int(np.iinfo(dtype).max), 2**63 - 1)
    values = [one(most) for _ in range(math.prod(shape))]
    if values and draw.wrong(0.06):
        dtype, wrong = draw.pick((dtype, 0), ("int64", -3), ("uint64", 2**63), ("float64", 2.0))
        values = [wrong if dtype == "float64" else min(value, 2**63 - 1) for value in values]
        values[draw.integer(0, len(values) - 1)] = wrong
    if len(shape) == 1 and draw.chance(0.2):
        return tagged("list", items=values)
    step = draw.pick(1, 1, 2, -1, -3) if shape else 1
    return tagged("array", dtype=dtype, values=values, step=step, shape=shape)


def draw_bounds(draw):
    """Draw magnitudes and bounds, of scalars and arrays."""
    what = draw.deal("bounds", ("expected_magnitude", "letkeman_bound", "preserved_magnitude"))
    shape = draw.shape(300) if draw.chance(0.6) else None
    made = {"what": what, "sizes": [_draw_sizes(draw, shape)], "options": {}, "out": None}
    if what == "preserved_magnitude" or (what == "letkeman_bound" and draw.chance(0.6)):
        other = shape if shape is None or draw.chance(0.6) else [1] * len(shape)
        made["sizes"].append(_draw_sizes(draw, other if draw.chance(0.8) else None))
    if what == "letkeman_bound":
        if draw.chance(0.3):
            formulas = ("as_printed", "node_average")
            made["options"]["formula"] = draw.choose(formulas, ("printed",))
        if shape is not None and draw.chance(0.3):
            made["out"] = draw.out(shape, "float64", buffers=False)
    if what == "preserved_magnitude":
        bound = draw.scale()
        if shape and draw.chance(0.4):
            values = [draw.log(1e-5, 10.0) for _ in range(shape[-1])]
            bound = tagged("array", dtype=draw.pick("float64", "float32"), values=values)
        made["sizes"].append(bound)
    return made


def run_bounds(api, what, sizes, options, out):
    return _written(api, out, getattr(api.package, what), *sizes, **options)


def draw_distribution(draw):
    """Draw the distribution of sums of uniforms."""
    functions = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")
    what = draw.deal("distribution", functions)
    count = draw.pick(None, 1, 5, 40)
    n = draw.size(draw.pick(4, 20, 64, 1000, 2**53))
    ns = [max(1, min(2**53, n + draw.integer(-3, 3))) for _ in range(count or 1)]
    if draw.wrong(0.04):
        ns[0] = draw.pick(0, -1, 2**53 + 1, 2**63)
    options = {}
    if what in ("ppf", "isf"):
        at = [draw.pick(draw.random.random(), draw.log(1e-300, 1.0)) for _ in range(count or 1)]
        if draw.chance(0.2):
            at[0] = draw.choose((0.0, 1.0, 0.5), (1.5, -0.1, math.nan), 0.3)
        if draw.chance(0.4):
            options["log"] = draw.choose((True,), (1,))
            at = [math.log(p) if p > 0.0 else -INFINITY for p in at]
    else:
        spread = math.sqrt(n / 12.0)
        at = [
            draw.pick(draw.random.uniform(0.0, n), draw.random.gauss(n / 2, 3.0 * spread), float(n))
            for _ in range(count or 1)
        ]
        if draw.chance(0.2):
            at[0] = draw.pick(0.0, -0.0, -1.0, n / 2, n + 1.0, INFINITY, math.nan, 5e-324)
    if count is None:
        x, sizes = at[0], ns[0]
        if draw.wrong(0.05):
            x, sizes = draw.pick(("1", sizes), (x, 1.5), (x, True), (None, sizes), (1, sizes))
    else:
        dtype = draw.pick("float64", "float64", "float32")
        x = tagged("array", dtype=dtype, values=at)
        fit = max(ns) < 2**31 and min(ns) > 0 and draw.chance(0.3)
        sizes = tagged("array", dtype="int32" if fit else "int64", values=ns)
        if max(ns) > 2**63 - 1 or draw.chance(0.4):
            sizes = ns[0]
    out = draw.out([count], dtype, buffers=False) if count is not None else None
    return {"what": what, "x": x, "n": sizes, "options": options, "out": out}


def run_distribution(api, what, x, n, options, out):
    return _written(api, out, getattr(api.package.distribution, what), x, n, **options)


def draw_weighted(draw):
    """Draw weighted sums of uniforms."""
    functions = ("weighted_pdf", "weighted_cdf", "weighted_sf", "expected_magnitude_of")
    what = draw.deal("weighted", functions)
    count = draw.size(draw.pick(4, 12, 60))
    spread = draw.pick(1.0, 1.0, 1e3, 1e50)
    weights = [draw.log(1.0 / spread, spread * 2) * draw.pick(-1, 1, 1) for _ in range(count)]
    if draw.chance(0.15):
        weights[0] = draw.choose((0.0, -0.0), (INFINITY, math.nan, 1e-310), 0.3)
    if draw.chance(0.1):
        weights = [weights[0]] * count
    low, high = (sum(f(w, 0.0) for w in weights if math.isfinite(w)) for f in (min, max))
    points = [draw.random.uniform(low, high) for _ in range(draw.pick(1, 1, 7))]
    if draw.chance(0.15):
        points[0] = draw.pick(low, high, 0.0, INFINITY, math.nan)
    vector = tagged("array", dtype="float64", values=weights)
    if what == "expected_magnitude_of" and draw.chance(0.3):
        vector = tagged("array", dtype="float64", values=weights * 3, shape=[3, count])
    elif draw.chance(0.3):
        vector = draw.pick(tagged("list", items=weights), [int(10 * draw.log(0.1, 5))] * count, [])
    x = points[0] if len(points) == 1 else tagged("array", dtype="float64", values=points)
    return {"what": what, "x": x, "weights": vector}


def run_weighted(api, what, x, weights):
    if what == "expected_magnitude_of":
        return api.package.expected_magnitude_of(weights)
    return getattr(api.package.distribution, what)(x, weights)


def draw_montecarlo(draw):
    """Draw a simulation of sums or layers."""
    what = draw.deal("montecarlo", ("magnitude", "layer"))
    sizes = [draw.size(2000)] if what == "magnitude" else [draw.size(90), draw.size(90)]
    made = {"what": what, "sizes": sizes, "rng": draw.seed(), "threads": draw.threads()}
    if draw.chance(0.4):
        made["bound"] = draw.choose((draw.log(1e-3, 10.0), 0.0, 2), (-1.0, INFINITY))
    if draw.chance(0.3):
        made["standard_error"] = draw.log(0.05, 1.0) * (made.get("bound") or 1.0)
    if "standard_error" not in made or draw.chance(0.5):
        made["trials"] = draw.choose((draw.integer(2, 3000), 2, 2048, 3001), (0, True))
    return made


def run_montecarlo(api, what, sizes, **options):
    return api.drawing("montecarlo", what)(*sizes, **options)


def draw_tables(draw):
    """Draw a comparison of schemes for a layer, or signals in deep networks."""
    what = draw.deal("tables", ("simulate", "simulate", "explosion", "simulate", "compare"))
    rng = draw.seed(plain=True)
    activation = draw.deal("activation", draw.known["activations"])
    if what == "compare":
        sizes = [draw.size(2000), draw.size(2000)]
        made = {"n": sizes[0], "m": sizes[1], "activation": draw.pick(None, activation)}
    elif what == "simulate":
        texts = [draw.deal("scheme", draw.known["schemes"]) for _ in range(3)]
        texts = [f"{text}:{draw.log(0.01, 2.0)!r}" if text in NEED_GAIN else text for text in texts]
        width = draw.pick(draw.size(40), [draw.size(30), draw.size(30)])
        made = {"schemes": draw.pick(None, texts, texts), "width": width, "activation": activation}
        made |= {"depth": draw.integer(1, 6), "batch": draw.integer(1, 9)}
    else:
        made = {"variances": [draw.log(1e-4, 2.0), 1.0], "width": draw.size(20)}
        made |= {"depth": draw.integer(1, 4), "trials": draw.integer(2, 40)}
    return {"what": what, "rng": rng, "options": made}


def run_tables(api, what, rng, options):
    done = []
    module = "compare" if what == "compare" else "flow"
    made = api.drawing(module, what)(rng=rng, progress=done.append, **options)
    return list(made), sum(done)


def draw_stats(draw):
    """Draw a method of the drop-ins for SciPy's distributions, or Edgington's."""
    methods = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")
    more = ("stats", "moment", "entropy", "rvs", "rvs", "support", "interval", "fit", "edgington")
    what = draw.deal("stats", (*methods, *more))
    n = draw.size(draw.pick(5, 60, 10**6))
    loc, scale = draw.pick((0.0, 1.0), (draw.random.gauss(0.0, 2.0), draw.log(0.1, 9.0)))
    if draw.wrong(0.06):
        n, scale = draw.pick((0, scale), (n, 0.0), (n, -1.0), (1.5, scale), (2**53 + 2, scale))
    made = {
        "law": draw.pick("irwinhall", "bates"),
        "what": what,
        "n": n,
        "loc": loc,
        "scale": scale,
    }
    points = [draw.random.random() for _ in range(9)]
    if what == "edgington":
        shape = draw.pick([9], [3, 3], [1, 9])
        made["points"] = tagged("array", dtype="float64", values=points, shape=shape)
        made["axis"] = draw.choose((0, -1, None), (5,))
        rows = {0: shape[0], -1: shape[-1]}.get(made["axis"], 9)
        weights = [draw.log(0.1, 3.0) for _ in range(rows)]
        made["weights"] = tagged("list", items=weights) if draw.chance(0.5) else None
    elif what == "rvs":
        made["size"] = draw.pick(None, 5, [2, 3])
        made["rng"] = draw.pick(draw.seed(plain=True), 1)
        made["form"] = draw.pick("stream", "stream", "state", "generator")
    elif what == "fit":
        made |= {"n": draw.integer(1, 9), "points": points, "fixed": draw.pick("n", "n", "loc", "")}
    else:
        made["points"] = points[: draw.pick(1, 9)]
    return made


def run_stats(api, law, what, n, loc, scale, points=None, **options):
    stats = api.module("stats")
    if what == "edgington":
        return stats.edgington(points, **options)
    law = getattr(stats, law)
    if what == "rvs":
        return law.rvs(n, loc, scale, options["size"], **_random_state(api, **options))
    if what == "fit":
        fixed = {"n": {"fn": n}, "loc": {"floc": 0.0}, "": {}}[options["fixed"]]
        return law.fit(np.array(points) * scale, **fixed)
    if what == "moment":
        return [law.moment(order, n, loc, scale) for order in (1, 2, 3, 4, 7)]
    if what == "stats":
        return law.stats(n, loc, scale, moments="mvsk")
    if what in ("support", "entropy"):
        return getattr(law, what)(n, loc, scale)
    if what == "interval":
        return law.interval(points[0], n, loc, scale)
    at = np.array(points) if what in ("ppf", "isf") else loc + scale * np.array(points)
    if law.name == "irwinhall" and what not in ("ppf", "isf"):
        at = loc + scale * np.array(points) * n
    return getattr(law, what)(at, n, loc, scale)


def _random_state(api, rng, form, size):
    if form == "stream":
        return {"rng": api.package.Stream(rng, "rvs")}
    seed = rng % 2**32 if isinstance(rng, int) else 5
    return {"random_state": seed} if form == "state" else {"rng": np.random.default_rng(seed)}


def draw_forms(draw):
    """Draw sizes for all closed forms."""
    shape = draw.pick(None, [5])
    return {"sizes": [_draw_sizes(draw, shape), _draw_sizes(draw, shape)]}


def run_forms(api, sizes):
    made = []
    for name, form in api.package.approximations.FORMS.items():
        with contextlib.suppress(TypeError, ValueError):
            made.append((name, form(*sizes[: len(form.variables)])))
        made.append((name, form.as_c(), form.max_relative_error))
    return made


def draw_rescale(draw):
    """Draw the LSUV of arrays."""
    return {
        "sizes": [draw.integer(2, 40) for _ in range(draw.integer(2, 5))],
        "scheme": draw.pick("orthogonal", "he_normal", "letkeman", "identity"),
        "dtype": draw.pick("float32", "float64"),
        "rng": draw.seed(plain=True),
        "options": draw.pick({}, {"variance": 2.0, "tolerance": 1e-3}, {"max_iterations": 1}),
    }


def run_rescale(api, sizes, scheme, dtype, rng, options):
    pairs = list(itertools.pairwise(sizes))
    weights = [
        api.sample_weights(pair, scheme, rng=rng, name=str(i), dtype=dtype)
        for i, pair in enumerate(pairs)
    ]
    layers = [lambda w, x: np.tanh(x) @ w] * len(pairs)
    batch = api.package.Stream(rng, "batch").normal((30, sizes[0]), dtype=dtype)
    return api.module("lsuv").rescale(layers, weights, batch, **options)


# ---- Dask, JAX, Keras ----------------------------------------------------------------------------


def draw_dask(draw):
    """Draw weights in chunks."""
    scheme = draw.scheme()
    where = draw.where(scheme)
    shape = where.pop("shape")
    chunks = [draw.integer(1, max(1, length)) for length in shape]
    chunks = draw.pick(chunks, chunks, "auto", draw.integer(1, 9), -1)
    return {
        "shape": shape,
        "scheme": scheme,
        "rng": draw.seed(),
        "name": draw.name(),
        "gain": draw.gain(scheme),
        "dtype": draw.dtype(),
        "chunks": chunks,
        "file": draw.chance(0.2),
        **where,
    }


def run_dask(api, shape, scheme, file, **options):
    module = api.module("dask")
    made = module.sample_weights(shape, scheme, **options)
    if not file:
        return made.chunks, made.dtype.name, made.compute(scheduler="synchronous")
    with tempfile.TemporaryDirectory() as directory:
        module.to_npy(made, Path(directory, "w.npy"))
        return Path(directory, "w.npy").read_bytes()


def draw_sharded(draw):
    """Draw a sharded array of JAX, on one device."""
    scheme = draw.scheme()
    where = draw.where(scheme)
    return {
        "shape": where.pop("shape"),
        "scheme": scheme,
        "seed": draw.seed(),
        "name": draw.name(),
        "gain": draw.gain(scheme),
        "dtype": draw.dtype(),
        "x64": draw.chance(0.6),
        **where,
    }


def run_sharded(api, shape, scheme, x64, **options):
    import jax

    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    with jax.enable_x64(x64):
        return api.module("jax").sharded(shape, sharding, scheme, **options)


NAMED_IN_JAX = (
    *("letkeman", "letkeman_normalized", "letkeman_gaussian", "letkeman_normalized_gaussian"),
    *("kalafus_uniform", "kalafus_normal", "glorot_uniform", "glorot_normal", "xavier_uniform"),
    *("xavier_normal", "he_uniform", "he_normal", "kaiming_uniform", "kaiming_normal"),
    *("lecun_uniform", "lecun_normal"),
)


def draw_jax(draw):
    """Draw an initializer of JAX: by a scheme, its own name, or JAX's arguments."""
    special = ("variance_scaling", "normal", "truncated_normal", "orthogonal", "delta_orthogonal")
    what = draw.deal("jax", (*("initializer",) * 12, *NAMED_IN_JAX, *special))
    made = {
        "what": what,
        "key": draw.integer(0, 2**31),
        "dtype": draw.deal("dtype", DTYPES) if draw.chance(0.8) else None,
        "x64": draw.chance(0.6),
        "how": draw.pick("plain", "plain", "old key", "jit", "vmap"),
    }
    scheme = draw.scheme() if what == "initializer" else "he_normal"
    if what in special:
        made["shape"], options = draw.lengths(draw.pick(2, 2, 3, 4)), {}
        if what == "variance_scaling":
            options["scale"] = draw.choose((draw.log(0.01, 3.0), 0.0), (-1.0,))
            modes = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
            options["mode"] = draw.choose(modes, ("fan",))
            options["distribution"] = draw.pick("truncated_normal", "normal", "uniform")
        elif "orthogonal" in what:
            options["scale"] = draw.pick(1.0, draw.log(0.1, 3.0))
            options["column_axis"] = draw.pick(-1, -1, 0, 1)
            if what == "delta_orthogonal":
                made["shape"][-2:] = sorted(made["shape"][-2:])
        else:
            options["stddev"] = draw.choose((draw.log(0.01, 3.0), 0.0), (-1.0,))
            if what == "truncated_normal" and draw.chance(0.6):
                options["lower"] = draw.random.uniform(-3.0, 1.0)
                options["upper"] = options["lower"] + draw.log(0.1, 3.0)
    else:
        options = draw.where(scheme)
        made["shape"] = options.pop("shape")
        options["gain"] = draw.gain(scheme)
        if what == "initializer":
            options["scheme"] = scheme
    made["options"] = options
    return made


def run_jax(api, what, key, dtype, x64, how, shape, options):
    import jax

    with jax.enable_x64(x64):
        init = getattr(api.module("jax"), what)(**options)
        made = jax.random.PRNGKey(key) if how == "old key" else jax.random.key(key)
        element = _thaw_dtype(dtype, "dtype") if dtype else None
        if how == "jit":
            return jax.jit(init, static_argnums=(1, 2))(made, shape, element)
        if how == "vmap":
            keys = jax.random.split(made, 3)
            return jax.vmap(lambda each: init(each, shape, element))(keys)
        return init(made, shape, element)


NAMED_IN_KERAS = (
    *("Letkeman", "LetkemanNormalized", "LetkemanGaussian", "LetkemanNormalizedGaussian"),
    *("KalafusUniform", "KalafusNormal", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal"),
    *("LecunUniform", "LecunNormal", "Orthogonal"),
)


def draw_keras(draw):
    """Draw an initializer of Keras, and perhaps a layer that it fills."""
    what = draw.deal("keras", (*("SchemeInitializer",) * 8, *NAMED_IN_KERAS))
    scheme = "orthogonal" if what == "Orthogonal" else "he_normal"
    if what == "SchemeInitializer":
        scheme = draw.deal("scheme", draw.known["schemes"])
    options = {"shape": draw.lengths(draw.pick(2, 2, 3, 4))}
    if draw.chance(0.5):
        options = draw.layout(scheme)
    elif draw.chance(0.3):
        options["input_axes"], options["output_axes"] = draw.pick(([0], [1]), ([-1], [-2]))
    shape = options.pop("shape")
    if what == "SchemeInitializer":
        options["scheme"] = scheme
    gain = draw.gain(scheme)
    if gain is not None:
        options["gain"] = gain
    if draw.chance(0.9):
        options["seed"] = draw.random.getrandbits(draw.integer(1, 200)) * draw.pick(-1, 1)
    if draw.chance(0.5):
        options["name"] = draw.pick("w", "größe", "hidden/kernel")
    made = {"what": what, "shape": shape, "options": options}
    return made | {"dtype": draw.pick(None, *DTYPES), "layer": draw.pick("", "", "Dense", "Conv2D")}


def run_keras(api, what, shape, options, dtype, layer):
    import keras

    keras.utils.set_random_seed(3)
    init = getattr(api.module("keras"), what)(**options)
    if layer == "Dense":
        built = keras.layers.Dense(6, kernel_initializer=init)
        built.build((None, 5))
        return [np.asarray(each) for each in built.get_weights()]
    if layer == "Conv2D":
        built = keras.layers.Conv2D(6, 3, kernel_initializer=init, groups=2)
        built.build((None, 9, 9, 4))
        return [np.asarray(each) for each in built.get_weights()]
    config = init.get_config()
    again = type(init).from_config(json.loads(json.dumps(config)))
    clone = init.clone()
    made = [init(shape, dtype), clone(shape, dtype), init(shape, dtype), again(shape, dtype)]
    return json.dumps(config), [(str(each.dtype), np.asarray(each)) for each in made]


# ---- PyTorch: tensors ----------------------------------------------------------------------------


def _draw_tensor(draw, shape, dtype=None):
    """Return a tensor: strided, and more or less than it seems."""
    order = list(range(len(shape)))
    draw.random.shuffle(order)
    made = {
        "shape": shape,
        "dtype": dtype or draw.deal("dtype", DTYPES),
        "order": order if draw.chance(0.5) else sorted(order),
        "steps": [draw.pick(*draw.pick((1,), (1, 1, 2, 3))) for _ in shape],
        "form": draw.pick("plain", "plain", "parameter", "view"),
    }
    if draw.chance(0.1):
        made["form"] = draw.deal("tensor", ("inference", "meta", "negative"))
    elif draw.wrong(0.08):
        made["form"] = draw.deal("tensor", ("expanded", "int32", "sparse", "result"))
    return made


def _tensor(api, shape, dtype, order, steps, form):
    """Return a tensor whose memory is watched."""
    import torch

    element = torch.int32 if form == "int32" else getattr(torch, dtype)
    if form == "meta":
        return torch.empty(shape, dtype=element, device="meta")
    if form == "inference":
        with torch.inference_mode():
            return _tensor(api, shape, dtype, order, steps, "plain")
    if form == "expanded":
        return api.watch(torch.full((1,) * len(shape), 7, dtype=element)).expand(shape)
    if form == "sparse":
        return torch.ones(shape, dtype=element).to_sparse()
    lengths = [shape[axis] * steps[axis] for axis in order]
    around = api.watch(torch.full(lengths, 7, dtype=element))
    if form in ("parameter", "view"):
        around = torch.nn.Parameter(around)
        api.watched[-1] = around.detach()
    elif form == "result":
        around = torch.nn.Parameter(around) * 1.0
    elif form == "negative" and dtype in ("float32", "float64"):
        wide = torch.complex64 if dtype == "float32" else torch.complex128
        around = api.watch(torch.full(lengths, 7, dtype=wide)).conj().imag
    if form == "parameter":
        seen = around.data[tuple(slice(None, None, steps[axis]) for axis in order)]
        return torch.nn.Parameter(api.watch(seen.permute(np.argsort(order).tolist())))
    seen = around[tuple(slice(None, None, steps[axis]) for axis in order)]
    return seen.permute(np.argsort(order).tolist())


def _draw_source(draw):
    """Return where a function of PyTorch gets its seed from."""
    if draw.wrong(0.02):
        return {"seed": draw.integer(0, 9), "generator": 1}
    form = draw.pick("seed", "seed", "seed", "generator", "torch")
    if form == "torch":
        return {}
    if form == "generator":
        return {"generator": draw.integer(0, 10**6)}
    return {"seed": draw.seed(), "name": draw.name()}


def _source(generator=None, **made):
    import torch

    if generator is not None:
        made["generator"] = torch.Generator().manual_seed(generator)
    torch.manual_seed(1234)
    return made


def _draw_torch_options(draw, made, scheme):
    """Add a shape and how it is stored, by torch's layouts or by default."""
    if draw.chance(0.35):
        options = draw.layout(scheme, ("torch", "keras"))
    else:
        dimensions = draw.choose((2, 2, 2, 3, 4, 5), (0, 1), 0.06)
        options = {"shape": draw.lengths(dimensions, 2000)}
        if dimensions == 2 and draw.chance(0.05):
            options["shape"] = [draw.integer(300, 700), 700]
        transposed, more = draw.chance(0.2), draw.pick("", "", "parts", "groups")
        if transposed:
            options["transposed"] = True
        if dimensions > 1:
            draw.fit(scheme, options["shape"], *(([0], [1]) if transposed else ([1], [0])))
        if more and dimensions > (2 if more == "groups" else 1):
            options[more] = 2
            options["shape"][1 if transposed and more == "parts" else 0] *= 2
        options |= draw.active_inputs(scheme, 1)
    made["tensor"] = _draw_tensor(draw, options.pop("shape"))
    made["options"] = options


def draw_torch(draw):
    """Draw a function that is named after a scheme, or fill_ with any scheme."""
    named = [f"{name}_" for name in draw.known["schemes"] if name not in OTHERWISE_IN_TORCH]
    what = draw.deal("torch", [*named, *("fill_",) * 9])
    made = {"what": what, "source": _draw_source(draw)}
    scheme = draw.scheme() if what == "fill_" else what.removesuffix("_")
    _draw_torch_options(draw, made, scheme)
    if what == "fill_":
        made["options"]["scheme"] = scheme
        made["options"]["threads"] = draw.threads()
        made["described"] = draw.chance(0.15)
    gain = draw.gain(scheme)
    if gain is not None:
        made["options"]["gain"] = gain
    return made


def run_torch(api, what, tensor, source, options, described=False):
    import torch

    target = _tensor(api, **tensor)
    if described and "layout" in options:
        options = api.described(tuple(target.shape), options)
    made = getattr(api.module("torch"), what)(target, **_source(**source), **options)
    # A call that is refused may have drawn a seed before.
    return made is target, _values(target), torch.get_rng_state()


def _values(tensor):
    """Return a tensor's values; of one without memory only what it looks like."""
    import torch

    if tensor.is_meta or tensor.layout != torch.strided:
        return str(tensor.dtype), tuple(tensor.shape)
    return tensor.detach().clone()


def draw_torch_law(draw):
    """Draw a function of torch.nn.init that knows no fans, about any mean."""
    what = draw.deal("law", ("uniform_", "normal_", "trunc_normal_", "truncated_normal_"))
    made = {"what": what, "source": _draw_source(draw), "options": {}}
    made["tensor"] = _draw_tensor(draw, draw.shape(2000))
    middles = (0.0, 0.0, draw.random.gauss(0.0, 1.0), draw.log(1e-3, 1e4), -3)
    middle = draw.choose(middles, (7e4, 1e39), 0.04)
    wide = draw.pick(draw.log(1e-3, 10.0), draw.log(1e-3, 10.0), draw.scale())
    if what == "uniform_":
        reach = wide if isinstance(wide, (int, float)) else 1.0
        made["options"] = draw.pick({}, {"a": middle - reach, "b": middle + reach}, {"b": wide})
    elif what == "normal_":
        made["options"] = draw.pick({}, {"mean": middle, "std": wide}, {"std": wide})
    elif what == "trunc_normal_":
        low = draw.pick(-2.0, -INFINITY, middle - draw.log(0.01, 3.0))
        high = draw.pick(2.0, INFINITY, middle + draw.log(0.01, 3.0))
        made["options"] = {"mean": middle, "std": wide, "a": low, "b": high}
    else:
        low = draw.random.uniform(-5.0, 3.0)
        made["options"] = {"std": wide}
        if draw.chance(0.6):
            made["options"] |= {"low": low, "high": low + draw.log(0.01, 5.0)}
        if draw.chance(0.5):
            made["options"]["corrected"] = draw.pick(True, False)
    return made


def draw_kaiming(draw):
    """Draw a function of torch.nn.init that takes He's arguments, or a constant."""
    he = ("kaiming_uniform_", "kaiming_normal_") * 3
    what = draw.deal("kaiming", (*he, "constant_", "ones_", "zeros_"))
    made = {"what": what}
    _draw_torch_options(draw, made, "he_normal")
    if what in ("constant_", "ones_", "zeros_"):
        made["source"] = None
        made["options"] = {"val": draw.pick(0.0, -0.0, 3.5)} if what == "constant_" else {}
        return made
    made["source"] = _draw_source(draw)
    if draw.chance(0.5):
        made["options"]["a"] = draw.choose((0.0, 0.3, 5**0.5, -1), ("0",), 0.05)
    if draw.chance(0.5):
        modes = ("fan_in", "fan_out", "FAN_OUT")
        made["options"]["mode"] = draw.choose(modes, ("fan_avg",), 0.05)
    if draw.chance(0.6):
        name = draw.deal("activation", draw.known["activations"])
        made["options"]["nonlinearity"] = draw.pick(name, *draw.known["activations"][name])
    return made


def run_constant(api, what, tensor, source, options):
    if source is not None:
        return run_torch(api, what, tensor, source, options)
    target = _tensor(api, **tensor)
    return getattr(api.module("torch"), what)(target, **options) is target, _values(target)


# ---- PyTorch: models -----------------------------------------------------------------------------


def _draw_layer(draw):
    """Return the kind of a layer and its arguments."""
    kind = draw.deal(
        "layer",
        (
            *("Linear", "Linear", "Linear", "Bilinear", "Conv1d", "Conv2d", "Conv3d"),
            *("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "LSTM", "LSTM"),
            *("GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"),
            *("MultiheadAttention", "MultiheadAttention"),
            *("Embedding", "Embedding", "EmbeddingBag", "BatchNorm1d", "BatchNorm2d", "LayerNorm"),
            *("GroupNorm", "RMSNorm", "InstanceNorm2d", "PReLU", "TransformerEncoderLayer"),
            *("LazyLinear", "Own", "Tied"),
        ),
    )
    n, m = draw.size(24), draw.size(24)
    bias = draw.chance(0.7)
    if kind == "Linear":
        return kind, [n, m], {"bias": bias}
    if kind == "Bilinear":
        return kind, [n, m, draw.size(8)], {"bias": bias}
    if kind.startswith("Conv"):
        groups = draw.pick(1, 1, 2, 3)
        kernel = draw.integer(1, 3)
        return kind, [draw.size(5) * groups, draw.size(5) * groups, kernel], {"groups": groups}
    if kind in ("LSTM", "GRU", "RNN"):
        options = {"num_layers": draw.pick(1, 2), "bidirectional": draw.chance(0.3), "bias": bias}
        if kind == "LSTM" and draw.chance(0.3) and m > 1:
            options["proj_size"] = draw.integer(1, m - 1)
        return kind, [n, m], options
    if kind.endswith("Cell"):
        return kind, [n, m], {"bias": bias}
    if kind == "MultiheadAttention":
        heads = draw.pick(1, 2, 3)
        options = {"bias": bias, "add_bias_kv": draw.chance(0.3)}
        if draw.chance(0.3):
            options |= {"kdim": n, "vdim": m}
        return kind, [heads * draw.size(6), heads], options
    if kind in ("Embedding", "EmbeddingBag", "Tied"):
        return kind, [n, m], {"padding_idx": draw.integer(0, n - 1)} if draw.chance(0.5) else {}
    if kind.startswith("BatchNorm"):
        return kind, [n], {"affine": draw.chance(0.8), "track_running_stats": draw.chance(0.8)}
    if kind == "InstanceNorm2d":
        return kind, [n], {"affine": True, "track_running_stats": draw.chance(0.5)}
    if kind == "GroupNorm":
        return kind, [2, 2 * n], {}
    if kind == "PReLU":
        return kind, [n], {"init": draw.pick(0.25, 0.1, 1.0)}
    if kind == "TransformerEncoderLayer":
        return kind, [2 * draw.size(6), 2, n], {}
    if kind == "LazyLinear":
        return kind, [n], {}
    if kind == "Own":
        return kind, [], {"shape": draw.lengths(draw.pick(0, 1, 2, 3), 200)}
    return kind, [n], {}


def _draw_model(draw):
    """Return layers by name, each with its element type and what is made of its weight."""
    layers = []
    names = ("0", "1", "body.2", "body.head", "q", "x.y.z")
    for name in draw.random.sample(names, draw.pick(1, 2, 3, 4)):
        kind, args, options = _draw_layer(draw)
        made = {"name": name, "kind": kind, "args": args, "options": options}
        made["dtype"] = draw.pick("float32", "float32", *DTYPES)
        if kind in ("Linear", "Conv1d", "Conv2d", "ConvTranspose2d", "Embedding"):
            wraps = ("weight_norm", "weight_norm", "spectral_norm", "orthogonal", "transposed")
            made["wrap"] = draw.deal("wrap", wraps) if draw.chance(0.25) else ""
            if made["wrap"] == "weight_norm":
                made["dtype"] = "float32"
        layers.append(made)
    return layers


def _draw_options(draw, layer):
    """Return what a plan says of a layer."""
    form = draw.random.random()
    kind = layer["kind"]
    if form < 0.15:
        return "leave"
    if form < 0.3:
        return draw.scheme()
    scheme = draw.deal("scheme", draw.known["schemes"])
    if form < 0.4:
        return tagged("pairs", items=[["scheme", scheme], ["gain", draw.gain(scheme)]])
    if form < 0.5:
        return {"gain": draw.log(0.1, 3.0), "factor": draw.choose((0.5, 2, 0.0), (-1.0,))}
    if form < 0.7 and kind == "Linear":
        rows = layer["args"][1]
        if rows > 2 and draw.chance(0.7):
            cut = draw.integer(1, rows - 1)
            return {"parts": [cut, rows if draw.wrong(0.1) else rows - cut]}
        return {"parts": 2 if rows % 2 == 0 else 1, "factor": 0.5}
    if form < 0.8:
        return {"active_inputs": 1, "scheme": scheme, "gain": draw.log(0.1, 2.0)}
    if kind == "Own":
        count = len(layer["options"]["shape"])
        layout = {1: "torch.linear", 2: "torch.linear", 3: "torch.conv"}.get(count, "torch.matmul")
        stacked = draw.pick({}, {"stacked": 1}) if count == 3 else {}
        return {"layout": "torch.linear" if stacked else layout, **stacked}
    if draw.wrong(0.2):
        return {draw.pick("groups", "stacked", "layouts", "parts"): draw.pick(1, 2, 0)}
    return {"factor": draw.log(0.1, 3.0)}


def _draw_plan(draw, layers):
    """Return the rules of a plan, most of them for layers that are there."""
    rules = []
    for layer in draw.random.sample(layers, min(len(layers), draw.pick(1, 1, 2))):
        name, kind = layer["name"], layer["kind"]
        pattern = draw.pick(f"{name}.weight", f"{name}.*weight*", f"{name}.*", f"{name[0]}*weight*")
        if draw.chance(0.15):
            pattern = tagged("regex", pattern=draw.pick("weight$", f"^{name}", "bias|weight"))
        elif draw.chance(0.15) and kind not in ("Own", "Tied"):
            pattern = tagged("layer", name=kind)
        rules.append([pattern, _draw_options(draw, layer)])
    if draw.chance(0.15):
        rules.append(["*.bias*", draw.pick("leave", "ones", {"scheme": "constant", "gain": 0.1})])
    if draw.wrong(0.03):
        rules.append(["nothing.like.it", "zeros"])
    return tagged("pairs", items=rules)


def draw_model(draw):
    """Draw a whole model, with a plan or without one."""
    layers = _draw_model(draw)
    scheme = draw.scheme()
    options = {"scheme": scheme, "gain": draw.gain(scheme) if draw.chance(0.5) else None}
    if options["gain"] is None and scheme in NEED_GAIN:
        options["gain"] = draw.log(0.01, 1.0)
    if draw.chance(0.45):
        options["plan"] = _draw_plan(draw, layers)
    if draw.chance(0.2):
        name = draw.pick(*layers)["name"]
        patterns = ("*weight*", f"{name}.*weight*", f"{name}.*", ["*weight*", "*"])
        options["residual"] = draw.pick(*patterns)
        if draw.chance(0.4):
            options["residual_factor"] = draw.choose((0.5, 0.0, 1), (-1.0,))
    elif draw.wrong(0.02):
        options["residual_factor"] = 0.5
    if draw.chance(0.4):
        options["forget_bias"] = draw.choose((1.0, 1, 0.5, -0.0), (INFINITY,), 0.03)
    options["threads"] = draw.threads()
    source = _draw_source(draw)
    source.pop("name", None)
    return {"layers": layers, "options": options, "source": source, "meta": draw.chance(0.25)}


@functools.cache
def _own_layers():
    """Return layers that the library does not know, by name."""
    import torch
    from torch import nn

    class Own(nn.Module):
        """Parameters of a shape, of a type that is not filled, and of no elements."""

        def __init__(self, shape):
            super().__init__()
            self.weight = nn.Parameter(torch.full(shape, 3.0))
            self.count = nn.Parameter(torch.arange(3), requires_grad=False)
            self.none = nn.Parameter(torch.zeros(0, 3))
            self.register_buffer("seen", torch.ones(2))

    class Tied(nn.Module):
        """An embedding and the layer that shares its weight."""

        def __init__(self, n, m, **options):
            super().__init__()
            self.given = nn.Embedding(n, m, **options)
            self.said = nn.Linear(m, n)
            self.said.weight = self.given.weight

    return {"Own": Own, "Tied": Tied}


def _model(layers):
    """Return a model of layers; what lies below a dot lies in a module of its own."""
    import torch
    from torch import nn
    from torch.nn.utils import parametrizations

    wraps = {
        "weight_norm": parametrizations.weight_norm,
        "spectral_norm": parametrizations.spectral_norm,
        "orthogonal": parametrizations.orthogonal,
    }
    torch.manual_seed(99)
    root = nn.Module()
    for layer in layers:
        maker = _own_layers().get(layer["kind"]) or getattr(nn, layer["kind"])
        made = maker(*layer["args"], **layer["options"])
        wrap = layer.get("wrap")
        if wrap == "transposed":
            turned = made.weight.detach().transpose(0, 1).contiguous().transpose(0, 1)
            made.weight = nn.Parameter(turned)
        if layer["kind"] != "Own":
            made = made.to(getattr(torch, layer["dtype"]))
        if wrap in wraps:
            made = wraps[wrap](made)
        parent, *path = root, *layer["name"].split(".")
        for step in path[:-1]:
            if not hasattr(parent, step):
                parent.add_module(step, nn.Module())
            parent = getattr(parent, step)
        parent.add_module(path[-1], made)
    return root


def _state(model):
    """Return what a model holds, by name."""
    import torch

    held = [*model.named_parameters(), *model.named_buffers()]
    return [
        (name, "lazy" if torch.nn.parameter.is_lazy(tensor) else _values(tensor))
        for name, tensor in held
    ]


def _report(report):
    rows = [tuple(row) for row in report.rows]
    return rows, report.left_alone, report.buffers, report.seed, str(report), repr(report)


def run_model(api, layers, options, source, meta):
    import torch

    init = api.module("torch")
    model = _model(layers)
    try:
        report = init.init_weights(model, **_source(**source), **options)
    finally:
        with contextlib.suppress(Exception):
            api.watch(_state(model))
    made = _report(report), torch.get_rng_state()
    # Of what is lazy there is nothing yet, and some that is parametrized is left alone.
    if meta and not any(
        layer["kind"] == "LazyLinear" or layer.get("wrap") in ("spectral_norm", "orthogonal")
        for layer in layers
    ):
        model = model.to("meta")
        untouched = _report(init.init_weights(model, **_source(**source), **options))
        start = init.param_init_fn(model, **_source(**source), device="cpu", **options)
        for module in model.modules():
            start(module)
        # What is left alone holds anything.
        left = set(start.left_alone)
        kept = [(name, value) for name, value in _state(model) if name not in left]
        return made, untouched, start.left_alone, [each for each in kept if "seen" not in each[0]]
    return made


def draw_lsuv(draw):
    """Draw the LSUV of a model."""
    sizes = [draw.integer(2, 30) for _ in range(draw.pick(2, 3, 4))]
    return {
        "sizes": sizes,
        "kind": draw.pick("linear", "linear", "conv", "tied", "norm"),
        "scheme": draw.choose(("orthogonal", "he_normal", "letkeman"), ("zeros",)),
        "seed": draw.seed(plain=True),
        "dtype": draw.pick("float32", "float64"),
        "options": draw.pick(
            {},
            {"variance": 2.0, "tolerance": 1e-3},
            {"max_iterations": 1},
            {"layers": "0.*"},
            {"layers": ["0.weight", "nothing"]},
        ),
    }


def run_lsuv(api, sizes, kind, scheme, seed, dtype, options):
    import torch
    from torch import nn

    init = api.module("torch")
    torch.manual_seed(5)
    layers, shape = [], (25, sizes[0])
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Conv1d(n, m, 3) if kind == "conv" else nn.Linear(n, m), nn.ReLU()]
        if kind == "norm":
            layers.append(nn.BatchNorm1d(m))
        if kind == "tied":
            again = nn.Linear(m, m)
            layers += [again, nn.Linear(m, m)]
            layers[-1].weight = again.weight
    if kind == "conv":
        shape = (5, sizes[0], 4 + 2 * len(sizes))
    model = nn.Sequential(*layers).to(getattr(torch, dtype))
    init.init_weights(model, scheme, seed=seed)
    batch = init.normal_(torch.empty(shape, dtype=getattr(torch, dtype)), seed=seed, name="batch")
    try:
        report = init.lsuv_(model, batch, **options)
    finally:
        api.watch(_state(model))
    return report.layers, report.left_alone, str(report)


# ---- kinds of calls ------------------------------------------------------------------------------


class Kind(NamedTuple):
    """How often calls of a kind are drawn, how one is drawn and run, and whether by any kernel."""

    share: int
    draw: object
    run: object
    any_kernel: bool = False


KINDS = {
    "Stream": Kind(14, draw_stream, run_stream, any_kernel=True),
    "sample_weights by axes": Kind(12, draw_axes, run_weights, any_kernel=True),
    "sample_weights by layout": Kind(12, draw_layout, run_weights, any_kernel=True),
    "save_weights": Kind(4, draw_file, run_file, any_kernel=True),
    "scales and fans": Kind(8, draw_scales, run_scales),
    "gain": Kind(4, draw_gain, run_gain),
    "bounds": Kind(8, draw_bounds, run_bounds),
    "distribution": Kind(6, draw_distribution, run_distribution),
    "weighted sums": Kind(4, draw_weighted, run_weighted),
    "montecarlo": Kind(3, draw_montecarlo, run_montecarlo, any_kernel=True),
    "compare and flow": Kind(2, draw_tables, run_tables),
    "stats": Kind(4, draw_stats, run_stats),
    "closed forms": Kind(1, draw_forms, run_forms),
    "lsuv.rescale": Kind(1, draw_rescale, run_rescale),
    "dask": Kind(4, draw_dask, run_dask),
    "jax.sharded": Kind(4, draw_sharded, run_sharded),
    "jax initializers": Kind(6, draw_jax, run_jax),
    "keras": Kind(4, draw_keras, run_keras),
    "torch by scheme": Kind(12, draw_torch, run_torch, any_kernel=True),
    "torch by law": Kind(6, draw_torch_law, run_torch, any_kernel=True),
    "torch kaiming and constants": Kind(4, draw_kaiming, run_constant),
    "torch models": Kind(14, draw_model, run_model, any_kernel=True),
    "torch lsuv_": Kind(2, draw_lsuv, run_lsuv),
}


def drawn_calls(count, seed, known):
    """Return the descriptions of random calls."""
    draw = Draw(seed, known)
    kinds = [name for name, kind in KINDS.items() for _ in range(kind.share)]
    calls = []
    for number in range(count):
        draw.is_wrong = False
        name = draw.deal("kind", kinds)
        kernel = None
        if KINDS[name].any_kernel:
            kernel = draw.deal("kernel", [None] * len(known["kernels"]) + known["kernels"])
        arguments = KINDS[name].draw(draw)
        calls.append({"number": number, "kind": name, "kernel": kernel, "arguments": arguments})
    return calls


# ---- the worker ----------------------------------------------------------------------------------


def digest(value):
    """Return the digest of a value's types, shapes and bytes."""
    state = hashlib.blake2b(digest_size=12)
    _feed(state.update, value)
    return state.hexdigest()


def _feed(feed, value):
    if type(value).__module__.partition(".")[0] == "torch":
        value = _array_of_tensor(value)
    elif type(value).__module__.partition(".")[0] in ("jax", "jaxlib"):
        value = np.asarray(value)
    if isinstance(value, (np.ndarray, np.generic)):
        feed(f"{type(value) is np.ndarray}{value.dtype.name}{value.shape}".encode())
        feed(np.asarray(value).tobytes())
    elif isinstance(value, float):
        feed(b"float" + struct.pack("<d", value))
    elif isinstance(value, bytes):
        feed(b"bytes%d:" % len(value) + value)
    elif isinstance(value, dict):
        _feed(feed, [*value.items()])
    elif isinstance(value, (tuple, list)):
        feed(b"(%d" % len(value))
        for item in value:
            _feed(feed, item)
    elif value is None or isinstance(value, (bool, int, str)):
        feed(f"{type(value).__name__}{value!r}".encode("utf-8", "surrogatepass"))
    else:
        raise AssertionError(f"a {type(value).__name__} has no digest")


def _array_of_tensor(tensor):
    """Return a tensor's values as an array; those of bfloat16 as their bits."""
    import torch

    if not isinstance(tensor, torch.Tensor):
        return str(tensor)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.detach().contiguous().view(torch.uint16)
    return tensor.detach().resolve_neg().resolve_conj().numpy()


def answer(api, call):
    """Return what a call gives: its outcome, a digest, and something to show."""
    api.watched = []
    try:
        made = KINDS[call["kind"]].run(api, **thaw(call["arguments"]))
        outcome, shown = "ok", repr(made)
    except Exception as error:
        made = None
        outcome, shown = type(error).__name__, str(error)
    return {
        "number": call["number"],
        "outcome": outcome,
        "digest": digest([made, api.watched]),
        "shown": " ".join(shown.split())[:300],
    }


def known(api):
    """Return what there is to draw from."""
    rows = api.module("schemes").SCHEMES.values()
    layouts = api.module("layouts").LAYOUTS.values()
    activations = api.module("gains").ACTIVATIONS.values()
    return {
        "file": str(Path(api.package.__file__).resolve()),
        "schemes": {
            row.name: {"aliases": row.aliases, "law": row.law, "reads_fans": callable(row.rule)}
            for row in rows
        },
        "layouts": {row.name: row.stored for row in layouts},
        "activations": {row.name: row.aliases for row in activations},
        "kernels": [name for name, available in api.package.kernels() if available],
    }


def work():
    """Answer the calls of the standard input, a line each, after a line with what is known."""
    warnings.simplefilter("ignore")
    # What libraries print is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    # What an install lacks, an editable one beside it would give.
    sys.meta_path[:] = [
        each for each in sys.meta_path if "__editable__" not in getattr(each, "__module__", "")
    ]
    api = Interface()
    print(json.dumps(known(api)), file=answers, flush=True)
    for call in json.load(sys.stdin):
        print(json.dumps(answer(api, call)), file=answers, flush=True)


# ---- the comparison ------------------------------------------------------------------------------


def ask(directory, calls, kernel=None):
    """Return what an install knows, and its answers to calls; a process that dies is one."""
    environment = {key: value for key, value in os.environ.items() if key != "IRWINHALL_KERNEL"}
    environment |= {
        "PYTHONPATH": str(directory),
        "PYTHONDONTWRITEBYTECODE": "1",
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        # More threads of LAPACK may give other bits from one run to the next.
        "OPENBLAS_NUM_THREADS": "1",
    }
    if kernel is not None:
        environment["IRWINHALL_KERNEL"] = kernel
    answers, header = [], None
    while header is None or len(answers) < len(calls):
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.run(
                [sys.executable, __file__, "--worker"],
                input=json.dumps(calls[len(answers) :]),
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                text=True,
                check=False,
            )
            said.seek(0)
            last_words = said.read()[-2000:]
        lines = process.stdout.splitlines()
        if not lines:
            raise SystemExit(f"{directory} cannot be asked: {last_words}")
        header = json.loads(lines[0])
        if not Path(header["file"]).is_relative_to(Path(directory).resolve()):
            raise SystemExit(f"{directory} is asked, but {header['file']} answers")
        answers += map(json.loads, lines[1:])
        if len(answers) < len(calls):
            number = calls[len(answers)]["number"]
            died = f"died by {process.returncode}"
            answers.append({"number": number, "outcome": died, "digest": "", "shown": last_words})
    return header, answers


def intended(call, old, new):
    """Return what a difference is meant to be; None if it is not."""
    for change in INTENDED:
        outcomes = old["outcome"] in change.old and new["outcome"] in change.new
        if outcomes and change.matches(call):
            return change.about
    return None


def compare(old, new, count, seed):
    """Compare two installs, print what is found, and return how many calls differ."""
    header, _ = ask(old, [])
    calls = drawn_calls(count, seed, header)
    tried, raised, meant, wrong = Counter(), Counter(), Counter(), Counter()
    for kernel in (None, *header["kernels"]):
        chosen = [call for call in calls if call["kernel"] == kernel]
        if not chosen:
            continue
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(ask, directory, chosen, kernel) for directory in (old, new)]
            before, after = (each.result()[1] for each in asked)
        for call, one, other in zip(chosen, before, after, strict=True):
            kind = call["kind"]
            tried[kind] += 1
            raised[kind] += one["outcome"] != "ok"
            if one["outcome"] == other["outcome"] and one["digest"] == other["digest"]:
                continue
            about = intended(call, one, other)
            if about is not None:
                meant[about] += 1
                continue
            wrong[kind] += 1
            print(f"DIFFERENT: {json.dumps(call)}")
            for name, said in (("old", one), ("new", other)):
                print(f"  {name}: {said['outcome']} {said['digest']} {said['shown']}")
    print(f"{'kind':<28}{'calls':>7}{'raised':>8}{'different':>11}")
    for kind in filter(tried.get, KINDS):
        print(f"{kind:<28}{tried[kind]:>7}{raised[kind]:>8}{wrong[kind]:>11}")
    total = [each.total() for each in (tried, raised, wrong)]
    print(f"{'all':<28}{total[0]:>7}{total[1]:>8}{total[2]:>11}")
    for about, times in meant.items():
        print(f"meant: {about} ({times})")
    return total[2]


def main():
    """Compare by the command line, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", nargs="?", help="the directory that holds the one irwinhall")
    parser.add_argument("new", nargs="?", help="the directory that holds the other")
    parser.add_argument("--calls", type=int, default=500, help="how many random calls")
    parser.add_argument("--seed", type=int, default=1, help="which random calls")
    parser.add_argument("--worker", action="store_true", help="answer calls from standard input")
    options = parser.parse_args()
    if options.worker:
        work()
        return 0
    if options.new is None:
        parser.error("OLD and NEW must be given")
    return int(compare(options.old, options.new, options.calls, options.seed) > 0)


if __name__ == "__main__":
    raise SystemExit(main())
