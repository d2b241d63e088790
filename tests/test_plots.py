"""The plots: files are written, labels are legible."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from irwinhall import flow, plots

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


def test_no_flows_are_refused():
    with pytest.raises(ValueError, match="flows must hold at least one"):
        plots.flow_figure([])


def test_a_missing_matplotlib_says_what_to_install(monkeypatch, flows):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'irwinhall\[plot\]'"):
        plots.flow_figure(flows)


def test_matplotlib_is_imported_only_to_draw():
    program = "import sys, irwinhall.plots; print('matplotlib' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.stdout == "False\n"
