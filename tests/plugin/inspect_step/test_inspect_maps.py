"""Entropy, margin, branches and the export."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet import inspect_widget
from napari_scarnet.inspect_maps import uncertainty
from napari_scarnet.layers import current_labels, find_layers, image_layer_of, layer_meta, show_prediction
from scarnet.errors import ScarNetError
from scarnet.figure import PANEL_CLASSES
from scarnet.predict import entropy_map, margin_map


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_uncertainty_is_computed_where_the_network_looked(prediction):
    y0, y1, x0, x1 = prediction.window
    for kind, compute in (("entropy", entropy_map), ("margin", margin_map)):
        values = uncertainty(prediction, kind)
        whole = compute(prediction.probabilities)
        np.testing.assert_array_equal(values[2, y0:y1, x0:x1], whole[2, y0:y1, x0:x1])
        assert np.isnan(values[5]).all()
        assert np.isnan(values[:, :y0]).all()
        assert np.isfinite(values[:5, y0:y1, x0:x1]).all()


def test_buttons_show_hide_and_update_the_maps(shown, inspect, prediction, tools, stack, qtbot):
    image, case = image_layer_of(shown, inspect.case), inspect.case
    for kind in ("entropy", "margin"):
        button = inspect.map_buttons[kind]
        click(qtbot, button)
        (layer,) = find_layers(shown, kind, case=case)
        assert layer.visible
        assert np.allclose(layer.scale, image.scale)
        layer.name = "renamed"
        click(qtbot, button)
        assert not layer.visible
        click(qtbot, button)
        assert layer.visible
        assert find_layers(shown, kind, case=case) == [layer]
    # A newer prediction reaches the same layer.
    new = tools.prediction(stack, seed=9)
    show_prediction(shown, image, new)
    inspect.session.prediction_changed.emit(case)
    (layer,) = find_layers(shown, "entropy", case=case)
    np.testing.assert_array_equal(layer.data, uncertainty(new, "entropy"))
    # What the user does in the layer list shows on the buttons.
    layer.visible = False
    qtbot.waitUntil(lambda: not inspect.map_buttons["entropy"].isChecked())
    shown.layers.remove(find_layers(shown, "margin", case=case)[0])
    qtbot.waitUntil(lambda: not inspect.map_buttons["margin"].isChecked())


def test_branches_are_computed_when_asked_for(shown, inspect, prediction, tools, stack, qtbot, monkeypatch):
    branches = tools.prediction(stack, branches=True).branch_logits
    gate, threads = threading.Event(), []

    def fake(given, old):
        assert given.shape == stack.shape

        def work(progress):
            threads.append(threading.current_thread())
            while not gate.wait(0.01):
                progress(1, 6, "Segmenting slices")
            return replace(old, branch_logits=branches)

        return work

    monkeypatch.setattr(inspect_widget, "branch_work", fake)
    button, case = inspect.map_buttons["branch-logit"], inspect.case
    assert button.text() == "Compute branches"
    click(qtbot, button)
    qtbot.waitUntil(lambda: inspect.job_bar.isVisible() and not button.isEnabled())
    click(qtbot, inspect.job_bar.cancel_button)
    qtbot.waitUntil(lambda: inspect.job is None)
    assert find_layers(shown, "branch-logit") == []

    qtbot.waitUntil(button.isEnabled)
    gate.set()
    click(qtbot, button)
    qtbot.waitUntil(lambda: len(find_layers(shown, "branch-logit", case=case)) == 8)
    assert all(thread is not threading.main_thread() for thread in threads)
    for name, logits in branches.items():
        for cls in range(4):
            (layer,) = find_layers(shown, "branch-logit", cls, case, branch=name)
            np.testing.assert_array_equal(layer.data, logits[cls])
    assert np.array_equal(current_labels(shown, case).data, prediction.labels)
    qtbot.waitUntil(lambda: button.text() == "Branches" and button.isChecked())
    # Side by side, one branch a row, in the colours of one scale; nothing covers anything.
    layers = [[find_layers(shown, "branch-logit", cls, case, branch=b)[0] for cls in PANEL_CLASSES] for b in branches]
    for row, maps in enumerate(layers):
        places = [shown.canvas.grid.position(shown.layers.index(layer), shown.layers) for layer in maps]
        assert places == [(row, column) for column in range(1, 5)]
    assert len({tuple(layer.contrast_limits) for maps in layers for layer in maps}) == 1
    assert not inspect.fig3_button.isChecked()
    qtbot.waitUntil(button.isEnabled)
    click(qtbot, button)
    assert not button.isChecked()
    assert not shown.canvas.grid.enabled
    assert not any(layer.visible for layer in find_layers(shown, "branch-logit"))
    # From one panel to the other and back.
    click(qtbot, button)
    click(qtbot, inspect.fig3_button)
    assert (inspect.fig3.kind, inspect.fig3_button.isChecked(), button.isChecked()) == ("fig3", True, False)
    click(qtbot, inspect.fig3_button)
    assert not any(layer.visible for layer in find_layers(shown, "branch-logit"))


def test_branches_of_an_older_prediction_go(shown, inspect, prediction, tools, stack, qtbot):
    image, case = image_layer_of(shown, inspect.case), inspect.case
    show_prediction(shown, image, tools.prediction(stack, branches=True))
    inspect.session.prediction_changed.emit(case)
    button = inspect.map_buttons["branch-logit"]
    assert button.text() == "Branches"
    click(qtbot, button)
    assert len(find_layers(shown, "branch-logit")) == 8
    show_prediction(shown, image, prediction)
    inspect.session.prediction_changed.emit(case)
    assert find_layers(shown, "branch-logit") == []
    qtbot.waitUntil(lambda: not shown.canvas.grid.enabled and button.text() == "Compute branches")
    assert not button.isChecked()


def test_branches_that_come_too_late_are_spoken_of(shown, inspect, prediction, tools, stack, qtbot, monkeypatch):
    gate = threading.Event()

    def fake(given, old):
        def work(progress):
            gate.wait(10)
            return replace(old, branch_logits=tools.prediction(stack, branches=True).branch_logits)

        return work

    monkeypatch.setattr(inspect_widget, "branch_work", fake)
    click(qtbot, inspect.map_buttons["branch-logit"])
    show_prediction(shown, image_layer_of(shown, inspect.case), tools.prediction(stack, seed=9))
    gate.set()
    qtbot.waitUntil(lambda: "segmented again" in inspect.status.text() and inspect.job is None)
    assert find_layers(shown, "branch-logit") == []


def test_branches_of_a_model_that_is_gone_are_refused(prediction, stack):
    from napari_scarnet.inspect_branches import branch_work

    with pytest.raises(ScarNetError, match="no longer here"):
        branch_work(stack, replace(prediction, model_sha256="f" * 64))(lambda *_: None)


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_panel_is_saved_as_it_is_on_screen(shown, inspect, qtbot, tmp_path, monkeypatch, suffix):
    import scarnet.figure

    seen = {}
    real = scarnet.figure.save_maps

    def spy(path, stack, prediction, z, **kwargs):
        seen.update(labels=prediction.labels.copy(), z=z, case=stack.case, thread=threading.current_thread())
        real(path, stack, prediction, z, **kwargs)

    monkeypatch.setattr(scarnet.figure, "save_maps", spy)
    labels = current_labels(shown, inspect.case)
    labels.data_setitem((np.array([3]), np.array([40]), np.array([50])), 3)
    shown.dims.set_current_step(0, 3)
    asked = []
    path = tmp_path / f"panel{suffix}"
    monkeypatch.setattr(inspect, "_ask_path", lambda name: asked.append(name) or str(path))
    click(qtbot, inspect.export_button)
    qtbot.waitUntil(lambda: "Saved" in inspect.status.text(), timeout=30_000)
    assert asked == ["heart_A_slice04_maps.png"]
    assert path.read_bytes().startswith(b"%PDF" if suffix == ".pdf" else b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]
    assert seen["z"] == 3
    assert seen["labels"][3, 40, 50] == 3
    assert seen["thread"] is not threading.main_thread()
    assert str(tmp_path) not in inspect.status.text()


def test_the_panel_says_what_its_labels_are(shown, inspect, qtbot, tmp_path, monkeypatch):
    import scarnet.figure

    notes = []
    monkeypatch.setattr(scarnet.figure, "save_maps", lambda path, *_, note: notes.append((path.name, note)))
    monkeypatch.setattr(inspect, "_ask_path", lambda name: str(tmp_path / "my.case.v2"))

    def save():
        count = len(notes)
        click(qtbot, inspect.export_button)
        qtbot.waitUntil(lambda: len(notes) > count and inspect.job is None and inspect.export_button.isEnabled())

    save()
    inspect.threshold.slider.setValue(30)
    labels = current_labels(shown, inspect.case)
    qtbot.waitUntil(lambda: layer_meta(labels)["threshold"] == 0.3)
    save()
    labels.data_setitem((np.array([3]), np.array([40]), np.array([50])), 1)
    save()
    assert notes == [("my.case.v2.png", note) for note in ("", "scar p ≥ 0.30", "edited labels")]


def test_a_slice_without_prediction_is_refused_in_words(shown, inspect, qtbot, tmp_path, monkeypatch):
    shown.dims.set_current_step(0, 5)
    monkeypatch.setattr(inspect, "_ask_path", lambda name: str(tmp_path / "panel.png"))
    click(qtbot, inspect.export_button)
    qtbot.waitUntil(lambda: "not predicted" in inspect.status.text(), timeout=30_000)
    # The job's failure arrives before its end, which frees the button.
    qtbot.waitUntil(lambda: inspect.job is None and inspect.export_button.isEnabled())
    assert list(tmp_path.iterdir()) == []
