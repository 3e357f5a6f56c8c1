"""`scarnet measure PROJECT`: a cohort table of what a project holds."""

import csv
import json

import numpy as np
import pytest

from scarnet.phantom import PhantomSettings, make_phantom
from scarnet.project import Project, add_model, import_stack, predict_cases

SMALL = PhantomSettings(slices=3, matrix=(64, 64), spacing_mm=(3.0, 3.0), pattern="ischaemic")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A case labelled by hand, a predicted one, one without labels, and an excluded one."""
    import torch

    from scarnet.models import ModelCard, save_model
    from scarnet.network.config import ScarNetConfig
    from scarnet.network.scarnet import ScarNet

    torch.manual_seed(0)
    config = ScarNetConfig(encoder="none", unet_width=8, grid=32, spacing_mm=4.0)
    folder = tmp_path_factory.mktemp("projects")
    model = save_model(folder / "small.safetensors", ScarNet(config), ModelCard("small", "", config))
    with Project.create(folder / "study") as project:
        add_model(project, model)
        for seed in range(4):
            phantom = make_phantom(seed=seed, settings=SMALL)
            name = import_stack(project, phantom.stack)
            if seed in (0, 3):
                project.save_labels(name, phantom.labels)
        project.exclude("case-004")
        predict_cases(project, ["case-002"], device="cpu", with_disagreement=False)
    return folder / "study"


def test_labelled_cases_of_a_project(scarnet, project, tmp_path, everything_in):
    before = everything_in(project)
    out = tmp_path / "out"
    result = scarnet("measure", project, "-o", out, "--no-report")
    assert result.status == 0, result.err
    with (out / "cohort.csv").open(encoding="utf-8") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["case-001", "case-002"]
    assert "excluded, left out: case-004" in result.err
    assert "without labels, left out: case-003" in result.err
    with Project.open(project, read_only=True) as opened:
        labels, stack = opened.labels("case-001"), opened.stack("case-001")
        scar_ml = np.count_nonzero(labels == 3) * np.prod(stack.spacing_mm) / 1000
        model = opened.prediction("case-002").labels
    assert float(rows["case-001"]["scar_volume_ml"]) == pytest.approx(scar_ml, rel=1e-3)
    assert rows["case-001"]["expected_scar_volume_ml"] == ""
    # The prediction's own labels and its probabilities.
    values = json.loads((out / "case-002/measures.json").read_text(encoding="utf-8"))
    areas = [one["myocardium_area_mm2"] for one in values["slices"]]
    assert sum(areas) == pytest.approx(np.isin(model, (1, 3)).sum() * 9.0, rel=1e-3)
    assert float(rows["case-002"]["expected_scar_volume_ml"]) > 0
    assert everything_in(project) == before


def test_what_a_project_cannot_do(scarnet, project, tmp_path):
    out = tmp_path / "out"
    for arguments, told in (
        ((project, project, "-o", out), "has labels of its own"),
        ((project, "-o", out, "--dicom"), "keeps no DICOM"),
        ((project, "-o", out, "--phase", 1), "is about files"),
        ((project, "-o", project / "measures"), "inside the project"),
    ):
        result = scarnet("measure", *arguments)
        assert (result.status, told in result.err) == (2, True), result.err
    assert not out.exists()
