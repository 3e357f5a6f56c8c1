"""What can be chosen about a phantom, and what is drawn where nothing is chosen."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.phantom.contrast import null_time_ms
from scarnet.phantom.scar import Pattern, Territory

__all__ = ["PhantomSettings", "View", "resolve_settings"]

View = Literal["conventional", "turned"]

_MATRICES = ((256, 256), (256, 256), (192, 256), (256, 192), (224, 192), (208, 256), (256, 208), (192, 192))

# Field: lowest and highest allowed value.
_RANGES: dict[str, tuple[float, float]] = {
    "slices": (1, 40),
    "slice_thickness_mm": (1.0, 20.0),
    "gap_mm": (0.0, 20.0),
    "transmurality": (0.05, 1.0),
    "extent": (0.0, 1.0),
    "ti_error_ms": (-200.0, 400.0),
    "noise": (0.0, 0.2),
    "bias": (0.0, 0.9),
    "shift_mm": (0.0, 20.0),
    "ghosting": (0.0, 0.5),
    "texture": (0.0, 3.0),
    "rotation_deg": (-180.0, 180.0),
    "t1_remote_ms": (200.0, 2000.0),
    "t1_infarct_ms": (100.0, 2000.0),
    "t1_blood_ms": (100.0, 2000.0),
    "length_mm": (40.0, 140.0),
    "radius_mm": (18.0, 55.0),
    "wall_mm": (4.0, 20.0),
}


@dataclass(frozen=True)
class PhantomSettings:
    """Choices for a synthetic study; None is drawn from the seed.

    Attributes
    ----------
    matrix : tuple of int, optional
        Rows and columns.
    spacing_mm : tuple of float, optional
        Pixel spacing down the rows and along the columns, (y, x), in mm.
    slices : int, optional
        Number of slices; None covers the ventricle.
    slice_thickness_mm, gap_mm : float, optional
        Thickness of a slice and the gap to the next.
    pattern : {"ischaemic", "non-ischaemic", "none"}, optional
        Kind of scar; drawn as 65 %, 8 % and 27 %.
    territory : {"LAD", "LCX", "RCA"}, optional
        Coronary territory of an infarct.
    transmurality : float, optional
        Depth of an infarct at its centre, 0.05 to 1.
    extent : float, optional
        Size of the scar on the wall's surface, 0 (small) to 1 (large).
    no_reflow : bool, optional
        Whether an infarct has a dark core; drawn for a third of the larger ones.
    kind : {"magnitude", "psir"}, optional
        Reconstruction.
    view : {"conventional", "turned"}, optional
        Right ventricle at the left of the image, slices from apex to base; or the same turned over the diagonal: right
        ventricle at the top and liver at the right, slices from base to apex.
    rotation_deg : float, optional
        Further rotation in the plane.
    ti_error_ms : float, optional
        Inversion time less the remote myocardium's null.
    noise : float, optional
        Standard deviation of the complex noise as a fraction of the equilibrium magnetisation.
    bias : float, optional
        Relative strength of the coil's intensity slope.
    shift_mm : float, optional
        Standard deviation of the breath-hold shift of a slice in the plane.
    ghosting : float, optional
        Relative strength of the ghost along the phase direction.
    texture : float, optional
        Strength of the variation inside tissues; 1 is natural.
    margin : bool, optional
        Whether the image has empty borders, as resampled archives have.
    t1_remote_ms, t1_infarct_ms, t1_blood_ms : float, optional
        Post-contrast T1.
    length_mm, radius_mm, wall_mm : float, optional
        Left ventricle: base to apex, largest outer radius, thickness of the wall.
    """

    matrix: tuple[int, int] | None = None
    spacing_mm: tuple[float, float] | None = None
    slices: int | None = None
    slice_thickness_mm: float | None = None
    gap_mm: float | None = None
    pattern: Pattern | None = None
    territory: Territory | None = None
    transmurality: float | None = None
    extent: float | None = None
    no_reflow: bool | None = None
    kind: Literal["magnitude", "psir"] | None = None
    view: View | None = None
    rotation_deg: float | None = None
    ti_error_ms: float | None = None
    noise: float | None = None
    bias: float | None = None
    shift_mm: float | None = None
    ghosting: float | None = None
    texture: float | None = None
    margin: bool | None = None
    t1_remote_ms: float | None = None
    t1_infarct_ms: float | None = None
    t1_blood_ms: float | None = None
    length_mm: float | None = None
    radius_mm: float | None = None
    wall_mm: float | None = None

    def __post_init__(self) -> None:
        """Check every choice that was made."""
        choices = {
            "pattern": get_args(Pattern),
            "territory": get_args(Territory),
            "kind": ("magnitude", "psir"),
            "view": get_args(View),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise ScarNetError(f"Phantom setting {name} is {value!r}; use one of {', '.join(allowed)}.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and low <= value <= high):
                raise ScarNetError(f"Phantom setting {name} is {value!r}; use a number from {low:g} to {high:g}.")
        if self.slices is not None and int(self.slices) != self.slices:
            raise ScarNetError(f"Phantom setting slices is {self.slices!r}; use a whole number.")
        _check_pair("matrix", self.matrix, 32, 1024, whole=True)
        _check_pair("spacing_mm", self.spacing_mm, 0.3, 5.0, whole=False)
        for name in ("no_reflow", "margin"):
            if getattr(self, name) not in (None, True, False):
                raise ScarNetError(f"Phantom setting {name} is {getattr(self, name)!r}; use true or false.")
        if self.no_reflow and self.pattern in ("non-ischaemic", "none"):
            raise ScarNetError(f"No-reflow belongs to an infarct, but the pattern is {self.pattern}; leave one out.")
        if self.wall_mm is not None and self.radius_mm is not None and self.wall_mm > self.radius_mm - 8:
            raise ScarNetError(f"A wall of {self.wall_mm:g} mm leaves no cavity in a radius of {self.radius_mm:g} mm.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _check_pair(name: str, value: Any, low: float, high: float, whole: bool) -> None:
    if value is None:
        return
    valid = isinstance(value, tuple | list) and len(value) == 2
    if not valid or not all(_is_number(v) and low <= v <= high and (not whole or v == int(v)) for v in value):
        what = "whole numbers" if whole else "numbers"
        raise ScarNetError(f"Phantom setting {name} is {value!r}; use two {what} from {low:g} to {high:g}.")


def resolve_settings(rng: np.random.Generator, settings: PhantomSettings | None) -> PhantomSettings:
    """Draw what was left open.

    Parameters
    ----------
    rng : Generator
        Source of randomness; the same number of values is drawn whatever was chosen.
    settings : PhantomSettings, optional
        The choices.

    Returns
    -------
    PhantomSettings
        Settings without None.
    """
    chosen = settings or PhantomSettings()
    known = {f.name: getattr(chosen, f.name) for f in fields(chosen) if getattr(chosen, f.name) is not None}
    drawn = _draw_anatomy(rng) | _draw_acquisition(rng)
    drawn |= known
    if "radius_mm" not in known:
        drawn["radius_mm"] = max(drawn["radius_mm"], drawn["wall_mm"] + 8)
    elif "wall_mm" not in known:
        drawn["wall_mm"] = min(drawn["wall_mm"], drawn["radius_mm"] - 8)
    remote = drawn["t1_remote_ms"]
    drawn.setdefault("t1_blood_ms", float(np.clip(445 * (remote / 545) ** 0.8 + drawn.pop("_blood"), 300, remote - 50)))
    drawn.setdefault("t1_infarct_ms", float(np.clip(drawn["t1_blood_ms"] + drawn.pop("_infarct"), 280, remote - 60)))
    large = drawn["extent"] > 0.35 and drawn["transmurality"] > 0.45
    drawn.setdefault("no_reflow", bool(large and drawn["_no_reflow"] < 1 / 3))
    pitch = drawn["slice_thickness_mm"] + drawn["gap_mm"]
    drawn.setdefault("slices", int(np.clip(round((0.9 * drawn["length_mm"] - 4) / pitch) + drawn["_extra"], 4, 14)))
    matrix, spacing = drawn["matrix"], drawn["spacing_mm"]
    if "spacing_mm" not in known:
        # A field of view under 230 mm would cut through the heart.
        spacing = tuple(float(round(max(s, 230.0 / n), 4)) for s, n in zip(spacing, matrix, strict=True))
    drawn["matrix"] = (int(matrix[0]), int(matrix[1]))
    drawn["spacing_mm"] = (float(spacing[0]), float(spacing[1]))
    resolved = {k: v for k, v in drawn.items() if not k.startswith("_")}
    if resolved["pattern"] != "ischaemic":
        resolved["no_reflow"] = False
    return replace(chosen, **resolved)


def _draw_anatomy(rng: np.random.Generator) -> dict[str, Any]:
    dilated = rng.beta(1.3, 2.5)
    radius = 28 + 11 * dilated + rng.normal(0, 1.5)
    return {
        "pattern": str(rng.choice(["ischaemic", "non-ischaemic", "none"], p=[0.65, 0.08, 0.27])),
        "territory": str(rng.choice(["LAD", "LCX", "RCA"], p=[0.45, 0.2, 0.35])),
        "transmurality": float(rng.uniform(0.4, 1.0)),
        "extent": float(rng.beta(1.5, 1.3)),
        "_no_reflow": float(rng.random()),
        "t1_remote_ms": float(np.clip(rng.normal(545, 60), 430, 690)),
        "_blood": float(rng.normal(0, 18)),
        "_infarct": float(rng.normal(-22, 32)),
        "length_mm": float(np.clip(rng.normal(80 + 14 * dilated, 7), 62, 115)),
        "radius_mm": float(np.clip(radius, 26, 42)),
        "wall_mm": float(np.clip(rng.normal(9.5, 1.5), 6.5, 14)),
        "view": str(rng.choice(["conventional", "turned"], p=[0.4, 0.6])),
        "rotation_deg": float(rng.normal(0, 14)),
    }


def _draw_acquisition(rng: np.random.Generator) -> dict[str, Any]:
    first = rng.uniform(1.0, 1.75)
    ratio = 1.0 if rng.random() < 0.25 else rng.uniform(0.65, 1.5)
    thickness, gap = (8.0, 0.0), (8.0, 2.0)
    stacking = [thickness, gap, (10.0, 0.0), (8.0, 1.6), (9.0, 0.0)][int(rng.choice(5, p=[0.15, 0.4, 0.25, 0.1, 0.1]))]
    return {
        "matrix": _MATRICES[int(rng.integers(len(_MATRICES)))],
        "spacing_mm": (float(round(first, 4)), float(round(np.clip(first * ratio, 0.8, 1.8), 4))),
        "slice_thickness_mm": stacking[0],
        "gap_mm": stacking[1],
        "_extra": int(rng.choice([-1, 0, 1], p=[0.3, 0.55, 0.15])),
        "kind": str(rng.choice(["magnitude", "psir"], p=[0.4, 0.6])),
        "ti_error_ms": float(np.clip(rng.normal(22, 15), -12, 65)),
        "noise": float(np.exp(rng.normal(np.log(0.0075), 0.45))),
        "bias": float(rng.uniform(0.05, 0.5)),
        "shift_mm": float(rng.uniform(0.0, 2.2)),
        "ghosting": float(rng.choice([0.0, 1.0], p=[0.5, 0.5]) * rng.uniform(0.01, 0.05)),
        "texture": float(rng.uniform(0.6, 1.4)),
        "margin": bool(rng.random() < 0.3),
    }


def null_ti_ms(settings: PhantomSettings, tr_ms: float) -> float:
    """Give the inversion time of resolved settings: the remote null plus the chosen error, at least 80 ms."""
    if settings.t1_remote_ms is None or settings.ti_error_ms is None:
        raise ValueError("settings are not resolved")
    return max(80.0, null_time_ms(settings.t1_remote_ms, tr_ms) + settings.ti_error_ms)
