"""What the names in a dataset's folder say: nnU-Net's raw layout, before any image is opened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scarnet.classes import CLASS_NAMES, TissueClass, class_from_name, map_label_values
from scarnet.errors import ScarNetError
from scarnet_training.dataset_patients import read_patients
from scarnet_training.dataset_report import DatasetReport, listed

__all__ = ["DatasetLayout", "read_layout"]

# DICOM is left out: label files are read in none of its kinds.
_ENDINGS = (".nii.gz", ".nii", ".ome.tiff", ".ome.tif", ".tiff", ".tif", ".hdf5", ".h5")
_CHANNEL = "_0000"


@dataclass(frozen=True)
class DatasetLayout:
    """Where a dataset's parts are.

    Attributes
    ----------
    folder : Path
        The dataset.
    names : dict or None
        ``{label name: value}``; None where ``dataset.json`` does not tell.
    images, labels : dict
        ``{case: file}``, sorted by case; a case may be missing in either.
    patients : dict
        ``{case: patient}`` for cases that are told to be of a patient of another name.
    """

    folder: Path
    names: dict[str, int] | None
    images: dict[str, Path]
    labels: dict[str, Path]
    patients: dict[str, str]


def read_layout(folder: Path, report: DatasetReport, where: str = "") -> DatasetLayout | None:
    """Find a dataset's parts and tell what is missing or wrong among them.

    Parameters
    ----------
    folder : Path
        Holds ``dataset.json``, ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz`` and, where patients have several
        cases, ``patients.csv`` with the columns ``case`` and ``patient``, or ``patients`` in ``dataset.json``.
    report : DatasetReport
        Problems and warnings are added to it.
    where : str
        Put before each sentence.

    Returns
    -------
    DatasetLayout or None
        The parts; None if the folder is no dataset, or one of files that are not read here.
    """
    problems = report.problems
    try:
        if not (folder / "imagesTr").is_dir():
            problems["files"].append(
                f"{where}this is no dataset in nnU-Net's layout: there is no folder imagesTr; put dataset.json, "
                "imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz there."
            )
            return None
        description = _read_description(folder, report, where)
        names = _label_names(description, report, where) if description else None
        ending = _ending(description, report, where)
        if ending is None:
            return None
        channels = {part: _files(folder / part, ending, report, f"{where}{part}") for part in ("imagesTr", "labelsTr")}
    except OSError as error:
        name = Path(error.filename or folder).name
        problems["files"].append(f"{where}{name} cannot be read: {error.strerror}; check its permissions.")
        return None
    images = _one_channel(channels["imagesTr"], description, ending, report, where)
    labels = channels["labelsTr"]
    _check_pairs(images, labels, ending, report, where)
    stated = description.get("numTraining")
    if stated is not None and stated != len(images):
        report.warnings.append(f"{where}dataset.json states {stated} cases (numTraining), but there are {len(images)}.")
    patients = read_patients(folder, description, set(images) | set(labels), report, where)
    return DatasetLayout(folder, names, images, labels, patients)


def _read_description(folder: Path, report: DatasetReport, where: str) -> dict[str, Any]:
    """Give the contents of ``dataset.json``, nothing where there is no telling."""
    problems = report.problems["description"]
    try:
        stored = json.loads((folder / "dataset.json").read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        problems.append(
            f"{where}dataset.json of nnU-Net's layout is missing; write one with the labels' names and values, such as "
            '{"labels": {"background": 0, "myocardium": 1, "blood pool": 2, "scar": 3}, "file_ending": ".nii.gz"}.'
        )
        return {}
    except ValueError as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        problems.append(f"{where}dataset.json is not valid JSON{place}; correct it.")
        return {}
    if not isinstance(stored, dict) or not stored:
        problems.append(f"{where}dataset.json holds no object with 'labels'; correct it.")
        return {}
    return stored


def _ending(description: Mapping[str, Any], report: DatasetReport, where: str) -> str | None:
    # nnU-Net's first version knew no other ending and did not state it.
    ending = description.get("file_ending", ".nii.gz")
    if ending in _ENDINGS:
        return str(ending)
    report.problems["description"].append(
        f"{where}dataset.json states the file_ending {ending!r}, which is not read here; convert the files to one of "
        f"{', '.join(_ENDINGS)}."
    )
    return None


def _label_names(description: Mapping[str, Any], report: DatasetReport, where: str) -> dict[str, int] | None:
    """Give ``{label name: value}`` as far as every name and value has a meaning."""
    problems = report.problems["description"]
    stored = description.get("labels")
    if not isinstance(stored, dict) or not stored:
        problems.append(f"{where}dataset.json holds no 'labels' with names and values; add them.")
        return None
    # nnU-Net's first version wrote {"0": "background"}, the second {"background": 0}.
    if all(key.isdigit() for key in stored):
        if len({str(name) for name in stored.values()}) < len(stored):
            problems.append(f"{where}dataset.json gives one label name to several values; name each otherwise.")
            return None
        stored = {str(name): int(value) for value, name in stored.items()}
    wrong = [name for name, value in stored.items() if not isinstance(value, int) or isinstance(value, bool)]
    if wrong:
        problems.append(
            f"{where}dataset.json: the labels {', '.join(wrong)} are not one whole number each; correct them."
        )
    unknown = []
    for name in stored:
        try:
            class_from_name(name)
        except ScarNetError as error:
            unknown.append(f"{where}dataset.json: {error}")
    problems += unknown
    if wrong or unknown:
        return None
    meaning = map_label_values(stored)
    if len(meaning) < len(stored):
        problems.append(f"{where}dataset.json gives one value to several labels; give each its own.")
    if meaning.get(0) != TissueClass.BACKGROUND:
        problems.append(f"{where}dataset.json does not say that label value 0 is the background; correct its 'labels'.")
    for missing in sorted(set(TissueClass) - set(meaning.values()) - {TissueClass.BACKGROUND}):
        report.warnings.append(
            f"{where}dataset.json has no label for {CLASS_NAMES[missing]}: a model learns here that there is none."
        )
    return stored


def _files(folder: Path, ending: str, report: DatasetReport, where: str) -> dict[str, Path]:
    """Give the files by name less the ending; without those that systems hide."""
    if not folder.is_dir():
        return {}
    visible = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.is_file()]
    fitting = {path.name.removesuffix(ending): path for path in visible if path.name.endswith(ending)}
    others = [path.name for path in visible if path not in fitting.values() and path.name.lower().endswith(_ENDINGS)]
    if others:
        report.warnings.append(
            f"{where} holds files that do not end in {ending}, the dataset's file_ending; they are left out: "
            f"{listed(others)}."
        )
    return fitting


def _one_channel(
    files: Mapping[str, Path], description: Mapping[str, Any], ending: str, report: DatasetReport, where: str
) -> dict[str, Path]:
    """Give the images by case, and refuse what has more than one channel or does not state it."""
    problems = report.problems["files"]
    further, unnumbered, images = set(), [], {}
    for stem, path in files.items():
        if stem.endswith(_CHANNEL):
            images[stem.removesuffix(_CHANNEL)] = path
        elif stem[-5:-4] == "_" and stem[-4:].isdigit():
            further.add(stem[:-5])
        else:
            unnumbered.append(stem)
    stated = description.get("channel_names", description.get("modality"))
    if further:
        problems.append(
            f"{where}imagesTr holds further channels (_0001 …) of {listed(sorted(further))}, but one image a case is "
            f"used; make a dataset of the LGE images alone, named CASE_0000{ending}."
        )
    elif isinstance(stated, dict | list) and len(stated) > 1:
        problems.append(f"{where}dataset.json names {len(stated)} channels, but one is used: name only the LGE image.")
    if unnumbered:
        problems.append(
            f"{where}imagesTr holds images without a channel's number: {listed(unnumbered)}; name them "
            f"CASE_0000{ending}."
        )
    if not files:
        problems.append(f"{where}imagesTr holds no CASE_0000{ending}, as nnU-Net's layout has it; add the images.")
    return dict(sorted(images.items()))


def _check_pairs(
    images: Mapping[str, Path], labels: Mapping[str, Path], ending: str, report: DatasetReport, where: str
) -> None:
    if unlabelled := [f"{case}{ending}" for case in images if case not in labels]:
        report.problems["files"].append(f"{where}labelsTr lacks {listed(unlabelled)}.")
    if unseen := [f"{case}_0000{ending}" for case in labels if case not in images]:
        report.problems["files"].append(f"{where}imagesTr lacks {listed(unseen)}, of which there are labels.")
