"""Jobs that only count, and ways to wait for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scarnet_training.jobs import Job, processes, submit

HERE = Path(__file__).parent
COUNTING = "slow_training:train"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs find the training that only counts; keep them to one thread."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def wait_until(what: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait for something to become true."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    """Wait for something to become true."""
    return wait_until


def events_of(folder: Path) -> list[dict]:
    """The events in a job's folder."""
    path = folder / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(name="events_of")
def events_of_fixture() -> Callable[[Path], list[dict]]:
    """The events in a job's folder."""
    return events_of


@pytest.fixture
def watched() -> Iterator[list[Job]]:
    """A list of jobs that are ended when the test is over, however it ends."""
    jobs: list[Job] = []
    yield jobs
    for job in jobs:
        if job.folder.exists() and job.state() in ("queued", "running"):
            processes.end(job.status().place, 0.5)


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: list[Job]) -> Callable[..., Job]:
    """Start a job that counts: `count(steps=20, fault="")`."""
    from scarnet_training.recipe import Recipe

    def start(name: str = "run", **settings: object) -> Job:
        for key, value in settings.items():
            monkeypatch.setenv(key.upper(), str(value))
        watched.append(submit(Recipe(), tmp_path / name, train=COUNTING))
        return watched[-1]

    return start


def in_another_process(code: str, *arguments: object) -> str:
    """Run code in a process of its own and give what it printed."""
    command = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(name="in_another_process")
def in_another_process_fixture() -> Callable[..., str]:
    """Run code in a process of its own and give what it printed."""
    return in_another_process


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system of our own: `mounted(options)` gives its folder."""
    folder = tmp_path / "mount"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.name != "posix" or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("needs the right to mount a file system, as root has")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
