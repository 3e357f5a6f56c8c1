"""The study as everything here takes it: an immutable stack of short-axis slices."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError

__all__ = ["ImageKind", "LGEStack", "StudySource"]

ImageKind = Literal["magnitude", "psir", "unknown"]


@dataclass(frozen=True)
class StudySource:
    """Where a stack came from, without any patient identifier.

    Attributes
    ----------
    path : Path or None
        The file or folder that was read; None for an array made in memory.
    format : str
        ``"dicom"``, ``"nifti"``, ``"tiff"``, ``"hdf5"``, ``"phantom"`` or ``"array"``.
    series : str or None
        The series (and phase) that was chosen, as its short description.
    series_key, phase : str or None, int or None
        The same choice as :func:`scarnet.io.read_study` takes it, to read the same files again; of DICOM only.
    notes : tuple of str
        What a reader of the study should know: gaps, assumed spacing, skipped files. One sentence each.
    """

    path: Path | None = None
    format: str = "array"
    series: str | None = None
    series_key: str | None = None
    phase: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LGEStack:
    """An LGE short-axis study on its own grid.

    Attributes
    ----------
    pixels : ndarray of float32, shape (Z, Y, X)
        Intensities after rescale slope and intercept; read-only. Z runs along the slice normal,
        Y down the rows, X along the columns of each slice.
    spacing_mm : tuple of float
        Voxel spacing in mm, (z, y, x); z is the distance between neighbouring slice centres.
    affine : ndarray of float64, shape (4, 4)
        From voxel index (x, y, z, 1) to patient coordinates in mm, RAS+ (NIfTI's convention).
    case : str
        The name the user knows the case by: the file's or folder's, never a DICOM identifier.
    kind : {"magnitude", "psir", "unknown"}
        How the image was reconstructed.
    slice_positions_mm : tuple of float, or None
        Position of each slice along the normal in mm, where it is known; shows gaps.
    source : StudySource
        Where the stack came from.
    """

    pixels: npt.NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    affine: npt.NDArray[np.float64]
    case: str
    kind: ImageKind = "unknown"
    slice_positions_mm: tuple[float, ...] | None = None
    source: StudySource = field(default_factory=StudySource)

    def __post_init__(self) -> None:
        """Check the parts against each other and make the arrays read-only."""
        pixels = np.array(self.pixels, dtype=np.float32, order="C")
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise ScarNetError(f"{self.case}: a stack needs three axes (Z, Y, X), but has shape {pixels.shape}.")
        if not np.isfinite(pixels).all():
            raise ScarNetError(f"{self.case}: the image holds NaN or infinite values; mask or replace them first.")
        spacing = tuple(float(s) for s in self.spacing_mm)
        if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
            raise ScarNetError(f"{self.case}: the spacing {spacing} is not three positive numbers in mm.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
            raise ScarNetError(f"{self.case}: the affine to patient coordinates is not an invertible 4 × 4 matrix.")
        if self.slice_positions_mm is not None and len(self.slice_positions_mm) != pixels.shape[0]:
            raise ScarNetError(
                f"{self.case}: {len(self.slice_positions_mm)} slice positions for {pixels.shape[0]} slices."
            )
        pixels.flags.writeable = False
        affine.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "spacing_mm", spacing)
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels, (Z, Y, X)."""
        z, y, x = self.pixels.shape
        return z, y, x

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml; a voxel reaches half way to the next slice."""
        return float(np.prod(self.spacing_mm)) / 1000

    @classmethod
    def from_array(
        cls,
        pixels: npt.ArrayLike,
        spacing_mm: tuple[float, float, float],
        case: str = "array",
        kind: ImageKind = "unknown",
        source: StudySource | None = None,
    ) -> "LGEStack":
        """Make a stack whose axes run along the patient's, from an array without geometry.

        Parameters
        ----------
        pixels : array_like, shape (Z, Y, X)
            Intensities.
        spacing_mm : tuple of float
            Voxel spacing in mm, (z, y, x).
        case : str
            The case's name.
        kind : {"magnitude", "psir", "unknown"}
            How the image was reconstructed.
        source : StudySource, optional
            Where the array came from.

        Returns
        -------
        LGEStack
            The stack; X runs to the patient's left and Y to the back, as in a supine axial image.
        """
        z, y, x = spacing_mm
        # RAS+: x to the left and y to the back are both negative directions.
        return cls(
            pixels=np.asarray(pixels, dtype=np.float32),
            spacing_mm=spacing_mm,
            affine=np.diag([-x, -y, z, 1.0]),
            case=case,
            kind=kind,
            source=source or StudySource(),
        )
