"""The plots: files are written, labels are legible."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import numpy as np
import pytest
import scipy.stats

from irwinhall import approximations, exact, flow, plots

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def flows():
    return flow.simulate(width=32, depth=20, batch=8)


def boxes_of(figure):
    """Return the labels at the lines' ends with their boxes, a list for each panel."""
    renderer = figure.canvas.get_renderer()
    return [
        [(text.get_text(), text.get_window_extent(renderer)) for text in panel.texts]
        for panel in figure.axes
    ]


def assert_legible(figure):
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    right = figure.axes[1]
    for labels in boxes_of(figure):
        for (one, box), (other, next_box) in itertools.combinations(labels, 2):
            assert not box.overlaps(next_box), (one, other)
        for label, box in labels:
            assert (box.x0 > 0, box.x1 < figure.bbox.x1) == (True, True), label
            assert (box.y0 > 0, box.y1 < figure.bbox.y1) == (True, True), label
    axis = right.get_tightbbox(renderer, bbox_extra_artists=[])
    ends = [box.x1 for _, box in boxes_of(figure)[0]]
    assert max(ends) < min(axis.x0, right.yaxis.get_tightbbox(renderer).x0)


def test_labels_overlap_neither_each_other_nor_the_panels(flows):
    assert_legible(plots.flow_figure(flows, title="relu"))


def test_labels_do_not_overlap_where_all_lines_end_together():
    names = [f"normal:{0.1 + i * 1e-6}" for i in range(20)]
    same = flow.simulate(names, width=16, depth=4, batch=4, activation="tanh")
    assert_legible(plots.flow_figure(same))


def test_schemes_of_the_same_numbers_share_a_line_and_a_label(flows):
    labels = [label for label, _ in boxes_of(plots.flow_figure(flows))[0]]
    assert "letkeman\n= letkeman_normalized" in labels
    assert len(labels) == len(flows) - 2


def test_no_two_lines_look_alike():
    names = [f"normal:{0.1 * (i + 1)}" for i in range(20)]
    panel = plots.flow_figure(flow.simulate(names, width=4, depth=2, batch=2)).axes[0]
    looks = {(line.get_color(), line.get_linestyle()) for line in panel.get_lines()}
    assert len(looks) == 20


def test_lines_that_leave_the_doubles_say_so():
    lost = flow.simulate(
        ["normal:1e30", "normal:1e-30", "zeros", "orthogonal"],
        width=16,
        depth=12,
        activation="linear",
    )
    figure = plots.flow_figure(lost)
    assert_legible(figure)
    forward, backward = boxes_of(figure)
    assert "normal:1e30 (no gradient)" in [label for label, _ in backward]
    heights = {label: box.y0 for label, box in forward}
    assert max(heights, key=heights.get) == "normal:1e30 (overflows)"
    assert heights["orthogonal"] > heights["zeros (fades to 0)"]
    labels = [label for label, _ in forward]
    assert sorted(labels) == [
        "normal:1e-30 (fades to 0)",
        "normal:1e30 (overflows)",
        "orthogonal",
        "zeros (fades to 0)",
    ]


def test_gradients_run_from_the_last_layer_to_the_first(flows):
    figure = plots.flow_figure(flows)
    assert [panel.get_xlim() for panel in figure.axes] == [(0, 20), (20, 0)]
    drawn = figure.axes[1].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, np.log10(flows[0].backward_magnitude))


@pytest.mark.parametrize(
    ("ending", "first"), [("png", b"\x89PNG"), ("SVG", b"<?xml"), ("svg", b"<?xml")]
)
def test_the_ending_says_which_file_is_written(tmp_path, flows, ending, first):
    path = tmp_path / f"flow.{ending}"
    plots.save_flow(path, flows)
    assert path.read_bytes().startswith(first)


def test_an_svg_is_the_same_bytes_every_time(tmp_path, flows):
    for name in ("one.svg", "other.svg"):
        plots.save_flow(tmp_path / name, flows)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_another_ending_is_refused(flows):
    with pytest.raises(ValueError, match=r"must end in .png or .svg, got flow.pdf"):
        plots.save_flow("flow.pdf", flows)


def test_the_default_schemes_are_drawn_on_an_axis_that_shows_them(flows):
    for panel in plots.flow_figure(flows).axes:
        low, high = panel.get_ylim()
        assert high - low <= 8  # decades


def test_no_flows_are_refused():
    with pytest.raises(ValueError, match="flows must hold at least one"):
        plots.flow_figure([])


def test_a_missing_matplotlib_says_what_to_install(monkeypatch, flows):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plots.flow_figure(flows)


# ---- closed forms --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def form_plots():
    worst = {name: 0.00123 * (i + 1) for i, name in enumerate(approximations.FORMS)}
    return {plot.name: plot for plot in plots.form_plots(worst)}


def texts_of(plot):
    """Return the texts of a drawing, lines that belong together joined."""
    texts = ElementTree.fromstring(plot.svg).iter("{http://www.w3.org/2000/svg}text")
    return [" ".join("".join(text.itertext()).split()) for text in texts]


def test_every_form_has_its_panel_with_its_certified_error(form_plots):
    for target, name in (("magnitude", "errors"), ("normalized_bound", "heat-maps")):
        texts = texts_of(form_plots[name])
        for form in approximations.closed_forms(target):
            error = 0.00123 * (list(approximations.FORMS).index(form.name) + 1)
            assert form.name in texts
            assert f"at most {error:.3g}" in texts
            assert f"{form.name} {error:.3g}" in form_plots[name].alt


def test_plots_of_forms_have_captions_and_texts_inside_too(form_plots):
    for plot in form_plots.values():
        inside = " ".join(
            "".join(part.itertext()) for part in ElementTree.fromstring(plot.svg).iter()
        )
        assert plot.caption in inside
        assert plot.alt in inside


def test_plots_of_forms_are_the_same_text_every_time(monkeypatch):
    forms = approximations.closed_forms
    monkeypatch.setattr(approximations, "closed_forms", lambda target: forms(target)[-2:])
    worst = dict.fromkeys(approximations.FORMS, 0.001)
    assert plots.form_plots(worst) == plots.form_plots(worst)


def test_the_figure_says_what_its_lines_are(form_plots):
    texts = texts_of(form_plots["errors"])
    assert {"this form", "its certified worst error", "all other forms"} <= set(texts)


@pytest.mark.parametrize("target", ["magnitude", "normalized_bound"])
def test_no_panel_stands_alone_in_its_row(target):
    count = len(approximations.closed_forms(target))
    _, panels = plots._small_multiples(count, (1.8, 1.8), "n", "m")
    rows = [round(panel.get_position().y0, 6) for panel in panels]
    assert min(rows.count(row) for row in rows) > 3


def test_labels_of_panels_do_not_overlap():
    figure, panels = plots._small_multiples(7, (1.8, 1.8), "n", "m")
    for panel, form in zip(panels, approximations.closed_forms(), strict=False):
        plots._name(panel, form, {form.name: 1.2345e-12})
        plots._logarithmic(panel, range(0, 7, 2), range(-16, 1, 4))
    figure.draw_without_rendering()
    boxes = [panel.get_tightbbox(figure.canvas.get_renderer()) for panel in panels]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(("value", "text"), [(1.0, "10⁰"), (1e-12, "10⁻¹²"), (1e6, "10⁶")])
def test_powers_of_ten_are_written_with_exponents(value, text):
    assert plots._decade(value) == text


def test_matplotlib_is_imported_only_to_draw():
    program = "import sys, irwinhall.tables.plots; print('matplotlib' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.stdout == "False\n"


# ---- distributions, and reports of initialization ------------------------------------------------


def curves_of(panel):
    return {line.get_label(): line.get_xydata().T for line in panel.lines}


@pytest.mark.parametrize("n", [1, 2, [3, 12]])
def test_the_distribution_is_drawn_in_standard_deviations(n):
    density, tail = plots.distribution_figure(n).axes
    numbers = n if isinstance(n, list) else [n]
    names = ["normal", *(f"n = {number}" for number in numbers)]
    assert list(curves_of(density)) == list(curves_of(tail)) == names
    assert [text.get_text() for text in density.get_legend().get_texts()] == names
    for number in numbers:
        z, drawn = curves_of(density)[f"n = {number}"]
        deviation = math.sqrt(number / 12)
        expected = [
            deviation * float(exact.irwin_hall_pdf(x, number)) for x in number / 2 + deviation * z
        ]
        np.testing.assert_allclose(drawn[1:-1], expected[1:-1], rtol=1e-9, atol=1e-12)
        z, drawn = curves_of(tail)[f"n = {number}"]
        assert (np.diff(drawn) <= 0.0).all()
        assert (drawn[0], drawn[-1] < 0.01) == (pytest.approx(1.0), True)
    z, drawn = curves_of(tail)["normal"]
    np.testing.assert_allclose(drawn, scipy.stats.norm.sf(z), rtol=1e-12)


@pytest.mark.parametrize("weights", [[3.0, 1.0, 0.5], [-1.0, 2.0], np.ones(50)])
def test_a_weighted_sum_is_drawn_in_standard_deviations(weights):
    density, tail = plots.weighted_figure(weights).axes
    z, drawn = curves_of(density)["weighted sum"]
    assert np.trapezoid(drawn, z) == pytest.approx(1.0, abs=1e-3)
    assert np.trapezoid(drawn * z * z, z) == pytest.approx(1.0, abs=5e-3)
    assert curves_of(tail)["weighted sum"][1][0] == pytest.approx(1.0)


def test_what_is_no_distribution_is_refused():
    with pytest.raises(ValueError, match="n must hold at least one number"):
        plots.distribution_figure([])
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        plots.distribution_figure([3, 0])


class ReportRow(NamedTuple):
    name: str
    shape: tuple[int, ...]
    std: float | None


@pytest.mark.parametrize("count", [1, 12, 300])
def test_a_report_is_drawn_from_the_first_matrix_down(count):
    rows = [ReportRow(f"layers.{i}.weight", (4, 4), 0.1 + i) for i in range(count)]
    others = [ReportRow("bias", (4,), 0.5), ReportRow("left", (4, 4), None)]
    figure = plots.report_figure([*rows, *others])
    (panel,) = figure.axes
    (points,) = panel.lines
    assert points.get_xydata().tolist() == [[row.std, i] for i, row in enumerate(rows)]
    assert panel.get_ylim() == (count - 0.5, -0.5)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in panel.get_yticklabels()]
    assert min(box.x0 for box in boxes) > 0
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


def test_a_report_without_a_drawn_matrix_is_refused():
    with pytest.raises(ValueError, match="rows must hold a matrix that was drawn"):
        plots.report_figure([ReportRow("bias", (4,), 0.5)])
