"""Optimizer steps: a batch's gradients by micro-batches, over all processes, also where memory gives out."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from scarnet.errors import ScarNetError
from scarnet.memory import is_out_of_memory
from scarnet.network.scarnet import ScarNet
from scarnet_training.batches import micro_batches
from scarnet_training.feed import Feed
from scarnet_training.loss import CompositeLoss
from scarnet_training.objective import Objective
from scarnet_training.recipe import Recipe
from scarnet_training.run_folder import RunFolder
from scarnet_training.schedule import build_optimizer

__all__ = ["Measured", "Updates"]

LARGEST_GRADIENT = 5.0


class Measured(NamedTuple):
    """What a step measured, still on the device: the loss and its terms, and the gradient's norm before clipping."""

    names: list[str]
    terms: Tensor
    gradient_norm: Tensor


class Updates:
    """Updates the network's weights, one batch after the other.

    Parameters
    ----------
    network, loss
        What is trained.
    recipe : Recipe
        What trains, and how fast.
    feed : Feed
        Where views come from.
    run : RunFolder
        Where it is told that memory gave out.
    accelerator : Accelerator
        The processes and their device.

    Attributes
    ----------
    optimizer : Optimizer
        That of the part which :meth:`begin_part` began.
    lowered : int
        The micro-batch that memory allowed, where it gave out; 0 where it did not.
    """

    optimizer: torch.optim.Optimizer

    def __init__(
        self,
        network: ScarNet,
        loss: CompositeLoss,
        recipe: Recipe,
        feed: Feed,
        run: RunFolder,
        accelerator: Accelerator,
    ) -> None:
        self.network, self.loss, self.recipe, self.feed, self.run = network, loss, recipe, feed, run
        self.accelerator = accelerator
        self.lowered = 0

    @property
    def micro_batch(self) -> int:
        """Slices in memory at a time; 0 for as many as there are for each process."""
        return min((size for size in (self.lowered, self.recipe.training.micro_batch) if size), default=0)

    def begin_part(self, unet_alone: bool) -> None:
        """Make the optimizer of a part of the training, the U-Net's own or the whole network's."""
        self.alone = unet_alone
        optimizer = build_optimizer(self.network, self.loss, self.recipe, unet_alone)
        objective = Objective(self.network, self.loss, self.recipe.training.branch_weight)
        # Accelerate would keep the part before, with its optimizer's state, alive.
        self.accelerator.free_memory()
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)

    def step(self, batch: Tensor, seed: int) -> Measured:
        """Do an optimizer step; where memory gives out, half as many slices are in it at a time from then on.

        Parameters
        ----------
        batch : Tensor of int64, shape (n,)
            The slices.
        seed : int
            Seed of their views.

        Returns
        -------
        Measured
            Over the whole batch, the same in each process.

        Raises
        ------
        ScarNetError
            There is too little memory for a single slice, or for what each of several processes has in it at a time.
        """
        while True:
            try:
                names, terms = self._gradients(batch, seed)
                break
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._lower_micro_batch(len(batch), error)
            # After the handler: the error's traceback holds what has to be freed.
            self.optimizer.zero_grad(set_to_none=True)
            if self.accelerator.device.type == "cuda":
                torch.cuda.empty_cache()
        trained = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        norm = self.accelerator.clip_grad_norm_(trained, LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return Measured(names, self.accelerator.reduce(terms, "sum"), norm)

    def _gradients(self, batch: Tensor, seed: int) -> tuple[list[str], Tensor]:
        """Accumulate the batch's gradients; give this process's part of the loss and its terms."""
        processes = self.accelerator.num_processes
        views = self.feed.views(batch, seed)
        parts = micro_batches(len(batch), self.micro_batch, self.accelerator.process_index, processes)
        names: list[str] = []
        total = torch.zeros((), device=self.accelerator.device)
        for position, rows in enumerate(parts):
            share = (rows.stop - rows.start) / len(batch)
            last = position == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.objective):
                loss, terms = self.objective(*views(rows), self.alone)
                # Accelerate averages gradients over processes; a share of the batch each is what is wanted.
                self.accelerator.backward(loss * (share * processes))
            names = list(terms)
            total = total + share * torch.stack([terms[name].float() for name in names])
        return names, total

    def _lower_micro_batch(self, batch_size: int, error: BaseException) -> None:
        processes = self.accelerator.num_processes
        now = self.micro_batch or -(-batch_size // processes)
        if now == 1:
            raise ScarNetError(
                "Out of memory with a single slice at a time; make network.grid or network.unet_width smaller."
            ) from error
        if processes > 1:
            # The others wait in the middle of this step, so it cannot be done again.
            raise ScarNetError(
                f"Out of memory with {now} slices at a time in each of {processes} processes; resume with "
                f"--micro-batch {-(-now // 2)} (for a job: training.micro_batch in its recipe.toml)."
            ) from error
        self.lowered = -(-now // 2)
        self.run.warn(
            f"Out of memory: goes on with {self.lowered} slices at a time, the rest accumulated.",
            micro_batch=self.lowered,
            accumulation=len(micro_batches(batch_size, self.lowered, 0, 1)),
        )
