"""The claims of the documents, the measurements, and the verdicts.

A claim that one method is faster than another is judged at the best learning rate of each, and at
every rate that both have in common.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import statistics
from .methods import METHODS
from .statistics import Interval
from .tables import Row

__all__ = ["CLAIMS", "Claim", "Found", "accuracies", "compared", "judged", "number", "shown"]

Rows = Mapping[str, Sequence[Row]]

CONFIRMED, DEPENDS, CONTRADICTED = "confirmed", "depends", "contradicted"
SMALLER, LARGER = "confirmed, but less", "confirmed, and more"
OPEN = "not confirmed"


@dataclass(frozen=True)
class Found:
    """The measurement for a claim, as text, and the verdict."""

    measured: str
    verdict: str


@dataclass(frozen=True)
class Claim:
    """A sentence of a document, and a function that judges it from the results of the studies."""

    source: str
    text: str
    judge: Callable[[Rows], Found]


def number(value: float) -> str:
    """Return a number as text with three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def shown(found: Interval) -> str:
    """Return an estimate and its interval as text, such as "1.74 (1.52 to 1.90)"."""
    return f"{number(found.value)} ({number(found.low)} to {number(found.high)})"


def compared(
    rows: Sequence[Row], case: str, one: str, other: str, other_case: str | None = None
) -> tuple[Interval, dict[float, Interval]]:
    """Return how much faster one method is, at the best rate of each and at every common rate."""
    first = statistics.trained(rows, case, one)
    second = statistics.trained(rows, other_case or case, other)
    overall = statistics.speed(statistics.best(first), statistics.best(second))
    return overall, {a.rate: statistics.speed(a, b) for a, b in zip(first, second, strict=True)}


def judged(overall: Interval, rates: Mapping[float, Interval]) -> str:
    """Return the verdict on a claim that one method is faster."""
    somewhere = any(found.low > 1.0 for found in rates.values())
    if overall.low > 1.0:
        slower = any(found.high < 1.0 for found in rates.values())
        return DEPENDS if slower else CONFIRMED
    if somewhere:
        return DEPENDS
    return CONTRADICTED if overall.high < 1.0 else OPEN


def _faster(
    study: str,
    case: str,
    one: str,
    other: str,
    other_case: str | None = None,
    size: float | None = None,
) -> Callable[[Rows], Found]:
    """Judge whether one method is faster than another, by the claimed ratio if there is one."""

    def judge(rows: Rows) -> Found:
        overall, rates = compared(rows[study], case, one, other, other_case)
        verdict = judged(overall, rates)
        if verdict == CONFIRMED and size is not None:
            if overall.high < size:
                verdict = SMALLER
            elif overall.low > size:
                verdict = LARGER
        return Found(_measured(overall, rates), verdict)

    return judge


def _measured(overall: Interval, rates: Mapping[float, Interval]) -> str:
    each = ", ".join(f"{_times(found)} at {rate:g}" for rate, found in rates.items())
    if overall.value == math.inf:
        return "the other diverges at every rate"
    return f"{shown(overall)} times as fast at the best rates; at the same rate {each}"


def _times(found: Interval) -> str:
    """Return a ratio as text, or say which method diverged."""
    return {0.0: "it diverges", math.inf: "the other diverges"}.get(
        found.value, number(found.value)
    )


def _alike(study: str, case: str, one: str, other: str) -> Callable[[Rows], Found]:
    def judge(rows: Rows) -> Found:
        overall, _ = compared(rows[study], case, one, other)
        alike = overall.low >= 0.8 and overall.high <= 1.25
        text = f"{shown(overall)} times as fast at the best rates"
        return Found(text, CONFIRMED if alike else OPEN)

    return judge


def _iterations(method: str, claimed: tuple[float, float]) -> Callable[[Rows], Found]:
    def judge(rows: Rows) -> Found:
        took = [r.figures["iterations"] for r in rows["one_pattern"] if r.method == method]
        low, high = min(took), max(took)
        text = f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
        fits = claimed[0] <= low and high <= claimed[1]
        unit = "iteration" if text == "1" else "iterations"
        return Found(f"{text} {unit}", CONFIRMED if fits else OPEN)

    return judge


def _most_right(method: str, most: int) -> Callable[[Rows], Found]:
    def judge(rows: Rows) -> Found:
        right = [r.figures["most_right"] for r in rows["constants"] if r.method == method]
        verdict = CONFIRMED if max(right) <= most else CONTRADICTED
        return Found(f"at most {max(right):.0f} of 32 right in 2,000 epochs", verdict)

    return judge


def _stuck(study: str, case: str, method: str, loss: float) -> Callable[[Rows], Found]:
    """Judge whether a method does not reach a loss at any rate."""

    def judge(rows: Rows) -> Found:
        options = statistics.trained(rows[study], case, method)
        stuck = [(o.rate, int((o.curves[:, -1] > loss).sum()), len(o.curves)) for o in options]
        text = ", ".join(f"{count} of {seeds} seeds at {rate:g}" for rate, count, seeds in stuck)
        every = all(count == seeds for _, count, seeds in stuck)
        none = not any(count for _, count, _ in stuck)
        verdict = CONFIRMED if every else CONTRADICTED if none else DEPENDS
        return Found(f"loss above {loss:g} at the end: {text}", verdict)

    return judge


def _slower(study: str, case: str, one: str, other: str) -> Callable[[Rows], Found]:
    """Judge whether one method trains slower than another."""

    def judge(rows: Rows) -> Found:
        overall, rates = compared(rows[study], case, one, other)
        turned = {rate: _inverse(found) for rate, found in rates.items()}
        return Found(_measured(overall, rates), judged(_inverse(overall), turned))

    return judge


def _inverse(found: Interval) -> Interval:
    value, low, high = (1.0 / v if v else math.inf for v in found)
    return Interval(value, high, low)


def _rates(activation: str, method: str, low: float, high: float) -> Callable[[Rows], Found]:
    """Judge whether the factor of the mean square per layer, over 100 layers, is in an interval."""

    def judge(rows: Rows) -> Found:
        chosen = [r for r in rows["flow"] if (r.case, r.method) == (activation, method)]
        factors = [10 ** (r.figures["signal"] / 100) for r in chosen]
        gradients = [10 ** (r.figures["gradient"] / 100) for r in chosen]
        found, back = statistics.mean(factors), statistics.mean(gradients)
        fits = low <= found.low and found.high <= high
        text = f"signals x {shown(found)}, gradients x {shown(back)} a layer"
        return Found(text, CONFIRMED if fits else CONTRADICTED)

    return judge


def _spread(rows: Rows) -> Found:
    """Judge whether normalization reduces the effect of the initialization."""
    losses = {}
    for case in ("none", "batch", "layer"):
        methods = dict.fromkeys(r.method for r in rows["normalization"])
        ends = [statistics.curves(rows["normalization"], case, m).final for m in methods]
        losses[case] = max(ends) / min(ends)
    text = ", ".join(f"{number(v)} ({case})" for case, v in losses.items())
    fits = max(losses["batch"], losses["layer"]) < losses["none"]
    return Found(
        f"worst method's last loss over the best's: {text}", CONFIRMED if fits else CONTRADICTED
    )


def accuracies(rows: Sequence[Row], case: str, method: str) -> Interval:
    """Return the test accuracy in percent at a method's best rate."""
    rate = statistics.curves(rows, case, method).rate
    chosen = [r for r in rows if (r.case, r.method, r.rate) == (case, method, rate)]
    return statistics.mean([100 * r.figures["accuracy"] for r in chosen])


def _raw_pixels(rows: Rows) -> Found:
    inputs = rows["inputs"]
    methods = list(dict.fromkeys(r.method for r in inputs))
    pairs = [(accuracies(inputs, "normalized", m), accuracies(inputs, "raw", m)) for m in methods]
    text = "; ".join(
        f"{METHODS[m].label} {clean.value:.1f} % normalized, {raw.value:.1f} % raw"
        for m, (clean, raw) in zip(methods, pairs, strict=True)
    )
    rates = {
        case: statistics.curves(inputs, case, "he_normal").rate for case in ("normalized", "raw")
    }
    text += f" (Kaiming's best rate {rates['normalized']:g} and {rates['raw']:g})"
    worse = sum(raw.high < clean.low for clean, raw in pairs)
    verdict = CONFIRMED if worse == len(pairs) else DEPENDS if worse else OPEN
    return Found(text, verdict)


CLAIMS = (
    Claim(
        "article",
        "With all weights 1, one pattern takes 337 iterations at rate 1.0.",
        _iterations("ones", (337, 337)),
    ),
    Claim(
        "article",
        "It should take 1 or 2 iterations, as random weights do.",
        _iterations("xavier_standard", (0, 2)),
    ),
    Claim(
        "article",
        "With all weights 1, never more than 6 of 32 patterns are right.",
        _most_right("ones", 6),
    ),
    Claim("article", "With all weights 0, the network cannot learn.", _most_right("zeros", 6)),
    Claim(
        "article",
        "Counting: Standard Letkeman is ahead of Standard Xavier.",
        _faster("counting", "counting", "letkeman", "xavier_standard"),
    ),
    Claim(
        "article",
        "Counting: Standard Letkeman is ahead of Kaiming.",
        _faster("counting", "counting", "letkeman", "he_normal"),
    ),
    Claim(
        "article",
        "MNIST conv: Standard Letkeman is 1.744 times as fast as Standard Xavier.",
        _faster("conv", "conv", "letkeman", "xavier_standard", size=1.744),
    ),
    Claim(
        "article",
        "MNIST conv: Standard Letkeman is ahead of Kaiming.",
        _faster("conv", "conv", "letkeman", "he_normal"),
    ),
    Claim(
        "article",
        "MNIST conv: Normalized Letkeman is far slower than Standard Letkeman.",
        _slower("conv", "conv", "letkeman_normalized", "letkeman"),
    ),
    Claim(
        "article",
        "MNIST dense: Kaiming is ahead of Standard Letkeman, slightly.",
        _faster("dense", "dense", "he_normal", "letkeman"),
    ),
    Claim(
        "article",
        "MNIST dense: Standard Xavier does not converge.",
        _stuck("dense", "dense", "xavier_standard", 2.0),
    ),
    Claim(
        "article",
        "Hamlet: Standard Letkeman, which counts active nodes, is 2.5 times as fast as Kaiming, "
        "which does not.",
        _faster("hamlet", "active", "letkeman", "he_normal", "fan-in", size=2.5),
    ),
    Claim(
        "article",
        "Hamlet: Normalized Letkeman is 3.125 times as fast as that Kaiming.",
        _faster("hamlet", "active", "letkeman_normalized", "he_normal", "fan-in", size=3.125),
    ),
    Claim(
        "article",
        "Hamlet: Kaiming with active nodes is about as fast as Standard Letkeman.",
        _alike("hamlet", "active", "he_normal", "letkeman"),
    ),
    Claim(
        "article",
        "Hamlet: counting active nodes speeds Kaiming up.",
        _faster("hamlet", "active", "he_normal", "he_normal", "fan-in"),
    ),
    Claim(
        "article",
        "Preserving magnitude keeps gradients alike in all layers (ReLU, 100 layers, Letkeman).",
        _rates("relu", "letkeman", 0.95, 1.05),
    ),
    Claim(
        "Kalafus",
        "Xavier over-shrinks; the larger fan trains faster (MNIST conv, ReLU's gain).",
        _faster("conv", "conv", "kalafus_relu", "xavier_uniform"),
    ),
    Claim(
        "Kalafus",
        "The same on MNIST dense.",
        _faster("dense", "dense", "kalafus_relu", "xavier_uniform"),
    ),
    Claim(
        "Kalafus",
        "The same at Xavier's own gain (MNIST conv).",
        _faster("conv", "conv", "kalafus_tanh", "xavier_uniform"),
    ),
    Claim(
        "series",
        "Kaiming keeps deep ReLU networks stable (100 layers).",
        _rates("relu", "he_normal", 0.95, 1.05),
    ),
    Claim(
        "series",
        "Xavier makes signals vanish in deep ReLU networks (100 layers).",
        _rates("relu", "xavier_uniform", 0.4, 0.6),
    ),
    Claim(
        "series",
        "Do not use Xavier with ReLU (30 layers, compared with Kaiming).",
        _faster("he", "30 layers", "he_normal", "xavier_normal"),
    ),
    Claim("series", "With normalization the initialization matters less.", _spread),
    Claim(
        "series",
        "Residual branches that start at zero train better (Kaiming).",
        _faster("residual", "zero branches", "he_normal", "he_normal", "plain branches"),
    ),
    Claim("series", "Without normalized inputs even perfect weights fail.", _raw_pixels),
    Claim(
        "series",
        "Orthogonal weights are an excellent start (MNIST conv, compared with Normalized Xavier).",
        _faster("conv", "conv", "orthogonal", "xavier_uniform"),
    ),
    Claim(
        "series",
        "LSUV is robust (MNIST dense with sigmoids, compared with Normalized Xavier).",
        _faster("dense", "dense", "lsuv", "xavier_uniform"),
    ),
    Claim(
        "comparison",
        "LeCun keeps SELU's variance (100 layers; Normalized Xavier, the same for equal fans).",
        _rates("selu", "xavier_uniform", 0.95, 1.05),
    ),
    Claim(
        "Glorot and Bengio",
        "Normalized Xavier is ahead of Standard Xavier (tanh).",
        _faster("glorot", "tanh", "xavier_uniform", "xavier_standard"),
    ),
    Claim(
        "Glorot and Bengio",
        "Normalized Xavier is ahead of Standard Xavier (softsign).",
        _faster("glorot", "softsign", "xavier_uniform", "xavier_standard"),
    ),
    Claim(
        "He et al.",
        "22 layers: Kaiming is ahead of Xavier.",
        _faster("he", "22 layers", "he_normal", "xavier_normal"),
    ),
    Claim(
        "He et al.",
        "30 layers: Xavier does not train.",
        _stuck("he", "30 layers", "xavier_normal", 2.0),
    ),
)
