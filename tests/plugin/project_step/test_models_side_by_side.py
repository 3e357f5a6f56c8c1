"""Own labels, the old and the new model's beside each other in napari's grid, and the user's own view back."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_scarnet.finetune_both import show_both
from napari_scarnet.finetune_views import ModelViews
from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.readers_compare_layers import show_other
from napari_scarnet.studies import add_stack

LEFT = Qt.MouseButton.LeftButton
NAMES = ("tiny", "finetune-001")


@pytest.fixture
def views(qtbot, desk, folder, heart_labels):
    """Both models shown on the open case."""
    desk.open(folder)
    desk.show("case-001")
    new = heart_labels.copy()
    new[new == 3] = 1
    assert show_both(desk.viewer, "case-001", NAMES, (heart_labels, new))
    views = ModelViews(desk.viewer)
    desk.viewer.window.add_dock_widget(views, name="Models")
    views.use("case-001", NAMES)
    return views


def view_of(viewer):
    grid = viewer.canvas.grid
    return (
        [(layer, layer.visible, layer.blending, set(layer._overlays)) for layer in viewer.layers],
        (grid.enabled, grid.shape, grid.stride),
        viewer.layers.selection.active,
        pytest.approx(viewer.scene.camera.zoom),
    )


def cells(viewer):
    """Layers on show by cell."""
    found = {}
    for index, layer in enumerate(viewer.layers):
        if layer.visible:
            found.setdefault(viewer.canvas.grid.position(index, viewer.layers), []).append(layer)
    return found


def test_each_cell_has_the_image_and_labels_of_one(qtbot, desk, views):
    viewer, own = desk.viewer, find_layers(desk.viewer, "labels")[0]
    old, new = find_layers(viewer, "other-labels")
    image, before = image_layer_of(viewer, "case-001"), view_of(viewer)
    qtbot.mouseClick(views.side_by_side, LEFT)
    assert views.side_by_side.isChecked()
    shown = cells(viewer)
    assert [shown[0, column][1] for column in range(3)] == [own, old, new]
    assert shown[0, 0][0] is image
    assert all(shown[0, column][0].data is image.data for column in (1, 2))
    assert [shown[0, column][0].name for column in (1, 2)] == [f"case-001 · image under {name}" for name in NAMES]
    shown[0, 2][0].contrast_limits = (100, 400)
    assert tuple(image.contrast_limits) == (100, 400)
    # All three are drawn alike, also when that is changed now.
    assert {(layer.contour, layer.opacity) for layer in (own, old, new)} == {(0, own.opacity)}
    own.contour = 1
    assert (old.contour, new.contour) == (1, 1)
    # The labels can be painted on, and what is painted stays.
    own.paint((1, 5, 5), 3)
    painted = own.data.copy()
    qtbot.mouseClick(views.side_by_side, LEFT)
    assert view_of(viewer) == before
    assert {(layer.contour, layer.opacity) for layer in (old, new)} == {(2, 1.0)}
    # What was switched in the view stays.
    assert own.contour == 1
    own.contour = 0
    assert (old.contour, new.contour) == (2, 2)
    assert np.array_equal(own.data, painted)
    assert not views.side_by_side.isChecked()


def test_views_leave_labels_drawn_as_the_user_chose(qtbot, desk, views, heart_labels):
    viewer, own = desk.viewer, find_layers(desk.viewer, "labels")[0]
    old, new = find_layers(viewer, "other-labels")
    bob = show_other(viewer, "case-001", "bob", heart_labels)
    for layer in (old, bob):
        layer.contour, layer.opacity = 0, 0.4
    for enter in (lambda: fig3_for(viewer).enter("case-001"), views.side_by_side.click):
        own.contour = 0
        enter()
        assert fig3_for(viewer).active
        own.contour = 3
        fig3_for(viewer).leave()
        assert [layer.contour for layer in (own, old, new, bob)] == [3, 0, 2, 0]
        assert [layer.opacity for layer in (old, new, bob)] == [0.4, 1.0, 0.4]


@pytest.mark.parametrize("how", ["another button", "another case", "a layer deleted", "grid switched off"])
def test_it_ends_with_whatever_takes_its_place(qtbot, desk, views, how):
    viewer = desk.viewer
    qtbot.mouseClick(views.side_by_side, LEFT)
    if how == "another button":
        qtbot.mouseClick(views.group.button(3), LEFT)
        assert [layer.visible for layer in find_layers(viewer, "difference")] == [True]
        assert not any(layer.visible for layer in find_layers(viewer, "other-labels"))
    elif how == "another case":
        desk.show("case-002")
    elif how == "a layer deleted":
        viewer.layers.remove(find_layers(viewer, "other-labels")[0])
    else:
        viewer.canvas.grid.enabled = False
    qtbot.waitUntil(lambda: not fig3_for(viewer).active)
    assert not views.side_by_side.isChecked()
    assert not viewer.canvas.grid.enabled
    assert not find_layers(viewer, "underlay")
    if how == "a layer deleted":
        qtbot.mouseClick(views.side_by_side, LEFT)
        assert not views.side_by_side.isChecked()


def test_closing_the_fine_tune_dock_gives_the_view_back(qtbot, desk, folder, views):
    from napari_scarnet.finetune_widget import FinetuneWidget

    viewer, finetune = desk.viewer, FinetuneWidget(desk.viewer)
    viewer.window.add_dock_widget(finetune, name="Fine-tune")
    finetune.comparison.views.use("case-001", NAMES)
    before = view_of(viewer)
    finetune.comparison.views.side_by_side.click()
    assert fig3_for(viewer).kind == "models"
    viewer.window.remove_dock_widget(finetune)
    assert view_of(viewer) == before
    assert not find_layers(viewer, "underlay")


def test_selecting_another_study_does_not_turn_it_into_that_study_s_fig_3(
    qtbot, desk, views, new_stack, new_prediction
):
    from napari_scarnet.inspect_widget import InspectWidget

    viewer, other = desk.viewer, add_stack(desk.viewer, new_stack("another"))
    layer_meta(other)["prediction"] = new_prediction(layer_meta(other)["stack"])
    inspect = InspectWidget(viewer)
    viewer.window.add_dock_widget(inspect, name="Inspect")
    viewer.layers.selection.active = image_layer_of(viewer, "case-001")
    qtbot.waitUntil(lambda: inspect.case == "case-001")
    qtbot.mouseClick(views.side_by_side, LEFT)
    assert fig3_for(viewer).kind == "models"
    viewer.layers.selection.active = other
    assert viewer.layers.selection.active is other
    assert inspect.case == "another"
    assert fig3_for(viewer).kind is None
    assert not viewer.canvas.grid.enabled
    assert not views.side_by_side.isChecked()
