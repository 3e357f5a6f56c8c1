"""The insertion point and the remote region: estimated or found, put right with the mouse, never lost."""

import numpy as np

from napari_scarnet.measure_insertion import insertion_layer, marked_insertions
from napari_scarnet.measure_remote import drawn_layer, found_layer
from scarnet.measure import measure_study


def test_the_estimate_is_shown_as_such_and_dragged_where_it_belongs(bench, qtbot):
    measure = bench.measure
    assert "Estimated from the patient's axes" in measure.insertion_text.text()
    bench.click(measure.sections["marks"].header)
    bench.click(measure.insertion_show)
    points = insertion_layer(bench.viewer, "heart A")
    assert set(points.features["text"]) == {"RV insertion (estimated)"}
    # The septum is on the left of this display, so its anterior end is on the upper left.
    here = points.data[points.data[:, 0] == 4][0]
    assert here[1] < 30
    assert here[2] < 40
    lateral = np.array(measure.bullseye.values)[[4, 5]]
    assert (lateral > 50).all()

    # Dragged to the lateral wall's anterior end, the scar lies where counting ends: in the anterior segment.
    assert measure.bullseye.values[0] < 5
    points.name = "renamed"
    bench.drag((here[1], here[2]), (24, 50), (24, 62))
    qtbot.waitUntil(lambda: [one.z for one in marked_insertions(bench.viewer, "heart A")] == [4])
    qtbot.waitUntil(lambda: "Marked on slice 5" in measure.insertion_text.text())
    assert measure.bullseye.values[0] > 80
    (mark,) = marked_insertions(bench.viewer, "heart A")
    expected = measure_study(bench.labels.data, bench.stack, insertions=[mark], thresholds=False)
    assert measure.bullseye.values == [one["scar_percent"] for one in expected.values["segments"]]
    texts = points.features["text"].tolist()
    assert texts[4] == "RV insertion"
    assert texts.count("RV insertion (next slice's)") == len(texts) - 1

    # A click adds a point in place of the slice's own; taken away again, the other mark holds.
    bench.viewer.dims.set_current_step(0, 2)
    points.mode = "add"
    bench.drag((18, 44))
    qtbot.waitUntil(lambda: [one.z for one in marked_insertions(bench.viewer, "heart A")] == [2, 4])
    assert (points.data[:, 0] == 2).sum() == 1
    points.selected_data = {int(np.flatnonzero(points.data[:, 0] == 2)[0])}
    points.remove_selected()
    assert [one.z for one in marked_insertions(bench.viewer, "heart A")] == [4]
    bench.click(measure.insertion_show)
    assert not points.visible
    bench.click(measure.insertion_reset)
    qtbot.waitUntil(lambda: "Estimated" in measure.insertion_text.text())
    assert np.array_equal(np.array(measure.bullseye.values)[[4, 5]], lateral)


def test_a_mark_outlives_the_wall_below_it(bench, qtbot):
    measure = bench.measure
    measure.insertion_show.click()
    points = insertion_layer(bench.viewer, "heart A")
    points.add([4, 14.0, 40.0])
    qtbot.waitUntil(lambda: "Marked on slice 5" in measure.insertion_text.text())
    kept = bench.labels.data[4].copy()
    bench.labels.data[4] = 0
    qtbot.waitUntil(lambda: "does not count" in measure.insertion_text.text())
    assert measure.numbers.text("scar") != "–"
    bench.labels.data[4] = kept
    qtbot.waitUntil(lambda: "Marked on slice 5" in measure.insertion_text.text())
    # Beside the image nothing can be marked.
    points.add([4, -20.0, 40.0])
    assert marked_insertions(bench.viewer, "heart A")[0].y == 14.0
    bench.viewer.layers.remove(points)
    qtbot.waitUntil(lambda: "Estimated" in measure.insertion_text.text())


def test_remote_is_found_shown_and_drawn(bench, qtbot):
    measure = bench.measure
    bench.fresh()
    bench.click(measure.sections["marks"].header)
    bench.click(measure.remote_show)
    found = found_layer(bench.viewer, "heart A")
    assert np.isin(bench.labels.data[found.data > 0], [1]).all()
    assert not found.editable
    two_sd, shown = measure.methods.text("sd2"), measure.remote_text.text()
    assert shown.startswith("Mean ")

    # Too little of a region is refused in words, and no numbers are left over.
    bench.click(measure.remote_drawn)
    drawn = drawn_layer(bench.viewer, "heart A")
    assert bench.viewer.layers.selection.active is drawn
    assert found not in bench.viewer.layers
    qtbot.waitUntil(lambda: "draw at least 10" in measure.remote_text.text(), timeout=20000)
    assert measure.methods.text("sd2") == "–"
    assert measure.numbers.text("scar") != "–"

    # Drawn over scar, the threshold rises beyond everything.
    drawn.brush_size = 5
    bench.drag((30, 60), (36, 60), (42, 60))
    qtbot.waitUntil(lambda: measure.methods.state == "fresh", timeout=20000)
    expected = measure_study(bench.labels.data, bench.stack, remote=drawn.data > 0).values
    assert measure.remote_text.text().startswith(f"Mean {expected['remote']['mean']:.4g}")
    assert measure.methods.text("sd2") == f"{expected['thresholds']['sd2']['scar_volume_ml']:.1f}" != two_sd

    # Found again, what was drawn is kept.
    bench.click(measure.remote_found)
    qtbot.waitUntil(lambda: measure.remote_text.text() == shown, timeout=20000)
    assert not drawn.visible
    assert drawn.data.any()
    bench.click(measure.remote_drawn)
    qtbot.waitUntil(lambda: measure.methods.text("sd2") != two_sd and measure.methods.state == "fresh", timeout=20000)
