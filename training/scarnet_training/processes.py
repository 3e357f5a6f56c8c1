"""One process or several, on CPU or GPUs: what Accelerate is asked for, and the precision it computes in."""

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState

from scarnet.errors import ScarNetError
from scarnet.predict.predictor import available_devices

__all__ = ["start_accelerator", "working_precision"]

_DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def start_accelerator(precision: str, device: str = "auto") -> Accelerator:
    """Join the other processes of this training, where ``torchrun``, ``accelerate launch`` or Slurm started several.

    Parameters
    ----------
    precision : {"auto", "no", "bf16", "fp16"}
        Mixed precision.
    device : {"auto", "cuda", "mps", "cpu"}
        Where to train; auto takes the best there is.

    Returns
    -------
    Accelerator
        On that device.

    Raises
    ------
    ScarNetError
        The device is not there or has no such precision.
    """
    devices = available_devices()
    if device == "auto":
        device = devices[0]
    # Accelerate takes the best device there is, or the CPU.
    if device not in (devices[0], "cpu"):
        raise ScarNetError(f"The device {device!r} cannot train here; use one of: auto, {devices[0]}, cpu.")
    if precision == "auto":
        brain_float = device == "cpu" or (device == "cuda" and torch.cuda.is_bf16_supported())
        precision = "bf16" if brain_float else "fp16" if device == "cuda" else "no"
    if precision == "fp16" and device == "cpu":
        raise ScarNetError("training.precision is 'fp16', which a CPU does not have; use 'bf16' or 'no'.")
    # A process that has trained before, as a viewer or a test does, may have asked for something else.
    AcceleratorState._reset_state()
    # The U-Net branch alone leaves the other parameters without gradients.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(mixed_precision=precision, cpu=device == "cpu", kwargs_handlers=[unused])


def working_precision(accelerator: Accelerator) -> torch.dtype:
    """Give the floating-point type that mixed precision computes in."""
    return _DTYPES[accelerator.mixed_precision]
