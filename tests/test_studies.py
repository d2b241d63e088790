"""The studies of benchmarks/studies: they run, go on where they were, and the page is theirs."""

from __future__ import annotations

import csv
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from benchmarks.studies import (  # noqa: E402
    __main__,
    catalogue,
    claims,
    data,
    flows,
    report,
    running,
    statistics,
    tables,
)

RESULTS = ROOT / "benchmarks" / "studies" / "results"
STUDIES = catalogue.studies()


@pytest.fixture
def installed():
    """Skip unless PyTorch and the data are there."""
    try:
        data.check()
    except data.MissingDataError as error:
        if os.environ.get("IRWINHALL_REQUIRE_FRAMEWORKS"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def recorded():
    return {name: tables.Table(RESULTS, study) for name, study in STUDIES.items()}


def without_seconds(path):
    with path.open() as file:
        return [{k: v for k, v in r.items() if k != "seconds"} for r in csv.DictReader(file)]


def test_all_studies_run_end_to_end_on_small_sizes(installed, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert __main__.main(["--quick", "--results", str(tmp_path)]) == 0
    assert "evidence.md" in capsys.readouterr().out
    page = (tmp_path / "evidence.md").read_text()
    assert "{{" not in page
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    assert drawn == {path.name for path in (ROOT / "docs" / "figures").glob("evidence-*.svg")}
    losses = {}
    for row in tables.Table(tmp_path, catalogue.quick(STUDIES["layouts"])).rows():
        losses.setdefault((row.method, row.seed), set()).add(row.figures["loss"])
    assert [len(found) for (method, _), found in losses.items() if method == "letkeman"] == [1, 1]
    assert all(len(found) > 1 for (method, _), found in losses.items() if method == "torch")


def test_a_study_goes_on_after_a_torn_line_with_the_same_bits(installed, tmp_path):
    arguments = ["--quick", "--results", str(tmp_path), "one_pattern"]
    path = tmp_path / "one_pattern.csv"
    __main__.main(arguments)
    before = without_seconds(path)
    text = path.read_text()
    path.write_text(text[: text.index("xavier_uniform") + 3])
    table = tables.Table(tmp_path, catalogue.quick(STUDIES["one_pattern"]))
    assert (len(table.rows()), table.is_complete()) == (8, False)
    __main__.main(arguments)
    assert without_seconds(path) == before


def test_a_finished_study_is_not_run_again(tmp_path, monkeypatch):
    study = catalogue.quick(STUDIES["dead_heads"])
    result = SimpleNamespace(outcome="finished", curve=(), figures={"dead": 0.25})
    monkeypatch.setattr(
        running, "run_piece", lambda runs: [tables.line(r, result, 1.0, {}) for r in runs]
    )
    done = []
    running.finish(study, tmp_path, None, done.append)
    running.finish(study, tmp_path, None, done.append)
    assert sum(done) == len(list(study.runs()))


def test_a_changed_configuration_does_not_mix_with_old_results(tmp_path):
    study = catalogue.quick(STUDIES["conv"])
    longer = replace(
        study,
        cases=tuple(replace(c, settings={**c.settings, "epochs": 3}) for c in study.cases),
    )
    result = SimpleNamespace(outcome="finished", curve=(2.0, 1.0), figures={"accuracy": 0.5})
    lines = [tables.line(run, result, 1.0, {}) for run in study.runs()]
    tables.Table(tmp_path, study).append(lines)
    assert len(tables.Table(tmp_path, study).rows()) == len(lines)
    other = tables.Table(tmp_path, longer)
    assert (other.rows(), other.is_complete()) == ([], False)
    other.append([tables.line(run, result, 1.0, {}) for run in longer.runs()])
    assert (len(other.records()), len(other.rows())) == (2 * len(lines), len(lines))


def test_where_the_digits_lie_does_not_matter_but_what_they_are(monkeypatch):
    monkeypatch.setattr(data, "fingerprint", lambda mnist: "0" * 12 if "full" in mnist else "1")
    keys = [next(catalogue.studies(m)["conv"].runs()).key for m in ("", "a/full", "b/full", "c")]
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3


def test_a_diverged_run_is_recorded_as_diverged(installed, tmp_path):
    study = replace(catalogue.quick(STUDIES["conv"]), methods=("letkeman",), rates=(1e6,))
    running.finish(study, tmp_path, None, lambda count: None)
    rows = tables.Table(tmp_path, study).rows()
    assert [row.outcome for row in rows] == ["diverged", "diverged"]
    assert statistics.curves(rows, "conv", "letkeman").final == math.inf


@pytest.mark.parametrize("name", ["DIGITS", "HAMLET"])
def test_a_missing_package_says_what_to_install(installed, name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, name, ("no-such-package==1", "a/file"))
    assert __main__.main(["--quick", "--results", str(tmp_path), "conv"]) == 2
    message = capsys.readouterr().err
    assert "need a/file of no-such-package" in message
    assert data.INSTALL in message
    assert list(tmp_path.iterdir()) == []


def test_a_missing_torch_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert __main__.main(["--results", str(tmp_path), "conv"]) == 2
    assert "pip install torch==2.13.0" in capsys.readouterr().err


def test_an_unknown_study_and_a_directory_without_digits_are_errors(tmp_path, capsys):
    assert __main__.main(["no_such"]) == 2
    assert "unknown study 'no_such'; there are one_pattern," in capsys.readouterr().err
    assert __main__.main(["--mnist", str(tmp_path)]) == 2
    assert "train-images-idx3-ubyte" in capsys.readouterr().err


def test_uniform_methods_have_the_same_uniforms():
    torch = pytest.importorskip("torch")
    from benchmarks.studies import methods, networks

    weights = []
    for name in ("letkeman", "letkeman_normalized", "xavier_uniform", "kalafus_relu"):
        model = networks.conv(channels=2, hidden=4)
        methods.initialize(model, methods.METHODS[name], 3, torch.zeros(2, 196))
        drawn = model[1].weight.detach().numpy()
        weights.append(drawn / abs(drawn).max())
    for other in weights[1:]:
        np.testing.assert_allclose(other, weights[0], rtol=1e-6)


def test_idx_files_are_read_in_place_of_the_package(tmp_path):
    images = (np.arange(20 * 784) % 251).astype(np.uint8)
    labels = (np.arange(20) % 10).astype(np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(16) + images.tobytes())
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes(8) + labels.tobytes())
    found = data.digits(15, 5, raw=True, mnist=str(tmp_path))
    pooled = images.reshape(20, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(20, 196)
    order = np.concatenate([found.train_labels, found.test_labels])
    assert sorted(order.tolist()) == sorted(labels.tolist())
    for image, label in zip(found.test, found.test_labels, strict=True):
        assert any(np.allclose(image, pooled[n]) and labels[n] == label for n in range(20))


def test_the_speed_is_the_article_s_ratio():
    epochs = np.arange(1, 76)
    slow = statistics.Trained("a", 0.1, np.tile(1.0 / epochs, (5, 1)), 0)
    fast = statistics.Trained("b", 0.1, np.tile(43.0 / 75.0 / epochs, (5, 1)), 0)
    found = statistics.speed(fast, slow)
    assert found == pytest.approx((75 / 43,) * 3)
    assert statistics.speed(slow, fast).value == pytest.approx(43 / 75)
    assert statistics.speed(slow, slow) == (1.0, 1.0, 1.0)


def test_an_interval_covers_what_resampling_gives():
    found = statistics.mean([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.value == 3.0
    # The standard deviation of a resampled mean of these is sqrt(2/5).
    assert found.low == pytest.approx(3.0 - 1.96 * 0.4**0.5, abs=0.25)
    assert found.high == pytest.approx(3.0 + 1.96 * 0.4**0.5, abs=0.25)


@pytest.mark.parametrize(
    ("overall", "at", "verdict"),
    [
        ((1.5, 1.2, 1.9), (1.5, 1.2, 1.9), "confirmed"),
        ((1.5, 1.2, 1.9), (0.5, 0.4, 0.6), "depends"),
        ((1.1, 0.9, 1.9), (1.5, 1.2, 1.9), "depends"),
        ((1.1, 0.9, 1.9), (1.5, 0.9, 1.9), "not confirmed"),
        ((0.8, 0.7, 0.9), (0.9, 0.8, 1.2), "contradicted"),
    ],
)
def test_no_claim_is_confirmed_inside_the_noise(overall, at, verdict):
    rates = {0.1: statistics.Interval(*at)}
    assert claims.judged(statistics.Interval(*overall), rates) == verdict


def test_the_predictions_are_those_of_the_closed_form():
    study = STUDIES["depth"]
    relu = replace(study, cases=study.cases[:1])
    with (RESULTS / "predictions.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["activation"] == "relu"]
    found = flows.predictions(relu)
    assert [(p.method, str(p.kept), str(p.scales)) for p in found] == [
        (line["method"], line["kept"], line["scales"]) for line in lines
    ]
    # (pi/4)^l > 10^-4 and (1/2)^l > 10^-4; the first layer of width 1 is larger.
    kept = {p.method: p.kept for p in found}
    assert kept["letkeman"] == pytest.approx(math.log(1e-4) / math.log(math.pi / 4), abs=2)
    assert kept["xavier_uniform"] == int(math.log(1e4) / math.log(2))


def test_every_study_is_complete_with_five_seeds(recorded):
    assert [name for name, table in recorded.items() if not table.is_complete()] == []
    for name in catalogue.FOUR:
        assert set(STUDIES[name].methods) == set(catalogue.ALL)
        assert set(STUDIES[name].seeds) >= {1, 2, 3, 4, 5}


def test_ones_take_the_337_iterations_of_the_article(recorded):
    rows = [row for row in recorded["one_pattern"].rows() if row.method == "ones"]
    assert [row.figures["iterations"] for row in rows] == [337.0] * 5


def test_the_page_is_that_of_the_recorded_results(recorded):
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert report.rendered(recorded) == page, "run: python -m benchmarks.studies --render"


def test_results_and_figures_are_small(recorded):
    assert sum(path.stat().st_size for path in RESULTS.iterdir()) < 1_000_000
    figures = list((ROOT / "docs" / "figures").glob("evidence-*"))
    assert figures
    assert [path.name for path in figures if path.stat().st_size > 60_000] == []
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert [path.name for path in figures if f"(figures/{path.name})" not in page] == []
