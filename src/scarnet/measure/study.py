"""Everything there is to measure in a study, at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.measure.chords import Chords, cast_chords
from scarnet.measure.components import drop_small
from scarnet.measure.grey_zone import GreyZone, grey_zone
from scarnet.measure.insertion import Insertion, InsertionAngles, insertion_angles
from scarnet.measure.no_reflow import dark_within_scar, enclosed_dark
from scarnet.measure.orientation import Orientation, find_orientation
from scarnet.measure.remote import Remote, find_remote, remote_from_mask
from scarnet.measure.segments import levels_of, segment_map
from scarnet.measure.septum import septum_angle
from scarnet.measure.settings import MeasureSettings
from scarnet.measure.slabs import slabs_of
from scarnet.measure.thresholds import ThresholdScar, threshold_scar
from scarnet.measure.uncertainty import disagreement_notes, noise_intervals, probability_intervals
from scarnet.measure.values import Found, collect_values
from scarnet.measure.volumes import check_labels
from scarnet.measure.wall import HeartBox, cavity_mask, centroids, heart_box, in_slices, wall_mask
from scarnet.stack import LGEStack

__all__ = ["StudyMeasures", "measure_study"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StudyMeasures:
    """What was measured, and where.

    Attributes
    ----------
    values : dict
        Plain JSON values, the content of ``measures.json``; ``docs/measures.md`` explains each.
    labels : ndarray of uint8, shape (Z, Y, X)
        What was measured: the labels, less scar that is too small or, if no-reflow counts apart, that is no-reflow.
    chords : Chords
        Chords across the wall.
    orientation : Orientation
        Which end is the base, and the direction of numbering.
    insertion : InsertionAngles
        The anterior insertion of the right ventricle.
    insertion_points : ndarray of float64, shape (Z, 2)
        Where that is on the epicardium, (y, x) in voxels, to be drawn; NaN in a slice without wall there.
    segments : ndarray of uint8, shape (Z, Y, X)
        Segment 1 to 17 of each voxel of the wall, 0 elsewhere.
    levels : list of (str or None)
        Level of each slice, among :data:`scarnet.measure.LEVELS`.
    thresholds : dict of str to ThresholdScar
        By method; empty where they were not asked for.
    grey_zone : GreyZone or None
        Core and grey zone; None where thresholds were not asked for.
    no_reflow : ndarray of bool, shape (Z, Y, X), or None
        The dark region within the labelled scar; None where it was not looked for.
    remote : Remote or None
        The healthy myocardium that thresholds compare with.
    """

    values: dict[str, Any]
    labels: npt.NDArray[np.uint8]
    chords: Chords
    orientation: Orientation
    insertion: InsertionAngles
    insertion_points: npt.NDArray[np.float64]
    segments: npt.NDArray[np.uint8]
    levels: list[str | None]
    thresholds: dict[str, ThresholdScar]
    grey_zone: GreyZone | None
    no_reflow: Mask | None
    remote: Remote | None


def measure_study(
    labels: npt.NDArray[Any],
    stack: LGEStack,
    settings: MeasureSettings | None = None,
    *,
    insertions: Sequence[Insertion] = (),
    thresholds: bool = True,
    remote: Mask | None = None,
    probabilities: npt.NDArray[Any] | None = None,
    noise: Mapping[str, Sequence[float | None]] | None = None,
) -> StudyMeasures:
    """Measure a study.

    Parameters
    ----------
    labels : ndarray of integers, shape (Z, Y, X)
        Class of each voxel, as in :class:`scarnet.classes.TissueClass`.
    stack : LGEStack
        The study.
    settings : MeasureSettings, optional
        Choices; the defaults if not given.
    insertions : sequence of Insertion
        Where the user marked the anterior insertion of the right ventricle; without any it is estimated.
    thresholds : bool
        Apply the threshold methods, too. Without them, measuring again after a brush stroke takes a fraction of 100 ms.
    remote : ndarray of bool, shape (Z, Y, X), optional
        Healthy myocardium that the user drew; without it, it is looked for.
    probabilities : ndarray, shape (C, Z, Y, X), optional
        The network's, for how far to trust the volumes.
    noise : Mapping of str to sequence of float, optional
        What a Monte-Carlo run with noise gave, see :func:`scarnet.measure.noise_intervals`.

    Returns
    -------
    StudyMeasures
        Numbers, and the masks and chords they come from.

    Raises
    ------
    ScarNetError
        Labels, remote region, insertion points or probabilities do not fit the study.
    """
    settings = settings or MeasureSettings()
    labels = check_labels(labels, stack)
    slabs = slabs_of(stack)
    # All work is done where the heart is.
    box = heart_box(labels) or HeartBox(0, 1, 0, 1)
    inside = np.ascontiguousarray(labels[box.cut]).astype(np.uint8, copy=False)
    pixels = stack.pixels[box.cut]
    voxel_ml = slabs.counted_mm * (stack.spacing_mm[1] * stack.spacing_mm[2] / 1000)
    wall = wall_mask(inside)
    scar = drop_small(inside == TissueClass.SCAR, settings.smallest_scar_ml, voxel_ml)
    region: Remote | None = None
    if thresholds or settings.no_reflow == "apart":
        region = _remote(stack, labels, box, wall, remote)
    no_reflow: Mask | None = None
    if region is not None:
        no_reflow = _no_reflow(stack, pixels, inside, scar, region, settings)
        if settings.no_reflow == "apart":
            scar = scar & ~no_reflow
    measured = np.where(wall & ~scar, np.uint8(TissueClass.MYOCARDIUM), inside)

    cavity = cavity_mask(measured)
    centre = centroids(cavity)
    centre = np.where(np.isnan(centre), centroids(wall), centre)
    orientation = find_orientation(stack, measured, settings.base, settings.seen_from)
    offset = np.array([box.y0, box.x0], dtype=np.float64)
    hollow = in_slices(cavity)
    levels, level_notes = levels_of(wall, cavity, slabs, orientation.base_first)
    septum = None
    if not insertions:
        everywhere = cast_chords(measured, centre, hollow, stack.spacing_mm, np.full(len(hollow), -np.pi), 1, 72)
        septum = septum_angle(stack, measured, everywhere, offset, levels)
    insertion = insertion_angles(stack, centre + offset, orientation, insertions, septum)
    start, direction = insertion.angles_rad, orientation.direction
    chords = cast_chords(measured, centre, hollow, stack.spacing_mm, start, direction)
    segments = segment_map(wall, centre, stack.spacing_mm, start, direction, levels)
    methods: dict[str, ThresholdScar] = {}
    zone: GreyZone | None = None
    if thresholds:
        methods = _threshold_scar(pixels, inside, wall, region, settings, voxel_ml)
        zone = grey_zone(pixels, wall, region, settings.grey_zone, settings.fwhm_baseline)
    found = Found(
        stack, settings, slabs, voxel_ml, inside, measured, chords, orientation, insertion, segments, levels,
        tuple(level_notes), methods, zone, no_reflow, region,
    )  # fmt: skip
    values = collect_values(found)
    if probabilities is not None:
        intervals = probability_intervals(probabilities, stack)
        values["uncertainty"]["probabilities"] = intervals
        values["notes"] += disagreement_notes(values["scar_volume_ml"], intervals)
    if noise is not None:
        values["uncertainty"]["noise"] = noise_intervals(noise)

    def whole(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        full = np.zeros(stack.shape, dtype=part.dtype)
        full[box.cut] = part
        return full

    return StudyMeasures(
        values=values,
        labels=whole(measured),
        chords=replace(chords, centre=chords.centre + offset),
        orientation=orientation,
        insertion=insertion,
        insertion_points=_points(chords, insertion, stack) + offset,
        segments=whole(segments),
        levels=levels,
        thresholds={name: replace(one, mask=whole(one.mask)) for name, one in methods.items()},
        grey_zone=None if zone is None else replace(zone, core=whole(zone.core), grey=whole(zone.grey)),
        no_reflow=None if no_reflow is None else whole(no_reflow),
        remote=None if region is None else replace(region, mask=whole(region.mask)),
    )


def _points(chords: Chords, insertion: InsertionAngles, stack: LGEStack) -> npt.NDArray[np.float64]:
    """Find the insertion on the epicardium, which the first chord is next to."""
    towards = np.stack([np.sin(insertion.angles_rad), np.cos(insertion.angles_rad)], axis=1)
    return np.asarray(chords.centre + towards * chords.outer_mm[:, :1] / stack.spacing_mm[1:])


def _remote(stack: LGEStack, labels: npt.NDArray[Any], box: HeartBox, wall: Mask, drawn: Mask | None) -> Remote | None:
    if drawn is None:
        return find_remote(stack.pixels[box.cut], wall, stack.spacing_mm)
    whole = remote_from_mask(stack.pixels, wall_mask(labels), drawn)
    return replace(whole, mask=whole.mask[box.cut])


def _no_reflow(
    stack: LGEStack,
    pixels: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    scar: Mask,
    remote: Remote,
    settings: MeasureSettings,
) -> Mask:
    """Find what of the labelled scar is darker than the grey zone."""
    limit = grey_zone(pixels, wall_mask(labels), remote, "fwhm", settings.fwhm_baseline).grey_threshold
    if limit is None:
        return np.zeros(scar.shape, dtype=bool)
    return dark_within_scar(pixels, labels, scar, limit, stack.spacing_mm)


def _threshold_scar(
    pixels: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    wall: Mask,
    remote: Remote | None,
    settings: MeasureSettings,
    voxel_ml: npt.NDArray[np.float64],
) -> dict[str, ThresholdScar]:
    """Apply every method under the rules that the labels are held to."""
    found = {}
    for name, one in threshold_scar(pixels, wall, remote, settings.fwhm_baseline).items():
        mask = one.mask
        if settings.no_reflow == "scar":
            mask = mask | enclosed_dark(mask, labels)
        found[name] = replace(one, mask=drop_small(mask, settings.smallest_scar_ml, voxel_ml))
    return found
