"""Small hearts to train on, a recipe that takes a second, and trainings in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

SPACING = (10.0, 2.4, 2.0)  # mm, (z, y, x)
SHAPE = (3, 30, 40)


def draw_heart(seed: int, scar: bool) -> tuple[np.ndarray, np.ndarray]:
    """Give pixels and labels (Z, Y, X): a ring of muscle around blood, off the centre, with or without scar in it."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices(SHAPE)
    dy, dx = (y - 13 - rng.uniform(-1, 1)) * SPACING[1], (x - 23 - rng.uniform(-1, 1)) * SPACING[2]
    radius, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    labels = np.zeros(SHAPE, np.uint8)
    labels[radius < 24 - 2 * z] = 1
    labels[radius < 14 - z] = 2
    if scar:
        labels[(labels == 1) & (np.abs(angle) < 0.9)] = 3
    pixels = np.array([200.0, 60.0, 420.0, 700.0])[labels] + rng.normal(0, 25, SHAPE)
    return pixels.astype(np.float32), labels


def write_cohort(folder: Path, scars: dict[str, bool]) -> Path:
    """Write small hearts in nnU-Net's layout: the cases by name, with scar or without."""
    affine = np.diag([SPACING[2], SPACING[1], SPACING[0], 1.0])
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for name, scar in scars.items():
        pixels, labels = draw_heart(zlib.crc32(name.encode()), scar)
        nib.save(nib.Nifti1Image(pixels.T, affine), folder / "imagesTr" / f"{name}_0000.nii.gz")
        nib.save(nib.Nifti1Image(labels.T, affine), folder / "labelsTr" / f"{name}.nii.gz")
    names = {"background": 0, "myocardium": 1, "blood pool": 2, "scar": 3}
    description = {"channel_names": {"0": "LGE"}, "labels": names, "numTraining": len(scars), "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


@pytest.fixture(scope="session")
def hearts() -> Callable[[int, bool], tuple[np.ndarray, np.ndarray]]:
    """Draw a small heart: `hearts(seed, scar)` gives pixels and labels."""
    return draw_heart


@pytest.fixture(scope="session")
def cohort_writer() -> Callable[[Path, dict[str, bool]], Path]:
    """Write small hearts as a dataset."""
    return write_cohort


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of five small hearts, four with scar; treat it as read-only."""
    folder = tmp_path_factory.mktemp("hearts") / "data"
    return write_cohort(folder, {"ann": True, "bob": True, "cleo": False, "dan": True, "eve": True})


@pytest.fixture(scope="session")
def sections(cohort_folder: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Give a tiny recipe's sections; each argument changes entries of one."""

    def make(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
        recipe: dict[str, dict[str, Any]] = {
            "data": {"datasets": [str(cohort_folder)], "validation_fraction": 0.4},
            "network": {
                "encoder": "none",
                "unet_width": 8,
                "grid": 32,
                "spacing_mm": 3.0,
                "localiser_width": 8,
                "localiser_grid": 32,
                "localiser_spacing_mm": 4.0,
            },
            "training": {
                "epochs": 2,
                "batch_size": 4,
                "localiser_epochs": 1,
                "views": 0,
                "validate_every": 1,
                "precision": "no",
                "threads": 1,
            },
            "model": {"name": "tiny", "licence": "none"},
        }
        for section, entries in changes.items():
            recipe[section] = recipe.get(section, {}) | entries
        return recipe

    return make


@pytest.fixture(scope="session")
def tiny_recipe(sections: Callable[..., dict[str, dict[str, Any]]]) -> Callable[..., Any]:
    """Give a tiny recipe; each argument changes entries of a section."""
    from scarnet_training.recipe import read_recipe

    return lambda **changes: read_recipe(sections(**changes))


def read_events(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """Read a run's events, or those of some kinds."""
    lines = (folder / "events.jsonl").read_text().splitlines()
    # What JSON does not have, as NaN, another reader would stumble over.
    events = [json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")) for line in lines]
    return [event for event in events if not kinds or event["event"] in kinds]


@pytest.fixture(scope="session")
def events_of() -> Callable[..., list[dict[str, Any]]]:
    """Read a run's events, or those of some kinds."""
    return read_events


# Importing torch takes longer than a tiny training, so it is done once, and each training is a fork of that process.
# It computes nothing itself: a fork would wait for ever for threads that were not forked with it.
NURSERY = """
import json, os, sys, traceback
os.environ["OMP_NUM_THREADS"] = "1"
import torch, nibabel, psutil, accelerate
import torch.distributed, scarnet_training.trainer, scarnet.phantom

for line in sys.stdin:
    task = json.loads(line)
    children = []
    for variables in task["environments"]:
        child = os.fork()
        if not child:
            os.environ.update(variables)
            log = open(task["log"], "a")
            os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
            status = 0
            try:
                exec(task["code"], {"arguments": task["arguments"]})
            except BaseException:
                traceback.print_exc()
                status = 1
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
        children.append(child)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)
"""


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[int]]]:
    """Run code in processes of their own, `in_process(code, arguments, environments)`; give their exit statuses."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork, which this system does not have")
    log = tmp_path_factory.mktemp("processes") / "log"
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert nursery.stdin is not None
    assert nursery.stdout is not None

    def run(code: str, arguments: dict[str, Any], environments: list[dict[str, str]] | None = None) -> list[int]:
        task = {"code": code, "arguments": arguments, "environments": environments or [{}], "log": str(log)}
        print(json.dumps(task), file=nursery.stdin, flush=True)
        statuses: list[int] = json.loads(nursery.stdout.readline())
        if any(status > 0 for status in statuses):
            print(log.read_text())
        return statuses

    yield run
    nursery.stdin.close()
    nursery.wait(timeout=30)
