"""NIfTI volumes as stacks; the third axis holds the slices."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.io.dicom_kind import kind_of_name
from scarnet.io.paths import case_name
from scarnet.io.series import AmbiguousStudyError, SeriesInfo
from scarnet.stack import LGEStack, StudySource

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Pair

__all__ = ["list_nifti", "load_volume", "read_nifti"]

_TO_MM = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}


def list_nifti(path: Path) -> SeriesInfo:
    """Describe a NIfTI file from its header.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    SeriesInfo
        Its only entry.

    Raises
    ------
    ScarNetError
        The file is no NIfTI or has too many axes.
    """
    x, y, z, *rest = _axes(path, _load(path))
    phases = rest[0] if rest else 1
    return SeriesInfo("1", f"{z} slices, {y} × {x}", z, phases, (y, x), kind_of_name(case_name(path)), "nifti")


def read_nifti(path: Path, case: str, phase: int | None = None) -> LGEStack:
    """Read a NIfTI volume.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``.
    case : str
        The case's name.
    phase : int, optional
        Index along the fourth axis, needed if there is one.

    Returns
    -------
    LGEStack
        The volume with its affine, both turned into mm.

    Raises
    ------
    AmbiguousStudyError
        There is a fourth axis and no phase was chosen.
    ScarNetError
        The file is damaged, coloured, or its spacing is zero or not finite.
    """
    pixels, affine, notes = load_volume(path, phase)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    # Slices that are shifted within their planes lie closer together than their first voxels do.
    across = abs(np.linalg.det(affine[:3, :3])) / np.linalg.norm(np.cross(affine[:3, 0], affine[:3, 1]))
    if not np.isclose(across, spacing[2], rtol=1e-3):
        notes.append(f"Slices are shifted within their planes; they lie {across:.2f} mm apart.")
    spacing[2] = across
    if spacing[2] < 0.5 * max(spacing[:2]) and pixels.shape[0] > 2 * min(pixels.shape[1:]):
        notes.append(
            "The third axis is read as the slices, but another one looks more like it; reorder the file if so."
        )
    return LGEStack(
        pixels=pixels,
        spacing_mm=(float(spacing[2]), float(spacing[1]), float(spacing[0])),
        affine=affine,
        case=case,
        kind=kind_of_name(case_name(path)),
        source=StudySource(path=path, format="nifti", notes=tuple(notes)),
    )


def load_volume(
    path: Path, phase: int | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64], list[str]]:
    """Load a NIfTI volume's values and affine.

    Parameters
    ----------
    path : Path
        The file.
    phase : int, optional
        Index along the fourth axis.

    Returns
    -------
    values : ndarray of float32, shape (Z, Y, X)
        After the header's scaling.
    affine : ndarray, shape (4, 4)
        From (x, y, z) to RAS+ mm.
    notes : list of str
        What to know, a sentence each.

    Raises
    ------
    ScarNetError
        As for :func:`read_nifti`.
    """
    image = _load(path)
    shape = _axes(path, image)
    affine, notes = _affine_mm(path, image)
    chosen = 0
    if len(shape) == 4:
        chosen = _choose(path, shape[3], phase)
        notes.append(f"Volume {chosen + 1} of {shape[3]} along the fourth axis.")
    elif phase not in (None, 0):
        raise ScarNetError(f"{path} has a single volume, so there is no phase {phase}.")
    index = (slice(None),) * 3 + tuple(0 if length == 1 else chosen for length in image.shape[3:])
    try:
        values = np.asarray(image.dataobj[index[: image.ndim]], dtype=np.float32).reshape(shape[:3])
    except Exception as error:  # zlib, gzip, numpy and nibabel raise their own types
        raise ScarNetError(f"{path} is damaged or truncated: its voxels cannot be read; copy it again.") from error
    return np.ascontiguousarray(values.transpose(2, 1, 0)), affine, notes


def _load(path: Path) -> "Nifti1Pair":
    import nibabel

    try:
        # It prints what it thinks of a header, beside raising an error.
        with nibabel.imageglobals.LoggingOutputSuppressor():
            image = nibabel.load(path)
    except Exception as error:  # nibabel lets zlib's and gzip's errors through
        raise ScarNetError(f"{path} is damaged or not a NIfTI file; copy or export it again.") from error
    if not isinstance(image, nibabel.nifti1.Nifti1Pair):
        raise ScarNetError(f"{path} is not a NIfTI file, whatever its name says; convert it to NIfTI.")
    if image.get_data_dtype().fields is not None:
        raise ScarNetError(f"{path} is a colour image, which has no intensities to segment.")
    if image.get_data_dtype().kind == "c":
        raise ScarNetError(f"{path} holds complex numbers; export the magnitude or the PSIR image.")
    return image


def _axes(path: Path, image: "Nifti1Pair") -> tuple[int, ...]:
    """Give the lengths of the axes, three or four of them: trailing axes of length 1 do not count."""
    shape = tuple(int(length) for length in image.shape)
    further = tuple(length for length in shape[3:] if length != 1)
    if len(further) > 1 or 0 in shape:
        raise ScarNetError(f"{path} has axes of lengths {shape}; save the one volume to read by itself.")
    return (*shape[:3], *(1,) * (3 - len(shape)), *further)


def _choose(path: Path, count: int, phase: int | None) -> int:
    labels = [f"volume {number + 1} of {count}" for number in range(count)]
    if phase is None:
        raise AmbiguousStudyError(
            f"{path} holds {count} volumes along its fourth axis; choose one as phase 0 to {count - 1}, or save it as "
            "a file of its own.",
            phases=labels,
        )
    if not 0 <= phase < count:
        raise AmbiguousStudyError(f"{path} has no phase {phase}; choose 0 to {count - 1}.", phases=labels)
    return phase


def _stored_spacing(path: Path, image: "Nifti1Pair") -> npt.NDArray[np.float64]:
    """Read pixdim as it stands in the file: nibabel puts 1 mm where it is zero, without a word."""
    import nibabel

    with nibabel.openers.ImageOpener(str(path)) as file:
        header = type(image.header).from_fileobj(file, check=False)
    return np.asarray(header["pixdim"], dtype=np.float64)[1:4]


def _affine_mm(path: Path, image: "Nifti1Pair") -> tuple[npt.NDArray[np.float64], list[str]]:
    header = image.header
    stored = _stored_spacing(path, image)
    if not np.isfinite(stored).all() or (stored == 0).any():
        raise ScarNetError(
            f"{path} states a voxel spacing of {' × '.join(f'{s:g}' for s in stored)}; set pixdim in its header to mm."
        )
    factor = _TO_MM.get(header.get_xyzt_units()[0], 1.0)
    affine = np.array(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ScarNetError(f"{path} has an affine that cannot be inverted; repair its sform or qform.")
    affine[:3] *= factor
    notes = []
    if factor != 1.0:
        notes.append(f"The file is in {header.get_xyzt_units()[0]}s; turned into mm.")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(lengths, np.abs(stored) * factor, rtol=0.01):
        notes.append("The spacing (pixdim) and the affine of the file differ; the affine is used.")
    if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        notes.append("The file does not say how it lies in the patient; its axes are taken as they are.")
    return affine, notes
