"""Jobs in a real Slurm: one node on loopback, started and torn down by scripts/slurm-one-node.sh; run by .ci/slurm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.phantom import write_phantom_cohort
from scarnet_cli.main import main
from scarnet_training.jobs import list_jobs, submit
from scarnet_training.recipe import Recipe, load_recipe
from scarnet_training.trainer import train

RECIPE = """
[data]
datasets = ["cohort"]
validation_fraction = 0.4
[network]
unet_width = 8
grid = 48
spacing_mm = 3.0
localiser_width = 8
localiser_grid = 48
localiser_spacing_mm = 8.0
[training]
threads = 1
unet_epochs = 8
epochs = 3
batch_size = 6
localiser_epochs = 1
refresh_epochs = 1
views = 2
validate_every = 3
[model]
name = "tiny"
licence = "none"
"""


def why_not() -> str:
    """Why Slurm cannot be tried here; empty where it can."""
    if not os.environ.get("SCARNET_TEST_SLURM"):
        return "takes two minutes; .ci/slurm runs it (SCARNET_TEST_SLURM=1)"
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = [name for name in ("sbatch", "slurmctld", "slurmd", "munged") if shutil.which(name, path=path) is None]
    if missing:
        return f"needs {', '.join(missing)}: apt-get install -y slurm-wlm munge"
    return "" if os.geteuid() == 0 else "needs root, as Slurm's daemons do"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def cluster(project_root: Path):
    """A Slurm of our own; gives its folder."""
    script = project_root / "scripts" / "slurm-one-node.sh"
    # Not in pytest's folder, whose path is long for a socket.
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        subprocess.run([script, "start", name], check=True, timeout=60)
        os.environ["SLURM_CONF"] = f"{name}/slurm.conf"
        yield Path(name)
        del os.environ["SLURM_CONF"]
        subprocess.run([script, "stop", name], check=True, timeout=60)
        assert not list(Path(name).glob("*.pid"))


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def epochs(events: list[dict], kind: str = "epoch") -> list[int]:
    return [event["epoch"] for event in events if event["event"] == kind]


def test_a_training_preempted_and_requeued_ends_as_if_it_had_not_been(
    cluster, tmp_path, monkeypatch, wait_until, events_of
):
    write_phantom_cohort(tmp_path / "cohort", 4, 3)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "tiny.toml")
    monkeypatch.chdir(tmp_path)
    job = submit(recipe, "runs/cut", where="slurm", gpus=0, minutes=10, partition="main")
    wait_until(lambda: job.state() == "running")
    wait_until(lambda: epochs(events_of(job.folder), "unet_epoch")[-1:] >= [2])
    # A job of a partition with precedence takes the node: Slurm itself pre-empts ours.
    slurm("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    wait_until(lambda: job.state() == "queued")
    assert job.status().sentence.startswith("It waits in Slurm: ")
    wait_until(lambda: job.status().starts == 2)
    wait_until(lambda: epochs(events_of(job.folder)))
    # What Slurm sends before a time limit; the other test waits for one.
    slurm("scancel", "--signal=USR2", job.status().place["job_id"])
    wait_until(lambda: job.state() == "queued")
    wait_until(lambda: job.state() not in ("queued", "running"), 270)
    status = job.status()
    assert (status.state, status.starts) == ("done", 3)
    events = events_of(job.folder)
    assert epochs(events, "unet_epoch") == list(range(8))
    assert epochs(events) == list(range(3))
    train(recipe, tmp_path / "runs" / "whole")
    states = [
        torch.load(tmp_path / "runs" / run / "checkpoints" / "last.pt", weights_only=True) for run in ("cut", "whole")
    ]
    for name, tensor in states[1]["averaged"].items():
        torch.testing.assert_close(states[0]["averaged"][name], tensor, atol=1e-6, rtol=1e-5, msg=name)


def test_slurms_time_limit_is_survived(cluster, tmp_path, monkeypatch, wait_until, events_of):
    monkeypatch.setenv("STEP_SECONDS", "0.5")
    monkeypatch.setenv("STEPS", "100")
    job = submit(Recipe(), tmp_path / "run", where="slurm", minutes=1, train="slow_training:train")
    wait_until(lambda: job.state() not in ("queued", "running"), 270)
    assert job.state() == "done"
    # Slurm looks at its clock every half a minute, so the warning comes 15 to 45 s after a start.
    assert job.status().starts >= 2
    assert epochs(events_of(job.folder)) == list(range(100))
    assert "The time limit is near" in (job.folder / "log.txt").read_text()


def test_jobs_that_wait_and_jobs_that_run_are_cancelled(cluster, tmp_path, monkeypatch, wait_until, events_of, capsys):
    monkeypatch.setenv("STEPS", "10000")
    first = submit(Recipe(), tmp_path / "first", where="slurm", train="slow_training:train")
    wait_until(lambda: events_of(first.folder))
    blocker = slurm("sbatch", "--parsable", "--exclusive", "--output=/dev/null", "--wrap=sleep 60").strip()
    second = submit(Recipe(), tmp_path / "second", where="slurm", train="slow_training:train")
    assert second.state() == "queued"
    assert [job.state() for job in list_jobs(tmp_path)] == ["running", "queued"]
    assert main(["jobs", "list", str(tmp_path)]) == 0
    assert f"Slurm job {second.status().place['job_id']}" in capsys.readouterr().out
    assert second.cancel() == "cancelled"
    assert second.status().place["job_id"] not in slurm("squeue", "--noheader", "--format=%i").split()
    assert first.cancel() == "cancelled"
    slurm("scancel", blocker)
    assert not (first.folder / "model.safetensors").exists()


def test_one_that_is_ended_in_slurm_is_not_said_to_run(cluster, tmp_path, monkeypatch, wait_until, events_of):
    monkeypatch.setenv("STEPS", "10000")
    job = submit(Recipe(), tmp_path / "run", where="slurm", train="slow_training:train")
    wait_until(lambda: events_of(job.folder))
    slurm("scancel", job.status().place["job_id"])
    wait_until(lambda: job.state() == "cancelled")
    assert job.status().sentence == "It was cancelled in Slurm."
    monkeypatch.setenv("STEPS", "0")
    job.resume(where="local")
    wait_until(lambda: job.state() == "done")


def test_what_slurm_refuses_is_told(cluster, tmp_path):
    with pytest.raises(ScarNetError, match="no partition 'nowhere'"):
        submit(Recipe(), tmp_path / "a", where="slurm", partition="nowhere")
    with pytest.raises(ScarNetError, match=r"Slurm did not take the job: .*gres"):
        submit(Recipe(), tmp_path / "b", where="slurm", gpus=4)
    assert [job.state() for job in list_jobs(tmp_path)] == ["failed", "failed"]
