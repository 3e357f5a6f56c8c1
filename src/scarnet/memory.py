"""Telling that memory ran out from every other failure."""

__all__ = ["is_out_of_memory"]


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that the memory of the device or of the computer ran out.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    bool
        CPU and MPS raise plain RuntimeErrors for it, which only their text tells apart.
    """
    import torch

    text = str(error).lower()
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "out of memory" in text or "can't allocate memory" in text
