"""The numbers of ``measures.json``, from what was found in a study."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import scarnet
from scarnet.classes import TissueClass
from scarnet.measure.border import border_length_mm
from scarnet.measure.chords import Chords
from scarnet.measure.components import component_volumes_ml
from scarnet.measure.grey_zone import GreyZone
from scarnet.measure.insertion import InsertionAngles
from scarnet.measure.notes import notes_on
from scarnet.measure.orientation import Orientation
from scarnet.measure.pattern import pattern_of, quartiles_of
from scarnet.measure.remote import Remote
from scarnet.measure.segments import SEGMENT_LEVELS, SEGMENT_NAMES, chord_segments
from scarnet.measure.settings import MeasureSettings
from scarnet.measure.slabs import Slabs
from scarnet.measure.thresholds import ThresholdScar
from scarnet.measure.volumes import MYOCARDIAL_DENSITY_G_PER_ML, measure_labels, percent_of
from scarnet.measure.wall import wall_mask
from scarnet.stack import LGEStack

__all__ = ["DENOMINATOR", "Found", "collect_values"]

DENOMINATOR = (
    "Percentages of scar are of the whole wall of the same slices or segment: healthy myocardium and scar together."
)
"""What percentages are of."""

Mask = npt.NDArray[np.bool_]

_ESTIMATED = {
    "image": "from where the image shows the right ventricle",
    "patient axes": "from the patient's axes",
    "display": "as slices are usually displayed, with the septum on the left",
}


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a study, cut to the heart: shapes (Z, Y, X) are those of the cut.

    Attributes
    ----------
    stack, settings, slabs
        The study, the choices, and how thick each slice counts.
    voxel_ml : ndarray, shape (Z,)
        Volume of a voxel of each slice.
    given, labels : ndarray of uint8, shape (Z, Y, X)
        The labels before and after what the choices leave out of scar.
    chords, orientation, insertion, segments, levels
        The geometry.
    level_notes : tuple of str
        What is to be known of the levels.
    thresholds, grey_zone, no_reflow, remote
        What the intensities tell; empty or None where they were not asked.
    """

    stack: LGEStack
    settings: MeasureSettings
    slabs: Slabs
    voxel_ml: npt.NDArray[np.float64]
    given: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    chords: Chords
    orientation: Orientation
    insertion: InsertionAngles
    segments: npt.NDArray[np.uint8]
    levels: list[str | None]
    level_notes: tuple[str, ...]
    thresholds: dict[str, ThresholdScar]
    grey_zone: GreyZone | None
    no_reflow: Mask | None
    remote: Remote | None

    def volume_ml(self, mask: Mask) -> float:
        """Give a mask's volume in ml."""
        return float(self.voxel_ml @ np.count_nonzero(mask, axis=(1, 2)))


def collect_values(found: Found) -> dict[str, Any]:
    """Put the numbers together.

    Parameters
    ----------
    found : Found
        What was found.

    Returns
    -------
    dict
        Plain JSON values: the keys of :func:`scarnet.measure.measure_labels`, and those that ``docs/measures.md``
        lists. None where there is no number; ``notes`` then says why.
    """
    scar, wall = found.labels == TissueClass.SCAR, wall_mask(found.labels)
    border = border_length_mm(scar, wall & ~scar, found.stack.spacing_mm)
    # Cut to the heart: the volumes are the same, and the slices too.
    basic = measure_labels(found.labels, _cut_stack(found))
    slices = [one | _slice_values(found, z, float(border[z])) for z, one in enumerate(basic["slices"])]
    return {
        "case": found.stack.case,
        **{key: value for key, value in basic.items() if key != "slices"},
        "denominator": DENOMINATOR,
        "notes": [
            *notes_on(found.given, found.labels, found.slabs, found.chords, found.settings, found.voxel_ml),
            *found.orientation.notes,
            *found.level_notes,
            *_estimate_notes(found),
        ],
        "gaps": _gaps(found, scar, wall),
        "transmurality": _transmurality(found.chords),
        "scar_extent_percent_circumference": _extent_percent(found.chords.transmurality),
        "scar_border_length_mm": float(border.sum()),
        "components": _components(scar, found.voxel_ml),
        "pattern": pattern_of(found.chords),
        "slices": slices,
        "segments": _segments(found, scar, wall),
        "orientation": {
            "base": "first slice" if found.orientation.base_first else "last slice",
            "base_source": found.orientation.base_source,
            "direction_source": found.orientation.direction_source,
        },
        "insertion": {"source": found.insertion.source, "estimated": found.insertion.estimated},
        "thresholds": {name: _threshold(found, one, scar, wall) for name, one in found.thresholds.items()},
        "grey_zone": _grey_zone(found, wall),
        "no_reflow": _no_reflow(found, wall),
        "remote": _remote(found.remote),
        "uncertainty": {},
        "settings": asdict(found.settings),
        "scarnet_version": scarnet.__version__,
    }


def _cut_stack(found: Found) -> LGEStack:
    """Give a stack of the cut's shape with the slices' geometry; its pixels are not looked at."""
    return LGEStack(
        np.zeros(found.labels.shape, dtype=np.float32),
        found.stack.spacing_mm,
        found.stack.affine,
        found.stack.case,
        slice_positions_mm=found.stack.slice_positions_mm,
    )


def _slice_values(found: Found, z: int, border_mm: float) -> dict[str, Any]:
    depth = found.chords.transmurality[z]
    return {
        "level": found.levels[z],
        "scar_transmurality_percent": _mean_percent(depth[depth > 0]),
        "scar_extent_deg": None if np.isnan(depth).all() else 360.0 * float((depth > 0).sum()) / depth.size,
        "scar_border_length_mm": border_mm,
        "pattern": pattern_of(found.chords, slice(z, z + 1))["dominant"],
    }


def _transmurality(chords: Chords) -> dict[str, Any]:
    depth = chords.transmurality[~np.isnan(chords.transmurality)]
    return {
        "chords": int(depth.size),
        "chords_with_scar": int((depth > 0).sum()),
        "mean_percent_of_scarred": _mean_percent(depth[depth > 0]),
        "mean_percent_of_all": _mean_percent(depth),
        "quartiles_percent_of_circumference": quartiles_of(depth),
    }


def _extent_percent(transmurality: npt.NDArray[np.float64]) -> float | None:
    there = transmurality[~np.isnan(transmurality)]
    return 100.0 * float((there > 0).mean()) if there.size else None


def _components(scar: Mask, voxel_ml: npt.NDArray[np.float64]) -> dict[str, Any]:
    volumes = component_volumes_ml(scar, voxel_ml)
    return {"count": len(volumes), "volumes_ml": volumes}


def _segments(found: Found, scar: Mask, wall: Mask) -> list[dict[str, Any]]:
    weights = np.broadcast_to(found.voxel_ml[:, None, None], wall.shape)
    walls, scars = (
        np.bincount(found.segments[mask], weights=weights[mask], minlength=len(SEGMENT_NAMES) + 1)
        for mask in (wall, scar)
    )
    depth = found.chords.transmurality
    numbers = chord_segments(found.levels, depth.shape[1])
    return [
        {
            "segment": number,
            "name": name,
            "level": SEGMENT_LEVELS[number],
            "myocardium_volume_ml": float(walls[number]),
            "myocardium_mass_g": float(walls[number]) * MYOCARDIAL_DENSITY_G_PER_ML,
            "scar_volume_ml": float(scars[number]),
            "scar_percent": percent_of(float(scars[number]), float(walls[number])),
            "transmurality_percent": _mean_percent(depth[(numbers == number) & ~np.isnan(depth)]),
        }
        for number, name in SEGMENT_NAMES.items()
    ]


def _gaps(found: Found, scar: Mask, wall: Mask) -> dict[str, Any]:
    pixel_mm2 = found.stack.spacing_mm[1] * found.stack.spacing_mm[2]
    filled = found.slabs.filled_mm * (pixel_mm2 / 1000)
    return {
        "missing_slices": found.slabs.missing,
        "myocardium_volume_ml_filled": float(filled @ np.count_nonzero(wall, axis=(1, 2))),
        "scar_volume_ml_filled": float(filled @ np.count_nonzero(scar, axis=(1, 2))),
    }


def _threshold(found: Found, one: ThresholdScar, scar: Mask, wall: Mask) -> dict[str, Any]:
    numbers = ("scar_volume_ml", "scar_mass_g", "scar_percent_myocardium", "dice_with_labels")
    if one.threshold is None:
        return {"threshold": None, **dict.fromkeys(numbers), "note": one.note}
    volume = found.volume_ml(one.mask)
    both = int(np.count_nonzero(one.mask)) + int(np.count_nonzero(scar))
    return {
        "threshold": one.threshold,
        "scar_volume_ml": volume,
        "scar_mass_g": volume * MYOCARDIAL_DENSITY_G_PER_ML,
        "scar_percent_myocardium": percent_of(volume, found.volume_ml(wall)),
        "dice_with_labels": 2.0 * int(np.count_nonzero(one.mask & scar)) / both if both else None,
        "note": one.note,
    }


def _grey_zone(found: Found, wall: Mask) -> dict[str, Any] | None:
    zone = found.grey_zone
    if zone is None:
        return None
    told: dict[str, Any] = {
        "method": zone.method,
        "core_threshold": zone.core_threshold,
        "grey_threshold": zone.grey_threshold,
    }
    for name, mask in (("core", zone.core), ("grey", zone.grey)):
        volume = None if zone.core_threshold is None else found.volume_ml(mask)
        told[f"{name}_volume_ml"] = volume
        told[f"{name}_percent_myocardium"] = None if volume is None else percent_of(volume, found.volume_ml(wall))
    return told | {"note": zone.note}


def _no_reflow(found: Found, wall: Mask) -> dict[str, Any] | None:
    if found.no_reflow is None:
        return None
    volume = found.volume_ml(found.no_reflow)
    return {
        "volume_ml": volume,
        "percent_myocardium": percent_of(volume, found.volume_ml(wall)),
        "counted": "in scar" if found.settings.no_reflow == "scar" else "apart from scar",
    }


def _remote(remote: Remote | None) -> dict[str, Any] | None:
    if remote is None:
        return None
    voxels = int(np.count_nonzero(remote.mask))
    return {"mean": remote.mean, "sd": remote.sd, "voxels": voxels, "drawn": remote.drawn}


def _estimate_notes(found: Found) -> list[str]:
    if not found.insertion.estimated or not found.segments.any():
        return []
    return [
        f"The anterior insertion of the right ventricle is estimated {_ESTIMATED[found.insertion.source]}; mark it "
        "where segments matter."
    ]


def _mean_percent(values: npt.NDArray[np.float64]) -> float | None:
    return 100.0 * float(values.mean()) if values.size else None
