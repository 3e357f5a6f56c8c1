"""Small hearts, projects of them, and predictions that no network had to make."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from scarnet.models import ModelCard
from scarnet.network.config import ScarNetConfig
from scarnet.predict import OUTSIDE_LOGITS, Prediction
from scarnet.project import Project, import_stack
from scarnet.project.layout import PREDICTION
from scarnet.project.predictions import PredictionInfo, write_prediction
from scarnet.stack import LGEStack, StudySource

SPACING = (10.0, 2.4, 2.0)  # mm, (z, y, x)
SHAPE = (3, 30, 40)
CONFIG = ScarNetConfig(encoder="none", unet_width=8, grid=32, spacing_mm=3.0, localiser_width=8, localiser_grid=32)


def draw_labels(scar: bool = True) -> np.ndarray:
    """Give labels (Z, Y, X): a ring of muscle around blood, with or without scar in it."""
    z, y, x = np.indices(SHAPE)
    dy, dx = (y - 13) * SPACING[1], (x - 23) * SPACING[2]
    radius, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    labels = np.zeros(SHAPE, np.uint8)
    labels[radius < 24 - 2 * z] = 1
    labels[radius < 14 - z] = 2
    if scar:
        labels[(labels == 1) & (np.abs(angle) < 0.9)] = 3
    return labels


def draw_stack(seed: int) -> LGEStack:
    """Give an oblique study with a gap before its last slice."""
    rng = np.random.default_rng(seed)
    pixels = np.array([200.0, 60.0, 420.0, 700.0])[draw_labels()] + rng.normal(0, 25, SHAPE)
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(SPACING[::-1])
    affine[:3, 3] = (-31.5, 12.25, 7.0)
    source = StudySource(format="dicom", notes=("A slice is missing between slices 2 and 3.",))
    return LGEStack(pixels, SPACING, affine, "whoever", "psir", (0.0, 10.0, 30.0), source)


def predict(project: Project, case: str, labels: np.ndarray, unsure: float = 0.3, model: str = "made-up") -> None:
    """Give a case a prediction of these labels."""
    logits = np.full((4, *SHAPE), -2.0, np.float32)
    np.put_along_axis(logits, labels[None].astype(np.int64), 3.0, axis=0)
    logits[:, :, :2] = np.array(OUTSIDE_LOGITS)[:, None, None, None]
    stable = np.exp(logits - logits.max(axis=0))
    prediction = Prediction(
        logits=logits,
        probabilities=stable / stable.sum(axis=0),
        labels=labels,
        slices=(0, 1, 2),
        window=(2, SHAPE[1], 0, SHAPE[2]),
        card=ModelCard(model, "", CONFIG),
        model_sha256=model * 3,
        case=case,
        device="cpu",
        seconds=0.1,
    )
    info = PredictionInfo(model, model * 3, "2026-01-01T00:00:00Z", 12.5, unsure, unsure)
    write_prediction(project.case_folder(case) / PREDICTION, prediction, project.stack(case), info)


@pytest.fixture(name="draw_stack")
def draw_stack_fixture() -> Callable[[int], LGEStack]:
    """Draw a small study."""
    return draw_stack


@pytest.fixture
def labels() -> np.ndarray:
    """The labels of every small study."""
    return draw_labels()


@pytest.fixture(name="predict")
def predict_fixture() -> Callable[..., None]:
    """Give a case a prediction."""
    return predict


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of three cases, open for writing."""
    with Project.create(tmp_path / "project", annotator="ann") as opened:
        for seed in range(3):
            import_stack(opened, draw_stack(seed))
        yield opened


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights, saved as a model file."""
    import torch

    from scarnet.models import save_model
    from scarnet.network.scarnet import ScarNet

    torch.manual_seed(0)
    return save_model(
        tmp_path_factory.mktemp("model") / "tiny.safetensors", ScarNet(CONFIG), ModelCard("tiny", "", CONFIG)
    )


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system of our own: `mounted(options)` gives its folder; again with other options remounts it."""
    folder = tmp_path / "mount"
    folder.mkdir()

    def mount(options: str) -> Path:
        remount = "remount," if os.path.ismount(folder) else ""
        command = ["mount", "-t", "tmpfs", "-o", remount + options, "tmpfs", str(folder)]
        if os.name != "posix" or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("needs the right to mount a file system, as root has")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
