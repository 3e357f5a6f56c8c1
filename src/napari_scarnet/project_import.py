"""Adding studies and datasets to a project: what was found, how it is to be called, and whose it is."""

from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.choice_table import ChoiceTable
from napari_scarnet.project_found import Found, find_studies
from napari_scarnet.project_importing import Imported, Wish, import_found, wishes
from napari_scarnet.project_names import ImportedNames
from napari_scarnet.project_reveal import reveal
from napari_scarnet.project_session import project_for
from napari_scarnet.smooth import without_collector_pauses
from napari_scarnet.step import Step
from scarnet.errors import ScarNetError
from scarnet.progress import Progress
from scarnet.wording import counted

__all__ = ["ImportForm"]

_FILES = "LGE studies (*.dcm *.ima *.nii *.nii.gz *.tif *.tiff *.h5 *.hdf5);;All files (*)"


class ImportForm(Step):
    """A button to choose studies, and the table of what was found until it is imported.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    _case_came = Signal(object, object, str)

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self._found = Found(())
        self._asked: list[tuple[Wish, Any]] = []
        self.add_button = QPushButton("Add studies")
        self.add_button.setToolTip("Import studies or whole datasets; you can also drop them on the Project step.")
        menu = QMenu(self.add_button)
        menu.addAction("Files…").triggered.connect(self._choose_files)
        menu.addAction("DICOM folder, or a folder of studies…").triggered.connect(self._choose_folder)
        menu.addAction("nnU-Net dataset (with labels)…").triggered.connect(self._choose_folder)
        self.add_button.setMenu(menu)

        self.question = QLabel()
        self.question.setWordWrap(True)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Study", "Case name", "Patient"])
        self.table.setToolTip(
            "Case name: empty for case-001, case-002 … Patient: empty for a patient of its own; write the same word in "
            "several rows, or an earlier case's name, where they are of one patient."
        )
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setMinimumHeight(120)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.keep_names = QCheckBox("Call cases like their files")
        self.keep_names.setToolTip("Where no case name is given; a name that holds the patient's is never used.")
        self.import_button = QPushButton("Import")
        self.import_button.setToolTip("Copy pixels and geometry into the project; names, IDs and dates stay behind.")
        self.import_button.clicked.connect(self.start_import)
        self.drop_button = QPushButton("Do not import")
        self.drop_button.setToolTip("Forget what was chosen.")
        self.drop_button.clicked.connect(self._hide_choice)
        buttons = QHBoxLayout()
        for widget in (self.keep_names, self.import_button, self.drop_button):
            buttons.addWidget(widget)
        self.choice = QWidget()
        column = QVBoxLayout(self.choice)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.question)
        column.addWidget(self.table)
        column.addLayout(buttons)
        self.choice.hide()
        self.ambiguous = ChoiceTable()
        self.ambiguous.chosen.connect(self._on_chosen)
        self.ambiguous.hide()
        self.names = ImportedNames()
        # From the worker's thread to Qt's.
        self._case_came.connect(self._on_case_came)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.choice, self.ambiguous, self.job_bar, self.status, self.names):
            layout.addWidget(widget)
        self.attach()

    def connect_viewer(self, link: Any) -> None:
        """Follow the project; what was told of an import goes when work goes on."""
        link.connect(self.projects.opened, self._on_project)
        link.connect(self.projects.case_opened, self.forget)

    def set_busy(self, busy: bool) -> None:
        """One import at a time."""
        project = self.projects.project
        self.add_button.setEnabled(not busy and project is not None and not project.read_only)
        self.choice.setEnabled(not busy)
        self.ambiguous.setEnabled(not busy)

    def offer(self, paths: list[Path]) -> None:
        """Show what lies behind some paths, for the user to name and import.

        Parameters
        ----------
        paths : list of Path
            Files and folders.
        """
        project = self.projects.project
        if project is None or self.job is not None:
            return
        if project.read_only:
            self.show_failure(ScarNetError(str(project.why_read_only)))
            return
        self.run_job(lambda _: find_studies(paths), self._on_found, "Looking for studies")

    def _on_found(self, found: Found) -> None:
        self._found = found
        told = []
        if found.studies:
            told.append(f"{len(found.studies)} {'studies' if len(found.studies) > 1 else 'study'} found.")
        for folder in found.datasets:
            told.append(f"The dataset {folder.name} is imported whole: images, labels by their names, and patients.")
        self.question.setText(" ".join(told))
        self.table.setRowCount(len(found.studies))
        for place, path in enumerate(found.studies):
            name = QTableWidgetItem(path.name)
            name.setFlags(Qt.ItemFlag.ItemIsEnabled)
            name.setToolTip(str(path))
            for column, item in enumerate((name, QTableWidgetItem(""), QTableWidgetItem(""))):
                self.table.setItem(place, column, item)
        self.table.setVisible(bool(found.studies))
        self.keep_names.setVisible(bool(found.studies))
        reveal(self.choice)

    def start_import(self, *_: Any) -> None:
        """Import what the table shows."""
        rows = [
            (path, *((self.table.item(place, column).text().strip()) for column in (1, 2)))
            for place, path in enumerate(self._found.studies)
        ]
        project = self.projects.project
        if project is None:
            return
        try:
            wanted = wishes(rows, project.cases, self.keep_names.isChecked())
        except ScarNetError as error:
            self.show_failure(error)
            return
        self._import(wanted, list(self._found.datasets))

    def _import(self, wanted: list[Wish], datasets: list[Path]) -> None:
        project = self.projects.project
        if project is None:
            return

        on_case = partial(self._case_came.emit, project)

        def work(progress: Progress) -> Imported:
            with without_collector_pauses():
                import scarnet.project  # noqa: F401
            return import_found(project, wanted, datasets, progress, on_case)

        self.choice.hide()
        self.run_job(work, self._on_imported, "Importing")

    def forget(self, *_: Any) -> None:
        """Take away what the last import told; the list of names stays until it is dismissed."""
        if self.job is None:
            self.say("")

    def _on_case_came(self, project: Any, path: Path, case: str) -> None:
        if project is self.projects.project:
            self.names.add(path, case)

    def _on_imported(self, report: Imported) -> None:
        told = [f"{counted(len(report.cases), 'case')} imported."]
        told += [f"⚠ {sentence}" for sentence in report.failed]
        self.say("\n".join(told))
        show_info(
            told[0] + (f" {len(report.failed)} could not be; the Project step says why." if report.failed else "")
        )
        self.names.show_if_any()
        self._asked = report.ambiguous
        self._ask()
        self.projects.refresh()

    def _ask(self) -> None:
        """Ask about the next study that holds several series or phases."""
        self.ambiguous.setVisible(bool(self._asked))
        if self._asked:
            reveal(self.ambiguous)
            wish, error = self._asked[0]
            self.ambiguous.ask(error.series, error.phases, wish.series)
            self.ambiguous.question.setText(f"<b>{wish.path.name}</b>: {self.ambiguous.question.text()}")

    def _on_chosen(self, series: str | None, phase: int | None) -> None:
        wish, _ = self._asked.pop(0)
        rest, project = self._asked, self.projects.project
        if project is None:
            return

        on_case = partial(self._case_came.emit, project)

        def work(progress: Progress) -> Imported:
            report = import_found(project, [wish.chosen(series, phase)], [], progress, on_case)
            return Imported(report.cases, report.failed, [*report.ambiguous, *rest])

        self.run_job(work, self._on_imported, f"Importing {wish.path.name}")

    def _on_cancelled(self) -> None:
        self.say("Stopped; the cases that were imported stay.")
        self.names.show_if_any()
        self.projects.refresh()

    def _hide_choice(self, *_: Any) -> None:
        self._found = Found(())
        self.choice.hide()

    def _on_project(self, project: Any) -> None:
        self.say("")
        self._asked = []
        self.names.clear()
        self.ambiguous.hide()
        self._hide_choice()
        self.set_busy(self.job is not None)

    def _choose_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Add studies", "", _FILES)
        if paths:
            self.offer([Path(path) for path in paths])

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Add a study, a folder of studies, or a dataset")
        if path:
            self.offer([Path(path)])
