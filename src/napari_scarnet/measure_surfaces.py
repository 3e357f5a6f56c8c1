"""Wall and scar as closed surfaces, without napari."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.measure import wall_mask
from scarnet.progress import Progress

__all__ = ["Mesh", "surface_of", "surfaces_work"]

_SMOOTH_VOXELS = 0.8
_FINEST_MM = 2.0
_PAD = 2


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface of triangles.

    Attributes
    ----------
    vertices : ndarray of float32, shape (N, 3)
        (z, y, x) in mm from the centre of the stack's first voxel, along the stack's axes.
    faces : ndarray of integers, shape (M, 3)
        Indices of vertices.
    normals : ndarray of float32, shape (N, 3)
        Unit vectors (z, y, x) that point out of the mask.
    """

    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    normals: npt.NDArray[np.float32]


def surface_of(mask: npt.NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Mesh | None:
    """Find the surface of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        The mask.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    Mesh or None
        None for an empty mask.

    Notes
    -----
    The zero level of the signed distance in mm (Raya and Udupa, IEEE Trans Med Imaging 1990;9:32-42), interpolated
    between the slices and slightly smoothed: a picture of the labels, not what volumes are measured on.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom
    from skimage.measure import marching_cubes

    if not mask.any():
        return None
    places = [np.flatnonzero(mask.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
    first = np.array([place[0] for place in places])
    inside = np.pad(mask[tuple(slice(place[0], place[-1] + 1) for place in places)], _PAD)
    signed = distance_transform_edt(inside, spacing_mm) - distance_transform_edt(~inside, spacing_mm)
    smooth = gaussian_filter(signed, (0, _SMOOTH_VOXELS, _SMOOTH_VOXELS))
    # A scar of a voxel or two would be smoothed away.
    signed = smooth if (smooth > 0).any() else signed
    steps = max(1, round(spacing_mm[0] / _FINEST_MM))
    depth = signed.shape[0]
    # A cubic spline between the slices, so that the surface has no edge at each of them.
    finer = zoom(signed, (((depth - 1) * steps + 1) / depth, 1, 1), order=3)
    vertices, faces, normals, _ = marching_cubes(finer, 0.0, spacing=(spacing_mm[0] / steps, *spacing_mm[1:]))
    vertices += (first - _PAD) * spacing_mm
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32), normals.astype(np.float32))


def surfaces_work(
    labels: npt.NDArray[Any], spacing_mm: tuple[float, float, float]
) -> Callable[[Progress], dict[str, Mesh]]:
    """Give the work that finds both surfaces, for a thread.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).

    Returns
    -------
    callable
        Takes a progress callback; gives ``"wall"`` and ``"scar"``, each where there is any.
    """

    def work(progress: Progress) -> dict[str, Mesh]:
        masks = {"wall": wall_mask(labels), "scar": np.asarray(labels == TissueClass.SCAR)}
        found = {}
        for done, (name, mask) in enumerate(masks.items()):
            progress(done, len(masks), "Surfaces")
            mesh = surface_of(mask, spacing_mm)
            if mesh is not None:
                found[name] = mesh
        return found

    return work
