"""The studies: their questions, networks, methods, learning rates and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import data
from .methods import METHODS
from .tables import Case, Study

__all__ = ["ARTICLE", "FOUR", "quick", "studies"]

# The article's five methods, other methods, and all methods of the four networks.
ARTICLE = ("letkeman", "letkeman_normalized", "xavier_standard", "xavier_uniform", "he_normal")
BEYOND = (
    *("lecun_uniform", "kalafus_relu", "kalafus_tanh", "orthogonal", "lsuv", "letkeman_gaussian"),
    *("letkeman_normalized_gaussian", "letkeman_real", "torch"),
)
ALL = ARTICLE + BEYOND
FOUR = ("counting", "conv", "dense", "hamlet")
SEEDS = (1, 2, 3, 4, 5)
LADDER = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 31, 39, 48, 60)


def _digits(name: str, mnist: str, model: Mapping[str, Any], **settings: Any) -> Case:
    found = {"train": 2000, "test": 1000, "batch": 20, "epochs": 10, "raw": False, "model": model}
    found |= {"zero_branches": False, **_source(mnist)}
    return Case(name, found | settings)


def _source(mnist: str) -> dict[str, str]:
    return {"mnist": mnist, "data": data.fingerprint(mnist) if mnist else data.DIGITS[0]}


def _dense(width: int, depth: int, activation: str, **more: Any) -> dict[str, Any]:
    return {"network": "dense", "width": width, "depth": depth, "activation": activation, **more}


def studies(mnist: str = "") -> dict[str, Study]:
    """Return all studies by name; `mnist` is a directory with MNIST as IDX files."""
    classify = "training:classify"
    constants = Case("one pattern", {"iterations": 3000})
    text = {"characters": 12_000, "length": 20, "batch": 16, "hidden": 64, "epochs": 10}
    text |= {"data": data.HAMLET[0]}
    reads_no_fans = ("orthogonal", "lsuv", "torch")
    depth = {"train": 4000, "test": 1000, "batch": 64, "epochs": 12, "raw": False, "ladder": LADDER}
    depth |= {"threshold": 0.2, "narrowest": 32, **_source(mnist)}
    pairs = {
        "relu": ("xavier_standard", "xavier_uniform", "letkeman", "he_normal", "letkeman_twice"),
        "tanh": ("xavier_standard", "xavier_uniform", "letkeman", "he_normal"),
        "gelu": ("xavier_uniform", "letkeman", "he_normal"),
        "sigmoid": ("letkeman", "he_normal"),
        "softsign": ("xavier_uniform",),
        "selu": ("letkeman",),
    }
    tried = tuple(dict.fromkeys(method for methods in pairs.values() for method in methods))
    found = (
        Study(
            "one_pattern",
            "Learning one pattern from equal and from random weights",
            "patterns:learn_one",
            (constants,),
            ("ones", "zeros", "letkeman", "xavier_standard", "xavier_uniform", "he_normal"),
            (1.0,),
            SEEDS,
            piece="seeds",
        ),
        Study(
            "constants",
            "All patterns from equal weights",
            "patterns:count",
            (Case("counting", {"epochs": 2000, "points": 200}),),
            ("ones", "zeros"),
            (0.1, 1.0),
            SEEDS,
            piece="seeds",
        ),
        Study(
            "counting",
            "Binary counting, 5-8-8-5, sigmoid",
            "patterns:count",
            (Case("counting", {"epochs": 2000, "points": 40}),),
            ALL,
            (0.1, 0.3, 1.0, 3.0),
            tuple(range(1, 11)),
            piece="seeds",
        ),
        Study(
            "conv",
            "MNIST, convolutional, ReLU",
            classify,
            (_digits("conv", mnist, {"network": "conv", "channels": 4, "hidden": 32}),),
            ALL,
            (0.03, 0.1, 0.3),
            SEEDS,
        ),
        Study(
            "dense",
            "MNIST, dense, four hidden layers, sigmoid",
            classify,
            (_digits("dense", mnist, _dense(64, 4, "sigmoid"), batch=10, epochs=12),),
            ALL,
            (0.1, 0.3, 1.0, 3.0),
            SEEDS,
        ),
        Study(
            "hamlet",
            "Hamlet, character RNN, tanh",
            "training:predict_characters",
            (Case("active", {**text, "active": True}), Case("fan-in", {**text, "active": False})),
            ALL,
            (0.3, 0.5, 1.0, 2.0),
            SEEDS,
            omit=frozenset(("active", method) for method in reads_no_fans),
        ),
        Study(
            "depth",
            "The deepest network that trains",
            "training:depths",
            tuple(Case(name, {**depth, "activation": name}) for name in pairs),
            tried,
            (0.01,),
            SEEDS,
            omit=frozenset((a, m) for a in pairs for m in tried if m not in pairs[a]),
        ),
        Study(
            "glorot",
            "Glorot and Bengio's table 1: five hidden layers",
            classify,
            tuple(
                _digits(name, mnist, _dense(100, 5, name), batch=10)
                for name in ("tanh", "softsign", "sigmoid")
            ),
            ("xavier_standard", "xavier_uniform", "letkeman"),
            (0.03, 0.1, 0.3, 1.0),
            SEEDS,
        ),
        Study(
            "he",
            "He et al.: 22 and 30 layers of ReLU",
            classify,
            tuple(
                _digits(f"{layers} layers", mnist, _dense(64, layers - 1, "relu"), batch=50)
                for layers in (22, 30)
            ),
            ("xavier_normal", "letkeman", "he_normal"),
            (0.003, 0.01, 0.03, 0.1),
            SEEDS,
        ),
        Study(
            "flow",
            "Signals through 100 layers, predicted and simulated",
            "flows:simulated",
            tuple(
                Case(name, {"width": 256, "depth": 100, "activation": name})
                for name in ("linear", "tanh", "sigmoid", "relu", "leaky_relu", "selu", "gelu")
            ),
            ("letkeman", "letkeman_real", "xavier_standard", "xavier_uniform", "he_normal"),
            (0.0,),
            SEEDS[:3],
        ),
        Study(
            "normalization",
            "20 layers of ReLU with normalization",
            classify,
            tuple(
                _digits(name or "none", mnist, _dense(32, 20, "relu", normalization=name), batch=50)
                for name in (None, "batch", "layer")
            ),
            ("xavier_standard", "xavier_uniform", "letkeman", "he_normal"),
            (0.01, 0.03, 0.1),
            SEEDS,
        ),
        Study(
            "residual",
            "20 layers of ReLU with residual branches",
            classify,
            tuple(
                _digits(
                    name,
                    mnist,
                    _dense(32, 20, "relu", residual=factor),
                    zero_branches=zero,
                    batch=50,
                )
                for name, factor, zero in (
                    ("plain branches", 1.0, False),
                    ("scaled branches", 20**-0.5, False),
                    ("zero branches", 1.0, True),
                )
            ),
            ("xavier_uniform", "letkeman", "he_normal"),
            (0.0003, 0.003, 0.03, 0.1),
            SEEDS,
        ),
        Study(
            "inputs",
            "Pixels of mean 0 and variance 1, or from 0 to 255",
            classify,
            tuple(
                _digits(name, mnist, _dense(64, 3, "relu"), raw=raw, batch=50)
                for name, raw in (("normalized", False), ("raw", True))
            ),
            ("xavier_uniform", "letkeman", "he_normal", "lsuv"),
            (1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
            SEEDS,
        ),
        Study(
            "layouts",
            "The first loss of four processes",
            "bits:first_losses",
            tuple(
                Case(name, {"mesh": mesh, "placements": placements})
                for name, mesh, placements in (
                    ("whole in each", (4,), (None,)),
                    ("rows", (4,), (0,)),
                    ("columns", (4,), (1,)),
                    ("rows and columns", (2, 2), (0, 1)),
                )
            ),
            ("letkeman", "torch"),
            (0.0,),
            SEEDS,
            piece="study",
        ),
        Study(
            "dead_heads",
            "Heads that are dead from the start, in bfloat16",
            "bits:dead_heads",
            (Case("A_log", {"heads": 2**16}),),
            ("letkeman", "torch"),
            (0.0,),
            SEEDS,
        ),
    )
    return {study.name: study for study in found}


def quick(study: Study) -> Study:
    """Return a small version of the study that takes seconds: two seeds, one rate, few epochs."""
    small = {
        "epochs": 2, "points": 2, "train": 100, "test": 50, "characters": 700, "depth": 10,
        "width": 16, "iterations": 400, "ladder": (2, 4), "heads": 2**10,
    }  # fmt: skip
    cases = tuple(
        Case(
            case.name,
            {name: small.get(name, value) for name, value in case.settings.items()}
            | ({"train": 100} if "train" in case.settings else {}),
        )
        for case in study.cases
    )
    return replace(study, cases=cases, rates=study.rates[:1], seeds=study.seeds[:2])


assert set(ALL) <= set(METHODS)
