"""From probabilities to labels: threshold, argmax, post-processing, and how sure the network is.

Nothing here changes logits or probabilities.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scarnet.classes import N_CLASSES, TissueClass
from scarnet.errors import ScarNetError

__all__ = ["drop_small_scar", "entropy_map", "labels_from_probabilities", "margin_map", "postprocess_labels"]

Labels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def labels_from_probabilities(
    probabilities: Floats,
    scar_threshold: float | None = None,
    postprocess: bool = True,
    smallest_scar_voxels: int = 0,
) -> Labels:
    """Give each voxel a class.

    Parameters
    ----------
    probabilities : ndarray, shape (C, Z, Y, X)
        Probability of each class.
    scar_threshold : float, optional
        A voxel is scar where its scar probability is at least this, else the likeliest other class. Without it
        the likeliest class wins.
    postprocess : bool
        Apply :func:`postprocess_labels`, then :func:`drop_small_scar`.
    smallest_scar_voxels : int
        For the second.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.

    Raises
    ------
    ScarNetError
        The threshold is not between 0 and 1.
    """
    if scar_threshold is None:
        labels = probabilities.argmax(axis=0).astype(np.uint8)
    elif 0 <= scar_threshold <= 1:
        others = probabilities[: TissueClass.SCAR].argmax(axis=0).astype(np.uint8)
        scar = probabilities[TissueClass.SCAR] >= scar_threshold
        labels = np.where(scar, np.uint8(TissueClass.SCAR), others)
    else:
        raise ScarNetError(f"The scar threshold {scar_threshold} is not between 0 and 1.")
    return drop_small_scar(postprocess_labels(labels), smallest_scar_voxels) if postprocess else labels


def postprocess_labels(labels: Labels) -> Labels:
    """Keep one ventricle without holes, and scar only in its wall.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        A new array: the largest connected ventricle, in each slice its largest part; background enclosed by it
        takes the class of the nearest voxel; scar that no myocardium of its slice touches takes the class around it.
    """
    ventricle = _largest_component(labels > 0)
    if not ventricle.any():
        return np.zeros_like(labels)
    box = ndimage.find_objects(ventricle.astype(np.uint8))[0]
    result = np.zeros_like(labels)
    cut = np.where(ventricle[box], labels[box], 0).astype(np.uint8)
    result[box] = np.stack([_clean_slice(slice_labels) for slice_labels in cut])
    return result


def drop_small_scar(labels: Labels, smallest_voxels: int) -> Labels:
    """Turn scar that is too small to be believed into myocardium.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel.
    smallest_voxels : int
        A connected scar (over faces, edges and corners, in 3D) of fewer voxels is dropped; 0 or 1 drops none.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        The labels; the same array where nothing was dropped.
    """
    scar = labels == TissueClass.SCAR
    if smallest_voxels <= 1 or not scar.any():
        return labels
    components, _ = ndimage.label(scar, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(components.ravel())
    small = scar & (sizes[components] < smallest_voxels)
    return np.where(small, np.uint8(TissueClass.MYOCARDIUM), labels)


def _largest_component(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    components, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    return np.asarray(components == sizes.argmax())


def _clean_slice(labels: Labels) -> Labels:
    ventricle = _largest_component(labels > 0)
    cleaned = np.where(ventricle, labels, 0).astype(np.uint8)
    holes = ndimage.binary_fill_holes(ventricle) & ~ventricle
    if holes.any():
        nearest = ndimage.distance_transform_edt(~ventricle, return_distances=False, return_indices=True)
        cleaned[holes] = cleaned[tuple(nearest)][holes]
    scar = cleaned == TissueClass.SCAR
    wall = scar | (cleaned == TissueClass.MYOCARDIUM)
    components, _ = ndimage.label(wall, structure=np.ones((3, 3)))
    stray = scar & ~np.isin(components, np.unique(components[wall & ~scar]))
    if stray.any() and (wall & ~scar).any():
        blood_around = ndimage.binary_dilation(stray) & (cleaned == TissueClass.BLOOD_POOL)
        cleaned[stray] = TissueClass.BLOOD_POOL if blood_around.any() else TissueClass.BACKGROUND
    return cleaned


def entropy_map(probabilities: Floats) -> Floats:
    """Measure how spread the probabilities are.

    Parameters
    ----------
    probabilities : ndarray, shape (C, Z, Y, X)
        Probability of each class.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        Shannon entropy divided by log C: 0 where one class is sure, 1 where all are alike.
    """
    p = np.clip(probabilities, 1e-12, 1)
    entropy = -(p * np.log(p)).sum(axis=0) / np.log(N_CLASSES)
    return np.asarray(np.clip(entropy, 0, 1), dtype=np.float32)


def margin_map(probabilities: Floats) -> Floats:
    """Measure how far the likeliest class leads.

    Parameters
    ----------
    probabilities : ndarray, shape (C, Z, Y, X)
        Probability of each class.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        Largest less second largest probability: 0 on a decision border, 1 where one class is sure.
    """
    ordered = np.partition(probabilities, N_CLASSES - 2, axis=0)
    return np.asarray(ordered[-1] - ordered[-2], dtype=np.float32)
