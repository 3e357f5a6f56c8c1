"""What Slurm knows of a job."""

import shutil
import subprocess
from typing import NamedTuple

from scarnet.errors import ScarNetError

__all__ = ["SlurmView", "cancel_in_slurm", "complaint", "look_up", "partition_minutes"]

_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
_AT_WORK = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
_SECONDS = 20
_YEAR_MINUTES = 365 * 24 * 60


class SlurmView(NamedTuple):
    """What Slurm says of a job.

    Attributes
    ----------
    phase : {"queued", "running", "cancelled", "over", "unknown"}
        ``over``: it ended, or Slurm has forgotten it; ``unknown``: Slurm cannot be asked here.
    word : str
        Slurm's own word for it, such as ``"OUT_OF_MEMORY"``; empty where it has none.
    reason : str
        Why it waits, in Slurm's words; empty where it does not.
    """

    phase: str
    word: str = ""
    reason: str = ""


def look_up(job_id: str) -> SlurmView:
    """Ask Slurm for a job's state.

    Parameters
    ----------
    job_id : str
        Slurm's number for the job.

    Returns
    -------
    SlurmView
        What it says.
    """
    if shutil.which("squeue") is None:
        return SlurmView("unknown")
    command = ["squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%T|%r"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return SlurmView("unknown")
    if done.returncode:
        # Slurm forgets jobs some minutes after their end; anything else means that it did not answer.
        return SlurmView("over") if "Invalid job id" in done.stderr else SlurmView("unknown")
    word, _, reason = done.stdout.strip().partition("|")
    reason = "" if reason in ("None", "(null)") else reason
    if not word:
        return SlurmView("over")
    if word in _WAITING:
        return SlurmView("queued", word, reason)
    if word in _AT_WORK:
        return SlurmView("running", word)
    return SlurmView("cancelled" if word == "CANCELLED" else "over", word, reason)


def cancel_in_slurm(job_id: str) -> None:
    """Take a job out of Slurm's queue, or end it.

    Parameters
    ----------
    job_id : str
        Slurm's number for the job.

    Raises
    ------
    ScarNetError
        Slurm is not to be found here, or refused.
    """
    if shutil.which("scancel") is None:
        raise ScarNetError(f"Slurm job {job_id} cannot be cancelled here: there is no scancel on this machine.")
    try:
        done = subprocess.run(["scancel", job_id], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ScarNetError(f"Slurm did not answer within {_SECONDS} s; try again.") from error
    if done.returncode and "Invalid job id" not in done.stderr:
        raise ScarNetError(f"Slurm did not cancel job {job_id}: {complaint(done.stderr)}.")


def complaint(text: str) -> str:
    """Give what a Slurm command complained of, out of all that was printed.

    Parameters
    ----------
    text : str
        What it wrote, maybe among other lines.

    Returns
    -------
    str
        Its last error or else its last line, without a full stop.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return ((errors or lines or ["it did not say why"])[-1]).rstrip(".")


def partition_minutes(partition: str | None) -> int:
    """Ask for the time limit that a job has which names none.

    Parameters
    ----------
    partition : str or None
        The partition; None for the default one.

    Returns
    -------
    int
        Minutes; a year where the partition has no limit.

    Raises
    ------
    ScarNetError
        Slurm does not answer, or has no such partition.
    """
    command = ["sinfo", "--noheader", "--format=%P|%L|%l", *([f"--partition={partition}"] if partition else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScarNetError(f"Slurm did not answer within {_SECONDS} s; try again.") from error
    if done.returncode:
        raise ScarNetError(f"Slurm cannot be asked for its partitions: {complaint(done.stderr)}.")
    rows = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 2]
    rows = [row for row in rows if partition or row[0].endswith("*")] or rows
    if not rows:
        raise ScarNetError(f"Slurm has no partition {partition!r}; 'sinfo' lists them.")
    limits = [_minutes(word) for word in rows[0][1:]]
    return next((limit for limit in limits if limit), _YEAR_MINUTES)


def _minutes(word: str) -> int | None:
    """Read Slurm's ``[days-][hours:]minutes:seconds``; None for no limit."""
    days, _, clock = word.rpartition("-")
    try:
        parts = [int(part) for part in clock.split(":")]
        seconds = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        return int(days or 0) * 24 * 60 + seconds // 60
    except ValueError:  # "infinite", "n/a"
        return None
