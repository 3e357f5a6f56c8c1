"""Where the heart is, in a whole, uncropped slice."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from scarnet.network.scarnet import ScarNet
from scarnet.predict.sampling import normalise, to_grid

__all__ = ["heart_centre", "localiser_view"]

# Below this the localiser has seen no heart in any slice.
FAINTEST_HEART = 0.2


def localiser_view(images: Tensor, spacing_yx: tuple[float, float], grid: int, grid_spacing: float) -> Tensor:
    """Give the coarse, z-scored view of whole slices that the localiser sees.

    Parameters
    ----------
    images : Tensor, shape (N, 1, H, W)
        Slices on their own grid.
    spacing_yx : tuple of float
        Their pixel spacing in mm.
    grid : int
        Pixels along each side of the view.
    grid_spacing : float
        The view's pixel spacing in mm.

    Returns
    -------
    Tensor, shape (N, 1, grid, grid)
        The view, centred on the slices' middle.
    """
    height, width = images.shape[-2:]
    middle = ((height - 1) / 2, (width - 1) / 2)
    return normalise(to_grid(images, spacing_yx, middle, grid, grid_spacing))


def heart_centre(
    network: ScarNet, images: Tensor, spacing_yx: tuple[float, float], device: str = "cpu"
) -> tuple[tuple[float, float], bool]:
    """Find the left ventricle's centre, one for the whole stack.

    Parameters
    ----------
    network : ScarNet
        A network; without a localiser the image's middle is the answer.
    images : Tensor, shape (Z, 1, H, W)
        All slices of the stack.
    spacing_yx : tuple of float
        Their pixel spacing in mm.
    device : str
        Where to run.

    Returns
    -------
    centre_yx : tuple of float
        Index of the centre.
    found : bool
        Whether a heart was seen; if not, the centre is the image's middle.
    """
    height, width = images.shape[-2:]
    middle = ((height - 1) / 2, (width - 1) / 2)
    config = network.config
    if network.localiser is None:
        return middle, True
    views = localiser_view(images, spacing_yx, config.localiser_grid, config.localiser_spacing_mm)
    with torch.inference_mode():
        seen = [torch.sigmoid(network.localiser(view.to(device)).float()).cpu() for view in views.split(16)]
    # Slices share one ventricle, so a false heart in one of them loses against the others.
    heart = torch.cat(seen)[:, 0].numpy()
    if heart.max() < FAINTEST_HEART:
        return middle, False
    shared = ndimage.gaussian_filter(heart.mean(axis=0), 1.0)
    components, _ = ndimage.label(shared >= 0.5 * shared.max())
    own = components == components[np.unravel_index(shared.argmax(), shared.shape)]
    centre = np.array(ndimage.center_of_mass(shared * own))
    offset_mm = (centre - (config.localiser_grid - 1) / 2) * config.localiser_spacing_mm
    y, x = np.clip(np.array(middle) + offset_mm / np.array(spacing_yx), 0, (height - 1, width - 1))
    return (float(y), float(x)), True
