"""Running a model over a stack."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError
from scarnet.memory import is_out_of_memory
from scarnet.models.store import Model
from scarnet.network.folding import fold_batch_norms
from scarnet.network.scarnet import ScarNet
from scarnet.predict.labels import labels_from_probabilities
from scarnet.predict.localise import heart_centre
from scarnet.predict.outside import OUTSIDE_LOGITS
from scarnet.predict.prediction import Prediction
from scarnet.predict.sampling import from_grid, grid_window, normalise, to_grid, with_neighbours
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack

__all__ = ["Predictor", "available_devices"]

T = TypeVar("T")

# Axes of (N, C, H, W) that are flipped at test time.
FLIPS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))


def available_devices() -> list[str]:
    """List the devices of this computer.

    Returns
    -------
    list of str
        Of ``"cuda"``, ``"mps"`` and ``"cpu"`` those that work, best first.
    """
    devices = ["cuda"] if torch.cuda.is_available() else []
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return [*devices, "cpu"]


class Predictor:
    """A model ready to predict.

    Parameters
    ----------
    model : Model
        What :func:`scarnet.models.load_model` gave.
    device : str
        ``"auto"`` (the best there is), ``"cuda"``, ``"mps"`` or ``"cpu"``.
    batch_size : int
        Slices at a time.
    test_time_flips : bool, optional
        Average the logits over the four flips of each slice; four times the work. Without it, what the model's card
        recommends.

    Raises
    ------
    ScarNetError
        The device is not there, or the batch size is not positive.
    """

    def __init__(
        self, model: Model, device: str = "auto", batch_size: int = 8, test_time_flips: bool | None = None
    ) -> None:
        devices = available_devices()
        if device != "auto" and device not in devices:
            raise ScarNetError(f"The device {device!r} is not available here; use one of: auto, {', '.join(devices)}.")
        if batch_size < 1:
            raise ScarNetError(f"The batch size {batch_size} is not at least 1.")
        self.model = model
        self.network = fold_batch_norms(model.network)
        self.device = devices[0] if device == "auto" else device
        self.batch_size = batch_size
        if test_time_flips is None:
            test_time_flips = bool(model.card.recipe.get("test_time_flips", False))
        self.flips = FLIPS if test_time_flips else FLIPS[:1]

    def predict(
        self,
        stack: LGEStack,
        *,
        slices: Sequence[int] | None = None,
        postprocess: bool = True,
        branches: bool = False,
        progress: Progress = silent,
    ) -> Prediction:
        """Segment a stack.

        Parameters
        ----------
        stack : LGEStack
            The study. The heart is sought in all of its slices, so that one slice alone is seen as in the whole.
        slices : sequence of int, optional
            Only these slices; without it all.
        postprocess : bool
            Clean the labels (:func:`scarnet.predict.postprocess_labels`); logits and probabilities stay as they are.
        branches : bool
            Keep each branch's own logits too.
        progress : Progress
            Called between batches; may raise :class:`scarnet.errors.Cancelled`.

        Returns
        -------
        Prediction
            On the stack's own grid.

        Raises
        ------
        ScarNetError
            A slice does not exist.
        Cancelled
            The progress callback said so.
        """
        start = time.perf_counter()
        chosen = tuple(range(stack.shape[0])) if slices is None else tuple(sorted({int(z) for z in slices}))
        if not chosen or chosen[0] < 0 or chosen[-1] >= stack.shape[0]:
            raise ScarNetError(f"{stack.case}: slices {list(chosen)} are not all among 0 … {stack.shape[0] - 1}.")
        run = _Run(self.network, self.device, self.batch_size, self.flips, branches)
        images = torch.from_numpy(np.array(stack.pixels))[:, None]
        spacing_yx = stack.spacing_mm[1:]
        progress(0, len(chosen), "Finding the heart")
        centre, found = run.surviving_memory(lambda: heart_centre(run.network, images, spacing_yx, run.device))
        if not found:
            run.notices.append("No heart was found; the network looked at the middle of the image.")
        config = self.model.card.config
        window = grid_window(stack.shape[1:], spacing_yx, centre, config.grid * config.spacing_mm)
        on_grid = normalise(to_grid(images, spacing_yx, centre, config.grid, config.spacing_mm))
        on_grid = with_neighbours(on_grid, config.context)[list(chosen)]
        outputs = run.all_slices(on_grid, progress)

        def placed(inside: Tensor, outside: Tensor) -> npt.NDArray[np.float32]:
            return _placed(inside.numpy(), outside.numpy(), stack.shape, chosen, window)

        surely_background = torch.tensor(OUTSIDE_LOGITS)
        try:
            native = {
                name: from_grid(output, stack.shape[1:], spacing_yx, centre, config.spacing_mm).movedim(1, 0)
                for name, output in outputs.items()
            }
            logits = {name: placed(inside, surely_background) for name, inside in native.items()}
            probabilities = placed(torch.softmax(native["fused"], dim=0), torch.softmax(surely_background, dim=0))
            smallest = math.ceil(self.model.card.smallest_scar_ml / stack.voxel_ml)
            whole = len(chosen) == stack.shape[0]
            labels = labels_from_probabilities(probabilities, None, postprocess, smallest if whole else 0)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise ScarNetError(
                f"{stack.case}: the maps of {stack.shape[0]} slices of {stack.shape[1]} × {stack.shape[2]} pixels do "
                "not fit into this computer's memory; close other programs, or predict fewer slices."
            ) from error
        return Prediction(
            logits=logits.pop("fused"),
            probabilities=probabilities,
            labels=labels,
            branch_logits=logits,
            slices=chosen,
            window=window,
            card=self.model.card,
            model_sha256=self.model.sha256,
            case=stack.case,
            device=run.device,
            seconds=time.perf_counter() - start,
            postprocessed=postprocess,
            smallest_scar_voxels=smallest,
            notices=tuple(run.notices),
        )


def _placed(
    inside: npt.NDArray[np.float32],
    outside: npt.NDArray[np.float32],
    shape: tuple[int, int, int],
    slices: Sequence[int],
    window: tuple[int, int, int, int],
) -> npt.NDArray[np.float32]:
    """Put (C, N, h, w) of the chosen slices' window into (C, Z, H, W)."""
    y0, y1, x0, x1 = window
    volume = np.empty((len(outside), *shape), np.float32)
    volume[:] = outside[:, None, None, None]
    volume[:, list(slices), y0:y1, x0:x1] = inside
    return volume


class _Run:
    """One prediction: where it runs now, with how large a batch, and what had to change on the way."""

    def __init__(
        self, network: ScarNet, device: str, batch_size: int, flips: Sequence[tuple[int, ...]], branches: bool
    ) -> None:
        self.network = network
        self.device, self.batch_size, self.flips = device, batch_size, flips
        own = ("unet",) if network.encoder is None else ("medsam", "unet")
        self.wanted = ("fused", *own) if branches else ("fused",)
        self.notices: list[str] = []
        self.surviving_memory(lambda: self.network.to(self.device))

    def surviving_memory(self, work: Callable[[], T]) -> T:
        """Do work that does not depend on the batch size; out of memory moves it to the CPU."""
        try:
            return work()
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if self.device == "cpu" or not is_out_of_memory(error):
                raise
            self._move_to_cpu()
        return work()

    def all_slices(self, images: Tensor, progress: Progress) -> dict[str, Tensor]:
        """Segment (N, C, g, g) batch by batch: name → (N, 4, g, g) on the CPU."""
        done: dict[str, list[Tensor]] = {name: [] for name in self.wanted}
        position = 0
        while position < len(images):
            progress(position, len(images), "Segmenting slices")
            batch = images[position : position + self.batch_size]
            try:
                outputs = self._batch(batch)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._make_room(error)
                continue
            for name, output in outputs.items():
                done[name].append(output)
            position += len(batch)
        progress(len(images), len(images), "Segmenting slices")
        return {name: torch.cat(parts) for name, parts in done.items()}

    def _batch(self, batch: Tensor) -> dict[str, Tensor]:
        batch = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        total = torch.zeros(len(self.wanted), len(batch), N_CLASSES, *batch.shape[-2:])
        with (
            torch.inference_mode(),
            torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
        ):
            for axes in self.flips:
                outputs = self.network(batch.flip(axes))
                named = {"fused": outputs.logits, "medsam": outputs.medsam_logits, "unet": outputs.unet_logits}
                total += torch.stack([named[name].float().flip(axes).cpu() for name in self.wanted])
        return dict(zip(self.wanted, total / len(self.flips), strict=True))

    def _make_room(self, error: Exception) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.batch_size > 1:
            self.batch_size //= 2
            self.notices.append(f"Out of memory: went on with {self.batch_size} slices at a time.")
        elif self.device != "cpu":
            self._move_to_cpu()
        else:
            raise ScarNetError("One slice does not fit into this computer's memory; close other programs.") from error

    def _move_to_cpu(self) -> None:
        self.notices.append(f"Out of memory on {self.device}: went on with the CPU, which is slower.")
        self.device = "cpu"
        self.network.to("cpu")
