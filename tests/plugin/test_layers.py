"""Layers: found by what they are, updated in place, edits never lost."""

from dataclasses import replace

import numpy as np
import pytest

from napari_scarnet.layers import (
    MissingSpacingError,
    add_stack,
    adopt_layer,
    current_labels,
    find_layers,
    labels_edited,
    layer_meta,
    merge_predictions,
    needs_spacing,
    set_labels,
    show_prediction,
    stack_of,
)
from napari_scarnet.session import session_for
from scarnet.errors import ScarNetError


@pytest.fixture
def viewer():
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def shown(viewer, stack, new_prediction):
    image = add_stack(viewer, stack)
    prediction = new_prediction(stack)
    return image, prediction, show_prediction(viewer, image, prediction)


def test_study_has_spacing_in_mm_and_named_axes(viewer, stack):
    image = add_stack(viewer, stack)
    assert tuple(image.scale) == stack.spacing_mm
    assert [str(unit) for unit in image.units] == ["millimeter"] * 3
    assert image.axis_labels == ("z", "y", "x")
    assert stack_of(image) is stack


def test_prediction_makes_nine_layers_on_the_image_s_grid(viewer, shown):
    image, prediction, layers = shown
    assert len(viewer.layers) == 10
    for layer in viewer.layers:
        assert np.allclose(layer.scale, image.scale)
        assert layer.units == image.units
        assert layer.axis_labels == image.axis_labels
    for cls in range(4):
        assert np.array_equal(layers.logits[cls].data, prediction.logits[cls])
        assert np.array_equal(layers.probabilities[cls].data, prediction.probabilities[cls])
        low, high = layers.logits[cls].contrast_limits
        assert low == -high == layers.logits[0].contrast_limits[0]
        assert tuple(layers.probabilities[cls].contrast_limits) == (0, 1)
    assert np.array_equal(layers.labels.data, prediction.labels)
    visible = {layer.name for layer in viewer.layers if layer.visible}
    assert visible == {"case A", "case A · labels", "case A · p scar"}
    assert list(layers.labels.features["class"]) == ["background", "myocardium", "blood pool", "scar"]


def test_layers_follow_a_rotated_and_moved_image(viewer, stack, new_prediction):
    image = add_stack(viewer, stack)
    image.translate, image.rotate = (1, 2, 3), np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    layers = show_prediction(viewer, image, new_prediction(stack))
    image.translate = (5, 6, 7)
    show_prediction(viewer, image, new_prediction(stack))
    for layer in (layers.labels, layers.logits[1], layers.probabilities[3]):
        assert np.allclose(layer.translate, image.translate)
        assert np.allclose(layer.rotate, image.rotate)


def test_running_again_updates_renamed_layers_and_keeps_their_look(viewer, shown, new_prediction):
    image, _, layers = shown
    layers.logits[2].name, layers.labels.name = "mine", "also mine"
    layers.logits[1].contrast_limits = (-2, 3)
    again = show_prediction(viewer, image, second := new_prediction(stack_of(image), seed=5))
    assert len(viewer.layers) == 10
    assert again.logits[2] is layers.logits[2]
    assert again.labels is layers.labels
    assert again.labels.name == "also mine"
    assert np.array_equal(again.logits[2].data, second.logits[2])
    assert tuple(again.logits[1].contrast_limits) == (-2, 3)


def test_deleted_layers_come_back(viewer, shown, new_prediction):
    image, _, layers = shown
    viewer.layers.remove(layers.labels)
    viewer.layers.remove(layers.probabilities[0])
    again = show_prediction(viewer, image, new_prediction(stack_of(image)))
    assert len(viewer.layers) == 10
    assert again.labels in viewer.layers


def test_edited_labels_are_left_aside(viewer, shown, new_prediction):
    image, _, layers = shown
    layers.labels.data_setitem((np.array([1]), np.array([10]), np.array([10])), 3)
    edited = layers.labels.data.copy()
    assert labels_edited(layers.labels)
    again = show_prediction(viewer, image, new_prediction(stack_of(image), seed=5))
    assert again.kept is layers.labels
    assert np.array_equal(again.kept.data, edited)
    assert again.labels is not again.kept
    assert current_labels(viewer, "case A") is again.labels
    third = show_prediction(viewer, image, new_prediction(stack_of(image), seed=6))
    assert third.labels is again.labels
    assert third.kept is None


def test_edit_through_the_array_or_by_assignment_counts(viewer, shown):
    _, prediction, layers = shown
    layers.labels.data[0, 0, 0] = 2
    assert labels_edited(layers.labels)
    set_labels(layers.labels, prediction.labels)
    assert not labels_edited(layers.labels)
    layers.labels.data = np.zeros_like(prediction.labels)
    assert labels_edited(layers.labels)


def test_undo_after_an_update_brings_nothing_old_back(viewer, shown, new_prediction):
    image, _, layers = shown
    layers.labels.data_setitem((np.array([1]), np.array([10]), np.array([10])), 3)
    layers.labels.undo()
    assert not labels_edited(layers.labels)
    second = new_prediction(stack_of(image), seed=5)
    show_prediction(viewer, image, second)
    layers.labels.redo()
    layers.labels.undo()
    assert np.array_equal(layers.labels.data, second.labels)


def test_slice_run_touches_only_its_slices_and_keeps_edits_elsewhere(viewer, shown, new_prediction):
    image, first, layers = shown
    layers.labels.data_setitem((np.array([1]), np.array([10]), np.array([10])), 3)
    before = layers.labels.data.copy()
    second = new_prediction(stack_of(image), [2], seed=5)
    merged = merge_predictions(first, second)
    again = show_prediction(viewer, image, merged, second.slices)
    assert again.kept is None
    assert again.labels is layers.labels
    assert np.array_equal(again.labels.data[2], second.labels[2])
    assert np.array_equal(np.delete(again.labels.data, 2, 0), np.delete(before, 2, 0))
    assert np.array_equal(np.delete(again.logits[1].data, 2, 0), np.delete(first.logits[1], 2, 0))
    assert labels_edited(again.labels)
    assert layer_meta(image)["prediction"].slices == (0, 1, 2, 3)
    # The edit of slice 1 is still an edit when slice 1 itself is segmented.
    third = new_prediction(stack_of(image), [1], seed=6)
    last = show_prediction(viewer, image, merge_predictions(merged, third), third.slices)
    assert last.kept is layers.labels
    assert np.array_equal(last.labels.data[1], third.labels[1])


def test_a_slice_run_leaves_the_undo_steps_of_other_slices(viewer, shown, new_prediction):
    image, first, layers = shown
    layers.labels.data_setitem((np.array([1]), np.array([10]), np.array([10])), 3)
    second = new_prediction(stack_of(image), [2], seed=5)
    show_prediction(viewer, image, merge_predictions(first, second), second.slices)
    layers.labels.undo()
    layers.labels.undo()
    assert np.array_equal(layers.labels.data, first.labels)
    layers.labels.redo()
    layers.labels.redo()
    assert np.array_equal(layers.labels.data[2], second.labels[2])
    assert layers.labels.data[1, 10, 10] == 3


def test_branches_are_merged_only_where_both_have_them(stack, new_prediction):
    whole, part = new_prediction(stack), new_prediction(stack, [2], seed=5)
    with_branches = replace(whole, branch_logits={"unet": whole.logits})
    part_too = replace(part, branch_logits={"unet": part.logits})
    assert merge_predictions(whole, part_too).branch_logits == {}
    assert merge_predictions(with_branches, part).branch_logits == {}
    merged = merge_predictions(with_branches, part_too).branch_logits["unet"]
    assert np.array_equal(merged[:, 2], part.logits[:, 2])
    assert np.array_equal(np.delete(merged, 2, 1), np.delete(whole.logits, 2, 1))


def test_labels_off_their_study_s_grid_are_not_saved(viewer, shown, tmp_path):
    from napari_scarnet.writer import write_labels_layer

    _, _, layers = shown
    path = str(tmp_path / "labels.nii.gz")
    _, attributes, _ = layers.labels.as_layer_data_tuple()
    small = layers.labels.data[:2]
    with pytest.raises(RuntimeError, match="cannot be saved on its grid"):
        write_labels_layer(path, small, attributes)
    del layer_meta(layers.labels)["stack"]
    with pytest.raises(RuntimeError, match="cannot be saved on its grid"):
        write_labels_layer(path, layers.labels.data, attributes)
    assert not list(tmp_path.iterdir())
    assert write_labels_layer(path, small, {**attributes, "metadata": {}}) == [path]


def test_two_studies_of_one_name_do_not_share_layers(viewer, stack, new_stack, new_prediction):
    first, second = add_stack(viewer, stack), add_stack(viewer, new_stack(seed=9))
    assert layer_meta(first)["case"] != layer_meta(second)["case"]
    one = show_prediction(viewer, first, new_prediction(stack))
    other = show_prediction(viewer, second, new_prediction(stack, seed=4))
    assert one.labels is not other.labels
    assert len(find_layers(viewer, "probability")) == 8


def test_duplicated_image_becomes_a_case_of_its_own(viewer, shown, new_prediction):
    from napari.layers._layer_actions import _duplicate_layer

    session_for(viewer)
    image, *_ = shown
    viewer.layers.selection = {image}
    _duplicate_layer(viewer.layers)
    copy = viewer.layers[viewer.layers.index(image) + 1]
    assert layer_meta(copy)["case"] != layer_meta(image)["case"]
    show_prediction(viewer, copy, new_prediction(stack_of(image), seed=3))
    assert len(find_layers(viewer, "labels")) == 2


def test_plain_layer_with_a_scale_is_adopted(viewer):
    layer = viewer.add_image(np.random.default_rng(0).random((3, 20, 20)), scale=(8, 1.5, 1.5), name="plain")
    assert not needs_spacing(layer)
    assert adopt_layer(viewer, layer).spacing_mm == (8, 1.5, 1.5)
    assert layer_meta(layer)["case"] == "plain"


def test_units_other_than_mm_are_converted(viewer):
    layer = viewer.add_image(np.random.default_rng(0).random((3, 20, 20)), scale=(0.8, 0.15, 0.15), units=("cm",) * 3)
    assert adopt_layer(viewer, layer).spacing_mm == pytest.approx((8, 1.5, 1.5))


def test_layer_without_spacing_asks_for_it(viewer):
    layer = viewer.add_image(np.random.default_rng(0).random((3, 20, 20)), name="plain")
    with pytest.raises(MissingSpacingError, match=r"plain.*spacing in mm"):
        adopt_layer(viewer, layer)
    stack = adopt_layer(viewer, layer, (8, 1.5, 1.25))
    assert stack.spacing_mm == tuple(layer.scale) == (8, 1.5, 1.25)


def test_two_dimensional_image(viewer, new_prediction):
    layer = viewer.add_image(np.random.default_rng(0).random((40, 48)), scale=(1.5, 1.5), name="flat")
    stack = adopt_layer(viewer, layer)
    assert stack.shape == (1, 40, 48)
    layers = show_prediction(viewer, layer, new_prediction(stack))
    assert layers.labels.ndim == 2
    assert len(viewer.layers) == 10


def test_colour_and_four_dimensional_images_are_refused(viewer):
    with pytest.raises(ScarNetError, match="colour"):
        adopt_layer(viewer, viewer.add_image(np.zeros((20, 20, 3), np.uint8), rgb=True))
    with pytest.raises(ScarNetError, match="2D or 3D"):
        adopt_layer(viewer, viewer.add_image(np.zeros((2, 3, 20, 20))))


def test_corrected_scale_reaches_the_stack(viewer, stack):
    image = add_stack(viewer, stack)
    image.scale = (10, 1.5, 1.25)
    assert stack_of(image).spacing_mm == (10, 1.5, 1.25)
    assert np.linalg.norm(stack_of(image).affine[:3, 2]) == pytest.approx(10)


def test_small_scar_goes_once_the_merged_prediction_is_whole(stack, new_prediction):
    whole, part = new_prediction(stack), new_prediction(stack, [2], seed=5)
    part = replace(part, smallest_scar_voxels=10**9)
    merged = merge_predictions(whole, part)
    assert merged.whole
    assert (part.labels == 3).any()
    assert not (merged.labels == 3).any()
    raw = merge_predictions(whole, replace(part, postprocessed=False))
    assert np.array_equal(raw.labels[2], part.labels[2])
