"""What memory is free for a process: the machine's, a container's, shared by the processes of a training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from scarnet_training import host_memory
from scarnet_training.host_memory import free_memory


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 1000 bytes free and groups of processes to be written into this folder."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(host_memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(host_memory, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    return tmp_path


def write_group(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text + "\n")


def test_without_groups_it_is_the_machines_own(root: Path) -> None:
    assert free_memory() == 1000
    (root / "own").write_text("0::/\n")  # the root has no limit
    assert free_memory() == 1000


@pytest.mark.parametrize(("number", "share"), [("1", 1000), ("4", 250), ("0", 1000), ("many", 1000)])
def test_processes_on_this_machine_share_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: str, share: int
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", number)
    assert free_memory() == share


def test_a_limit_of_the_group_or_of_one_around_it_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "own").write_text("0::/jobs/first\n")
    group = root / "cgroup" / "jobs"
    write_group(group / "first", {"memory.max": "max", "memory.current": "100"})
    assert free_memory() == 1000
    # Pages of files that were read are given back.
    stat = "anon 200\ninactive_file 50"
    write_group(group, {"memory.max": "600", "memory.current": "350", "memory.stat": stat})
    assert free_memory() == 300
    write_group(group / "first", {"memory.max": "250"})
    assert free_memory() == 150
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert free_memory() == 75
    write_group(group / "first", {"memory.current": "300"})
    assert free_memory() == 0


def test_groups_of_the_first_version_are_read_too(root: Path) -> None:
    (root / "own").write_text("5:cpu,cpuacct:/jobs\n4:memory:/jobs/first\n0::/\n")
    files = {"memory.limit_in_bytes": "700", "memory.usage_in_bytes": "300", "memory.stat": "total_inactive_file 20"}
    write_group(root / "cgroup" / "memory", {**files, "memory.limit_in_bytes": "9223372036854771712"})
    assert free_memory() == 1000
    write_group(root / "cgroup" / "memory" / "jobs" / "first", files)
    assert free_memory() == 420
