"""Which slices each step sees, and which process computes which of them."""

import torch
from torch import Tensor

from scarnet.errors import ScarNetError

__all__ = ["micro_batches", "plan_epoch", "replayed_slices", "steps_an_epoch"]


def replayed_slices(batch_size: int, replay_share: float) -> int:
    """Give how many slices of a batch are replayed, where there is anything to replay; never all of them."""
    return min(round(replay_share * batch_size), batch_size - 1)


def steps_an_epoch(slices: int, batch_size: int) -> int:
    """Give the number of steps that show each of so many slices at least once."""
    return -(-slices // batch_size)


def plan_epoch(
    own: Tensor,
    replayed: Tensor,
    scar: Tensor,
    batch_size: int,
    replay_share: float,
    scar_share: float,
    seed: int,
    least_steps: int = 1,
) -> list[Tensor]:
    """Draw the batches of an epoch.

    Parameters
    ----------
    own : Tensor of int64
        Slices to be shown once each, in random order, and then again until the last batch is full.
    replayed : Tensor of int64
        Slices of earlier data, of which each batch holds a share.
    scar : Tensor of bool, shape (N,)
        Which of all slices hold scar; only looked at where a share is asked for.
    batch_size : int
        Slices a batch.
    replay_share : float
        Share of a batch that is replayed, where there is anything to replay.
    scar_share : float
        Least share of a batch that holds scar; slices of `own` without it make room for some with it, and are then
        not shown in this epoch.
    seed : int
        Seed of the draw.
    least_steps : int
        Fewest batches.

    Returns
    -------
    list of Tensor of int64, each of shape (batch_size,)
        The batches, all full, whatever the number of processes.
    """
    generator = torch.Generator().manual_seed(seed)

    def shuffled(values: Tensor) -> Tensor:
        return values[torch.randperm(len(values), generator=generator)]

    again = replayed_slices(batch_size, replay_share) if len(replayed) else 0
    new = batch_size - again
    steps = max(steps_an_epoch(len(own), new), least_steps)
    order = torch.cat([shuffled(own) for _ in range(-(-steps * new // len(own)))])[: steps * new]
    wanted = round(scar_share * batch_size)
    candidates = own[scar[own]] if wanted else own[:0]
    batches = []
    for batch in order.split(new):
        if again:
            chosen = torch.randint(len(replayed), (again,), generator=generator)
            batch = torch.cat([batch, replayed[chosen]])
        lacking = wanted - int(scar[batch].sum()) if len(candidates) else 0
        if lacking > 0:
            spare = shuffled(torch.nonzero(~scar[batch[:new]])[:, 0])[:lacking]
            batch = batch.clone()
            batch[spare] = candidates[torch.randint(len(candidates), (len(spare),), generator=generator)]
        batches.append(batch)
    return batches


def micro_batches(batch_size: int, micro_batch: int, process: int, processes: int) -> list[slice]:
    """Say which rows of a batch a process computes, one micro-batch after the other.

    A micro-batch is normalised, and its loss computed, on its own. So accumulating k micro-batches in one process is
    the same computation as one micro-batch in each of k processes.

    Parameters
    ----------
    batch_size : int
        Rows of the batch.
    micro_batch : int
        Most rows at a time; 0 for as many as there are for each process.
    process, processes : int
        This process and how many there are.

    Returns
    -------
    list of slice
        As many for each process, together all rows.

    Raises
    ------
    ScarNetError
        There are too few rows for the processes.
    """
    most = micro_batch or -(-batch_size // processes)
    parts = -(-batch_size // most)
    parts = -(-parts // processes) * processes
    if parts > batch_size:
        raise ScarNetError(
            f"A batch of {batch_size} in parts of at most {most} cannot be shared out among {processes} processes; "
            "make training.batch_size a multiple of their number, or start fewer."
        )
    bounds = [batch_size * part // parts for part in range(parts + 1)]
    return [slice(bounds[part], bounds[part + 1]) for part in range(process, parts, processes)]
