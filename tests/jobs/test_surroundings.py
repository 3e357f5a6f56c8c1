"""Which GPUs a training process sees, and what it is told of the others of its job."""

from __future__ import annotations

import os
import sys
import types

import pytest

from scarnet.errors import ScarNetError
from scarnet_training.jobs import JobOptions, submit
from scarnet_training.jobs.surroundings import remember_gpus, set_up_devices, set_up_ranks
from scarnet_training.recipe import Recipe

VISIBLE = "CUDA_VISIBLE_DEVICES"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """Keep what is set here out of other tests."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.fixture
def eight_gpus(monkeypatch):
    """Stand in for torch on a machine with eight GPUs."""

    def device_count():
        visible = os.environ.get(VISIBLE)
        return 8 if visible is None else len([name for name in visible.split(",") if name])

    monkeypatch.setitem(
        sys.modules, "torch", types.SimpleNamespace(cuda=types.SimpleNamespace(device_count=device_count))
    )


@pytest.mark.parametrize(
    ("users", "gpus", "submitits", "seen"),
    [
        (None, None, "", None),
        ("3", None, "", "3"),
        ("", None, "", ""),
        (None, 0, "", ""),
        (None, 2, "0,1", "0,1"),
        ("4,5,6", 2, "0,1", "4,5"),
    ],
)
def test_a_local_job_sees_the_users_gpus(eight_gpus, users, gpus, submitits, seen):
    os.environ.pop(VISIBLE, None)
    if users is not None:
        os.environ[VISIBLE] = users
    remember_gpus()
    os.environ[VISIBLE] = submitits  # as submitit's local executor does
    set_up_devices(JobOptions(gpus=gpus))
    assert os.environ.get(VISIBLE) == seen
    assert (os.environ.get("ACCELERATE_USE_CPU") == "true") == (gpus == 0)


def test_too_few_gpus_are_told(eight_gpus):
    os.environ[VISIBLE] = "0"
    remember_gpus()
    with pytest.raises(ScarNetError, match="asks for 2 GPUs a node, but this machine offers it 1; ask for 1 or fewer"):
        set_up_devices(JobOptions(gpus=2))


def test_a_local_job_that_cannot_have_its_gpus_is_refused_before_it_starts(eight_gpus, tmp_path):
    os.environ[VISIBLE] = ""
    with pytest.raises(ScarNetError, match="asks for 1 GPU a node, but this machine offers it none; ask for --gpus 0"):
        submit(Recipe(), tmp_path / "run", gpus=1)
    assert not (tmp_path / "run").exists()


def test_slurms_choice_of_gpus_is_left_alone(eight_gpus):
    os.environ[VISIBLE] = "5,7"
    set_up_devices(JobOptions("slurm", gpus=2))
    assert os.environ[VISIBLE] == "5,7"


@pytest.mark.parametrize(("nodes", "tasks", "rank", "address"), [(1, 2, 1, "127.0.0.1"), (2, 4, 3, "gpu08")])
def test_the_processes_of_a_job_find_each_other(nodes, tasks, rank, address):
    slurm = {
        "SUBMITIT_EXECUTOR": "slurm",
        "SLURM_JOB_ID": "12",
        "SLURM_NTASKS": tasks,
        "SLURM_JOB_NUM_NODES": nodes,
        "SLURM_JOB_NODELIST": "gpu[08-09]",
        "SLURM_PROCID": rank,
        "SLURM_LOCALID": rank % 2,
        "MASTER_ADDR": "left over",
        "RANK": "17",
    }
    os.environ.update({name: str(value) for name, value in slurm.items()})
    assert set_up_ranks() == rank
    assert (os.environ["RANK"], os.environ["WORLD_SIZE"]) == (str(rank), str(tasks))
    assert (os.environ["LOCAL_RANK"], os.environ["LOCAL_WORLD_SIZE"]) == (str(rank % 2), "2")
    assert os.environ["MASTER_ADDR"] == address
    assert 20000 <= int(os.environ["MASTER_PORT"]) <= 60000
