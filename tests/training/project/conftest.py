"""A project of small hearts whose labels are all accepted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scarnet.project import Project, add_model
from scarnet_training.project import import_dataset

SCARS = {"ann": True, "bob": True, "cleo": False, "dan": True, "eve": True, "ann-later": True}


@pytest.fixture(scope="session")
def model_writer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """Write a small network with random weights: `model_writer(name, seed)`."""
    import torch

    from scarnet.models import ModelCard, save_model
    from scarnet.network.config import ScarNetConfig
    from scarnet.network.scarnet import ScarNet

    config = ScarNetConfig(
        encoder="none",
        unet_width=8,
        grid=32,
        spacing_mm=3.0,
        localiser_width=8,
        localiser_grid=32,
        localiser_spacing_mm=4.0,
    )
    folder = tmp_path_factory.mktemp("models")

    def write(name: str, seed: int) -> Path:
        torch.manual_seed(seed)
        return save_model(folder / f"{name}.safetensors", ScarNet(config), ModelCard(name, "", config))

    return write


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, cohort_writer: Callable[..., Path]) -> Path:
    """Six small hearts of five patients; treat it as read-only."""
    folder = cohort_writer(tmp_path_factory.mktemp("hearts") / "data", SCARS)
    (folder / "patients.csv").write_text("case,patient\nann,4711\nann-later,4711\n")
    return folder


@pytest.fixture(scope="session")
def accepted_folder(
    tmp_path_factory: pytest.TempPathFactory, dataset: Path, model_writer: Callable[[str, int], Path]
) -> Path:
    """A closed project of these, all accepted, with a model."""
    folder = tmp_path_factory.mktemp("accepted") / "project"
    with Project.create(folder, annotator="ann") as project:
        report = import_dataset(project, dataset)
        assert not report.failed
        for case in report.labelled:
            project.accept(case)
        add_model(project, model_writer("start", 0))
    return folder


@pytest.fixture
def project(tmp_path: Path, accepted_folder: Path) -> Iterator[Project]:
    """A copy of that project, open for writing."""
    with Project.open(shutil.copytree(accepted_folder, tmp_path / "project"), annotator="ann") as opened:
        assert not opened.notices
        yield opened
