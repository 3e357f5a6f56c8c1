"""Jobs in a real Slurm: one node on loopback, started and torn down by scripts/slurm-one-node.sh; run by .ci/slurm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import torch

from scarnet.errors import ScarNetError
from scarnet.models import ModelCard, load_model, save_model
from scarnet.network.scarnet import ScarNet
from scarnet.phantom import PhantomSettings, write_phantom_cohort
from scarnet_cli.main import main
from scarnet_training.jobs import list_jobs, submit
from scarnet_training.recipe import Recipe, load_recipe
from scarnet_training.trainer import train

BASE = """
[network]
unet_width = 8
grid = 48
spacing_mm = 3.0
localiser_width = 8
localiser_grid = 48
localiser_spacing_mm = 8.0
[model]
name = "base"
"""
# A third of the steps, and two, end within an epoch: what is cut has then told more than its checkpoint holds.
EPOCHS, STEPS = 5, 15
# As `scarnet finetune` has it, of that model.
RECIPE = f"""
[data]
datasets = ["cohort"]
validation_fraction = 0.4
[start]
model = "base.safetensors"
parts = "decoder"
[training]
threads = 1
epochs = {EPOCHS}
least_steps = {STEPS // EPOCHS}
batch_size = 6
localiser_epochs = 1
refresh_epochs = 5
views = 2
validate_every = {EPOCHS}
[model]
name = "tiny"
"""
HELD = "held_training:train"


def why_not() -> str:
    """Why Slurm cannot be tried here; empty where it can."""
    if not os.environ.get("SCARNET_TEST_SLURM"):
        return "takes four minutes; .ci/slurm runs it (SCARNET_TEST_SLURM=1)"
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


@pytest.fixture
def wait_until(wait_until: Callable[..., None]) -> Callable[..., None]:
    """Wait for something to become true, on a busy machine too."""
    return lambda what, seconds=300.0: wait_until(what, seconds)


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def epochs(events: list[dict], kind: str = "epoch") -> list[int]:
    return [event["epoch"] for event in events if event["event"] == kind]


@pytest.fixture
def finetuning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A tiny model's fine-tuning, with paths that start at the test's folder."""
    small = PhantomSettings(slices=4, matrix=(96, 96), spacing_mm=(2.4, 2.4))
    write_phantom_cohort(tmp_path / "cohort", 4, 3, settings=small)
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    config = load_recipe(tmp_path / "base.toml").network
    torch.manual_seed(0)
    save_model(tmp_path / "base.safetensors", ScarNet(config).eval(), ModelCard("base", "", config))
    monkeypatch.chdir(tmp_path)
    return load_recipe("tiny.toml")


def test_a_fine_tuning_preempted_and_cut_by_its_time_limit_ends_as_if_it_had_not_been(
    cluster, finetuning, wait_until, events_of
):
    job = submit(finetuning, "runs/cut", where="slurm", gpus=0, minutes=2, partition="main", train=HELD)
    wait_until(lambda: job.state() == "running")
    wait_until(lambda: epochs(events_of(job.folder), "step")[-1:] == [1])
    # A job of a partition with precedence takes the node: Slurm itself pre-empts ours.
    slurm("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    wait_until(lambda: job.status().sentence.startswith("It waits in Slurm: "))
    wait_until(lambda: job.status().starts == 2)
    assert "The time limit is near" not in (job.folder / "log.txt").read_text()
    # Slurm looks at its clock every half a minute, so that of two minutes the warning comes after 60 to 90 s.
    whole = train(finetuning, "runs/whole")
    wait_until(lambda: job.state() not in ("queued", "running"), 480)
    status = job.status()
    assert (status.state, status.sentence) == ("done", "")
    assert status.starts >= 3
    assert "The time limit is near" in (job.folder / "log.txt").read_text()
    events = events_of(job.folder)
    # A start that came to no epoch is not told.
    resumed = [event["resumed"] for event in events if event["event"] == "start"]
    assert resumed == [False] + [True] * (len(resumed) - 1)
    assert len(resumed) >= 2
    # Every step is told once, and the model is that of the run that was never cut.
    told = [(event["epoch"], event["step"]) for event in events if event["event"] == "step"]
    assert told == list(product(range(EPOCHS), range(STEPS // EPOCHS)))
    assert epochs(events) == list(range(EPOCHS))
    assert events[-1]["event"] == "end"
    card = load_model(job.folder / "model.safetensors").card
    assert card.name == "tiny"
    assert card.data[-1].startswith("Fine-tuned from base: ")
    cut, never_cut = (
        torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["averaged"]
        for folder in (job.folder, whole.parent)
    )
    for name, tensor in never_cut.items():
        torch.testing.assert_close(cut[name], tensor, atol=1e-6, rtol=1e-5, msg=name)


def test_jobs_that_wait_and_jobs_that_run_are_cancelled(cluster, tmp_path, monkeypatch, wait_until, events_of, capsys):
    monkeypatch.setenv("STEPS", "10000")
    asked = {"cpus": 1, "memory_gb": 1}
    first = submit(Recipe(), tmp_path / "first", where="slurm", **asked, train="slow_training:train")
    wait_until(lambda: events_of(first.folder))
    told = slurm("scontrol", "show", "job", first.status().place["job_id"])
    assert "CPUs/Task=1 " in told
    assert "MinMemoryNode=1G " in told
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
