"""Putting a synthetic LGE study together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from scarnet.classes import TissueClass
from scarnet.phantom.artefacts import acquire, coil_profile, store_integers
from scarnet.phantom.contrast import Contrast
from scarnet.phantom.heart import Heart
from scarnet.phantom.settings import PhantomSettings, null_ti_ms, resolve_settings
from scarnet.phantom.torso import Torso
from scarnet.stack import LGEStack, StudySource

__all__ = ["Phantom", "make_phantom"]

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic study with its truth.

    Attributes
    ----------
    stack : LGEStack
        The images; whole-number intensities.
    labels : ndarray of uint8, shape (Z, Y, X)
        Classes of :mod:`scarnet.classes`, the majority of the high-resolution geometry in each voxel; read-only.
    no_reflow : ndarray of bool, shape (Z, Y, X)
        Where no-reflow is the larger part of a scar voxel; read-only.
    settings : PhantomSettings
        What was chosen and drawn; nothing is None.
    seed : int
        The seed.
    truth_ml : Mapping
        Volumes of the high-resolution geometry inside the slices, in ml: ``myocardium`` (the whole wall),
        ``blood_pool``, ``scar``, ``no_reflow``.
    sequence : Mapping
        ``ti_ms``, ``tr_ms``, ``te_ms``, ``flip_angle_deg``.
    """

    stack: LGEStack
    labels: npt.NDArray[np.uint8]
    no_reflow: npt.NDArray[np.bool_]
    settings: PhantomSettings
    seed: int
    truth_ml: Mapping[str, float] = field(default_factory=dict)
    sequence: Mapping[str, float] = field(default_factory=dict)


def make_phantom(seed: int = 0, settings: PhantomSettings | None = None, case: str | None = None) -> Phantom:
    """Make a synthetic LGE short-axis study.

    Parameters
    ----------
    seed : int
        Everything that is not chosen is drawn from it; the same seed gives the same bytes.
    settings : PhantomSettings, optional
        Choices; None draws all.
    case : str, optional
        The case's name; ``phantom_SEED`` if not given.

    Returns
    -------
    Phantom
        Images, labels and truth.

    Raises
    ------
    ScarNetError
        A setting is out of its range.
    """
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(5)]
    chosen = resolve_settings(streams[0], settings)
    layout, scanner = streams[1], streams[2]
    sequence = _sequence(scanner, chosen)
    nominal = _contrast(scanner, chosen, sequence)
    heart = Heart.draw(streams[3], chosen)
    torso = Torso(layout, heart.left.radius_mm)
    rows, cols = chosen.matrix or (0, 0)
    spacing = chosen.spacing_mm or (0.0, 0.0)
    pitch = (chosen.slice_thickness_mm or 0.0) + (chosen.gap_mm or 0.0)
    heights = _slice_heights(layout, chosen, pitch)
    axes = _axes(math.radians(chosen.rotation_deg or 0.0), chosen.view == "turned")
    centre = _heart_in_image(layout, rows * spacing[0], cols * spacing[1], axes)
    shifts = layout.normal(0, 1, (len(heights), 2)) * (chosen.shift_mm or 0.0)
    coil = coil_profile(scanner, (rows, cols), chosen.bias or 0.0)
    blur, phase_axis = float(scanner.uniform(0.5, 1.0)), int(scanner.integers(2))
    texture = chosen.texture if chosen.texture is not None else 1.0
    x, y = _plane(rows, cols, spacing, centre, axes)
    images, fractions = [], []
    # Contrast washes out and heart rate drifts while slice after slice is acquired.
    drift = scanner.normal(0, 7) * np.linspace(-1, 1, len(heights)) + scanner.normal(0, 2, len(heights))
    for height, shift, late in zip(heights, shifts, drift, strict=True):
        contrast = replace(nominal, ti_ms=nominal.ti_ms + float(late))
        u, v = x - np.float32(shift[0]), y - np.float32(shift[1])
        around = torso.draw(u, v, float(height), contrast, texture, float(np.mean(spacing)), streams[4])
        signal, parts = heart.draw_slice(
            u, v, height, chosen.slice_thickness_mm or 0.0, around, contrast, texture, spacing, axes, streams[4]
        )
        images.append(
            acquire(
                signal,
                scanner,
                kind=chosen.kind or "magnitude",
                coil=coil,
                noise=chosen.noise or 0.0,
                ghosting=chosen.ghosting or 0.0,
                phase_axis=phase_axis,
                blur=blur,
            )
        )
        fractions.append(parts)
    image, part = np.stack(images), np.stack(fractions, axis=1)
    pixels = store_integers(image, chosen.kind or "magnitude", sequence.pop("gain"), int(sequence.pop("offset")))
    if chosen.margin:
        pixels = _empty_borders(pixels, layout)
    labels, no_reflow = _labels(part)
    voxel_ml = spacing[0] * spacing[1] * pitch / 1000
    sums = part.reshape(len(part), -1).sum(axis=1) * voxel_ml
    truth = {
        "myocardium": float(sums[1] + sums[3]),
        "blood_pool": float(sums[2]),
        "scar": float(sums[3]),
        "no_reflow": float(sums[4]),
    }
    stack = LGEStack(
        pixels=pixels,
        spacing_mm=(pitch, *spacing),
        affine=_affine(rows, cols, spacing, centre, axes, pitch, heights, chosen.view == "turned"),
        case=case or f"phantom_{seed}",
        kind=chosen.kind or "unknown",
        slice_positions_mm=tuple(float(i * pitch) for i in range(len(heights))),
        source=StudySource(format="phantom", notes=(f"Synthetic phantom, seed {seed}; not a patient.",)),
    )
    return Phantom(stack, labels, no_reflow, chosen, seed, truth, sequence)


def _sequence(rng: np.random.Generator, chosen: PhantomSettings) -> dict[str, float]:
    tr = float(rng.uniform(650, 1000))
    return {
        "tr_ms": round(tr, 1),
        "ti_ms": round(null_ti_ms(chosen, round(tr, 1)), 1),
        "te_ms": round(float(rng.uniform(1.2, 3.4)), 2),
        "flip_angle_deg": float(rng.integers(10, 31)),
        "gain": float(rng.uniform(1800, 4500)),
        "offset": float(rng.choice([1024, 1536, 2048])),
    }


def _contrast(rng: np.random.Generator, chosen: PhantomSettings, sequence: Mapping[str, float]) -> Contrast:
    def vary(mean: float, spread: float) -> float:
        return float(mean * np.exp(rng.normal(0, spread)))

    t1 = {
        "remote": chosen.t1_remote_ms or 0.0,
        "infarct": chosen.t1_infarct_ms or 0.0,
        "blood": chosen.t1_blood_ms or 0.0,
        "no_reflow": vary(800, 0.06),
        "fat": vary(340, 0.06),
        "fluid": vary(1700, 0.15),
        "pericardium": vary(700, 0.1),
        "lung": vary(640, 0.15),
        "liver": vary(425, 0.07),
        "spleen": vary(500, 0.1),
        "muscle": vary(620, 0.1),
        "bone": vary(600, 0.1),
        "disc": vary(470, 0.12),
        "stomach": vary(600, 0.2),
        "kidney": vary(300, 0.1),
    }
    return Contrast(t1, sequence["ti_ms"], sequence["tr_ms"])


def _slice_heights(rng: np.random.Generator, chosen: PhantomSettings, pitch: float) -> Array:
    n, length = chosen.slices or 1, chosen.length_mm or 0.0
    first = rng.uniform(2, 7)
    covered = (n - 1) * pitch
    if covered < 0.55 * length:
        # Fewer slices than the ventricle needs: take them from its middle.
        first = 0.45 * length - covered / 2
    heights = first + pitch * np.arange(n)
    if heights[-1] > length + pitch:
        heights -= (heights[-1] - length - pitch) / 2
    return heights if chosen.view == "turned" else heights[::-1]


def _heart_in_image(rng: np.random.Generator, height_mm: float, width_mm: float, axes: Array) -> Array:
    # The heart lies towards the chest wall, off the centre of the field of view.
    towards = rng.normal(0, 9, 2) + np.array([-18.0, -4.0]) * rng.uniform(0, 1.3)
    shift = towards @ axes
    room = np.maximum(np.array([width_mm, height_mm]) / 2 - 70, 0)
    return np.clip(shift, -room, room)


def _axes(turn: float, turned: bool) -> Array:
    # From millimetres along (columns, rows) of the image to the heart's x and y.
    c, s = math.cos(turn), math.sin(turn)
    return np.array([[-s, c], [c, s]] if turned else [[c, s], [-s, c]])


def _plane(rows: int, cols: int, spacing: tuple[float, float], centre: Array, axes: Array) -> tuple[Array, Array]:
    j, i = np.meshgrid(np.arange(rows, dtype=np.float32), np.arange(cols, dtype=np.float32), indexing="ij")
    px = (i - (cols - 1) / 2) * spacing[1] - np.float32(centre[0])
    py = (j - (rows - 1) / 2) * spacing[0] - np.float32(centre[1])
    (a, b), (c, d) = axes.astype(np.float32)
    return px * a + py * b, px * c + py * d


def _labels(parts: Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    tissue = parts[: len(TissueClass)].copy()
    tissue[0] = 1.0 - tissue[1:].sum(axis=0)
    labels = tissue.argmax(axis=0).astype(np.uint8)
    no_reflow = (labels == TissueClass.SCAR) & (parts[4] > 0.5 * parts[3])
    labels.flags.writeable = False
    no_reflow.flags.writeable = False
    return labels, no_reflow


def _empty_borders(pixels: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    top, bottom, left, right = (int(rng.uniform(-0.06, 0.1) * n) for n in (*pixels.shape[1:],) for _ in range(2))
    out = np.zeros_like(pixels)
    keep = np.s_[:, max(top, 0) : pixels.shape[1] - max(bottom, 0), max(left, 0) : pixels.shape[2] - max(right, 0)]
    out[keep] = pixels[keep]
    return out


def _affine(
    rows: int,
    cols: int,
    spacing: tuple[float, float],
    centre: Array,
    axes: Array,
    pitch: float,
    heights: Array,
    base_first: bool,
) -> npt.NDArray[np.float64]:
    # RAS directions of the heart's axes in a usual chest: septum to lateral wall, anterior to inferior, base to apex.
    lateral = np.array([-0.64, -0.70, 0.10])
    long_axis = np.array([-0.72, 0.58, -0.38])
    long_axis /= np.linalg.norm(long_axis)
    lateral -= long_axis * (lateral @ long_axis)
    lateral /= np.linalg.norm(lateral)
    # Looking from the apex: across × down points to the base.
    inferior = np.cross(-long_axis, lateral)
    along_x, along_y = axes.T @ np.stack([lateral, inferior])
    base = np.array([-35.0, 20.0, 15.0])
    step = long_axis * (pitch if base_first else -pitch)
    origin = base + long_axis * heights[0] - along_x * ((cols - 1) / 2 * spacing[1] + centre[0])
    origin = origin - along_y * ((rows - 1) / 2 * spacing[0] + centre[1])
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = along_x * spacing[1], along_y * spacing[0], step
    affine[:3, 3] = origin
    return affine
