"""What a path's name says, format and case name, and what a folder holds."""

from pathlib import Path
from typing import Literal

from scarnet.errors import ScarNetError

__all__ = ["FileFormat", "case_name", "check_readable", "format_of", "suffix_of", "visible_children"]

FileFormat = Literal["dicom", "nifti", "tiff", "hdf5"]

_FORMATS: dict[str, FileFormat] = {
    **dict.fromkeys((".nii", ".nii.gz"), "nifti"),
    **dict.fromkeys((".tif", ".tiff"), "tiff"),
    **dict.fromkeys((".h5", ".hdf5"), "hdf5"),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), "dicom"),
}

_READABLE = "DICOM (a folder or .dcm), NIfTI (.nii, .nii.gz), TIFF (.tif, .tiff) or HDF5 (.h5, .hdf5)"


def suffix_of(path: Path) -> str:
    """Give a file's suffix in lower case, ``.nii.gz`` and ``.ome.tif`` whole.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        The suffix with its dot; empty if there is none.
    """
    name = path.name.lower()
    for double in (".nii.gz", ".ome.tiff", ".ome.tif"):
        if name.endswith(double):
            return double
    return path.suffix.lower()


def format_of(path: Path) -> FileFormat:
    """Tell a path's format from its name, and a nameless file's from its first bytes.

    Parameters
    ----------
    path : Path
        A file or folder.

    Returns
    -------
    {"dicom", "nifti", "tiff", "hdf5"}
        The format; every folder is taken as DICOM.

    Raises
    ------
    ScarNetError
        The path does not exist or its format is not one of these.
    """
    from scarnet.io.dicom_headers import looks_like_dicom

    try:
        if not path.exists():
            raise ScarNetError(f"{path} does not exist; check the path.")
        if path.is_dir():
            return "dicom"
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}; check its permissions.") from error
    suffix = suffix_of(path).replace(".ome", "")
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    check_readable(path)
    if looks_like_dicom(path):
        return "dicom"
    raise ScarNetError(f"{path}: this format is not known; use {_READABLE}.")


def check_readable(path: Path) -> None:
    """Make sure that a file can be opened.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ScarNetError
        It does not exist, is a folder, is empty, or may not be read.
    """
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise ScarNetError(f"{path} does not exist; check the path.") from error
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}; check its permissions.") from error
    if empty:
        raise ScarNetError(f"{path} is an empty file; copy or export it again.")


def case_name(path: Path) -> str:
    """Name a case after its file or folder, less the suffix and nnU-Net's ``_0000``.

    Parameters
    ----------
    path : Path
        A file or folder.

    Returns
    -------
    str
        The name.
    """
    path = path.absolute()
    if path.is_dir():
        return path.resolve().name.removesuffix("_0000") or "study"
    suffix = suffix_of(path)
    known = suffix.replace(".ome", "") in _FORMATS
    name = path.name[: -len(suffix)] if known else path.name
    return name.removesuffix("_0000") or path.name


def visible_children(folder: Path) -> list[Path]:
    """List the files and folders in a folder, but not the hidden ones.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of Path
        Sorted by name.

    Raises
    ------
    ScarNetError
        It cannot be read.
    """
    try:
        return sorted(child for child in folder.iterdir() if not child.name.startswith("."))
    except OSError as error:
        raise ScarNetError(f"Cannot read the folder {folder}: {error.strerror}.") from error
