"""Threshold methods beside the labels: their numbers, their masks, and what is out of date says so."""

import numpy as np
from qtpy.QtCore import Qt

from napari_scarnet.measure_masks import METHODS, mask_layer
from scarnet.measure import MeasureSettings, measure_study


def check(bench, method, on=True):
    item = bench.measure.methods.table.item(1 + list(METHODS).index(method), 0)
    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def checked(bench):
    rows = [bench.measure.methods.table.item(row, 0) for row in range(1, len(METHODS) + 1)]
    return {name for name, item in zip(METHODS, rows, strict=True) if item.checkState() == Qt.CheckState.Checked}


def test_numbers_and_masks_are_those_of_the_core(bench, qtbot):
    bench.fresh()
    methods, expected = bench.measure.methods, measure_study(bench.labels.data, bench.stack)
    for name, one in expected.values["thresholds"].items():
        texts = [methods.text(name, column) for column in (1, 2, 3)]
        wanted = (one["scar_volume_ml"], one["scar_percent_myocardium"], one["dice_with_labels"])
        assert texts == [f"{wanted[0]:.1f}", f"{wanted[1]:.1f}", f"{wanted[2]:.2f}"]
    assert methods.text("labels") == f"{expected.values['scar_volume_ml']:.1f}"
    for name in ("fwhm", "sd5", "grey_zone"):
        check(bench, name)
    masks = {name: mask_layer(bench.viewer, "heart A", name) for name in ("fwhm", "sd5", "grey_zone")}
    assert np.array_equal(masks["fwhm"].data > 0, expected.thresholds["fwhm"].mask)
    assert np.array_equal(masks["grey_zone"].data == 2, expected.grey_zone.grey)
    assert all(np.allclose(mask.scale, bench.image.scale) and not mask.editable for mask in masks.values())

    # A choice changes what the methods say.
    bench.measure.choices.smallest.setValue(20.0)
    qtbot.waitUntil(lambda: methods.state != "fresh")
    bench.fresh()
    assert bench.measure.choices.settings == MeasureSettings(smallest_scar_ml=20.0)

    # The boxes follow what becomes of the layers.
    masks["fwhm"].name = "renamed"
    check(bench, "fwhm", on=False)
    assert not masks["fwhm"].visible
    masks["sd5"].visible = False
    bench.viewer.layers.remove(masks["grey_zone"])
    assert checked(bench) == set()
    masks["fwhm"].visible = True
    assert checked(bench) == {"fwhm"}


def test_what_is_out_of_date_is_marked_until_it_is_not(bench, qtbot):
    bench.fresh()
    check(bench, "fwhm")
    mask, methods = mask_layer(bench.viewer, "heart A", "fwhm"), bench.measure.methods
    old = mask.data.copy()
    bench.labels.data_setitem((np.full(9, 4), np.arange(30, 39), np.full(9, 60)), 0)
    qtbot.waitUntil(lambda: methods.state == "stale")
    assert "Updating" in methods.caption.text()
    assert mask.name.endswith("(out of date)")
    assert np.array_equal(mask.data, old)
    bench.fresh()
    assert "out of date" not in mask.name
    assert not np.array_equal(mask.data, old)
    assert np.array_equal(mask.data > 0, measure_study(bench.labels.data, bench.stack).thresholds["fwhm"].mask)
    # Without a wall there is nothing to find, and the old mask does not stand.
    bench.labels.data[:] = 0
    qtbot.waitUntil(lambda: methods.state == "fresh" and not mask.data.any(), timeout=20000)
    assert methods.text("fwhm") == "–"
    assert "⚠" in methods.text("fwhm", 0)
