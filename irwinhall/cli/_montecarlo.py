"""Estimate a layer's magnitudes by simulation, and compare them with the exact values."""

from __future__ import annotations

import argparse

import irwinhall
from irwinhall.cli._layout import columns, paragraphs
from irwinhall.cli._shared import (
    add_cluster,
    add_seed,
    add_sizes,
    as_json,
    executor_of,
    plain,
    progress_bar,
    sizes_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sizes(parser, "number of outputs (fan_out); without it, of a single sum")
    parser.add_argument(
        "--bound", type=float, metavar="B", default=1.0, help="weights on (-B, B) (default 1)"
    )
    parser.add_argument(
        "--trials", type=int, metavar="T", help="sums (default 1000000) or layers (default 5000)"
    )
    parser.add_argument(
        "--standard-error", type=float, metavar="E", help="run until the standard error is E"
    )
    add_seed(parser, "the weights")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads (default: a core each; 1 on a cluster)"
    )
    add_cluster(parser)


def run(options: argparse.Namespace) -> None:
    from irwinhall import montecarlo

    (n, m), bound = sizes_of(options), options.bound
    arguments = {
        "rng": options.rng,
        "standard_error": options.standard_error,
        "threads": options.threads,
    }
    weights = None if options.trials is None else options.trials * n * (m or 1)
    with (
        executor_of(options, 1) as executor,
        progress_bar(weights, "simulating", "weights") as update,
    ):
        if m is None:
            estimates = {
                "magnitude": montecarlo.magnitude(
                    n, bound, options.trials, executor=executor, progress=update, **arguments
                )
            }
            exact = [bound * irwinhall.expected_magnitude(n)]
        else:
            layer = montecarlo.layer(
                n, m, bound, options.trials, executor=executor, progress=update, **arguments
            )
            estimates = layer._asdict()
            exact = list(irwinhall.preserved_magnitude(n, m, bound))
    if options.json:
        layer_of = {"n": n, "m": m, "bound": bound, "seed": options.rng}
        found = {
            name: {**plain(estimate), "exact": value}
            for (name, estimate), value in zip(estimates.items(), exact, strict=True)
        }
        print(as_json({**layer_of, **found}))
        return
    size = f"{n} weights" if m is None else f"{n} inputs, {m} outputs, weights"
    trials = next(iter(estimates.values())).trials
    title = f"{size} uniform on (-{bound:g}, {bound:g}): {trials} trials, seed {options.rng}\n"
    print(paragraphs(title))
    rows = []
    for (name, estimate), value in zip(estimates.items(), exact, strict=True):
        error = estimate.standard_error
        deviation = f"{(estimate.estimate - value) / error:+.1f}" if error else "-"
        figures = (f"{estimate.estimate:.10g}", f"{error:.2g}", f"{value:.10g}", deviation)
        rows.append((name.replace("_", " "), *figures))
    print(columns(("", "Monte Carlo", "standard error", "exact", "dev"), rows))
    print(paragraphs("\ndev: Monte Carlo minus exact, in standard errors."))
