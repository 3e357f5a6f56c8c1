"""What a job's processes tell of their end, alone or several together."""

from __future__ import annotations

import contextlib

import pytest

from scarnet.errors import Cancelled, ScarNetError
from scarnet_training.jobs import JobOptions, Status
from scarnet_training.jobs import task as task_module
from scarnet_training.jobs.status import read_status, update_status, write_status
from scarnet_training.jobs.task import TrainingTask


@pytest.fixture
def end_of(tmp_path, monkeypatch):
    """Let a process of some rank end with an error while the status says something: gives the status after it."""
    monkeypatch.setattr(task_module, "_write_to_log", lambda folder: None)

    def run(error: Exception | None, rank: int, before: str):
        write_status(tmp_path, Status(before, JobOptions(), sentence="before"))

        def train(folder, rank):
            if error is not None:
                raise error
            return "done"

        monkeypatch.setattr(task_module, "set_up_ranks", lambda: rank)
        monkeypatch.setattr(task_module, "_train", train)
        with contextlib.suppress(SystemExit):
            TrainingTask(tmp_path)()
        status = read_status(tmp_path)
        return status.state, status.sentence

    return run


@pytest.mark.parametrize(
    ("error", "rank", "before", "after"),
    [
        (None, 0, "running", ("done", "")),
        (None, 1, "running", ("running", "before")),
        (ScarNetError("No."), 0, "running", ("failed", "No.")),
        (ScarNetError("No."), 1, "running", ("failed", "No.")),
        # The connection that breaks when another process fails, or is started again, is not the cause.
        (ScarNetError("Connection lost."), 0, "failed", ("failed", "before")),
        (ScarNetError("Connection lost."), 1, "queued", ("queued", "before")),
        (Cancelled(), 0, "running", ("cancelled", "")),
        (Cancelled(), 1, "running", ("running", "before")),
        (
            MemoryError(),
            0,
            "running",
            (
                "failed",
                "There is not enough memory for this training; set a smaller training.micro_batch in the recipe.",
            ),
        ),
        (PermissionError(13, "Permission denied", "x.nii"), 0, "running", ("failed", "x.nii: Permission denied.")),
    ],
)
def test_the_outcome_that_is_kept_is_the_cause(end_of, error, rank, before, after):
    assert end_of(error, rank, before) == after


def test_a_process_that_lost_another_to_a_cancel_was_cancelled(end_of, tmp_path):
    (tmp_path / "cancel").write_text("")
    assert end_of(RuntimeError("Connection closed by peer"), 0, "running") == ("cancelled", "")
    assert end_of(ScarNetError("The data are not fit."), 0, "running")[0] == "failed"


def test_before_a_time_limit_it_is_queued_again_even_where_that_cannot_be_written(tmp_path, capsys):
    write_status(tmp_path, Status("running", JobOptions()))
    again = TrainingTask(tmp_path).checkpoint()
    assert again.function.folder == tmp_path
    assert read_status(tmp_path).state == "queued"
    update_status(tmp_path, state="running")
    (tmp_path / "status.json").write_text("{")
    assert TrainingTask(tmp_path).checkpoint().function.folder == tmp_path
    assert "is damaged" in capsys.readouterr().out
