"""Is the new model better? On patients that neither has seen, and told plainly where it is worse."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from scarnet.errors import ScarNetError
from scarnet.evaluate import evaluate_case
from scarnet.models import load_model
from scarnet.predict import Predictor
from scarnet.project import predict_cases, promote
from scarnet.project.predicting import keep_prediction
from scarnet_training.project import (
    collect_model,
    compare_models,
    comparing,
    find_finetune,
    plan_finetune,
    prepare_finetune,
)
from scarnet_training.project.comparing import ComparedCase, judge
from scarnet_training.project.simulated import SimulatedAnnotator, voxels_to_change


@pytest.fixture
def finished(project, model_writer):
    """A fine-tuning that has its model."""
    plan = plan_finetune(project, validation_fraction=0.4)
    job, _ = prepare_finetune(project, plan)
    with pytest.raises(ScarNetError):
        collect_model(project, plan.name)
    job.run.mkdir()
    shutil.copyfile(model_writer("new", 1), job.run / "model.safetensors")
    return plan


def test_a_finished_model_is_compared_on_the_held_out_patients_and_promoted(project, finished):
    predict_cases(project, finished.validation[:1], device="cpu", with_disagreement=False)
    found = compare_models(project, finished.name, device="cpu")
    assert found.notes[0].startswith(f"The accepted labels of 1 of {len(finished.validation)} cases began as")
    assert (found.left_out, found.comparable) == ((), True)
    record = project.state.model(finished.name)
    assert (record.base, project.state.state_of(record.name)) == ("start", "candidate")
    assert record.trained_on == finished.patients_of(finished.training)
    assert record.held_out == finished.patients_of(finished.validation)
    assert [case.case for case in found.cases] == list(finished.validation)
    assert (found.old, found.new) == ("start", finished.name)
    assert found.summary["myocardium"]["n"] == len(record.held_out), "patients are counted, not their cases"
    old, new = found.labels[finished.validation[0]]
    reference = project.labels(finished.validation[0])
    assert found.cases[0].new.classes["myocardium"].dice == pytest.approx(
        evaluate_case(reference, new, (10, 2.4, 2), distances=False).classes["myocardium"].dice
    )
    assert not np.array_equal(old, new)
    with pytest.raises(ScarNetError, match="itself"):
        compare_models(project, record.name, against=record.name)
    with pytest.raises(ScarNetError, match="no fine-tuning"):
        compare_models(project, "finetune-9")
    promote(project, record.name)
    assert compare_models(project, record.name, device="cpu").old == "start", "its base, once it is the project's own"
    for case in finished.validation:
        project.reopen(case)
    with pytest.raises(ScarNetError, match="No accepted patient"):
        compare_models(project, record.name)
    assert find_finetune(project, record.name).plan == finished


def test_worse_is_told_in_words(hearts):
    _, truth = hearts(0, True)
    _, healthy = hearts(1, False)
    missed = np.where(truth == 3, 1, truth).astype(np.uint8)
    alarm = healthy.copy()
    alarm[1][healthy[1] == 1] = 3

    def compared(case, reference, old, new, drawn_by=None):
        pair = [evaluate_case(reference, labels, (10, 2.4, 2), case, distances=False) for labels in (old, new)]
        return ComparedCase(case, case, *pair, drawn_by)

    cases = [
        compared("a", truth, truth, missed),
        compared("b", healthy, healthy, alarm),
        compared("c", truth, truth, truth),
    ]
    summary, warnings = judge(cases)
    assert summary["scar"] == {"old": 1.0, "new": 0.5, "difference": -0.5, "ci": None, "n": 2}
    told = " ".join(warnings)
    assert "Dice of scar is 0.500 lower" in told
    assert "a: the Dice of scar falls from 1.00 to 0.00." in told
    assert "a: its scar is missed" in told
    assert "b: scar is claimed where there is none" in told
    assert "scar percentage" in told
    assert judge([compared("a", truth, missed, truth), cases[2]])[1] == ()
    # Accepted as the old model drew it: worse by construction, which says nothing.
    summary, warnings = judge([compared("a", truth, truth, missed, "old"), cases[2]])
    assert (summary["scar"]["n"], summary["scar"]["difference"], warnings) == (1, 0.0, ())


@pytest.mark.parametrize("another_device", [False, True])
def test_cases_accepted_as_a_model_drew_them_are_left_out(project, finished, monkeypatch, another_device):
    def accept_as_predicted(case):
        project.reopen(case)
        predict_cases(project, [case], device="cpu", with_disagreement=False)
        project.save_labels(case, project.predicted_labels(case))
        project.accept(case)

    def predict(project, name, labels, *rest, real=comparing._predict):
        real(project, name, labels, *rest)
        for found in labels.values():
            found[-1][0, 0, 0] = 3  # where a voxel is rounded otherwise

    if another_device:
        monkeypatch.setattr(comparing, "_predict", predict)
    first, *others = finished.validation
    accept_as_predicted(first)
    found = compare_models(project, finished.name, device="cpu")
    assert [case.case for case in found.cases if case.drawn_by] == [first]
    assert found.left_out == (f"1 of {len(others) + 1} held-out cases was accepted as start drew it; it is left out.",)
    patients = {project.row(case).patient for case in others}
    assert (found.comparable, found.summary["myocardium"]["n"]) == (True, len(patients))
    assert not any(text.startswith(f"{first}:") for text in found.warnings)
    assert found.notes == (), "what is left out favours nobody"

    for case in others:
        accept_as_predicted(case)
    found = compare_models(project, finished.name, device="cpu")
    assert (found.comparable, found.warnings, found.summary["scar"]["difference"]) == (False, (), None)
    assert found.left_out[-1] == "So nothing says which of the two models is better."


def test_a_case_that_another_model_of_the_same_name_drew_is_compared(project, finished, model_writer, tmp_path):
    first = finished.validation[0]
    project.reopen(first)
    other = tmp_path / "start.safetensors"  # as the built-in model of another version has its name
    shutil.copyfile(model_writer("start", 7), other)
    drawn = Predictor(load_model(other), "cpu").predict(project.stack(first))
    keep_prediction(project, replace(drawn, labels=project.labels(first)), "start")
    project.save_labels(first, project.predicted_labels(first))
    project.accept(first)
    assert project.row(first).model == "start"
    found = compare_models(project, finished.name, device="cpu")
    assert [case.drawn_by for case in found.cases] == [None] * len(found.cases)
    assert (found.left_out, found.notes) == ((), ())


def test_a_simulated_annotator_accepts_the_reference_and_counts(project):
    reference = {case: project.labels(case) for case in project.cases}
    project.reopen("bob")
    predict_cases(project, ["bob"], device="cpu", with_disagreement=False)
    predicted = project.predicted_labels("bob")
    project.save_labels("bob", predicted)
    changed = SimulatedAnnotator(reference).work_on(project, "bob")
    assert changed == (predicted != reference["bob"]).sum() == voxels_to_change(predicted, reference["bob"])
    assert project.row("bob").status == "accepted"
    assert np.array_equal(project.labels("bob"), reference["bob"])
    assert project.row("bob").disagreement is None
