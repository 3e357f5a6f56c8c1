"""What to look at next, how sure the network is, two annotators, and the models of a project."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scarnet.errors import Cancelled, ScarNetError
from scarnet.project import (
    CaseRow,
    Project,
    add_model,
    cases_to_predict,
    compare_annotators,
    disagreement_regions,
    discard,
    merge_regions,
    model_card,
    model_path,
    next_case,
    order_cases,
    predict_cases,
    promote,
    roll_back,
)
from scarnet.project.review_log import now
from scarnet.project.state import ModelRecord
from scarnet.project.uncertainty import disagreement


def test_the_queue_holds_what_waits_in_the_order_asked_for():
    unsure = {"a": 0.2, "b": 0.9, "c": None, "d": 0.5, "e": 0.7}
    rows = [CaseRow(case, case, "predicted", uncertainty=value) for case, value in unsure.items()]
    rows[4] = CaseRow("e", "e", "accepted", uncertainty=0.7)
    assert order_cases(rows) == ["a", "b", "c", "d"]
    assert order_cases(rows, "most uncertain first") == ["b", "d", "a", "c"]
    drawn = order_cases(rows, "random", seed=3)
    assert sorted(drawn) == ["a", "b", "c", "d"]
    assert order_cases(rows[1:], "random", seed=3) == [case for case in drawn if case != "a"]
    assert len({tuple(order_cases(rows, "random", seed)) for seed in range(20)}) > 5
    assert next_case(rows, "most uncertain first", after="e") == "d", "an accepted case has its place still"
    assert next_case(rows, after="d") == "a"
    assert next_case(rows[:1], after="a") is None
    with pytest.raises(ScarNetError, match="in order"):
        order_cases(rows, "alphabetical")


def test_the_most_uncertain_case_that_was_not_looked_at_yet_is_next():
    unsure = {"a": 0.28, "b": 0.24, "c": 0.43, "d": 0.18, "e": 0.5}
    rows = [CaseRow(case, case, "predicted", uncertainty=value) for case, value in unsure.items()]
    rows[4] = CaseRow("e", "e", "accepted", uncertainty=0.5)
    most = "most uncertain first"
    assert next_case(rows, most, after="a", seen={"a"}) == "c", "c was predicted while a was being looked at"
    assert next_case(rows, most, after="c", seen={"a", "c"}) == "b"
    assert next_case(rows, most, after="d", seen={"a", "b", "c", "d"}) == "c", "round again once all were looked at"
    assert next_case(rows, most, after="c", seen={"a", "b", "c", "d"}) == "a"
    assert next_case(rows, "in order", after="c", seen={"a", "c"}) == "d", "only this order asks what was looked at"


def test_uncertainties_of_all_cases_are_the_same_measure(project, predict, labels):
    import json

    for case, unsure in (("case-001", 0.28), ("case-002", 0.24), ("case-003", 0.2)):
        predict(project, case, labels, unsure)
    # The most uncertain one, segmented without asking again: its entropy is lower than the others' mean.
    for case, entropy, rest in (("case-001", 0.08, None), ("case-002", 0.07, 0.4), ("case-003", 0.06, 0.4)):
        path = project.case_folder(case) / "prediction" / "prediction.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "entropy": entropy, "disagreement": rest}))
    assert order_cases(project.rows(), "most uncertain first") == ["case-001", "case-002", "case-003"]
    assert [row.uncertainty for row in project.rows()] == [0.08, 0.07, 0.06]
    predict(project, "case-001", labels, 0.1)
    assert [row.uncertainty for row in project.rows()] == pytest.approx([0.1, 0.235, 0.23])


def test_disagreement_is_the_share_of_the_wall_that_differs(labels):
    wall = (labels == 1) | (labels == 3)
    other = labels.copy()
    other[wall & (np.arange(labels.shape[2]) > 25)] = 1
    differs = ((labels == 3) & (other == 1)).sum()
    assert disagreement([labels, other, labels]) == pytest.approx(differs / wall.sum())
    assert disagreement([labels, labels]) == 0
    assert disagreement([labels * 0, labels * 0]) == 1, "without a wall there is nothing to be sure of"


def test_two_annotators_are_compared_and_merged(project, labels):
    second = labels.copy()
    second[0, 13, 30:32] = 3
    second[1][labels[1] == 3] = 1
    for case in ("case-001", "case-002"):
        project.save_labels(case, labels, "ann")
        project.save_labels(case, second, "bob")
    project.save_labels("case-003", labels, "ann")
    found = compare_annotators(project, "ann", "bob")
    assert (len(found.cases), found.left_out) == (2, ("case-003",))
    assert found.cases[0].classes["scar"].dice == pytest.approx(
        2 * ((labels == 3) & (second == 3)).sum() / ((labels == 3).sum() + (second == 3).sum())
    )
    assert found.summary["scar_percent"]["bias"] < 0
    regions = disagreement_regions(labels, second)
    assert np.array_equal(regions.index > 0, labels != second)
    top = max(regions.regions, key=lambda region: region.voxels)
    assert (top.slice, top.first, top.second) == (1, "scar", "myocardium")
    merged = merge_regions(labels, second, regions, [top.number])
    assert np.array_equal(merged[1], second[1])
    assert np.array_equal(merged[0], labels[0])
    assert np.array_equal(merge_regions(labels, second, regions, [r.number for r in regions.regions]), second)
    with pytest.raises(ScarNetError, match="no region 99"):
        merge_regions(labels, second, regions, [99])
    with pytest.raises(ScarNetError, match="no case"):
        compare_annotators(project, "ann", "eve")


def test_models_are_promoted_rolled_back_and_discarded(project, tiny_model, predict, labels):
    first = add_model(project, tiny_model)
    assert project.state.current_model == first
    assert add_model(project, tiny_model) == first, "the same model does not come twice"
    # Two fine-tuned ones, as scarnet_training.project takes them in.
    for name in ("b", "c"):
        project.change_state(models=(*project.state.models, ModelRecord(name, name, now(), base="tiny")))
        for suffix in ("safetensors", "json"):
            (project.folder / "models" / f"{name}.{suffix}").write_bytes(
                (project.folder / "models" / f"tiny.{suffix}").read_bytes()
            )
    assert project.state.state_of("b") == "candidate"
    promote(project, "b")
    promote(project, "c")
    assert [project.state.state_of(name) for name in ("tiny", "b", "c")] == ["earlier", "earlier", "current"]
    with pytest.raises(ScarNetError, match="already"):
        promote(project, "c")
    assert roll_back(project).name == "b"
    assert roll_back(project).name == "tiny"
    with pytest.raises(ScarNetError, match="nothing to roll back"):
        roll_back(project)
    assert roll_back(project, "c").name == "c"
    with pytest.raises(ScarNetError, match="so it is kept"):
        discard(project, "c")
    predict(project, "case-002", labels, model="b")
    project.change_state(models=tuple(replace(model, sha256=model.name * 3) for model in project.state.models))
    with pytest.raises(ScarNetError, match="in use: case-002"):
        discard(project, "b")
    project.change_state(models=(*project.state.models, ModelRecord("d", "d", now(), base="tiny")))
    (project.folder / "models" / "d.json").write_text((project.folder / "models" / "tiny.json").read_text())
    discard(project, "d")
    assert project.state.state_of("d") == "discarded"
    assert model_card(project, "d").name == "tiny"
    with pytest.raises(ScarNetError, match="discarded"):
        promote(project, "d")
    (project.folder / "models" / "b.safetensors").unlink()
    with pytest.raises(ScarNetError, match="taken out"):
        model_path(project, "b")
    # An earlier one that no case's prediction is by may go, and is not returned to any more.
    predict(project, "case-002", labels, model="c")
    discard(project, "b")
    assert project.state.state_of("b") == "discarded"
    assert roll_back(project).name == "tiny"
    with pytest.raises(ScarNetError, match="these were: c"):
        roll_back(project, "b")
    actions = [entry.action for entry in project.log() if entry.model]
    assert actions == ["add model", *["promote"] * 3, *["roll back"] * 3, "discard", "discard", "roll back"]


def test_predicting_never_touches_what_a_person_made(project, tiny_model, labels, predict):
    with pytest.raises(ScarNetError, match="no model"):
        predict_cases(project)
    add_model(project, tiny_model)
    project.save_labels("case-001", labels)
    predict(project, "case-002", labels)
    predict(project, "case-003", labels)
    project.accept("case-003")
    assert cases_to_predict(project) == ["case-002"], "nobody edited it, and another model predicted it"
    told = []

    def cancel(done, total, what):
        told.append((done, total, what))
        if done and what.startswith("Predicting"):
            raise Cancelled

    with pytest.raises(Cancelled):
        predict_cases(project, device="cpu", progress=cancel)
    assert told[-1][2] == "Predicting case-002"
    assert project.row("case-002").model == "made-up", "half a prediction is none"
    (project.case_folder("case-001") / "image.nii.gz").write_bytes(b"torn")
    project.close()
    with Project.open(project.folder) as again:
        report = predict_cases(again, ["case-001", "case-002", "case-003"], device="cpu")
        assert (report.done, list(report.failed)) == (["case-002", "case-003"], ["case-001"])
        row = again.row("case-002")
        assert (row.status, row.model) == ("predicted", "tiny")
        assert row.uncertainty == pytest.approx((row.entropy + row.disagreement) / 2)
        assert again.row("case-003").status == "accepted"
        assert np.array_equal(again.labels("case-003"), labels)
        assert cases_to_predict(again) == []
