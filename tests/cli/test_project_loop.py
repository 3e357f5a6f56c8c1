"""The loop from the terminal: import, predict, correct, accept, fine-tune as a real job, compare, promote, predict."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from scarnet.phantom import PhantomSettings
from scarnet.phantom.cohort import write_phantom_cohort


def read_entries(project, **wanted):
    lines = (project / "log.jsonl").read_text().splitlines()
    return [e for e in map(json.loads, lines) if all(e.get(key) == value for key, value in wanted.items())]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four phantoms as an nnU-Net dataset."""
    folder = tmp_path_factory.mktemp("phantoms") / "Dataset042_Phantoms"
    write_phantom_cohort(
        folder,
        4,
        seed=5,
        settings=PhantomSettings(matrix=(64, 64), spacing_mm=(3.0, 3.0), slices=3, pattern="ischaemic"),
    )
    return folder


@pytest.fixture
def small_model(tmp_path):
    """A network so small that a fine-tuning of it takes seconds."""
    import torch

    from scarnet.models import ModelCard, save_model
    from scarnet.network.config import ScarNetConfig
    from scarnet.network.scarnet import ScarNet

    torch.manual_seed(0)
    config = ScarNetConfig(
        encoder="none",
        unet_width=8,
        grid=32,
        spacing_mm=4.0,
        localiser_width=8,
        localiser_grid=32,
        localiser_spacing_mm=8.0,
    )
    return save_model(tmp_path / "small.safetensors", ScarNet(config), ModelCard("small", "", config))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="jobs need Linux or macOS")
def test_the_whole_loop(scarnet, cohort, small_model, nifti_study, tmp_path):
    project = tmp_path / "study"

    def run(action, *arguments, status=0):
        result = scarnet("project", action, project, *arguments)
        assert result.status == status, result.err
        return result

    run("init", "--model", small_model)
    assert "4 cases imported" in run("import", cohort).out
    study = nifti_study(tmp_path / "studies" / "Doe Jane.nii.gz", seed=7)
    imported = run("import", study.parent, "--who", "ann")
    assert imported.out.strip() == f"case-001: {study}"
    cases = sorted(path.name for path in (project / "cases").iterdir())
    predicted = run("predict", "--cases", "case-001", cases[1], "--device", "cpu")
    assert predicted.out.count("uncertainty") == 2
    table = run("status", "--order", "most uncertain first").out
    assert "5 cases: 1 predicted, 4 in progress; next: " in table
    assert "small (current)" in table

    # Corrected with another tool, and taken back in.
    run("export-labels", "-o", tmp_path / "out", "--cases", cases[1])
    import nibabel

    image = nibabel.load(tmp_path / "out" / f"{cases[1]}.nii.gz")
    values = np.asarray(image.dataobj).astype(np.uint8)
    values[:4, :4, 1] = 9
    nibabel.save(nibabel.Nifti1Image(values, image.affine), tmp_path / "out" / f"{cases[1]}.nii.gz")
    names = "background=0,myocardium=1,cavity=2,scar=3,fibrosis=9"
    run("import-labels", tmp_path / "out", "--map", names, "--who", "ann")
    assert read_entries(project, action="import labels", case=cases[1])[-1]["changed"]["scar"]["added"] == 16
    assert "accepted" in run("accept", *cases[1:], "--who", "ann").out
    refused = run("accept", "nobody", status=2)
    assert refused.err.startswith("error: nobody: The project has no case 'nobody'")

    shown = run("finetune", "--plan").out
    assert "train on 3 patients" in shown
    assert "hold out 1 patient:" in shown
    assert not list((project / "jobs").iterdir())
    finished = run("finetune", "--epochs", "1", "--gpus", "0", "--wait")
    assert "Done." in finished.out, finished.out
    compared = json.loads(run("compare", "finetune-001", "--device", "cpu", "--json").out)
    assert (compared["old"], compared["new"], len(compared["cases"])) == ("small", "finetune-001", 1)
    assert "Dice, small → finetune-001" in run("compare", "finetune-001", "--device", "cpu").out
    promoted = run("promote", "finetune-001").out
    assert "1 case that nobody edited" in promoted
    assert run("predict", "--device", "cpu").out.startswith("case-001:")
    told = json.loads(run("status", "--json").out)
    assert [row["model"] for row in told["cases"] if row["case"] == "case-001"] == ["finetune-001"]
    assert told["finetunings"] == [{"name": "finetune-001", "state": "done"}]
    assert "small is the project's model now." in run("rollback").out
    assert run("discard", "finetune-001", status=2).err.count("\n") == 1
    log = run("log").out.splitlines()
    assert len(log) == len(read_entries(project))
    assert any("  ann: accept, " in line for line in log)
    for file in project.rglob("*"):
        assert "Doe" not in file.name
        if file.suffix in (".json", ".jsonl", ".toml", ".txt", ".csv"):
            assert "Doe" not in file.read_text(), file


def test_what_goes_wrong_gets_one_sentence(scarnet, study, small_model, tmp_path):
    project = tmp_path / "p"
    assert scarnet("project", "status", project).err.startswith(f"error: {project} is no project")
    assert scarnet("project", "init", project, "--model", "nothing").status == 2
    assert not project.exists()
    scarnet("project", "init", project, "--model", small_model)
    from scarnet.project import Project

    with Project.open(project):
        busy = scarnet("project", "import", project, study)
        assert busy.status == 2
        assert "open already, by process" in busy.err
        assert scarnet("project", "status", project).status == 0
    assert scarnet("project", "import", project, study, study).status == 2, "the same study twice"
    assert scarnet("project", "finetune", project).err == (
        "error: There are accepted cases of 0 patient(s), but one is to be trained on and another to be held out; "
        "accept cases of 2 patients or more.\n"
    )
    assert "needs an action" in scarnet("project").err
    assert "not known" in scarnet("project", "import-labels", project, study, "--map", "liver=1").err
    strange = scarnet("project", "import-labels", project, study)
    assert strange.status == 2
    assert "no case of the name of any file: anna; rename them" in strange.err
    assert "leave --annotator out" in scarnet("project", "import-labels", project, study, "--annotator", "working").err
    damaged = tmp_path / "damaged.nii.gz"
    damaged.write_bytes(study.read_bytes()[:900])
    assert scarnet("project", "import", project, damaged).err.count(str(damaged)) == 1


def test_two_annotators_are_compared(scarnet, study, small_model, tmp_path):
    from scarnet.project import Project, import_study

    project = tmp_path / "p"
    with Project.create(project) as opened:
        case = import_study(opened, study)
        labels = np.zeros(opened.stack(case).shape, np.uint8)
        labels[:, 20:40, 20:40] = 1
        labels[:, 20:30, 20:30] = 3
        opened.save_labels(case, labels, "ann")
        labels[:, 20:30, 20:25] = 1
        opened.save_labels(case, labels, "bob")
    found = scarnet("project", "annotators", project, "ann", "bob")
    assert found.status == 0, found.err
    assert "DICE WALL" in found.out, "myocardium in every number is the whole wall"
    assert found.out.splitlines()[1].split() == ["case-001", "1.000", "–", "0.667", "25.0", "12.5"]
    assert "bob − ann: bias -12.50" in found.out


def test_after_a_comparison_only_what_can_be_done_is_named(scarnet, small_model, tmp_path):
    from dataclasses import replace

    from scarnet.project import Project, add_model
    from scarnet_cli.project_models import _what_next

    with Project.create(tmp_path / "p") as project:
        record = add_model(project, small_model)
        project.change_state(models=(record, replace(record, name="b", sha256="b", base=record.name)))
        assert _what_next(project, "b", Path("p")) == "Then: scarnet project promote p b, or discard in its place"
        assert _what_next(project, record.name, Path("p")) == f"{record.name} is the project's model already."
        project.change_state(promotions=(record.name, "b", record.name))
        assert _what_next(project, "b", Path("p")) == "Then: scarnet project rollback p --to b, or discard in its place"
