"""Who is trained on and who is held out: by patient, and the same in all rounds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scarnet.errors import ScarNetError
from scarnet.project import Project, add_model, discard, promote
from scarnet.project.review_log import now
from scarnet.project.state import ModelRecord
from scarnet_training.data import load_dataset
from scarnet_training.jobs import JobOptions
from scarnet_training.project import (
    FinetunePlan,
    finetune_jobs,
    finetuning,
    import_dataset,
    plan_finetune,
    prepare_finetune,
    resume_finetune,
)
from scarnet_training.recipe import write_recipe
from scarnet_training.splits import read_splits


def sides(plan):
    return set(plan.patients_of(plan.training)), set(plan.patients_of(plan.validation))


def test_a_dataset_comes_in_with_names_labels_and_patients_but_without_their_keys(project, dataset):
    assert project.cases == ("ann", "ann-later", "bob", "cleo", "dan", "eve")
    assert project.record("ann-later").patient == "ann"
    assert project.progress()["accepted"] == 6
    assert project.row("cleo").scar_percent == 0
    for file in project.folder.rglob("*.*"):
        assert b"4711" not in file.read_bytes() or file.suffix in (".safetensors", ".gz"), file
    again = import_dataset(project, dataset)
    assert not again.done
    assert "already" in again.failed["ann"]


def test_a_split_parts_no_patient_and_has_scar_on_both_sides(project):
    for seed in range(8):
        plan = plan_finetune(project, validation_fraction=0.4, seed=seed)
        training, validation = sides(plan)
        assert not training & validation
        assert training | validation == {"ann", "bob", "cleo", "dan", "eve"}
        assert len(validation) == 2
        assert validation != {"cleo"}
        assert training - {"cleo"}
        assert (plan.name, plan.base) == ("finetune-001", "start")
        assert FinetunePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    drawn = {plan_finetune(project, seed=seed).validation for seed in range(20)}
    assert len(drawn) > 2
    assert ("cleo",) not in drawn, "one patient held out has scar"
    # Also where few have it, so that their share of the draw is none.
    for case in ("eve", "dan"):
        project.change_record(case, replace(project.record(case), scar_percent=0.0))
    assert {plan_finetune(project, seed=seed).validation for seed in range(8)} <= {("bob",), ("ann", "ann-later")}
    assert "Only 1 held out" in plan_finetune(project).lines()[-1]


def test_who_was_trained_on_is_never_held_out_and_who_was_held_out_always_is(project):
    first = plan_finetune(project, ["ann", "bob", "cleo"], validation_fraction=0.3)
    trained, held = sides(first)
    record = ModelRecord("one", "1", now(), "start", trained_on=tuple(trained), held_out=tuple(held))
    (project.folder / "models" / "one.safetensors").touch()
    project.change_state(models=(*project.state.models, record), promotions=("start", "one"))
    for seed in range(8):
        second = plan_finetune(project, validation_fraction=0.4, seed=seed)
        training, validation = sides(second)
        assert second.base == "one"
        assert trained <= training
        assert held <= validation
        assert len(validation) == 2
    # From the model that has seen nobody, whoever was held out stays so all the same.
    assert held <= sides(plan_finetune(project, base="start", seed=3))[1]
    all_seen = replace(record, trained_on=("ann", "bob", "cleo", "dan", "eve"), held_out=())
    project.change_state(models=project.state.with_model(all_seen).models)
    with pytest.raises(ScarNetError, match="trained on all"):
        plan_finetune(project)


def test_what_cannot_be_planned_is_refused(project, dataset, tmp_path):
    with pytest.raises(ScarNetError, match="2 patients or more"):
        plan_finetune(project, ["ann", "ann-later"])
    with pytest.raises(ScarNetError, match="share to hold out"):
        plan_finetune(project, validation_fraction=0)
    project.reopen("bob")
    with pytest.raises(ScarNetError, match="accept bob first"):
        plan_finetune(project, ["ann", "bob"])
    with Project.create(tmp_path / "other") as other:
        import_dataset(other, dataset)
        with pytest.raises(ScarNetError, match="no model"):
            plan_finetune(other)


def test_a_moved_project_goes_on_with_its_jobs(project, tmp_path, monkeypatch):
    from scarnet_training.jobs.status import Status, write_status

    job, recipe = prepare_finetune(project, plan_finetune(project))
    assert finetune_jobs(project) == [], "what a killed process prepared is no job"
    with pytest.raises(ScarNetError, match="never started"):
        resume_finetune(project, job.name)
    job.run.mkdir()
    write_recipe(recipe, job.run / "recipe.toml")
    options = JobOptions(gpus=0)
    write_status(job.run, Status("cancelled", options, directory=str(project.folder), ended=1.0))
    project.close()
    moved = project.folder.rename(tmp_path / "moved")
    asked = {}
    monkeypatch.setattr(finetuning, "submit_with", lambda *values, **named: asked.update(named, values=values))
    with Project.open(moved) as again:
        assert [found.name for found in finetune_jobs(again)] == [job.name]
        assert resume_finetune(again, job.name).run == moved / "jobs" / job.name / "run"
    assert asked["values"] == (recipe, moved / "jobs" / job.name / "run", options)
    assert (asked["resume"], asked["directory"]) == (True, moved)


def test_a_job_has_its_own_copy_of_cases_and_split_and_paths_that_move(project):
    plan = plan_finetune(project, ["ann", "ann-later", "bob", "cleo"], name="mine")
    job, recipe = prepare_finetune(project, plan, epochs=1)
    assert recipe.data.datasets == ("jobs/mine/dataset",)
    assert (recipe.data.splits, recipe.start.model) == ("jobs/mine/splits.json", "jobs/mine/start.safetensors")
    assert (recipe.model.name, recipe.training.epochs) == ("mine", 1)
    project.reopen("ann")
    cases = load_dataset(job.run.parent / "dataset")
    assert [case.stack.case for case in cases] == ["ann", "ann-later", "bob", "cleo"]
    assert cases[1].patient == "ann"
    assert read_splits(job.run.parent / "splits.json", cases) == [(list(plan.training), list(plan.validation))]
    assert plan_finetune(project, ["bob", "cleo"]).name == "finetune-001"
    with pytest.raises(ScarNetError, match="already"):
        prepare_finetune(project, replace(plan, training=("bob",), validation=("cleo",)))
    with pytest.raises(ScarNetError, match="ann is not accepted any more"):
        prepare_finetune(project, replace(plan, name="other"))
    assert not (project.folder / "jobs" / "other").exists()


def test_a_job_keeps_the_model_it_starts_from_when_the_project_discards_it(project, model_writer):
    job, recipe = prepare_finetune(project, plan_finetune(project), epochs=1)
    weights = (project.folder / "models" / "start.safetensors").read_bytes()
    add_model(project, model_writer("other", 5))
    promote(project, "other")
    discard(project, "start")
    assert (project.folder / recipe.start.model).read_bytes() == weights
    assert job.run.parent in (project.folder / recipe.start.model).parents
