"""What a job's state is, worked out from what it last said and from what the machine or Slurm says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from scarnet.errors import ScarNetError
from scarnet_training.jobs import Job, JobOptions, Status, list_jobs, processes, read_job, slurm
from scarnet_training.jobs.status import update_status, write_status


@pytest.fixture
def living():
    """A process that lives, in a group of its own."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Put a squeue of our own first on the path: `squeue(output, status)`."""

    def install(text: str, status: int = 0) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "squeue"
        stream = ">&2" if status else ""
        script.write_text(f"#!/bin/sh\necho '{text}' {stream}\nexit {status}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


def job_with(folder: Path, state: str, where: str = "local", **values: object) -> Job:
    folder.mkdir(exist_ok=True)
    write_status(folder, Status(state, JobOptions(where=where), **values))
    return Job(folder)


def test_a_local_job_runs_as_long_as_its_process_does(tmp_path, living):
    place = processes.describe(living.pid)
    job = job_with(tmp_path / "a", "running", place=place)
    assert job.state() == "running"
    reused = job_with(tmp_path / "b", "running", place={**place, "created": place["created"] - 60, "worker_pid": 1})
    assert reused.state() == "interrupted"  # another process has its number now
    living.kill()
    # Nobody has waited for it yet: it is dead all the same.
    until = time.monotonic() + 5
    while psutil.Process(living.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
    assert job.state() == "failed"
    assert job.status().sentence.startswith("Its process ended before the training began")
    update_status(job.folder, place={"worker_pid": living.pid, "worker_created": place["created"]})
    assert job.state() == "interrupted"


def test_what_is_on_another_machine_is_not_guessed(tmp_path, living):
    job = job_with(tmp_path / "a", "running", place={**processes.describe(living.pid), "host": "elsewhere"})
    assert job.state() == "running"
    assert "Only on elsewhere" in job.status().sentence
    with pytest.raises(ScarNetError, match="was asked to stop; it runs on elsewhere"):
        job.cancel(grace=0)
    assert living.poll() is None


def test_an_end_that_was_written_counts_though_the_status_was_not(tmp_path):
    dead = {"host": socket.gethostname(), "pid": 2**22 + 1, "created": 1.0, "group": 2**22 + 1}
    job = job_with(tmp_path / "a", "running", place={**dead, "worker_pid": 2**22 + 2, "worker_created": 1.0})
    (job.folder / "events.jsonl").write_text('{"time": 1, "event": "end"}\n')
    assert job.state() == "interrupted"
    (job.folder / "model.safetensors").write_text("")
    assert job.state() == "done"
    (job.folder / "events.jsonl").write_text('{"time": 1, "event": "end"}\n{"time": 2, "event": "start"}\n')
    assert job.state() == "interrupted"


def test_the_last_words_of_a_job_that_is_gone_are_repeated(tmp_path):
    dead = {"host": socket.gethostname(), "pid": 2**22 + 1, "created": 1.0, "worker_pid": 2**22 + 2}
    job = job_with(tmp_path / "a", "running", place=dead)
    (job.folder / "log.txt").write_text("error: old\n=== Start 2\nerror: Cannot write x: No space left on device.\n")
    assert job.status().sentence == (
        "Its process was gone before its end; the last it said: Cannot write x: No space left on device."
    )
    (job.folder / "log.txt").write_text("error: old\n=== Start 2\nEpoch 3\n")
    assert job.status().sentence == "Its process was gone before its end."


def test_a_starter_that_died_is_waited_for_only_so_long(tmp_path):
    job = job_with(tmp_path / "a", "queued")
    assert job.state() == "queued"
    values = json.loads((job.folder / "status.json").read_text())
    (job.folder / "status.json").write_text(json.dumps({**values, "updated": values["updated"] - 3600}))
    assert (job.state(), job.status().sentence) == ("interrupted", "It was never started.")


@pytest.mark.parametrize(
    ("answer", "status", "state", "sentence"),
    [
        ("PENDING|Resources", 0, "queued", "It waits in Slurm: Resources."),
        ("RUNNING|None", 0, "running", ""),
        ("COMPLETING|None", 0, "running", ""),
        ("CANCELLED|None", 0, "cancelled", "It was cancelled in Slurm."),
        ("OUT_OF_MEMORY|OutOfMemory", 0, "interrupted", "Slurm ended it (OUT_OF_MEMORY) before its end."),
        ("TIMEOUT|TimeLimit", 0, "interrupted", "Slurm ended it (TIMEOUT) before its end."),
        (
            "slurm_load_jobs error: Invalid job id specified",
            1,
            "interrupted",
            "Slurm knows it no more",
        ),
        ("slurm_load_jobs error: Unable to contact slurm controller", 1, "running", "cannot be asked about job 7 here"),
    ],
)
def test_slurm_is_asked(tmp_path, squeue, answer, status, state, sentence):
    squeue(answer, status)
    job = job_with(tmp_path / "a", "running", where="slurm", place={"job_id": "7"})
    assert job.state() == state
    assert sentence in job.status().sentence
    assert bool(job.status().sentence) == bool(sentence)


def test_without_slurm_its_jobs_are_what_they_last_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    job = job_with(tmp_path / "a", "running", where="slurm", place={"job_id": "7"})
    assert job.state() == "running"
    with pytest.raises(ScarNetError, match="there is no scancel on this machine"):
        job.cancel(grace=0)
    assert job_with(tmp_path / "b", "done", where="slurm").state() == "done"


@pytest.mark.parametrize(
    ("word", "minutes"), [("1-02:00:00", 1560), ("12:30:00", 750), ("30:00", 30), ("infinite", None), ("n/a", None)]
)
def test_slurms_times_are_read(word, minutes):
    assert slurm._minutes(word) == minutes


def test_a_complaint_of_slurm_is_one_sentence():
    text = "Traceback\nsbatch: error: Batch job submission failed: Invalid account\n"
    assert slurm.complaint(text) == "Batch job submission failed: Invalid account"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"state": "running"}', b"\xff\xfe", '"text"', "null"], ids=range(8)
)
def test_a_damaged_status_is_told_and_does_not_hide_the_other_jobs(tmp_path, text):
    (tmp_path / "runs" / "bad").mkdir(parents=True)
    job_with(tmp_path / "runs" / "good", "done")
    (tmp_path / "runs" / "bad" / "status.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScarNetError, match=r"status\.json.*(is damaged; delete it|no text)"):
        read_job(tmp_path / "runs" / "bad")
    assert [job.folder.name for job in list_jobs(tmp_path)] == ["bad", "good"]


@pytest.mark.parametrize("name", ["pid", "created"])
def test_numbers_of_processes_are_not_taken_from_texts(tmp_path, name):
    job = job_with(tmp_path / "a", "running", place={"host": socket.gethostname(), "pid": 1, "created": 1.0, name: "1"})
    with pytest.raises(ScarNetError, match="is damaged"):
        job.state()


def test_no_job_and_no_folder_are_told(tmp_path):
    with pytest.raises(ScarNetError, match="There is no job in"):
        read_job(tmp_path)
    with pytest.raises(ScarNetError, match="There is no folder"):
        list_jobs(tmp_path / "none")
    assert list_jobs(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"where": "cloud"}, "choose one of: local, slurm"),
        ({"gpus": -1}, "gpus is -1, but must be a whole number of at least 0"),
        ({"nodes": 0}, "nodes is 0"),
        ({"minutes": 1.5}, "minutes is 1.5"),
        ({"nodes": 2}, "one machine, not on 2"),
        ({"partition": "gpu"}, "no partition"),
        ({"where": "slurm", "partition": ""}, "must be the name of one"),
        ({"where": "slurm", "cpus": 0}, "cpus is 0"),
        ({"where": "slurm", "memory_gb": 0.5}, "memory_gb is 0.5"),
        ({"cpus": 2}, "cpus and memory_gb belong to Slurm"),
        ({"memory_gb": 8}, "cpus and memory_gb belong to Slurm"),
    ],
)
def test_impossible_options_are_refused(options, sentence):
    with pytest.raises(ScarNetError, match=sentence):
        JobOptions(**options)


def test_moving_a_job_forgets_what_only_the_former_place_had():
    slurms = JobOptions("slurm", gpus=2, nodes=4, minutes=60, partition="gpu", cpus=8, memory_gb=32)
    assert slurms.changed(where="local") == JobOptions("local", gpus=2)
    assert slurms.changed(minutes=90) == replace(slurms, minutes=90)
    # A job of before there were all of them keeps what it asked for.
    assert JobOptions.from_dict({"where": "slurm", "gpus": 1}) == JobOptions("slurm", gpus=1)
