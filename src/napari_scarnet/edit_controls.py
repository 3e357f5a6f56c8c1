"""The controls of the Edit step and where they stand; what they do is in :mod:`napari_scarnet.edit_widget`."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_scarnet.edit_box import BoxTool
from napari_scarnet.edit_jump import JumpBar
from napari_scarnet.edit_keys import REDO, UNDO
from napari_scarnet.edit_numbers import Numbers
from napari_scarnet.edit_offer import OfferBar
from napari_scarnet.edit_paint import PaintBox
from napari_scarnet.edit_preview import PreviewBar
from napari_scarnet.edit_region import ScopeBar
from napari_scarnet.edit_shapes import ShapeTools
from napari_scarnet.edit_threshold import ThresholdTool
from napari_scarnet.section import Section, group_box
from napari_scarnet.step import Step
from napari_scarnet.study_choice import StudyChoice
from scarnet.classes import TissueClass

__all__ = ["EDIT_KEYS", "EditControls"]

_KEYS = QKeySequence.StandardKey
EDIT_KEYS = {
    "1 2 3": "Paint myocardium, blood pool, scar",
    "P E F Z": "Brush, eraser, fill, move (napari's own)",
    "4": "Polygon",
    "[ ]": "Smaller, larger brush (napari's own)",
    "W": "Scar only in the wall, or anywhere",
    "C": "Labels as outlines, or filled",
    "O": "Labels strong, medium, faint",
    "H": "Hide or show the labels",
    "N": "Next slice that needs a look (Shift+N: back)",
    "R": "Draw a region",
    "B": "Draw a box for LiteMedSAM",
    "Enter Esc": "Apply or discard the preview",
    "Ctrl+Z": "Undo (Ctrl+Shift+Z: redo)",
}


class EditControls(Step):
    """Study, offer, painting, numbers, tools, slices to look at and what is saved, from top to bottom.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.study = StudyChoice(self.viewer)
        self.study.setToolTip("The study whose labels are edited.")
        self.offer = OfferBar(self.viewer)
        self.new_button = QPushButton("Start with empty labels")
        self.new_button.setToolTip("Draw without a prediction; or segment the study in the Segment step first.")
        self.paint = PaintBox(self.viewer)
        self.numbers = Numbers()
        self.scope = ScopeBar()
        self.threshold = ThresholdTool()
        self.shapes = ShapeTools()
        self.box = BoxTool()
        self.preview = PreviewBar()
        self.jump = JumpBar()
        # A status line like the one of the base, but about the files; it is always there.
        self.saved = QLabel()
        self.saved.setWordWrap(True)
        self.saved.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        tools = QWidget()
        column = QVBoxLayout(tools)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.scope)
        self.tool_sections = {
            "threshold": Section("Threshold", self.threshold, expanded=True, tip="Scar by FWHM or n SD."),
            "shapes": Section("Shape and neighbours", self.shapes, expanded=True, tip="Change outlines, fill slices."),
            "box": Section("Box prompt", self.box, expanded=True, tip="LiteMedSAM segments what lies in a box."),
        }
        for section in self.tool_sections.values():
            column.addWidget(section)
        # Last, so that no button moves away from under the mouse when it comes.
        column.addWidget(self.preview)
        self.tools = group_box("Tools", tools)
        layout = QVBoxLayout(self)
        for widget in (
            self.study,
            self.offer,
            self.new_button,
            group_box("Paint", self.paint),
            self.numbers,
            self.saved,
            self.tools,
            self.job_bar,
            self.status,
            group_box("Slices to look at", self.jump),
        ):
            layout.addWidget(widget)
        layout.addStretch(1)
        for kind in (QComboBox, QAbstractSpinBox):
            for control in self.findChildren(kind):
                control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep undo and redo for the labels where a list would look them up and a number take itself back."""
        if event.type() == QEvent.Type.KeyPress and isinstance(watched, (QComboBox, QAbstractSpinBox)):
            key: Any = event
            for keys, method in ((_KEYS.Undo, self.paint.undo), (_KEYS.Redo, self.paint.redo)):
                if key.matches(keys):
                    method()
                    return True
        return super().eventFilter(watched, event)

    # Keys need methods of Python's own, which can be held weakly; Qt's cannot.

    @property
    def layer_keys(self) -> dict[str, Callable[[], None]]:
        """Keys that napari's own layers have another use for, and that paint here."""
        return {
            "1": self.paint_myocardium,
            "2": self.paint_blood_pool,
            "3": self.paint_scar,
            "4": self.paint_polygon,
            "R": self.toggle_region,
            "B": self.toggle_box,
            # napari's own is the active labels layer's alone, which is another layer while a box is drawn.
            UNDO: self.paint.undo,
            REDO: self.paint.redo,
        }

    def paint_myocardium(self) -> None:
        """Paint myocardium."""
        self.paint.choose_class(TissueClass.MYOCARDIUM)

    def paint_blood_pool(self) -> None:
        """Paint blood pool."""
        self.paint.choose_class(TissueClass.BLOOD_POOL)

    def paint_scar(self) -> None:
        """Paint scar."""
        self.paint.choose_class(TissueClass.SCAR)

    def paint_polygon(self) -> None:
        """Outline the class corner by corner."""
        self.paint.choose_tool("polygon")

    def toggle_wall(self) -> None:
        """Keep scar in the wall, or let it out."""
        self.paint.wall.toggle()

    def toggle_outlines(self) -> None:
        """Show the labels as outlines, or filled."""
        self.paint.contour.toggle()

    def next_opacity(self) -> None:
        """Show the labels strong, medium or faint."""
        self.paint.next_opacity()

    def toggle_region(self) -> None:
        """Begin or end drawing a region."""
        self.scope.draw.click()

    def toggle_box(self) -> None:
        """Begin or end drawing boxes."""
        self.box.draw.click()
