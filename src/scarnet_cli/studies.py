"""Finding the studies that a command line means, and naming their cases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet_cli.progress import Bars

if TYPE_CHECKING:
    from scarnet.stack import LGEStack

__all__ = ["FoundStudies", "StudyPath", "check_name", "find_studies", "read"]

_CHANNEL = re.compile(r"_\d{4}$")
_FIRST_CHANNEL = "_0000"
_NO_STUDIES = ("labelsTr", "labelsTs")
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_STUDY_SUFFIXES = (".nii", ".nii.gz", ".tif", ".tiff", ".ome.tif", ".ome.tiff", ".h5", ".hdf5", *_DICOM_SUFFIXES)


@dataclass(frozen=True)
class StudyPath:
    """A study to work on.

    Attributes
    ----------
    case : str
        Its name, which is also its folder's in the output.
    path : Path
        The file or folder to read.
    """

    case: str
    path: Path


@dataclass(frozen=True)
class FoundStudies:
    """What was found in the inputs.

    Attributes
    ----------
    studies : tuple of StudyPath
        The studies in the inputs' order, a folder's in alphabetical order.
    skipped : tuple of Path
        What stands in the folders and is no study.
    """

    studies: tuple[StudyPath, ...]
    skipped: tuple[Path, ...] = ()


def check_name(name: str) -> str:
    """Refuse a case name that is no plain folder name.

    Parameters
    ----------
    name : str
        What the user wrote.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ScarNetError
        It is empty, hidden, or leads into another folder.
    """
    if not name.strip() or name.startswith(".") or any(letter in name for letter in '/\\:*?"<>|\0'):
        raise ScarNetError(f"The case name {name!r} cannot be a folder's name; give another one with --case.")
    return name


def find_studies(inputs: Sequence[Path], output: Path, case: str | None = None) -> FoundStudies:
    """Find every study the inputs mean.

    Parameters
    ----------
    inputs : sequence of Path
        Studies, folders of studies, or nnU-Net datasets and their ``imagesTr``.
    output : Path
        Where results go; not searched.
    case : str, optional
        A name for the only study there is.

    Returns
    -------
    FoundStudies
        The studies, and what was passed over.

    Raises
    ------
    ScarNetError
        An input does not exist, two studies have one case name, or ``case`` is given for several.
    """
    from scarnet.io.paths import case_name

    paths: list[Path] = []
    skipped: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise ScarNetError(f"There is no file or folder {path}; check its spelling.")
        found, others = _studies_of(path, output)
        paths += found
        skipped += others
    if case is not None:
        if len(paths) != 1:
            raise ScarNetError(f"--case names one study, but there are {len(paths)}; leave it out.")
        return FoundStudies((StudyPath(check_name(case), paths[0]),), tuple(skipped))
    # A name that does not fit fails its own case, not the batch.
    studies = tuple(StudyPath(case_name(path), path) for path in paths)
    seen: dict[str, Path] = {}
    for study in studies:
        # Some file systems hold 'p1' and 'P1' for the same folder.
        key = study.case.casefold()
        if key in seen:
            raise ScarNetError(
                f"Two studies have the case name {study.case!r} ({seen[key]} and {study.path}); "
                "rename one, or segment them into different output folders."
            )
        seen[key] = study.path
    return FoundStudies(studies, tuple(skipped))


def _studies_of(path: Path, output: Path) -> tuple[list[Path], list[Path]]:
    """Give the studies in a folder and what else is in it; the path itself where it is one study or nothing known."""
    from scarnet.io import is_study
    from scarnet.io.paths import visible_children

    if not path.is_dir():
        return [path], []
    if (path / "imagesTr").is_dir():
        return _studies_of(path / "imagesTr", output)
    children = [child for child in visible_children(path) if not output.resolve().is_relative_to(child.resolve())]
    if any(child.name.upper() == "DICOMDIR" or (child.is_file() and _holds_dicom(child)) for child in children):
        return [path], []
    # What was meant as a study but is none gets its error, instead of going missing without a word.
    studies = [child for child in children if is_study(child) or _named_as_study(child)]
    if any(_stem(study).endswith(_FIRST_CHANNEL) for study in studies):
        # nnU-Net keeps further channels of a case, such as T2 images, as _0001, _0002 …
        studies = [s for s in studies if _stem(s).endswith(_FIRST_CHANNEL) or not _CHANNEL.search(_stem(s))]
    if not studies:
        return [path], []
    return studies, [child for child in children if child not in studies]


def _holds_dicom(file: Path) -> bool:
    from scarnet.io.dicom_headers import looks_like_dicom

    try:
        return looks_like_dicom(file)
    except OSError:
        return False


def _named_as_study(path: Path) -> bool:
    """Tell from names that something was meant as a study: a folder if it is empty or holds files named so."""
    from scarnet.io.paths import suffix_of

    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        if path.name in _NO_STUDIES or any(file.name == "result.json" for file in files):
            return False
        return not files or any(suffix_of(file) in _STUDY_SUFFIXES for file in files)
    return suffix_of(path) in _STUDY_SUFFIXES


def _stem(path: Path) -> str:
    """Give a name without the format's suffix, the channel's number kept."""
    from scarnet.io.paths import suffix_of

    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix in _STUDY_SUFFIXES else path.name


def read(
    study: StudyPath,
    bars: Bars,
    *,
    series: str | None = None,
    phase: int | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
) -> "LGEStack":
    """Read a study as the command line says.

    Parameters
    ----------
    study : StudyPath
        The study.
    bars : Bars
        Shows the progress.
    series : str, optional
        What ``--series`` says.
    phase : int, optional
        What ``--phase`` says.
    spacing_mm : tuple of float, optional
        What ``--spacing`` says, (z, y, x).

    Returns
    -------
    LGEStack
        The study, under its case's name.

    Raises
    ------
    ScarNetError
        It cannot be read; where there is a choice to make, the message lists the choices and names the option.
    """
    from scarnet.io import AmbiguousStudyError, read_study

    try:
        return read_study(study.path, series=series, phase=phase, case=study.case, spacing_mm=spacing_mm, progress=bars)
    except AmbiguousStudyError as error:
        option = "--series" if error.series else "--phase"
        raise ScarNetError(f"{str(error).removesuffix('.')}; choose with {option} NUMBER.") from error
