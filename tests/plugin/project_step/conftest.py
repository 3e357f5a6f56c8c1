"""Small hearts as files, a tiny model, and a dock with a project open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest

SPACING = (10.0, 2.4, 2.0)  # mm, (z, y, x)
SHAPE = (3, 30, 40)


def draw_labels() -> np.ndarray:
    """Give labels (Z, Y, X): a ring of muscle around blood, with scar in it."""
    z, y, x = np.indices(SHAPE)
    dy, dx = (y - 13) * SPACING[1], (x - 23) * SPACING[2]
    radius, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    labels = np.zeros(SHAPE, np.uint8)
    labels[radius < 24 - 2 * z] = 1
    labels[radius < 14 - z] = 2
    labels[(labels == 1) & (np.abs(angle) < 0.9)] = 3
    return labels


def write_heart(path: Path, seed: int) -> Path:
    """Write a study that no other seed gives."""
    noise = np.random.default_rng(seed).normal(0, 25, SHAPE)
    pixels = np.array([200.0, 60.0, 420.0, 700.0])[draw_labels()] + noise
    affine = np.diag([SPACING[2], SPACING[1], SPACING[0], 1.0])
    nib.save(nib.Nifti1Image(pixels.astype(np.float32).T, affine), path)
    return path


@pytest.fixture
def heart_labels() -> np.ndarray:
    """The true labels of every small heart."""
    return draw_labels()


@pytest.fixture
def heart_writer() -> Callable[[Path, int], Path]:
    """Write a small heart: `heart_writer(path, seed)`."""
    return write_heart


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights, saved as a model file."""
    import torch

    from scarnet.models import ModelCard, save_model
    from scarnet.network.config import ScarNetConfig
    from scarnet.network.scarnet import ScarNet

    torch.manual_seed(0)
    config = ScarNetConfig(
        encoder="none",
        unet_width=8,
        grid=32,
        spacing_mm=3.0,
        localiser_width=8,
        localiser_grid=32,
        localiser_spacing_mm=4.0,
    )
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    return save_model(path, ScarNet(config), ModelCard("tiny", "Random weights.", config))


@pytest.fixture(scope="session")
def predicted_folder(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A closed project of three hearts, predicted by the tiny model; copy it."""
    from scarnet.project import Project, add_model, import_study, predict_cases

    root = tmp_path_factory.mktemp("predicted")
    with Project.create(root / "project", annotator="ann") as project:
        for seed in range(3):
            import_study(project, write_heart(root / f"{seed}.nii.gz", seed))
        add_model(project, tiny_model)
        assert len(predict_cases(project, device="cpu", with_disagreement=False).done) == 3
    return root / "project"


@pytest.fixture
def folder(tmp_path: Path, predicted_folder: Path) -> Path:
    """A project of three predicted hearts of the test's own."""
    return shutil.copytree(predicted_folder, tmp_path / "project")


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user data folder of the test's own."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def maps() -> None:
    """Asked for by tests that look at logits and probabilities, whose layers take napari most of a case's time."""


@pytest.fixture
def desk(
    qtbot: Any, make_napari_viewer: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The Project step in a viewer, and how to wait for it; what it started has ended when the test ends."""
    from napari_scarnet.project_widget import ProjectWidget

    if "maps" not in request.fixturenames:
        monkeypatch.setattr("napari_scarnet.project_case_layers._MAPS", 0)
    viewer = make_napari_viewer()
    widget = ProjectWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Project")
    cases = widget.cases

    def settled() -> bool:
        return not cases.busy and not cases.show_layers.is_running

    def open_project(folder: Path) -> None:
        widget.open_paths([folder])
        qtbot.waitUntil(lambda: widget.projects.snapshot is not None, timeout=20000)

    def open_case(case: str) -> Any:
        cases.show_case(case)
        qtbot.waitUntil(lambda: settled() and widget.projects.case == case and cases._wanted is None, timeout=20000)
        from napari_scarnet.label_layers import current_labels

        return current_labels(viewer, case)

    def all_saved() -> None:
        from napari_scarnet.edit_saving import saving_for

        saving_for(viewer).flush()
        assert saving_for(viewer).wait(10)

    def on_disk(folder: Path, case: str) -> Any:
        from scarnet.project import Project

        with Project.open(folder, read_only=True) as project:
            return project.labels(case)

    def row(case: str) -> Any:
        return next(row for row in widget.projects.snapshot.rows if row.case == case)

    yield SimpleNamespace(
        viewer=viewer,
        widget=widget,
        cases=cases,
        open=open_project,
        show=open_case,
        settled=settled,
        row=row,
        all_saved=all_saved,
        on_disk=on_disk,
    )
    for step in widget.steps:
        if step.job is not None:
            step.job.cancel()
            step.job.wait(20)
    widget.projects.close()
