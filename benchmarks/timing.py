"""Timing works side by side, for machines that are busy with something else now and then."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

__all__ = ["Seconds", "interleaved", "medians", "wait_for"]

Seconds = dict[str, list[float]]


def wait_for(device: str) -> None:
    """Wait until the device has done its work, without which a GPU's time is only that of starting it."""
    if device == "cuda":
        torch.cuda.synchronize()


def interleaved(
    works: Mapping[str, Callable[[], object]], rounds: int, device: str = "cpu", times: int = 1, warm_up: int = 1
) -> Seconds:
    """Time each work once a round, so that a busy moment of the machine hits all of them.

    Parameters
    ----------
    works : mapping of str to callable
        What to time, by name.
    rounds : int
        Measurements of each.
    device : str
        Where they run.
    times : int
        How often a measurement does the work, so that a GPU has the next one waiting as in real use.
    warm_up : int
        How often each is done before.

    Returns
    -------
    dict of str to list of float
        Seconds that the work takes once, one value a round.
    """
    for work in works.values():
        for _ in range(warm_up):
            work()
    seconds: Seconds = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            wait_for(device)
            start = time.perf_counter()
            for _ in range(times):
                work()
            wait_for(device)
            seconds[name].append((time.perf_counter() - start) / times)
    return seconds


def medians(seconds: Seconds) -> dict[str, float]:
    """Give the median of each work's seconds."""
    return {name: statistics.median(values) for name, values in seconds.items()}
