"""Two readers of a project: kept side by side, compared, and merged region by region."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.metadata import find_layers
from napari_scarnet.readers_compare_layers import ONLY_FIRST, ONLY_SECOND, OTHERWISE, difference_map
from napari_scarnet.readers_compare_merge import RegionMerge
from scarnet.project import Project

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def two_readers(folder, heart_labels):
    """Working labels of two cases, and Bob's, who sees more scar in one slice and less blood in another."""
    bob = heart_labels.copy()
    bob[0][(heart_labels[0] == 1) & (np.indices(bob.shape[1:])[1] < 18)] = 3
    bob[2][heart_labels[2] == 2] = 1
    with Project.open(folder, annotator="ann") as project:
        for case in ("case-001", "case-002"):
            project.save_labels(case, heart_labels)
        project.save_labels("case-001", bob, "bob")
        project.save_labels("case-002", heart_labels, "bob")
    return folder, heart_labels, bob


def test_compared_and_merged_in_one_undo_step(qtbot, desk, two_readers):
    folder, own, bob = two_readers
    desk.open(folder)
    labels = desk.show("case-001")
    readers = desk.widget.readers
    assert (readers.first.currentText(), readers.second.currentText()) == ("case's own", "bob")
    qtbot.mouseClick(readers.compare_button, LEFT)
    qtbot.waitUntil(lambda: readers.job is None and not readers.found.isHidden(), timeout=20000)
    assert "Dice: wall <b>" in readers.figures.text(), "myocardium in every number is the whole wall"
    other, difference = find_layers(desk.viewer, "other-labels"), find_layers(desk.viewer, "difference")
    assert np.array_equal(other[0].data, bob)
    assert set(np.unique(difference[0].data[0])) == {0, ONLY_SECOND}
    assert set(np.unique(difference[0].data[2])) == {0, OTHERWISE}
    table, regions = readers.regions.table, readers.regions.regions
    assert [region.slice for region in regions][-1] == 2
    row = len(regions) - 1
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualItemRect(table.item(row, 0)).center())
    assert desk.viewer.dims.current_step[0] == 2
    qtbot.mouseClick(readers.regions.second_button, LEFT)
    assert table.item(row, 4).text() == "bob"
    qtbot.mouseClick(readers.merge_button, LEFT)
    assert np.array_equal(labels.data[2], bob[2])
    assert np.array_equal(labels.data[:2], own[:2])
    merged = labels.data.copy()
    labels.undo()
    assert np.array_equal(labels.data, own)
    labels.redo()
    table.selectRow(row)
    qtbot.mouseClick(readers.regions.first_button, LEFT)
    qtbot.mouseClick(readers.merge_button, LEFT)
    assert np.array_equal(labels.data, own)
    labels.undo()
    desk.show("case-002")
    assert np.array_equal(desk.widget.projects.project.labels("case-001"), merged)
    assert np.array_equal(desk.widget.projects.project.labels("case-001", "bob"), bob)
    entries = [entry for entry in desk.widget.projects.project.log() if entry.action in ("merge", "edit")]
    assert [(entry.action, entry.note) for entry in entries][-2:] == [("edit", ""), ("merge", "case's own and bob")], (
        "the second merge was taken back by Ctrl+Z"
    )


def test_regions_are_merged_again_and_taken_back(heart_labels):
    from scarnet.project import disagreement_regions

    first, second = heart_labels[:, :, :], heart_labels.copy()
    second[0, 2:6, 2:6], second[0, 20:24, 2:6], second[1, 2:6, 2:6] = 1, 2, 3
    regions = disagreement_regions(first, second)
    a, b, c = (int(regions.index[place]) for place in ((0, 3, 3), (0, 21, 3), (1, 3, 3)))
    for own in (0, 1):
        merge, screen = RegionMerge((first, second), regions, own), (first, second)[own].copy()
        screen[2, 0, 0] = 3  # painted outside the regions
        before = screen.copy()
        screen = merge.into(screen, {a, b})
        assert np.array_equal(screen[:2][regions.index[:2] == a], second[:2][regions.index[:2] == a])
        assert screen[1, 3, 3] == first[1, 3, 3]
        assert screen[2, 0, 0] == 3
        screen[0, 3, 3] = 0  # painted in a region that keeps its reader
        again = merge.into(screen, {a})
        assert again[0, 3, 3] == 0
        assert again[0, 21, 3] == first[0, 21, 3]  # taken back
        # After an undo the same merge has something to do again.
        assert np.array_equal(merge.into(before, {a})[0, 2:6, 2:6], second[0, 2:6, 2:6])
        assert merge.into(again, {a, c})[1, 3, 3] == 3
    assert np.array_equal(RegionMerge((first, second), regions, None).into(np.zeros_like(first), ()), first)


def test_what_was_corrected_by_hand_stays_when_another_region_is_merged(heart_labels):
    from scarnet.project import disagreement_regions

    first, second = heart_labels, heart_labels.copy()
    second[0, 2:6, 2:6], second[1, 2:6, 2:6] = 3, 3
    regions = disagreement_regions(first, second)
    a, b = (int(regions.index[place]) for place in ((0, 3, 3), (1, 3, 3)))
    in_a, in_b = regions.index == a, regions.index == b
    for own in (0, 1, None):
        merge = RegionMerge((first, second), regions, own)
        shown = np.full_like(first, 2) if own is None else (first, second)[own].copy()
        shown[in_a & (np.indices(first.shape)[2] < 3)] = 2  # a stroke in the region, before it is merged
        wanted = ({a}, {a, b}) if own != 1 else ({b}, ())
        screen = merge.into(shown.copy(), wanted[0])
        agreed = regions.index == 0
        assert np.array_equal(screen[agreed], (shown if own is not None else first)[agreed])
        assert (screen[in_a] == (0 if own == 1 else 3)).all()
        by_hand = screen.copy()
        by_hand[in_a], by_hand[2, 0, 0] = 1, 3  # the whole region by hand, and a place where both agree
        again = merge.into(by_hand, wanted[1])
        assert (again[in_b] == (0 if own == 1 else 3)).all()
        assert np.array_equal(again[~in_b], by_hand[~in_b])
        # All undone, the same merge writes all of it again.
        screen[in_b] = again[in_b]
        assert np.array_equal(merge.into(shown.copy(), wanted[1]), screen)


def test_an_undone_merge_writes_what_the_readers_agree_on_again_though_there_was_a_stroke(heart_labels):
    from scarnet.project import disagreement_regions

    first, second = heart_labels, heart_labels.copy()
    second[0, 2:6, 2:6] = 3
    merge = RegionMerge((first, second), disagreement_regions(first, second), None)
    network = np.where(first == 3, 1, first).astype(np.uint8)
    assert np.array_equal(merge.into(network, ()), first)
    stroke = network.copy()  # Ctrl+Z, and then a dab outside of what the merge had changed
    stroke[2, 0, 0] = 2
    again = merge.into(stroke, ())
    assert again[2, 0, 0] == 2
    again[2, 0, 0] = first[2, 0, 0]
    assert np.array_equal(again, first)


def test_damaged_labels_are_not_merged_into(qtbot, desk, folder, heart_labels):
    with Project.open(folder) as project:
        for labels in (heart_labels, heart_labels[:, :, ::-1]):
            project.save_labels("case-001", labels)
        project.save_labels("case-001", heart_labels, "alice")
        project.save_labels("case-001", heart_labels[:, ::-1], "bob")
    path = folder / "cases" / "case-001" / "labels.nii.gz"
    path.write_bytes(path.read_bytes()[:-40])
    desk.open(folder)
    labels, readers = desk.show("case-001"), desk.widget.readers
    before = labels.data.copy()
    for box, name in ((readers.first, "alice"), (readers.second, "bob")):
        box.setCurrentIndex(box.findData(name))
    qtbot.mouseClick(readers.compare_button, LEFT)
    qtbot.waitUntil(lambda: readers.job is None and not readers.found.isHidden(), timeout=20000)
    qtbot.mouseClick(readers.merge_button, LEFT)
    assert np.array_equal(labels.data, before)
    assert "damaged" in readers.status.text()


def test_the_cohort_shows_agreement_and_labels_are_kept_for_a_reader(qtbot, desk, two_readers):
    folder, *_ = two_readers
    desk.open(folder)
    desk.show("case-003")
    readers = desk.widget.readers
    qtbot.mouseClick(readers.cohort_button, LEFT)
    qtbot.waitUntil(lambda: hasattr(readers, "cohort_window"), timeout=30000)
    window = readers.cohort_window
    assert [window.table.item(row, 0).text() for row in range(window.table.rowCount())] == ["case-001", "case-002"]
    assert "limits of agreement" in window.text.text()
    assert "wall <b>" in window.text.text()
    assert window.table.horizontalHeaderItem(1).text() == "Dice wall"
    assert window.picture.pixmap().width() > 200
    window.close()
    qtbot.keyClicks(readers.keep_name, "carl")
    qtbot.mouseClick(readers.keep_button, LEFT)
    qtbot.waitUntil(lambda: desk.row("case-003").annotators == ("carl",), timeout=20000)
    kept = desk.widget.projects.project.labels("case-003", "carl")
    assert np.array_equal(kept, find_layers(desk.viewer, "labels")[0].data)
    project = desk.widget.projects.project
    last = project.log()[-1]
    assert (last.who, last.action, last.reader, last.case) == (project.annotator, "keep as reader", "carl", "case-003")
    qtbot.mouseClick(desk.widget.log_button, LEFT)
    qtbot.waitUntil(lambda: hasattr(desk.widget, "log_window"), timeout=20000)
    row = [desk.widget.log_window.table.item(0, column).text() for column in (2, 3, 4)]
    assert row == [project.annotator, "keep as reader (carl)", "case-003"]
    desk.widget.log_window.close()


def test_the_difference_map_tells_whose_scar_it_is():
    first, second = np.array([[[0, 1, 3, 3, 2]]], np.uint8), np.array([[[0, 3, 1, 3, 1]]], np.uint8)
    assert difference_map(first, second).tolist() == [[[0, ONLY_SECOND, ONLY_FIRST, 0, OTHERWISE]]]
