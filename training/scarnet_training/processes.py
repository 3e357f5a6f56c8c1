"""One process or several, on CPU or GPUs: what Accelerate is asked for, and the precision it computes in."""

from datetime import timedelta

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.state import AcceleratorState

from scarnet.errors import ScarNetError
from scarnet.predict.predictor import available_devices

__all__ = ["is_first_process", "start_accelerator", "working_precision"]

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
        usable = ", ".join(dict.fromkeys(["auto", devices[0], "cpu"]))
        raise ScarNetError(f"The device {device!r} cannot train here; use one of: {usable}.")
    if precision == "auto":
        precision = _best_precision(device)
    if precision == "fp16" and device == "cpu":
        raise ScarNetError("training.precision is 'fp16', which a CPU does not have; use 'bf16' or 'no'.")
    # A process that has trained before, as a viewer or a test does, may have asked for something else.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    # The U-Net branch alone leaves the other parameters without gradients.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    # At the end the others wait while one chooses, predicts and writes.
    patient = InitProcessGroupKwargs(timeout=timedelta(hours=12))
    return Accelerator(mixed_precision=precision, cpu=device == "cpu", kwargs_handlers=[unused, patient])


def _best_precision(device: str) -> str:
    """Give the mixed precision that a device is fast in, not only able to."""
    if device == "cuda":
        # Older cards only emulate bf16.
        has_bf16 = torch.version.hip is not None or torch.cuda.get_device_capability() >= (8, 0)
        return "bf16" if has_bf16 else "fp16"
    # Without instructions for it a CPU takes several times as long in bf16 as in 32 bits.
    fast = device == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return "bf16" if fast else "no"


def is_first_process() -> bool:
    """Say whether this process is the only one, or of those that have joined for a training the one that tells."""
    joined = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not joined or torch.distributed.get_rank() == 0


def working_precision(accelerator: Accelerator) -> torch.dtype:
    """Give the floating-point type that mixed precision computes in."""
    return _DTYPES[accelerator.mixed_precision]
