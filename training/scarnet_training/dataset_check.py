"""Reading datasets case by case, with everything that is wrong in them found in one pass."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from scarnet.errors import ScarNetError
from scarnet.io import read_labels, read_study
from scarnet.progress import Progress, silent
from scarnet.stack import LGEStack
from scarnet_training.dataset_layout import DatasetLayout, read_layout
from scarnet_training.dataset_report import DatasetReport, listed
from scarnet_training.labelled_case import LabelledCase

__all__ = ["check_dataset", "examine_datasets", "named_cases"]


def check_dataset(folder: Path | str, progress: Progress = silent) -> DatasetReport:
    """Read a dataset through and tell everything that is wrong in it; no case is kept in memory.

    Parameters
    ----------
    folder : Path or str
        A dataset in nnU-Net's raw layout, as for :func:`scarnet_training.data.load_dataset`.
    progress : Progress
        Called before each case and at the end.

    Returns
    -------
    DatasetReport
        Problems, warnings, and what is there.
    """
    return examine_datasets([folder], lambda case: None, progress)


def named_cases(folders: Sequence[Path | str]) -> dict[str, str]:
    """Look at the names in datasets only, which takes no time, and refuse what is wrong in them.

    Parameters
    ----------
    folders : sequence of Path or str
        Datasets in nnU-Net's raw layout.

    Returns
    -------
    dict
        ``{case: patient}``; a case of no told patient is a patient of its own.

    Raises
    ------
    ScarNetError
        Something is missing or wrong, in the words of :func:`examine_datasets`.
    """
    report = DatasetReport(tuple(map(Path, folders)))
    layouts = _layouts(report)
    report.raise_problems()
    return {case: layout.patients.get(case) or case for layout in layouts for case in layout.images}


def examine_datasets(
    folders: Sequence[Path | str], take: Callable[[LabelledCase], None], progress: Progress = silent
) -> DatasetReport:
    """Read datasets through, each file once, and give away each case that is fit.

    Parameters
    ----------
    folders : sequence of Path or str
        Datasets in nnU-Net's raw layout; a study that is in two of them is a problem as one that is in one twice.
    take : callable
        Called with each case that has no problem of its own.
    progress : Progress
        Called before each case and at the end.

    Returns
    -------
    DatasetReport
        Problems, warnings, and what is there.
    """
    report = DatasetReport(tuple(map(Path, folders)))
    layouts = _layouts(report)
    reader = _Reader(report, take, alone=len(report.folders) == 1)
    total, done = sum(len(layout.images) for layout in layouts), 0
    for layout in layouts:
        for case in layout.images:
            progress(done, total, "Reading cases")
            reader.read(case, layout)
            done += 1
    reader.tell_duplicates()
    progress(total, total, "Reading cases")
    if report.cases and not report.with_scar:
        report.warnings.append("No case has scar.")
    report.patients = len(reader.patients)
    return report


def _layouts(report: DatasetReport) -> list[DatasetLayout]:
    """Find the parts of all of the datasets, and tell what is wrong among their names."""
    alone = len(report.folders) == 1
    layouts = []
    for folder in _without_repeats(report):
        layout = read_layout(folder, report, "" if alone else f"{folder}: ")
        layouts += [layout] if layout else []
    counts = Counter(case for layout in layouts for case in {**layout.images, **layout.labels})
    if shared := sorted(case for case, count in counts.items() if count > 1):
        report.problems["duplicates"].append(
            f"several of the datasets have a case of the same name: {listed(shared)}; name unlike cases otherwise, and "
            "keep each case in one dataset."
        )
    return layouts


def _without_repeats(report: DatasetReport) -> list[Path]:
    kept: dict[Path, Path] = {}
    for folder in report.folders:
        if folder.resolve() in kept:
            report.problems["duplicates"].append(f"the dataset {folder} is named twice; name it once.")
        kept.setdefault(folder.resolve(), folder)
    return list(kept.values())


class _Reader:
    """Reads cases and remembers what tells that two of them are one."""

    def __init__(self, report: DatasetReport, take: Callable[[LabelledCase], None], alone: bool) -> None:
        self.report, self.take, self.alone = report, take, alone
        self.patients: set[str] = set()
        self.seen: dict[bytes, list[str]] = {}

    def read(self, case: str, layout: DatasetLayout) -> None:
        """Read one case; both of its files are looked at, whatever is wrong with the first."""
        shown = case if self.alone else f"{case} of {layout.folder}"
        before = sum(map(len, self.report.problems.values()))
        stack = self._read_image(case, shown, layout)
        labels = None
        if case in layout.labels and layout.names is not None:
            path = layout.labels[case]
            try:
                labels = read_labels(path, stack, layout.names)
            except ScarNetError as error:
                self.report.problems["labels"].append(f"{shown}: {_told(error, path, 'the label file')}")
        if stack is None or labels is None or sum(map(len, self.report.problems.values())) > before:
            return
        if not labels.any():
            self.report.warnings.append(f"{shown}: no slice has a label; a model learns that there is no heart.")
        labelled = LabelledCase(stack, labels, patient=layout.patients.get(case, ""))
        self.report.cases.append(case)
        self.patients.add(labelled.patient)
        if labelled.has_scar:
            self.report.with_scar.append(case)
        self.take(labelled)

    def tell_duplicates(self) -> None:
        """Tell which cases have the same pixels."""
        for names in self.seen.values():
            if len(names) > 1:
                self.report.problems["duplicates"].append(
                    f"{listed(names)} have the same pixels: a study must not be in the data twice; keep one of them."
                )

    def _read_image(self, case: str, shown: str, layout: DatasetLayout) -> LGEStack | None:
        path, problems = layout.images[case], self.report.problems["images"]
        try:
            # NIfTI states its spacing itself, and other tools keep other things in a JSON file beside it.
            spacing = None if ".nii" in path.suffixes else _spacing_beside(path.parent / f"{case}.json")
            stack = read_study(path, case=case, spacing_mm=spacing)
        except ScarNetError as error:
            sentence = _told(error, path, "the image").removeprefix(f"{case}: ")
            if "give" in sentence and "(z, y, x) in mm" in sentence:
                sentence += f' A file imagesTr/{case}.json may state it: {{"spacing": [z, y, x]}}.'
            problems.append(f"{shown}: {sentence}")
            return None
        if float(stack.pixels.min()) == float(stack.pixels.max()):
            problems.append(f"{shown}: every pixel of the image has the same value; replace it or take the case out.")
            return stack
        # Rescaling and orientation do not matter, the grid does: bytes alone would not tell 2 × 3 from 3 × 2.
        digest = blake2b(repr(stack.shape).encode() + np.ascontiguousarray(stack.pixels).tobytes()).digest()
        self.seen.setdefault(digest, []).append(shown)
        return stack


def _spacing_beside(path: Path) -> tuple[float, float, float] | None:
    """Read the spacing in mm (z, y, x) that nnU-Net keeps in a JSON file beside images that cannot hold it."""
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8-sig"))
        if "spacing" not in stored:
            return None
        z, y, x = (float(value) for value in stored["spacing"])
    except (OSError, ValueError, TypeError) as error:
        raise ScarNetError(f"imagesTr/{path.name} does not state a spacing of three numbers; correct it.") from error
    return z, y, x


def _told(error: ScarNetError, path: Path, what: str) -> str:
    """Give an error's sentence without the path, which says no more than the case's name."""
    return str(error).replace(f"{path}: ", f"{what}: ").replace(str(path), what)
