"""How much disk a training takes, told before it starts."""

import shutil
from typing import cast

from scarnet.network.encoder import Encoder
from scarnet.network.scarnet import ScarNet
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder

__all__ = ["disk_bytes", "tell_disk"]


def disk_bytes(network: ScarNet, recipe: Recipe, slices: int, keeps_views: bool) -> int:
    """Estimate the most that a run's folder comes to.

    Parameters
    ----------
    network : ScarNet
        The network, with what trains chosen.
    recipe : Recipe
        How it is trained.
    slices : int
        Slices trained on and shown again.
    keeps_views : bool
        Whether views of them are kept with the frozen encoder's output.

    Returns
    -------
    int
        Bytes: of the checkpoints, one of which is written beside the one before, the model, and the views.
    """
    weights = [(parameter.nbytes, parameter.requires_grad) for parameter in network.parameters()]
    whole, trained = sum(size for size, _ in weights), sum(size for size, trains in weights if trains)
    # The weights, their average, and Adam's two averages of each gradient.
    checkpoint = 2 * whole + 2 * trained
    total = 2 * checkpoint + 2 * whole
    if keeps_views and network.encoder is not None:
        config = recipe.network
        image = config.grid**2 * (2 * (1 + 2 * config.context) + 1)
        encoder = cast(Encoder, network.encoder)
        embedding = 2 * encoder.out_channels * (config.grid // encoder.stride) ** 2
        total += slices * (image + embedding) * (recipe.training.views + 1)
    return total


def tell_disk(run: RunFolder, needed: int) -> None:
    """Say how much disk a run takes; warn where there is less.

    Parameters
    ----------
    run : RunFolder
        The run.
    needed : int
        From :func:`disk_bytes`.
    """
    free = shutil.disk_usage(run.folder).free
    told = f"The run takes up to {_gigabytes(needed)} on the disk of {run.folder} (checkpoints and kept views)"
    if needed > free:
        run.warn(f"{told}, but only {_gigabytes(free)} are free.")
    else:
        run.show("note", f"{told}; {_gigabytes(free)} are free.")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{max(size / 1e6, 1):.0f} MB"
