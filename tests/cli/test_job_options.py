"""The options with which a training becomes a job."""

from pathlib import Path

import pytest

from scarnet.errors import ScarNetError
from scarnet_cli import job_options
from scarnet_cli.arguments import Parser


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
    args = parse("--job", "slurm", "--gpus", "2", "--nodes", "3", "--minutes", "90", "--partition", "gpu")
    assert job_options.wants_job(args)
    assert job_options.start_job(args, "the recipe", Path("runs/x"), resume=True) == 0
    options = {"gpus": 2, "nodes": 3, "minutes": 90, "partition": "gpu", "resume": True}
    assert calls == [("the recipe", Path("runs/x"), "slurm", options)]
    assert "scarnet jobs watch runs/x" in capsys.readouterr().out
    job_options.start_job(parse("--job", "local"), "r", Path("y"))
    assert calls[1][2:] == ("local", {"gpus": None, "nodes": 1, "minutes": None, "partition": None, "resume": False})


def test_what_belongs_to_a_job_needs_one():
    assert not job_options.wants_job(parse())
    with pytest.raises(ScarNetError, match="--gpus belongs to a job; add --job local or --job slurm"):
        job_options.wants_job(parse("--gpus", "1"))
