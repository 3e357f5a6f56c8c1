"""The options with which a training becomes a job."""

import os
from pathlib import Path

import pytest

from scarnet.errors import ScarNetError
from scarnet_cli import job_options
from scarnet_cli.arguments import Parser
from scarnet_training.recipe import Recipe


def parse(*arguments):
    parser = Parser(prog="scarnet train")
    job_options.add_job_options(parser)
    return parser.parse_args(arguments)


def test_the_options_reach_the_job(monkeypatch, capsys):
    calls = []

    def submit_nothing(recipe, folder, where, **options):
        calls.append((recipe, folder, where, options))
        return read_nothing(folder)

    def read_nothing(folder):
        from scarnet_training.jobs import Job

        return Job(folder)

    monkeypatch.setattr("scarnet_training.jobs.submit", submit_nothing)
    words = ["--gpus", "2", "--nodes", "3", "--minutes", "90", "--partition", "gpu", "--cpus", "8", "--memory-gb", "32"]
    args = parse("--job", "slurm", *words)
    assert job_options.wants_job(args)
    assert job_options.start_job(args, "the recipe", Path("runs/x"), resume=True) == 0
    options = {"gpus": 2, "nodes": 3, "minutes": 90, "partition": "gpu", "cpus": 8, "memory_gb": 32}
    assert calls == [("the recipe", Path("runs/x"), "slurm", {**options, "resume": True})]
    assert "scarnet jobs watch runs/x" in capsys.readouterr().out
    job_options.start_job(parse("--job", "local"), "r", Path("y"))
    assert calls[1][2:] == ("local", {"resume": False})


def test_what_belongs_to_a_job_needs_one():
    assert not job_options.wants_job(parse())
    with pytest.raises(ScarNetError, match="--gpus belongs to a job; add --job local or --job slurm"):
        job_options.wants_job(parse("--gpus", "1"))
    with pytest.raises(ScarNetError, match="--memory-gb belongs to a job"):
        job_options.wants_job(parse("--memory-gb", "8"))
    with pytest.raises(ScarNetError, match="not a whole number of at least 1"):
        parse("--job", "slurm", "--cpus", "0")


def test_slurms_cpus_and_memory_are_refused_here_in_a_sentence(tmp_path):
    for words in (["--cpus", "2"], ["--memory-gb", "8"]):
        with pytest.raises(ScarNetError, match="cpus and memory_gb belong to Slurm"):
            job_options.start_job(parse("--job", "local", *words), Recipe(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """Programs that stand in for Slurm's; gives the script that was submitted."""
    for name, said in (("sbatch", "Submitted batch job 7"), ("srun", ""), ("sinfo", "main*|60:00|60:00")):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{said}'\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def submitted(*words):
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        assert job_options.start_job(parse("--job", "slurm", *words), Recipe(), folder) == 0
        [script] = (folder / ".submitit").glob("*submission.sh")
        return script.read_text().splitlines()

    return submitted


@pytest.mark.skipif(os.name != "posix", reason="jobs need Linux or macOS")
def test_slurm_is_asked_for_what_the_options_say(sbatch):
    lines = sbatch("--cpus", "8", "--memory-gb", "32", "--gpus", "2")
    assert {"#SBATCH --cpus-per-task=8", "#SBATCH --mem=32GB", "#SBATCH --gpus-per-node=2"} <= set(lines)
    # Slurm's newer srun does not take this over from sbatch.
    assert any(line.startswith("srun ") and " --cpus-per-task=8 " in line for line in lines)
    # Without them Slurm's own numbers hold, and no GPU is asked for.
    for words in ([], ["--gpus", "0"]):
        assert not any(word in line for line in sbatch(*words) for word in ("cpus", "mem", "gpu"))
