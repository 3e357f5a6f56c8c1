"""Trainings that outlive the process that started them, on this machine or in Slurm; a job is the folder of its run."""

from scarnet_training.jobs.job import Job
from scarnet_training.jobs.listing import list_jobs, read_job
from scarnet_training.jobs.options import JobOptions
from scarnet_training.jobs.status import ENDED, Status
from scarnet_training.jobs.submission import submit

__all__ = ["ENDED", "Job", "JobOptions", "Status", "list_jobs", "read_job", "submit"]
