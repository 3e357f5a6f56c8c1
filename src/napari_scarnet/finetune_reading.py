"""What the Fine-tune step reads of a job from time to time, in a worker."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet.project import Project
    from scarnet_training.jobs import Job

__all__ = ["JobList", "Reading", "list_finetunes", "read_job", "span"]


@dataclass
class JobList:
    """A project's fine-tunings.

    Attributes
    ----------
    names : list of str
        The latest first.
    states : dict of str to str
        Each one's state.
    """

    names: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """A job as it is now.

    Attributes
    ----------
    name : str
        The fine-tuning.
    state, sentence : str
        How far it is, and why.
    where : str
        Where it runs.
    events : list of dict
        Those that are new.
    log : list of str
        The end of its log.
    """

    name: str
    state: str
    sentence: str
    where: str
    events: list[dict[str, Any]]
    log: list[str]


def list_finetunes(project: "Project") -> JobList:
    """Find a project's fine-tunings and their states; for a worker.

    Parameters
    ----------
    project : Project
        The project.

    Returns
    -------
    JobList
        Also those that ended long ago, or were started by another napari or in a terminal.
    """
    from scarnet.errors import ScarNetError
    from scarnet_training.project import finetune_jobs

    found = JobList()
    for job in reversed(finetune_jobs(project)):
        found.names.append(job.name)
        try:
            found.states[job.name] = job.job.state()
        except ScarNetError:
            found.states[job.name] = "failed"
    return found


def read_job(name: str, job: "Job", _: Progress) -> Reading:
    """Read what is new of a job; for a worker.

    Parameters
    ----------
    name : str
        The fine-tuning.
    job : Job
        Its job, always the same handle, which remembers what it has read.

    Returns
    -------
    Reading
        Its state and what is new.
    """
    status = job.status()
    # Read after the state: an ended job writes no more.
    events, log = job.read_new_events(), job.log(40)
    place = status.place
    where = f"Slurm {place.get('job_id', '')}" if status.options.where == "slurm" else str(place.get("host", ""))
    return Reading(name, status.state, status.sentence, where.strip(), events, log)


def span(seconds: float) -> str:
    """Write how long something takes.

    Parameters
    ----------
    seconds : float
        How long.

    Returns
    -------
    str
        In its two largest units.
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
