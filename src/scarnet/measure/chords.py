"""Chords across the wall: rays from the ventricle's centre, and what they meet from endocardium to epicardium."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass

__all__ = ["CHORDS", "Chords", "cast_chords"]

CHORDS = 100
"""Chords a slice."""

# Samples a voxel along a chord; finer ones gain nothing on labels.
_SAMPLES_PER_VOXEL = 4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chords:
    """What the chords of each slice meet.

    Chord 0 starts at the anterior insertion of the right ventricle; they follow each other in the direction in which
    segments are numbered.

    Attributes
    ----------
    centre : ndarray, shape (Z, 2)
        Where they start, (y, x) in voxels; NaN in a slice without heart.
    angles_rad : ndarray, shape (Z, N)
        In-plane angle atan2(y, x), y down the rows and x along the columns, in mm.
    inner_mm, outer_mm : ndarray, shape (Z, N)
        Radius of endocardium and epicardium; NaN where there is no wall.
    wall_mm, scar_mm : ndarray, shape (Z, N)
        Length in the wall, and in scar; NaN where there is no wall.
    transmurality : ndarray, shape (Z, N)
        Scar's part of the length in the wall, 0 to 1; NaN where there is no wall, and in slices without cavity, whose
        wall has no endocardium.
    scar_inner, scar_outer : ndarray, shape (Z, N)
        Where scar begins and ends in the wall, 0 at the endocardium and 1 at the epicardium; NaN without scar or
        transmurality.
    """

    centre: Floats
    angles_rad: Floats
    inner_mm: Floats
    outer_mm: Floats
    wall_mm: Floats
    scar_mm: Floats
    transmurality: Floats
    scar_inner: Floats
    scar_outer: Floats


def cast_chords(
    labels: npt.NDArray[Any],
    centre: Floats,
    has_cavity: npt.NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    start_rad: Floats,
    direction: int,
    count: int = CHORDS,
) -> Chords:
    """Cast chords through the wall of each slice.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel.
    centre : ndarray, shape (Z, 2)
        Where the chords start, (y, x) in voxels; NaN for slices to leave out.
    has_cavity : ndarray of bool, shape (Z,)
        Whether the slice has a cavity.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x).
    start_rad : ndarray, shape (Z,)
        In-plane angle of the anterior insertion.
    direction : {1, -1}
        Sign of the angle from chord to chord.
    count : int
        Chords a slice.

    Returns
    -------
    Chords
        The chords, at the middles of ``count`` equal angles.

    Notes
    -----
    A hundred chords a slice as in the centreline method [1]_, but on rays from the centre of the cavity: they need no
    contour and follow each brush stroke. Transmurality is the length of scar over the length of wall on the ray, from
    samples every quarter of a voxel. Papillary muscles and gaps in the wall count as what they are labelled.

    References
    ----------
    .. [1] Sheehan FH, Bolson EL, Dodge HT, et al. Advantages and applications of the centerline method for
       characterizing regional ventricular function. Circulation 1986;74:293-305.
    """
    dy, dx = spacing_mm[1:]
    turns = direction * 2 * np.pi * (np.arange(count) + 0.5) / count
    angles = (start_rad[:, None] + turns + np.pi) % (2 * np.pi) - np.pi
    step = min(dy, dx) / _SAMPLES_PER_VOXEL
    radii = (np.arange(np.ceil(_reach_mm(labels, centre, (dy, dx)) / step) + 1) + 0.5) * step
    met = _samples(labels, centre, angles, radii, (dy, dx))
    scar = met == TissueClass.SCAR
    wall = scar | (met == TissueClass.MYOCARDIUM)
    inner, outer, there = _ends(wall, radii, step)
    lengths, scar_lengths = wall.sum(axis=2) * step, scar.sum(axis=2) * step
    with_depth = there & has_cavity[:, None]
    transmurality = np.full(angles.shape, np.nan)
    np.divide(scar_lengths, lengths, out=transmurality, where=with_depth)
    first, last, scarred = _ends(scar, radii, step)
    scarred &= with_depth
    thickness = np.where(there, outer - inner, 1.0)
    return Chords(
        centre=centre,
        angles_rad=angles,
        inner_mm=inner,
        outer_mm=outer,
        wall_mm=np.where(there, lengths, np.nan),
        scar_mm=np.where(there, scar_lengths, np.nan),
        transmurality=transmurality,
        scar_inner=np.where(scarred, (first - inner) / thickness, np.nan),
        scar_outer=np.where(scarred, (last - inner) / thickness, np.nan),
    )


def _reach_mm(labels: npt.NDArray[Any], centre: Floats, spacing: tuple[float, float]) -> float:
    """Give the farthest that a corner of the slices lies from a centre."""
    if np.isnan(centre).all():
        return 0.0
    far = [np.nanmax(np.maximum(c + 1, n - c)) * d for c, n, d in zip(centre.T, labels.shape[1:], spacing, strict=True)]
    return float(np.hypot(*far))


def _samples(
    labels: npt.NDArray[Any], centre: Floats, angles: Floats, radii: Floats, spacing: tuple[float, float]
) -> npt.NDArray[np.uint8]:
    """Give the class at each sample, shape (Z, N, R); background beyond the slice and in slices left out."""
    padded = np.pad(labels.astype(np.uint8, copy=False), ((0, 0), (1, 1), (1, 1)))
    there = ~np.isnan(centre).any(axis=1)
    met = np.zeros((*angles.shape, radii.size), dtype=np.uint8)
    y = centre[there, 0, None, None] + np.sin(angles[there])[..., None] * (radii / spacing[0])
    x = centre[there, 1, None, None] + np.cos(angles[there])[..., None] * (radii / spacing[1])
    rows = np.clip(np.rint(y).astype(np.int32) + 1, 0, padded.shape[1] - 1)
    columns = np.clip(np.rint(x).astype(np.int32) + 1, 0, padded.shape[2] - 1)
    met[there] = padded[np.flatnonzero(there)[:, None, None], rows, columns]
    return met


def _ends(mask: npt.NDArray[np.bool_], radii: Floats, step: float) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Give the radius where each chord enters and leaves a mask, NaN where it does not meet it, and where it does."""
    there = np.asarray(mask.any(axis=2))
    if not radii.size:
        return np.full(there.shape, np.nan), np.full(there.shape, np.nan), there
    first = radii[mask.argmax(axis=2)] - step / 2
    last = radii[mask.shape[2] - 1 - mask[..., ::-1].argmax(axis=2)] + step / 2
    return np.asarray(np.where(there, first, np.nan)), np.asarray(np.where(there, last, np.nan)), there
