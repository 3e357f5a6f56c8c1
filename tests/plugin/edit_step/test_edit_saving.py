"""Edits are on disk within two seconds, whatever happens to the viewer, the layers or the disk."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QMessageBox

from napari_scarnet.edit_recovery import find_recovered, read_recovered, study_key
from napari_scarnet.edit_saving import saving_for
from napari_scarnet.label_layers import add_labels, labels_edited
from napari_scarnet.metadata import layer_meta
from napari_scarnet.predictions import _leave_aside
from napari_scarnet.studies import add_stack
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack, StudySource

ONE_VOXEL = (np.array([1]), np.array([5]), np.array([6]))


@pytest.fixture
def desk(qtbot, hearts, monkeypatch):
    """A viewer without a window, a study with labels, and what saves them."""
    from types import SimpleNamespace

    monkeypatch.setattr("napari_scarnet.edit_saving._RETRY_MS", 300)
    viewer = ViewerModel()
    stack = hearts.stack()
    image = add_stack(viewer, stack)
    labels = add_labels(viewer, image, hearts.labels(stack.shape))
    saving = saving_for(viewer)
    yield SimpleNamespace(viewer=viewer, stack=stack, image=image, labels=labels, saving=saving, qtbot=qtbot)
    assert saving.wait(10)
    # Signals of the writer are waiting; the next test must not get them.
    qtbot.wait(1)


def saved(desk):
    desk.qtbot.waitUntil(lambda: desk.saving.text.startswith("✓"), timeout=10000)
    return find_recovered(desk.stack)


@pytest.mark.alone
def test_every_way_of_editing_is_saved_within_two_seconds(desk):
    assert find_recovered(desk.stack) == []
    for change in (
        lambda: desk.labels.data_setitem(ONE_VOXEL, 2),
        desk.labels.undo,
        lambda: desk.labels.data.__setitem__((2, 7, 8), 3),  # as a script would
        lambda: desk.labels.paint((3, 9, 9), 1),
    ):
        began = time.monotonic()
        change()
        expected = desk.labels.data.copy()

        def there(expected=expected):
            found = find_recovered(desk.stack)
            return len(found) == 1 and np.array_equal(read_recovered(found[0].path, desk.stack), expected)

        desk.qtbot.waitUntil(there, timeout=10000)
        assert time.monotonic() - began < 2
    assert saved(desk)[0].path.name == desk.saving.file_of(desk.labels)
    # Named by the pixels and where they lie, not by the case; the same study is found under any name.
    again = LGEStack.from_array(desk.stack.pixels, desk.stack.spacing_mm, case="other", source=StudySource())
    assert study_key(again) == study_key(desk.stack)
    assert "heart" not in str(find_recovered(again)[0].path)
    moved = LGEStack.from_array(desk.stack.pixels, (9.0, 1.5, 1.5), case="heart A")
    assert find_recovered(moved) == []


def test_what_the_plugin_writes_is_no_edit(desk, hearts):
    from napari_scarnet.label_layers import set_labels

    set_labels(desk.labels, np.zeros_like(desk.labels.data))
    desk.saving.flush()
    assert desk.saving.wait(5)
    assert find_recovered(desk.stack) == []


def test_a_project_s_case_goes_into_the_project(desk):
    got = []
    layer_meta(desk.image)["save_labels"] = lambda labels: got.append((labels, threading.current_thread()))
    desk.labels.data_setitem(ONE_VOXEL, 2)
    desk.qtbot.waitUntil(lambda: len(got) == 1, timeout=10000)
    assert np.array_equal(got[0][0], desk.labels.data)
    assert got[0][1] is not threading.main_thread()
    # Left aside for a newer prediction, they are kept apart from what becomes the case's labels.
    _leave_aside(desk.labels, desk.stack.case)
    desk.saving.flush()
    assert desk.saving.wait(10)
    assert len(got) == 1
    assert np.array_equal(read_recovered(find_recovered(desk.stack)[0].path, desk.stack), desk.labels.data)


def test_a_duplicate_does_not_take_the_case_s_place(desk):
    got = []
    layer_meta(desk.image)["save_labels"] = got.append
    copy = desk.viewer.add_labels(desk.labels.data.copy(), metadata=desk.labels.metadata)
    copy.data_setitem(ONE_VOXEL, 2)
    saved(desk)
    assert got == []
    assert np.array_equal(read_recovered(find_recovered(desk.stack)[0].path, desk.stack), copy.data)
    # Nor does the image's duplicate, whose labels are of a case of their own.
    image = desk.viewer.add_image(desk.stack.pixels, metadata=desk.image.metadata)
    add_labels(desk.viewer, image, np.zeros(desk.stack.shape, np.uint8)).data_setitem(ONE_VOXEL, 1)
    desk.saving.flush()
    assert desk.saving.wait(10)
    assert got == []


def test_a_folder_that_takes_no_file_is_told(desk, data_folder):
    data_folder.write_text("a file where a folder belongs")
    desk.labels.data_setitem(ONE_VOXEL, 2)
    desk.qtbot.waitUntil(
        lambda: desk.saving.text.startswith("⚠ Your edits cannot be saved: Cannot make"), timeout=10000
    )
    data_folder.unlink()
    assert np.array_equal(read_recovered(saved(desk)[0].path, desk.stack), desk.labels.data)


def test_removed_and_cleared_layers_are_saved_first(desk):
    desk.labels.data[1, 5, 6] = 2
    expected = desk.labels.data.copy()
    desk.viewer.layers.clear()
    assert desk.saving.wait(10)
    assert np.array_equal(read_recovered(find_recovered(desk.stack)[0].path, desk.stack), expected)


def test_a_full_disk_is_told_once_and_tried_again(desk, monkeypatch):
    said, tries, full = [], [], [True]
    desk.saving.changed.connect(said.append)

    def save(labels):
        tries.append(labels)
        if full[0]:
            raise ScarNetError("Cannot write labels.nii.gz: No space left on device.")

    layer_meta(desk.image)["save_labels"] = save
    desk.labels.data_setitem(ONE_VOXEL, 2)
    desk.qtbot.waitUntil(lambda: len(tries) == 2, timeout=15000)
    desk.qtbot.waitUntil(lambda: any("No space left on device" in text for text in said))
    assert len([text for text in said if text.startswith("⚠")]) == 1
    assert labels_edited(desk.labels)
    desk.labels.data_setitem((np.array([1]), np.array([5]), np.array([7])), 2)
    full[0] = False
    desk.qtbot.waitUntil(lambda: desk.saving.text.startswith("✓"), timeout=15000)
    assert np.array_equal(tries[-1], desk.labels.data)


def test_what_a_full_disk_refuses_is_saved_when_there_is_room(desk, small_disk):
    desk.labels.data_setitem(ONE_VOXEL, 2)
    (first,) = saved(desk)
    kept = read_recovered(first.path, desk.stack)
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        file.write(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
    desk.labels.data_setitem((np.array([1]), np.array([5]), np.array([7])), 2)
    desk.qtbot.waitUntil(lambda: "No space left on device" in desk.saving.text, timeout=10000)
    assert "No space left on device" in desk.saving.save_now(10)
    # What was there before is whole, and nothing half lies beside it.
    assert np.array_equal(read_recovered(first.path, desk.stack), kept)
    assert list(first.path.parent.iterdir()) == [first.path]
    filler.unlink()
    assert saved(desk) == find_recovered(desk.stack)
    assert np.array_equal(read_recovered(first.path, desk.stack), desk.labels.data)
    assert desk.saving.save_now(10) == ""


def test_a_failed_version_is_tried_again_though_the_one_before_it_went_well(desk):
    tries, may_end = [], threading.Event()

    def save(labels):
        tries.append(labels)
        may_end.wait(10)
        if len(tries) == 2:
            raise ScarNetError("The disk was away.")

    layer_meta(desk.image)["save_labels"] = save
    desk.labels.data_setitem(ONE_VOXEL, 2)
    desk.qtbot.waitUntil(lambda: len(tries) == 1, timeout=10000)
    desk.labels.data_setitem((np.array([1]), np.array([5]), np.array([7])), 2)
    desk.saving.flush()
    may_end.set()
    desk.qtbot.waitUntil(lambda: len(tries) == 3, timeout=10000)
    assert np.array_equal(tries[2], desk.labels.data)
    desk.qtbot.waitUntil(lambda: desk.saving.text.startswith("✓"), timeout=10000)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that kills")
@pytest.mark.alone
def test_killed_while_painting_at_most_two_seconds_are_gone(data_folder):
    script = Path(__file__).with_name("kept_labels_editor.py")
    # No canvas is drawn, so Qt needs no screen.
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen(
        [sys.executable, str(script), str(data_folder)], stdout=subprocess.PIPE, text=True, env=environment
    )
    edits = []
    for line in process.stdout:
        number, when = line.split()
        edits.append((int(number), float(when)))
        if edits[-1][1] - edits[0][1] > 3.5:
            break
    process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    process.communicate()
    files = list(data_folder.glob("recovery/*/*.nii.gz"))
    assert len(files) == 1
    pixels = np.random.default_rng(5).random((8, 128, 128), np.float32)
    stack = LGEStack.from_array(pixels, (8, 1.5, 1.5), case="reopened")
    kept = int((read_recovered(files[0], stack) == 3).sum())
    assert kept >= sum(when < killed - 2 for _, when in edits)
    assert kept > 0
    assert [one.path for one in find_recovered(stack)] == files


def test_closing_and_reopening_brings_the_edits_back(
    bench, make_napari_viewer, hearts, qtbot, data_folder, monkeypatch
):
    # While nothing can be saved, only those close who say that edits may be lost.
    data_folder.write_text("a file where a folder belongs")
    asked = []
    monkeypatch.setattr(
        QMessageBox, "warning", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.Cancel
    )
    bench.edit.paint.choose_class(3)
    bench.drag((32, 45), (32, 58))
    expected = bench.labels.data.copy()
    bench.viewer.window._qt_window.close()
    assert bench.viewer.window._qt_window.isVisible()
    assert "Cannot make the folder" in asked[0]
    data_folder.unlink()
    bench.viewer.close()
    assert len(asked) == 1
    assert np.array_equal(read_recovered(find_recovered(bench.stack)[0].path, bench.stack), expected)

    again = hearts.bench(make_napari_viewer(show=True), qtbot, hearts.stack(case="another name"))
    offer = again.edit.offer
    qtbot.waitUntil(offer.isVisible)
    assert "Labels that were edited in this study today" in offer.text.text()
    again.click(offer.restore)
    assert np.array_equal(again.labels.data, expected)
    assert not offer.isVisible()
    assert labels_edited(again.labels)
    again.labels.undo()
    assert np.array_equal(again.labels.data, hearts.labels(again.stack.shape))
    again.labels.redo()
    # Deleted labels are offered as well.
    again.viewer.layers.remove(again.labels)
    qtbot.waitUntil(offer.isVisible, timeout=10000)
    again.click(offer.restore)
    assert np.array_equal(again.edit.layer.data, expected)
    assert labels_edited(again.edit.layer)
    assert not offer.isVisible()
