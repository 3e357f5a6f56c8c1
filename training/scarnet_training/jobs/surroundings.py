"""What a training process has to find around it: which GPUs it sees, and the other processes of its job."""

import os

from scarnet.errors import ScarNetError
from scarnet_training.jobs.options import JobOptions

__all__ = ["USERS_GPUS", "check_gpus", "remember_gpus", "set_up_devices", "set_up_ranks"]

USERS_GPUS = "SCARNET_CUDA_VISIBLE_DEVICES"
_VISIBLE = "CUDA_VISIBLE_DEVICES"


def remember_gpus() -> None:
    """Keep which GPUs the user made visible; submitit's local executor overwrites that with numbers from 0."""
    os.environ.pop(USERS_GPUS, None)
    if _VISIBLE in os.environ:
        os.environ[USERS_GPUS] = os.environ[_VISIBLE]


def set_up_devices(options: JobOptions) -> None:
    """Let this process see the GPUs that its job asked for, before anything looks at them.

    Parameters
    ----------
    options : JobOptions
        What the job asked for.

    Raises
    ------
    ScarNetError
        The machine has fewer GPUs than that.
    """
    if options.where == "local":
        users = os.environ.get(USERS_GPUS)
        if options.gpus is None and users is None:
            os.environ.pop(_VISIBLE, None)
        elif options.gpus is None:
            os.environ[_VISIBLE] = users or ""
        elif users is not None:
            os.environ[_VISIBLE] = ",".join(users.split(",")[: options.gpus])
    if options.gpus == 0:
        os.environ["ACCELERATE_USE_CPU"] = "true"  # also where the GPU is not NVIDIA's
    check_gpus(options)


def check_gpus(options: JobOptions) -> None:
    """Make sure that this process sees as many GPUs as a job asks for.

    Parameters
    ----------
    options : JobOptions
        What the job asks for.

    Raises
    ------
    ScarNetError
        It sees fewer.
    """
    if options.gpus:
        import torch

        found = torch.cuda.device_count()
        if found < options.gpus:
            asked = f"{options.gpus} GPU{'s' if options.gpus > 1 else ''}"
            raise ScarNetError(
                f"The job asks for {asked} a node, but this machine offers it {found or 'none'}; ask for "
                f"{f'{found} or fewer' if found else '--gpus 0'}."
            )


def set_up_ranks() -> int:
    """Tell torch.distributed and Accelerate of the other processes of the job.

    Returns
    -------
    int
        This process's rank; 0 where it is alone.
    """
    from submitit.core.job_environment import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    job = JobEnvironment()
    if job.num_tasks == 1:
        return 0
    # Which GPU is whose Accelerate says by LOCAL_RANK; Slurm's numbers of GPUs are not ours to choose.
    ranks = TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
    if job.num_nodes == 1:
        os.environ["MASTER_ADDR"] = "127.0.0.1"  # a host's own name does not always lead to it
    return int(ranks.rank)
