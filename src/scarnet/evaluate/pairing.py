"""Which label file belongs to which case, and which cases two sets of labels share."""

from dataclasses import dataclass
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.io.paths import case_name, suffix_of, visible_children

__all__ = ["LabelSet", "Pairs", "find_labels", "pair_up"]

_SUFFIXES = (".nii", ".nii.gz", ".tif", ".tiff", ".ome.tif", ".ome.tiff", ".h5", ".hdf5")
_OF_A_CASE = "labels"


@dataclass(frozen=True)
class LabelSet:
    """The label files that a path means.

    Attributes
    ----------
    path : Path
        What was given.
    files : dict of str to Path
        By case name, in alphabetical order.
    single : bool
        The path is a single file, or the folder of a single case.
    """

    path: Path
    files: dict[str, Path]
    single: bool


@dataclass(frozen=True)
class Pairs:
    """The cases to evaluate.

    Attributes
    ----------
    cases : dict of str to tuple of Path
        By case name: the reference's file, then one for each prediction.
    problems : tuple of str
        What is missing or left over, a sentence each.
    left_out : tuple of str
        Cases that not everyone has.
    """

    cases: dict[str, tuple[Path, ...]]
    problems: tuple[str, ...]
    left_out: tuple[str, ...]


def find_labels(path: Path) -> LabelSet:
    """Find the label files that a path means.

    Parameters
    ----------
    path : Path
        An nnU-Net dataset (its ``labelsTr``), a folder of files named ``CASE.nii.gz``, the output folder of
        ``scarnet segment`` (``CASE/labels.nii.gz``), or one case's folder or file; NIfTI, TIFF or HDF5.

    Returns
    -------
    LabelSet
        At least one file.

    Raises
    ------
    ScarNetError
        The path does not exist, holds no label file, or two files have one case name.
    """
    if not path.exists():
        raise ScarNetError(f"There is no file or folder {path}; check its spelling.")
    if path.is_file():
        return LabelSet(path, {_case_of(path): path}, single=True)
    if (path / "labelsTr").is_dir():
        return LabelSet(path, _by_case(_label_files(path / "labelsTr"), path / "labelsTr"), single=False)
    direct = _label_files(path)
    # A case's folder may hold its probabilities too; those are no labels.
    own = [file for file in direct if _stem(file) == _OF_A_CASE]
    if own:
        return LabelSet(path, _by_case(own, path), single=True)
    return LabelSet(path, _by_case(direct or _in_case_folders(path), path), single=False)


def pair_up(
    reference: LabelSet, predictions: list[LabelSet], names: list[str], reference_name: str = "reference"
) -> Pairs:
    """Find the cases that a reference and every prediction have.

    Parameters
    ----------
    reference : LabelSet
        The reference. Where it is a single case, other predicted cases do not count.
    predictions : list of LabelSet
        The predictions. A single case belongs to a single reference whatever it is called.
    names : list of str
        What the predictions are called in the sentences.
    reference_name : str
        What the reference is called in them.

    Returns
    -------
    Pairs
        The cases, and every problem there is.
    """
    problems: list[str] = []
    files = []
    for prediction, name in zip(predictions, names, strict=True):
        found = prediction.files
        if reference.single and prediction.single:
            found = dict(zip(reference.files, found.values(), strict=True))
        files.append(found)
        missing = sorted(reference.files.keys() - found.keys())
        if missing:
            problems.append(f"{name} lacks {_cases(missing)}")
        extra = sorted(found.keys() - reference.files.keys())
        if extra and not reference.single:
            problems.append(f"{name} has {_cases(extra)} that {reference_name} lacks")
    shared = [case for case in reference.files if all(case in found for found in files)]
    everyone = set(reference.files).union(*([] if reference.single else files))
    return Pairs(
        cases={case: (reference.files[case], *(found[case] for found in files)) for case in shared},
        problems=tuple(problems),
        left_out=tuple(sorted(everyone - set(shared))),
    )


def _cases(names: list[str]) -> str:
    return f"{len(names)} case{'s' if len(names) > 1 else ''} ({', '.join(names)})"


def _stem(file: Path) -> str:
    return file.name[: -len(suffix_of(file))]


def _case_of(file: Path) -> str:
    """Name a file's case; ``labels`` is what every case's file is called, so its folder tells."""
    return case_name(file.absolute().parent) if _stem(file) == _OF_A_CASE else case_name(file)


def _label_files(folder: Path) -> list[Path]:
    return [child for child in visible_children(folder) if suffix_of(child) in _SUFFIXES and child.is_file()]


def _in_case_folders(folder: Path) -> list[Path]:
    """Give the ``labels`` files in the folder's folders."""
    inner = [child for child in visible_children(folder) if child.is_dir()]
    return [file for child in inner for file in _label_files(child) if _stem(file) == _OF_A_CASE]


def _by_case(files: list[Path], folder: Path) -> dict[str, Path]:
    if not files:
        raise ScarNetError(
            f"{folder} holds no labels; give files named CASE.nii.gz, an nnU-Net dataset, or what 'scarnet segment' "
            "wrote with its labels saved."
        )
    found: dict[str, Path] = {}
    for file in files:
        name = _case_of(file)
        if name in found:
            raise ScarNetError(
                f"{folder} holds two label files of the case {name!r} ({found[name].name} and {file.name}); keep one."
            )
        found[name] = file
    return dict(sorted(found.items()))
