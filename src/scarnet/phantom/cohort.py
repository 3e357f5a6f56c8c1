"""Writing a synthetic cohort in nnU-Net's raw layout."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from scarnet.classes import CLASS_NAMES
from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.phantom.dicom import write_dicom_series
from scarnet.phantom.settings import PhantomSettings
from scarnet.phantom.study import Phantom, make_phantom
from scarnet.progress import Progress, silent

__all__ = ["case_seed", "write_phantom_cohort"]


def case_seed(seed: int, index: int) -> int:
    """Give the seed of a cohort's case; cohorts of unlike seeds share none, in practice."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint32)[0])


def write_phantom_cohort(
    out: Path | str,
    cases: int,
    seed: int = 0,
    format: Literal["nifti", "dicom"] = "nifti",
    progress: Progress = silent,
    settings: PhantomSettings | None = None,
) -> list[Path]:
    """Write synthetic studies with their labels.

    ``"nifti"`` writes nnU-Net's raw layout: ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz``, ``dataset.json``.
    ``"dicom"`` writes ``CASE/*.dcm`` instead of the images, and the same labels, on the grid and affine of the DICOM
    slices in the order they were made, which is the order of their positions along the normal.

    Parameters
    ----------
    out : Path or str
        The cohort's folder; made where it is missing.
    cases : int
        Number of cases.
    seed : int
        The same seed gives the same bytes; the first cases do not depend on how many there are.
    format : {"nifti", "dicom"}
        Format of the images.
    progress : Progress
        Called before each case and at the end.
    settings : PhantomSettings, optional
        Choices for all cases; what is None is drawn for each.

    Returns
    -------
    list of Path
        The images: NIfTI files, or DICOM folders.

    Raises
    ------
    ScarNetError
        The number of cases or the format makes no sense, or the folder cannot be written to.
    """
    if cases < 1:
        raise ScarNetError(f"A cohort of {cases} cases cannot be written; ask for 1 or more.")
    if format not in ("nifti", "dicom"):
        raise ScarNetError(f"The format {format!r} is not known; use nifti or dicom.")
    out = make_folder(out)
    labels_folder = make_folder(out / "labelsTr")
    images_folder = make_folder(out / "imagesTr") if format == "nifti" else out
    written = []
    for index in range(cases):
        case = f"phantom_{index + 1:03d}"
        progress(index, cases, f"Making {case}")
        phantom = make_phantom(case_seed(seed, index), settings, case)
        if format == "nifti":
            target = images_folder / f"{case}_0000.nii.gz"
            _write_nifti(target, phantom.stack.pixels.astype(np.int16), phantom)
        else:
            target = out / case
            thickness = phantom.settings.slice_thickness_mm
            write_dicom_series(
                target, phantom.stack, seed=phantom.seed, sequence=phantom.sequence, slice_thickness_mm=thickness
            )
        _write_nifti(labels_folder / f"{case}.nii.gz", phantom.labels, phantom)
        written.append(target)
    _write_description(out / "dataset.json", cases, seed, format)
    progress(cases, cases, "Synthetic cohort written")
    return written


def _write_nifti(path: Path, volume: npt.NDArray[np.generic], phantom: Phantom) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(np.ascontiguousarray(volume.transpose(2, 1, 0)), phantom.stack.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"synthetic LGE phantom"
    with atomic_path(path) as temporary:
        image.to_filename(temporary)


def _write_description(path: Path, cases: int, seed: int, format: str) -> None:
    description = {
        "name": "Synthetic LGE phantoms",
        "description": f"Synthetic late gadolinium enhancement phantoms, seed {seed}; no patients.",
        "channel_names": {"0": "LGE"},
        "labels": {name.replace(" ", "_"): int(value) for value, name in CLASS_NAMES.items()},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    if format == "dicom":
        description["images"] = "CASE/*.dcm"
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
