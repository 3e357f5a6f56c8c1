"""The accepted cases as a dataset in nnU-Net's raw layout, kept true with every decision."""

import filecmp
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from scarnet.classes import CLASS_NAMES
from scarnet.files import atomic_path, make_folder
from scarnet.project.layout import DATASET, IMAGE, LABELS, REMOVED
from scarnet.project.stored import write_json

__all__ = ["AcceptedDataset"]

_ENDING = ".nii.gz"


class AcceptedDataset:
    """The dataset's folder, or a frozen copy of it for a job.

    Parameters
    ----------
    project : Path
        The project.
    folder : Path, optional
        Where the dataset is; without it the project's own.
    """

    def __init__(self, project: Path, folder: Path | None = None) -> None:
        self.project = project
        self.folder = folder or project / DATASET
        self.images, self.labels = self.folder / "imagesTr", self.folder / "labelsTr"

    def add(self, case: str, folder: Path) -> None:
        """Put a case's image and labels in, in the place of what was there of it.

        Parameters
        ----------
        case : str
            The case.
        folder : Path
            Its folder in the project.

        Raises
        ------
        ScarNetError
            They cannot be written.
        """
        make_folder(self.images)
        make_folder(self.labels)
        with atomic_path(self._image(case)) as temporary:
            try:
                os.link(folder / IMAGE, temporary)  # the image is never written again, so one copy is enough
            except OSError:
                shutil.copyfile(folder / IMAGE, temporary)
        with atomic_path(self._labels(case)) as temporary:
            shutil.copyfile(folder / LABELS, temporary)

    def remove(self, case: str) -> None:
        """Take a case out, where it is in.

        Parameters
        ----------
        case : str
            The case, whose image and labels are in the project, too.
        """
        # The labels first: an image without labels is no training case.
        self._labels(case).unlink(missing_ok=True)
        self._image(case).unlink(missing_ok=True)

    def set_aside(self, case: str) -> None:
        """Move a case that the project has no more out of the dataset; it may be the last copy of somebody's work.

        Parameters
        ----------
        case : str
            The case.
        """
        for path in (self._labels(case), self._image(case)):
            if path.is_file():
                path.replace(_free_path(make_folder(self.project / REMOVED), path.name))

    def cases(self) -> set[str]:
        """Name the cases that are in, whole or in part."""
        images = {path.name.removesuffix(f"_0000{_ENDING}") for path in self.images.glob(f"*_0000{_ENDING}")}
        return images | {path.name.removesuffix(_ENDING) for path in self.labels.glob(f"*{_ENDING}")}

    def is_whole(self, case: str) -> bool:
        """Whether both files of a case are in."""
        return self._image(case).is_file() and self._labels(case).is_file()

    def is_as_in(self, case: str, folder: Path) -> bool:
        """Whether a case is in with the very labels that its folder in the project holds."""
        own = folder / LABELS
        return self.is_whole(case) and own.is_file() and filecmp.cmp(own, self._labels(case), shallow=False)

    def describe(self, patients: Mapping[str, str]) -> None:
        """Write ``dataset.json`` and ``patients.csv``.

        Parameters
        ----------
        patients : Mapping
            ``{case: patient's group}`` of the accepted cases.

        Raises
        ------
        ScarNetError
            They cannot be written.
        """
        make_folder(self.images)
        make_folder(self.labels)
        write_json(
            self.folder / "dataset.json",
            {
                "channel_names": {"0": "LGE"},
                "labels": {name: int(tissue) for tissue, name in CLASS_NAMES.items()},
                "numTraining": len(patients),
                "file_ending": _ENDING,
            },
        )
        rows = "".join(f"{case},{patient}\n" for case, patient in sorted(patients.items()))
        with atomic_path(self.folder / "patients.csv") as temporary:
            temporary.write_text(f"case,patient\n{rows}", encoding="utf-8")

    def _image(self, case: str) -> Path:
        return self.images / f"{case}_0000{_ENDING}"

    def _labels(self, case: str) -> Path:
        return self.labels / f"{case}{_ENDING}"


def _free_path(folder: Path, name: str) -> Path:
    """Give a path where nothing is yet."""
    number, path = 1, folder / name
    while path.exists():
        number += 1
        path = folder / f"{name.removesuffix(_ENDING)}-{number}{_ENDING}"
    return path
