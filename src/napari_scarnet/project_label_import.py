"""Taking labels that exist already into the open case, with the meaning of their values asked for by name."""

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.edit_saving import saving_for
from napari_scarnet.project_reveal import reveal
from napari_scarnet.project_session import project_for
from napari_scarnet.step import Step
from scarnet.classes import CLASS_NAMES, TissueClass
from scarnet.errors import ScarNetError
from scarnet.progress import Progress

__all__ = ["LabelImport", "label_values"]

_FILES = "Labels (*.nii *.nii.gz *.tif *.tiff *.h5 *.hdf5 *.dcm);;All files (*)"
# What a value may be called; several names may mean one class, and scarnet.classes knows which.
_NAMES = ("background", "myocardium", "healthy myocardium", "blood pool", "cavity", "scar", "infarct", "no reflow")


def label_values(path: Path) -> list[int] | None:
    """Read which values a label file holds.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of int or None
        The values but 0; None where the file or a ``dataset.json`` beside it says itself what they mean.

    Raises
    ------
    ScarNetError
        The file cannot be read, or holds values that are no labels.
    """
    from scarnet.io.hdf5 import MASK, load_dataset
    from scarnet.io.nifti import load_volume
    from scarnet.io.paths import format_of
    from scarnet.io.tiff import load_tiff

    kind = format_of(path)
    folders = [path.absolute().parent]
    if folders[0].name.lower().startswith("labels"):
        folders.append(folders[0].parent)
    if kind == "dicom" or any((folder / "dataset.json").is_file() for folder in folders):
        return None
    if kind == "nifti":
        values = load_volume(path)[0]
    else:
        values = load_tiff(path)[0] if kind == "tiff" else load_dataset(path, MASK)[0]
    found = np.unique(values)
    if len(found) > 32 or not np.array_equal(found, np.round(found)):
        raise ScarNetError(f"{path.name} holds {len(found)} different values, so it is no label file; choose another.")
    return [int(value) for value in found if value]


class LabelImport(Step):
    """Asks what the values of a label file mean, then imports it for the open case.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    imported = Signal(str, object)
    """A case, and the labels (Z, Y, X) that are its own now."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self._path: Path | None = None
        self._boxes: dict[int, QComboBox] = {}
        self.question = QLabel()
        self.question.setWordWrap(True)
        self.whose = QLineEdit()
        self.whose.setPlaceholderText("empty: the case's own labels")
        self.whose.setToolTip("A reader's name keeps these labels beside the case's own, to compare and merge.")
        self.values = QWidget()
        self.form = QFormLayout(self.values)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.import_button = QPushButton("Import labels")
        self.import_button.setToolTip(
            "They must lie on the case's own grid; what was there is kept as the last version."
        )
        self.import_button.clicked.connect(self.start_import)
        self.drop_button = QPushButton("Do not import")
        self.drop_button.setToolTip("Forget the file.")
        self.drop_button.clicked.connect(self._hide_form)
        buttons = QHBoxLayout()
        buttons.addWidget(self.import_button)
        buttons.addWidget(self.drop_button)
        whose = QFormLayout()
        whose.addRow("Reader", self.whose)
        self.box = QWidget()
        column = QVBoxLayout(self.box)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.question)
        column.addWidget(self.values)
        column.addLayout(whose)
        column.addLayout(buttons)
        self.box.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.box, self.job_bar, self.status):
            layout.addWidget(widget)
        self.attach()

    def connect_viewer(self, link: Any) -> None:
        """Forget the file when another case or project is opened."""
        link.connect(self.projects.case_opened, self._hide_form)

    def choose(self, *_: Any) -> None:
        """Ask for a file."""
        path, _filter = QFileDialog.getOpenFileName(self, f"Labels of {self.projects.case}", "", _FILES)
        if path:
            self.offer(Path(path))

    def offer(self, path: Path) -> None:
        """Look into a label file and ask what its values mean.

        Parameters
        ----------
        path : Path
            The file.
        """
        if self.projects.case is None:
            self.say("Open the case that the labels belong to first.")
            return
        if self.job is None:
            self._path = path
            self.run_job(lambda _: label_values(path), self._on_values, "Looking at the labels")

    def _on_values(self, values: list[int] | None) -> None:
        if self._path is None:
            return
        while self.form.rowCount():
            self.form.removeRow(0)
        self._boxes = {}
        for value in values or ():
            box = QComboBox()
            box.addItems(_NAMES)
            if value in CLASS_NAMES:
                box.setCurrentText(CLASS_NAMES[TissueClass(value)])
            box.setToolTip("What this value means in the file.")
            self._boxes[value] = box
            self.form.addRow(f"Value {value} is", box)
        told = "What do its values mean?" if values else "The file says itself what its values mean."
        self.question.setText(f"<b>{self._path.name}</b> for {self.projects.case}. {told}")
        reveal(self.box)

    def start_import(self, *_: Any) -> None:
        """Import with the meanings chosen."""
        project, case, path = self.projects.project, self.projects.case, self._path
        if project is None or case is None or path is None or self.job is not None:
            return
        names = {box.currentText(): value for value, box in self._boxes.items()}
        if len(names) < len(self._boxes):
            self.say("Two values have the same name; call parts of one tissue apart, such as infarct and no reflow.")
            return
        whose = self.whose.text().strip() or None
        written = saving_for(self.viewer).hand_over()  # so that the version before is what was on screen

        def work(_: Progress) -> tuple[Any, str, Any]:
            from scarnet.project import import_labels

            written()
            # A stroke that is saved in between must not be read for the import.
            with project.writing():
                import_labels(project, case, path, names={"background": 0, **names} if names else None, annotator=whose)
                return project, case, None if whose else project.labels(case)

        self.run_job(work, self._on_imported, f"Importing labels of {case}")

    def _on_imported(self, found: tuple[Any, str, Any]) -> None:
        project, case, labels = found
        if project is not self.projects.project:
            return
        self._hide_form()
        self.say(f"The labels of {case} are imported.")
        self.projects.refresh()
        if labels is not None:
            self.imported.emit(case, labels)

    def _hide_form(self, *_: Any) -> None:
        self._path = None
        self.box.hide()
