"""A project's case as layers, where something else comes in between."""

import numpy as np
import pytest

from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.predictions import show_prediction
from napari_scarnet.project_case_layers import CaseContents, case_steps, read_case, refresh_steps
from napari_scarnet.studies import add_stack
from scarnet.classes import TissueClass

pytestmark = pytest.mark.usefixtures("data_folder")


def test_a_study_of_ones_own_in_a_case_s_place_stays(desk, folder, new_stack, new_prediction):
    desk.open(folder)
    of_project = desk.show("case-001")
    desk.viewer.layers.remove(image_layer_of(desk.viewer, "case-001"))
    own = new_stack("case-001")
    image = add_stack(desk.viewer, own)
    show_prediction(desk.viewer, image, new_prediction(own))
    labels = current_labels(desk.viewer, layer_meta(image)["case"])
    labels.paint((1, 5, 5), 3)
    study = [image, labels, *find_layers(desk.viewer, "logit"), *find_layers(desk.viewer, "probability")]
    assert len(study) == 10
    desk.show("case-002")
    assert all(layer in desk.viewer.layers for layer in study)
    assert current_labels(desk.viewer, layer_meta(image)["case"]) is labels
    assert of_project not in desk.viewer.layers


def show(steps):
    for _ in steps:
        pass


def renewed(desk, prediction):
    stack = layer_meta(image_layer_of(desk.viewer, "case-001"))["stack"]
    return refresh_steps(desk.viewer, CaseContents(desk.widget.projects.project, "case-001", stack, None, prediction))


def all_is_of(viewer, prediction):
    assert layer_meta(image_layer_of(viewer, "case-001"))["prediction"] is prediction
    assert np.array_equal(current_labels(viewer, "case-001").data, prediction.labels)
    for cls in TissueClass:
        assert np.array_equal(find_layers(viewer, "logit", cls)[0].data, prediction.logits[cls])
        assert np.array_equal(find_layers(viewer, "probability", cls)[0].data, prediction.probabilities[cls])


@pytest.mark.parametrize("done", [1, 4])
def test_maps_of_two_predictions_that_come_at_once_do_not_mix(desk, folder, maps, new_prediction, done):
    desk.open(folder)
    desk.show("case-001")
    stack = layer_meta(image_layer_of(desk.viewer, "case-001"))["stack"]
    older, newer = renewed(desk, new_prediction(stack, seed=1)), new_prediction(stack, seed=2)
    for _ in range(done):
        next(older)
    show(renewed(desk, newer))
    show(older)
    all_is_of(desk.viewer, newer)


@pytest.mark.parametrize("done", [1, 2, 5])
def test_a_prediction_that_comes_while_its_case_is_being_shown_is_the_one_on_show(
    desk, folder, maps, new_prediction, done
):
    desk.open(folder)
    contents = read_case(desk.widget.projects.project, "case-001")
    opening, newer = case_steps(desk.viewer, contents), new_prediction(contents.stack, seed=2)
    for _ in range(done):
        next(opening)
    show(renewed(desk, newer))
    show(opening)
    all_is_of(desk.viewer, newer)
