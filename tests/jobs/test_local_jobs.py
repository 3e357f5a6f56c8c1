"""Local jobs: they outlive their starter, are killed, cancelled and resumed, and lose nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scarnet.errors import ScarNetError
from scarnet_training.jobs import list_jobs, processes, read_job, submit
from scarnet_training.recipe import Recipe

START = """
import sys, time
from scarnet_training.jobs import submit
from scarnet_training.recipe import Recipe
print(submit(Recipe(), sys.argv[1], train="slow_training:train").folder, flush=True)
time.sleep(60)
"""


def epochs(events: list[dict]) -> list[int]:
    return [event["epoch"] for event in events if event["event"] == "epoch"]


def write_for_ever(handle: int) -> None:
    while True:
        os.write(handle, b"0" * 4096)


def fill(path: Path) -> None:
    """Write a file that takes all the room its disk has."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(OSError, match="No space"):
            write_for_ever(handle)
    finally:
        os.close(handle)


def worker(job) -> int:
    return job.status().place["worker_pid"]


def test_a_job_outlives_its_starter_and_other_processes_see_it(
    tmp_path, monkeypatch, in_another_process, events_of, wait_until
):
    monkeypatch.setenv("STEPS", "24")
    starter = subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path / "runs" / "a")], stdout=subprocess.PIPE, start_new_session=True
    )
    assert starter.stdout.readline().decode().strip() == str(tmp_path / "runs" / "a")
    # As when the terminal is closed, or a viewer is killed with all it has started.
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()
    wait_until(lambda: events_of(tmp_path / "runs" / "a"))
    seen = in_another_process(
        "import sys; from scarnet_training.jobs import list_jobs\n"
        "print(*((job.folder.name, job.state()) for job in list_jobs(sys.argv[1])))\n"
        "import json; print(json.dumps([event['event'] for event in list_jobs(sys.argv[1])[0].watch()]))",
        tmp_path,
    )
    assert seen.splitlines()[0] == "('a', 'running')"
    job = read_job(tmp_path / "runs" / "a")
    assert job.state() == "done"
    events = events_of(job.folder)
    assert epochs(events) == list(range(24))
    assert seen.splitlines()[1].count('"epoch"') == 24
    start = events[0]
    assert start["nice"] >= min(os.nice(0) + 10, 19)
    assert start["session"] not in (os.getsid(0), starter.pid)
    assert start["cwd"] == str(Path.cwd())
    assert (job.folder / "recipe.toml").is_file()
    assert "Epoch 24" in (job.folder / "log.txt").read_text()


def test_killed_it_is_interrupted_and_resumed_it_loses_nothing(count, events_of, wait_until):
    job = count(steps=16)
    wait_until(lambda: len(events_of(job.folder)) > 5)
    os.kill(worker(job), signal.SIGKILL)
    wait_until(lambda: job.state() == "interrupted")
    assert job.status().sentence == "Its process was gone before its end."
    assert list(job.watch())[-1]["event"] == "epoch"
    job.resume()
    assert [event["event"] for event in job.watch()][-1] == "end"
    status = job.status()
    assert (status.state, status.starts) == ("done", 2)
    assert epochs(events_of(job.folder)) == list(range(16))
    assert events_of(job.folder)[-1]["event"] == "end"
    with pytest.raises(ScarNetError, match="is done; there is nothing to resume"):
        job.resume()
    with pytest.raises(ScarNetError, match="holds a run already"):
        count()
    with pytest.raises(ScarNetError, match="is done already; there is nothing to cancel"):
        job.cancel()


def test_killed_before_its_first_checkpoint_it_begins_anew(count, events_of, wait_until, monkeypatch):
    job = count(steps=16, fault="no checkpoint")
    wait_until(lambda: len(events_of(job.folder)) > 3)
    os.killpg(job.status().place["group"], signal.SIGKILL)
    wait_until(lambda: job.state() == "interrupted")
    monkeypatch.setenv("FAULT", "")
    monkeypatch.setenv("STEP_SECONDS", "0")
    job.resume()
    wait_until(lambda: job.state() == "done")
    assert epochs(events_of(job.folder)) == list(range(16))
    assert not events_of(job.folder)[0]["resumed"]


def test_near_a_time_limit_it_is_started_again_and_goes_on(count, events_of, wait_until):
    job = count(steps=16)
    wait_until(lambda: len(events_of(job.folder)) > 5)
    first = worker(job)
    os.kill(first, signal.SIGUSR2)  # what submitit's controller sends before the limit
    wait_until(lambda: job.state() == "done")
    assert worker(job) != first
    assert job.status().starts == 2
    assert epochs(events_of(job.folder)) == list(range(16))
    log = (job.folder / "log.txt").read_text()
    assert log.index("=== Start 1") < log.index("The time limit is near") < log.index("=== Start 2")


def test_cancelled_it_stops_by_itself_and_can_be_resumed(count, events_of, wait_until, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    job = count(steps=10000)
    wait_until(lambda: len(events_of(job.folder)) > 2)
    for action in (count, job.resume):
        with pytest.raises(ScarNetError, match="is running"):
            action()
    asked = time.monotonic()
    assert job.cancel() == "cancelled"
    assert time.monotonic() - asked < 3
    assert job.state() == "cancelled"
    wait_until(lambda: not processes.alive(job.status().place))
    assert job.log(1) == ["=== Cancelled"]
    assert not (job.folder / "model.safetensors").exists()
    done = len(epochs(events_of(job.folder)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPS", str(done + 1))
    job.resume(gpus=0)
    assert job.status().options.gpus == 0
    wait_until(lambda: job.state() == "done")
    # Paths in the recipe start where it was first submitted from.
    assert [event["cwd"] for event in events_of(job.folder) if event["event"] == "start"] == [str(home)] * 2


def test_one_that_does_not_listen_is_ended_after_a_grace(count, events_of, wait_until):
    job = count(fault="deaf")
    wait_until(lambda: events_of(job.folder))
    assert job.cancel(grace=0.3) == "cancelled"
    assert not processes.alive(job.status().place)
    assert job.state() == "cancelled"


def test_a_failure_is_told_in_a_sentence(count, wait_until):
    job = count(fault="told")
    wait_until(lambda: job.state() == "failed")
    assert job.status().sentence == "The data are not fit."
    assert "error: The data are not fit." in job.log()


def test_an_unforeseen_failure_is_told_without_its_message(count, wait_until, monkeypatch):
    monkeypatch.setenv("HEADER", "PatientName is Doe^Jane")
    job = count(fault="bug")
    wait_until(lambda: job.state() == "failed")
    assert "unexpected went wrong (RuntimeError in slow_training.py, line" in job.status().sentence
    assert "slow_training.py" in "\n".join(job.log())
    wait_until(lambda: not processes.alive(job.status().place))
    for path in job.folder.rglob("*"):
        assert path.is_dir() or b"Doe" not in path.read_bytes(), path


def test_a_job_that_has_ended_can_be_moved(count, wait_until, tmp_path, monkeypatch, events_of):
    job = count(fault="told")
    wait_until(lambda: job.state() == "failed")
    job.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ScarNetError, match="There is no job in"):
        job.state()
    [moved] = list_jobs(tmp_path)
    monkeypatch.setenv("FAULT", "")
    monkeypatch.setenv("STEP_SECONDS", "0")
    moved.resume()
    wait_until(lambda: moved.state() == "done")
    assert epochs(events_of(tmp_path / "elsewhere")) == list(range(20))


def test_a_full_disk_is_told_and_nothing_is_lost(mounted, wait_until, events_of, monkeypatch):
    disk = mounted("size=2m")
    monkeypatch.setenv("STEPS", "24")
    job = submit(Recipe(), disk / "run", train="slow_training:train")
    wait_until(lambda: len(epochs(events_of(job.folder))) > 3)
    filling = disk / "filling"
    fill(filling)
    wait_until(lambda: job.state() in ("failed", "interrupted"))
    assert "No space left on device" in job.status().sentence
    with pytest.raises(ScarNetError, match="No space left on device"):
        submit(Recipe(), disk / "another", train="slow_training:train")
    filling.unlink()
    job.resume()
    wait_until(lambda: job.state() == "done")
    assert epochs(events_of(job.folder)) == list(range(24))


def test_a_folder_that_cannot_be_written_is_told(mounted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ScarNetError, match="Cannot make the folder"):
        submit(Recipe(), tmp_path / "file" / "run", train="slow_training:train")
    disk = mounted("size=1m")
    (disk / "run").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(ScarNetError, match="Read-only file system"):
        submit(Recipe(), disk / "run", train="slow_training:train")
    assert list((disk / "run").iterdir()) == []


def test_a_folder_in_which_a_training_without_a_job_works_is_left_alone(tmp_path, watched):
    from filelock import FileLock

    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(ScarNetError, match="Another process trains in"),
    ):
        submit(Recipe(), tmp_path / "run", train="slow_training:train")
    assert not (tmp_path / "run" / "status.json").exists()
    job = submit(Recipe(), tmp_path / "run", train="slow_training:train")
    watched.append(job)
    assert job.state() in ("queued", "running", "done")
