"""The dock: Project, Study, Segment, Edit, Inspect and Fine-tune as steps, one below the other."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_scarnet.attachable import Attachable
from napari_scarnet.edit_controls import EDIT_KEYS
from napari_scarnet.edit_widget import EditWidget
from napari_scarnet.finetune_widget import FinetuneWidget
from napari_scarnet.metadata import find_layers, unwrap
from napari_scarnet.project_cases import PROJECT_KEYS
from napari_scarnet.project_opening import is_project
from napari_scarnet.project_widget import ProjectWidget
from napari_scarnet.section import Section
from napari_scarnet.segment_widget import SEGMENT_KEYS, SegmentWidget
from napari_scarnet.study_widget import StudyWidget
from napari_scarnet.viewer_link import ViewerLink

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["ScarNetDock"]


class Column(QScrollArea):
    """Scrolls up and down, and is always wide enough for what is in it and the scroll bar.

    Parameters
    ----------
    content : QWidget
        What scrolls.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        content.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the content, which needs more width when a section opens."""
        if watched is self.widget() and event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            bar = self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth()
            self.setMinimumWidth(self.widget().minimumSizeHint().width() + bar)
        return super().eventFilter(watched, event)


class ScarNetDock(Attachable):
    """All steps from a study to its maps.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    engine : Engine, optional
        What runs the models.
    """

    def __init__(self, viewer: "napari.viewer.Viewer", engine: Any = None) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        from napari_scarnet import inspect_widget, measure_widget

        viewer = unwrap(viewer)
        self.study = StudyWidget(viewer)
        self.segment = SegmentWidget(viewer, engine)
        self.edit = EditWidget(viewer)
        self.inspect = inspect_widget.InspectWidget(viewer)
        self.measure = measure_widget.MeasureWidget(viewer)
        self.project = ProjectWidget(viewer)
        self.finetune = FinetuneWidget(viewer)
        # The project comes last: what the other steps still write belongs into it.
        self.steps: tuple[Attachable, ...] = (
            self.study,
            self.segment,
            self.edit,
            self.inspect,
            self.measure,
            self.finetune,
            self.project,
        )
        has_study = bool(find_layers(viewer, "image"))
        self.sections = {
            "project": Section("Project", self.project, heading=True, tip="Work through a cohort, case by case."),
            "study": Section(
                "1  Study", self.study, expanded=True, heading=True, tip="Open a study and see what was read."
            ),
            "segment": Section(
                "2  Segment", self.segment, expanded=True, heading=True, tip="Choose a model and segment the study."
            ),
            "edit": Section(
                "3  Edit", self.edit, heading=True, tip="Correct the labels; edits are saved by themselves."
            ),
            "inspect": Section(
                "4  Inspect", self.inspect, expanded=has_study, heading=True, tip="Look at logits and probabilities."
            ),
            "measure": Section("5  Measure", self.measure, heading=True, tip="Numbers that follow the labels; export."),
            "finetune": Section("Fine-tune", self.finetune, heading=True, tip="Make a better model of accepted cases."),
            "keys": Section("Keyboard", self._keys(), heading=True, tip="Keys that work while the dock is open."),
        }
        steps = QWidget()
        column = QVBoxLayout(steps)
        column.setContentsMargins(4, 4, 4, 4)
        for section in self.sections.values():
            column.addWidget(section)
        note = QLabel("For research only, not for diagnosis.")
        note.setToolTip("ScarNet is no medical device.")
        note.setEnabled(False)
        column.addWidget(note)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Column(steps))
        self.segment.session.prediction_changed.connect(self._on_prediction)
        self.edit.offered.connect(self.sections["edit"].expand)
        self._link = ViewerLink(viewer)
        self.destroyed.connect(self._link.release)
        self._link.connect(self.project.projects.opened, self._on_project)
        self._on_project(self.project.projects.project)

    def sizeHint(self) -> QSize:
        """Wide enough for the readouts, high enough for the first two steps."""
        return QSize(420, 860)

    def _keys(self) -> QLabel:
        keys = {key: what for key, (what, _) in SEGMENT_KEYS.items()}
        keys.update(EDIT_KEYS)
        keys.update({key: what for key, (what, _) in PROJECT_KEYS.items()})
        keys.update(getattr(self.inspect, "KEYS", {}))
        rows = "".join(
            f"<tr><td style='padding-right:12px'><b>{escape(key)}</b></td><td>{escape(what)}</td></tr>"
            for key, what in keys.items()
        )
        label = QLabel(f"<table cellspacing='3'>{rows}</table>")
        label.setToolTip("These keys work while the image has the focus.")
        label.setContentsMargins(12, 0, 0, 0)
        return label

    def _on_project(self, project: Any) -> None:
        """Make room for the work on a project, where its cases come from the queue."""
        if project is not None:
            for name in ("project", "edit", "study", "segment", "inspect"):
                self.sections[name].expand(name in ("project", "edit"))

    def _on_prediction(self, case: str) -> None:
        if self.project.projects.project is None and not self.sections["inspect"].header.isChecked():
            # What was read is known by now; its room goes to what was found.
            self.sections["study"].expand(False)
            self.sections["inspect"].expand()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a study wherever on the dock it is dropped."""
        self.study.dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open a project in the Project step, anything else in the Study step."""
        if any(is_project(Path(url.toLocalFile())) for url in event.mimeData().urls()):
            self.sections["project"].expand()
            self.project.dropEvent(event)
            return
        self.sections["study"].expand()
        self.study.dropEvent(event)

    def attach(self) -> None:
        """Connect to the viewer again."""
        for step in self.steps:
            step.attach()

    def release(self) -> None:
        """Cancel what runs and let go of the viewer."""
        for step in self.steps:
            step.release()
