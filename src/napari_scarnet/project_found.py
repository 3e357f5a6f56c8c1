"""Which studies lie behind the paths that somebody dropped or chose for a project."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Found", "find_studies"]


@dataclass(frozen=True)
class Found:
    """What is to be imported.

    Attributes
    ----------
    studies : tuple of Path
        Files and DICOM folders, one study each.
    datasets : tuple of Path
        Datasets in nnU-Net's layout.
    """

    studies: tuple[Path, ...]
    datasets: tuple[Path, ...] = ()


def find_studies(paths: list[Path]) -> Found:
    """Sort paths into studies and datasets; a folder of studies gives what is in it.

    Parameters
    ----------
    paths : list of Path
        Files and folders.

    Returns
    -------
    Found
        In the order of the paths, within a folder by name.

    Raises
    ------
    ScarNetError
        A path does not exist or cannot be read.
    """
    from scarnet.io.paths import visible_children

    studies: list[Path] = []
    datasets: list[Path] = []
    for path in paths:
        if (path / "dataset.json").is_file():
            datasets.append(path)
        elif path.is_dir() and not _is_dicom_folder(path):
            inside = [child for child in visible_children(path) if _is_study(child)]
            # A folder without any is refused by the reader, in a sentence.
            studies += inside or [path]
        else:
            studies.append(path)
    return Found(tuple(studies), tuple(datasets))


def _is_study(path: Path) -> bool:
    from scarnet.io import is_study

    return is_study(path)


def _is_dicom_folder(folder: Path) -> bool:
    from scarnet.io.dicom_headers import looks_like_dicom
    from scarnet.io.paths import visible_children

    for child in visible_children(folder):
        if child.name.upper() == "DICOMDIR" or (child.is_file() and looks_like_dicom(child)):
            return True
    return False
