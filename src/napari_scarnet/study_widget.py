"""Step one: open a study, choose the series, see what was read."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
)

from napari_scarnet.choice_table import ChoiceTable
from napari_scarnet.inspect_grid import fig3_for
from napari_scarnet.step import Step, push_button
from napari_scarnet.studies import add_stack, bring_forward
from napari_scarnet.study_card import StudyCard
from scarnet.progress import Progress
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["StudyWidget"]

_FILTER = "LGE studies (*.dcm *.ima *.nii *.nii.gz *.tif *.tiff *.h5 *.hdf5);;All files (*)"


class StudyWidget(Step):
    """Opens DICOM folders and files, NIfTI, TIFF and HDF5, and says what was read.

    Parameters
    ----------
    viewer : Viewer
        The viewer to add studies to.
    """

    opened = Signal(object)
    """The image layer of a study that this widget opened."""

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__(viewer)
        self.setAcceptDrops(True)
        self._path: Path | None = None
        self._series: str | None = None
        self.path_edit = QLineEdit()
        self.path_edit.setPlaceholderText("Drop a study here, or type its path")
        self.path_edit.setToolTip("A DICOM folder or file, NIfTI, TIFF or HDF5. Enter opens it.")
        self.path_edit.setAcceptDrops(False)
        self.path_edit.returnPressed.connect(self.open_typed_path)
        self.open_button = push_button("Open", "Open the path above.", self.open_typed_path)
        self.file_button = push_button("File…", "Choose a file: DICOM, NIfTI, TIFF or HDF5.", self._choose_file)
        self.folder_button = push_button("DICOM folder…", "Choose a folder of DICOM files.", self._choose_folder)
        self.sample_button = QPushButton("Sample")
        self.sample_button.setToolTip("Open a synthetic study, also under File → Open Sample.")
        menu = QMenu(self.sample_button)
        menu.addAction("Phantom study with an infarct").triggered.connect(partial(self.open_sample, True))
        menu.addAction("Phantom study without scar").triggered.connect(partial(self.open_sample, False))
        self.sample_button.setMenu(menu)
        self.choice = ChoiceTable()
        self.choice.hide()
        self.choice.chosen.connect(self._on_chosen)
        self.card = StudyCard()

        line = QHBoxLayout()
        line.addWidget(self.path_edit, 1)
        line.addWidget(self.open_button)
        buttons = QHBoxLayout()
        for widget in (self.file_button, self.folder_button, self.sample_button):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addLayout(line)
        layout.addLayout(buttons)
        for widget in (self.choice, self.job_bar, self.status, self.card):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.attach()

    def connect_viewer(self, link: Any) -> None:
        """Follow the studies that come into the viewer and the active layer."""
        link.connect(self.session.stack_opened, self._show_layer)
        link.connect(self.viewer.layers.selection.events.active, self._on_active)
        link.connect(self.viewer.layers.events.removed, self._on_active)
        self._on_active()

    def set_busy(self, busy: bool) -> None:
        """One study at a time."""
        for widget in (
            self.path_edit,
            self.open_button,
            self.file_button,
            self.folder_button,
            self.sample_button,
            self.choice,
        ):
            widget.setEnabled(not busy)

    def open_typed_path(self) -> None:
        """Open what the path line says."""
        text = self.path_edit.text().strip().strip("\"'")
        if not text:
            self.say("Type a path first, or choose a file or folder.")
            return
        self.open_path(Path(text).expanduser())

    def open_path(self, path: Path, series: str | None = None, phase: int | None = None) -> None:
        """Read a study in a thread and add it to the viewer.

        Parameters
        ----------
        path : Path
            The file or folder.
        series : str, optional
            Key of the series, where there are several.
        phase : int, optional
            Index of the phase, where positions repeat.
        """
        if self.job is not None:
            self.say("A study is being read; wait for it, or cancel it first.")
            return
        self._path, self._series = path, series
        self.path_edit.setText(str(path))
        self.choice.hide()

        def read(progress: Progress) -> LGEStack:
            from scarnet.io import read_study

            return read_study(path, series=series, phase=phase, progress=progress)

        self.run_job(read, self._on_read, "Reading", self._on_failed)

    def open_sample(self, scar: bool, *_: Any) -> None:
        """Make a phantom study and add it to the viewer.

        Parameters
        ----------
        scar : bool
            With an infarct or without scar.
        """
        if self.job is not None:
            return
        self.choice.hide()

        def make(progress: Progress) -> LGEStack:
            from napari_scarnet.samples import phantom_stack

            return phantom_stack(scar)

        self.run_job(make, self._on_read, "Making the phantom study")

    def ask(self, error: Any) -> None:
        """Offer the series or phases that an :class:`scarnet.io.AmbiguousStudyError` lists."""
        if self._path is None:
            self._path = Path(self.path_edit.text())
        self.choice.ask(error.series, error.phases, self._series)
        self.choice.show()

    def _on_chosen(self, series: str | None, phase: int | None) -> None:
        if self._path is not None:
            self.open_path(self._path, series, phase)

    def _on_failed(self, error: Exception) -> None:
        from scarnet.io import AmbiguousStudyError

        if isinstance(error, AmbiguousStudyError):
            self.ask(error)
        else:
            self.show_failure(error)

    def _on_read(self, stack: LGEStack) -> None:
        # Leaving the view later would put back what the user looked at before.
        fig3_for(self.viewer).leave()
        layer = add_stack(self.viewer, stack)
        bring_forward(self.viewer, layer)
        self._show_layer(layer)
        self.opened.emit(layer)

    def _show_layer(self, layer: Any) -> None:
        self.card.show_layer(layer)

    def _on_active(self, *_: Any) -> None:
        from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta

        active = self.viewer.layers.selection.active
        case = layer_meta(active).get("case") if active is not None else None
        layer = image_layer_of(self.viewer, case) if case else None
        if layer is None and self.card.layer_gone(self.viewer):
            layer = next(iter(reversed(find_layers(self.viewer, "image"))), None)
            self.card.show_layer(layer)
        elif layer is not None:
            self.card.show_layer(layer)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open an LGE study", self.path_edit.text(), _FILTER)
        if path:
            self.open_path(Path(path))

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a DICOM folder", self.path_edit.text())
        if path:
            self.open_path(Path(path))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take local files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first file or folder that was dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_path(Path(paths[0]))
        if len(paths) > 1:
            self.say("Several files were dropped; the first is opened. Drop the folder to open a DICOM series.")
