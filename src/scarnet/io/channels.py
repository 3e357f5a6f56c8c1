"""Reading probabilities or logits that were written with labels."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import N_CLASSES
from scarnet.errors import ScarNetError
from scarnet.io.paths import check_readable
from scarnet.stack import LGEStack

__all__ = ["read_channels"]

# Centres of the two grids may differ by this part of a voxel: headers store floats of 32 bits.
_SAME_GRID_VOXELS = 0.2


def read_channels(path: Path | str, stack: LGEStack) -> npt.NDArray[np.float32]:
    """Read one volume a class, as :func:`scarnet.io.write_channels` writes them.

    Parameters
    ----------
    path : Path or str
        A NIfTI file (X, Y, Z, C).
    stack : LGEStack
        The study they belong to.

    Returns
    -------
    ndarray of float32, shape (C, Z, Y, X)
        The maps.

    Raises
    ------
    ScarNetError
        The file cannot be read, or its grid or number of classes is another.
    """
    import nibabel

    path = Path(path)
    check_readable(path)
    try:
        image: Any = nibabel.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except Exception as error:  # nibabel lets zlib's and gzip's errors through
        raise ScarNetError(f"{path} is damaged or not a NIfTI file; write it again.") from error
    depth, height, width = stack.shape
    if values.shape != (width, height, depth, N_CLASSES):
        raise ScarNetError(
            f"{path} has shape {values.shape}, but maps of {stack.case} have {(width, height, depth, N_CLASSES)} "
            "(X, Y, Z, class)."
        )
    moved = np.abs((image.affine - stack.affine) @ [width - 1, height - 1, depth - 1, 1])
    if moved.max() > _SAME_GRID_VOXELS * min(stack.spacing_mm) and stack.source.format not in ("tiff", "hdf5", "array"):
        raise ScarNetError(f"{path} lies elsewhere than {stack.case}; use the maps of this case.")
    return np.ascontiguousarray(values.transpose(3, 2, 1, 0))
