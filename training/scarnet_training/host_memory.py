"""How much of the computer's memory a process may take: what is free, within its container, shared with the others."""

import os
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["free_memory"]

CGROUPS, OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# Names of a group's limit, of what it uses, and within memory.stat of file pages that the system gives back at need.
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_memory() -> int:
    """Give how many bytes of memory this process may take.

    Returns
    -------
    int
        What is free on this machine, or less where a cgroup, as of a container or of a job in Slurm, has a limit; an
        equal part of it where a training has several processes here.
    """
    free = [int(psutil.virtual_memory().available), *_left_in_cgroups()]
    return min(free) // _processes_here()


def _processes_here() -> int:
    """Give the number of this training's processes on this machine, as torchrun and Slurm jobs have it."""
    with suppress(ValueError):
        return max(int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)
    return 1


def _left_in_cgroups() -> list[int]:
    """Give what each group that this process is in, and each around it, has left; nothing where there are none."""
    left = []
    for folder, names in _groups():
        with suppress(OSError, ValueError):  # "max", no limit, is no number
            limit = int((folder / names[0]).read_text())
            used = int((folder / names[1]).read_text())
            left.append(max(limit - used + _inactive(folder, names[2]), 0))
    return left


def _groups() -> list[tuple[Path, tuple[str, str, str]]]:
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return []
    groups = []
    for line in lines:
        number, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        v2 = number == "0" and not kinds
        if v2 or "memory" in kinds.split(","):
            root = CGROUPS if v2 else CGROUPS / "memory"
            inner = root / path.strip("/")
            # Limits hold for what is inside too; a container may see its own group as the root.
            around = [inner, *(parent for parent in inner.parents if parent.is_relative_to(root))]
            groups += [(folder, _V2 if v2 else _V1) for folder in around]
    return groups


def _inactive(folder: Path, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
