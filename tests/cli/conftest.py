"""A tiny model, small studies, and ways to run the command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

# Oblique, without shear: the third column is 9.9 mm along the normal of the others.
AFFINE = np.array(
    [[-1.92, 0.28, 2.452993, 90.0], [0, -1.9, 4.61089, 80.0], [0.56, 0.96, 8.410263, -20.0], [0, 0, 0, 1]]
)
SHAPE = (3, 64, 72)  # (Z, Y, X)


@dataclass
class Result:
    """What a command line gave."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def scarnet(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process."""
    from scarnet_cli.main import main

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return Result(status, *capfd.readouterr())

    return run


def process(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """Start a command line in a process of its own."""
    command = [sys.executable, "-m", "scarnet_cli", *(str(argument) for argument in arguments)]
    pipes: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    if os.name == "posix":
        # Tests that run in the background were started deaf to Ctrl-C, which would be inherited.
        pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, **{**pipes, "env": {**os.environ, "OMP_NUM_THREADS": "1"}, **options})


@pytest.fixture
def scarnet_process() -> Callable[..., subprocess.Popen[str]]:
    """Start a command line in a process of its own."""
    return process


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights, saved as a model file."""
    import torch

    from scarnet.models import ModelCard, save_model
    from scarnet.network.config import ScarNetConfig
    from scarnet.network.scarnet import ScarNet

    torch.manual_seed(0)
    config = ScarNetConfig(unet_width=8, grid=64, spacing_mm=2.0)
    card = ModelCard(
        name="tiny",
        description="Random weights.",
        config=config,
        licence="CC0-1.0",
        data=("nothing at all",),
        validation={"summary": {"dice": {"scar": {"mean": 0.1234, "n": 5}}}, "patients": {"a": {}, "b": {}}},
        limitations=("Knows nothing.",),
    )
    return save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", ScarNet(config), card)


def write_nifti(path: Path, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> Path:
    """Write a small NIfTI study with an oblique affine."""
    pixels = np.random.default_rng(seed).integers(0, 900, shape).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(pixels.transpose(2, 1, 0), AFFINE), path)
    return path


@pytest.fixture
def nifti_study() -> Callable[..., Path]:
    """Write a small NIfTI study."""
    return write_nifti


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """One small NIfTI study."""
    return write_nifti(tmp_path / "input" / "anna_0000.nii.gz")


def contents(folder: Path) -> set[str]:
    """Everything in a folder, hidden files too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def everything_in() -> Callable[[Path], set[str]]:
    """List everything in a folder, hidden files too."""
    return contents


@pytest.fixture(autouse=True)
def own_registry(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a registry of its own."""
    folder = tmp_path_factory.mktemp("registry")
    monkeypatch.setenv("SCARNET_MODELS", str(folder))
    return folder


@pytest.fixture
def mounted(tmp_path):
    """Mount a file system of our own: `mounted(options)` gives its folder."""
    folder = tmp_path / "mount"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.name != "posix" or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("needs the right to mount a file system, as root has")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def segment(scarnet, tiny_model, tmp_path):
    """Segment with the tiny model into tmp_path/out."""

    def run(*arguments):
        return scarnet("segment", *arguments, "-o", tmp_path / "out", "--model", tiny_model, "--device", "cpu")

    return run
