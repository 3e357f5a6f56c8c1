"""The controls of the Measure step and where they stand; what they do is in :mod:`napari_scarnet.measure_widget`."""

from typing import Any

from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.measure_bullseye import Bullseye
from napari_scarnet.measure_choices import ChoicesBox
from napari_scarnet.measure_methods import MethodsTable
from napari_scarnet.measure_numbers import NumbersTable
from napari_scarnet.measure_polar import PolarView
from napari_scarnet.measure_profile import SliceProfile
from napari_scarnet.section import Section
from napari_scarnet.step import Step

__all__ = ["MeasureControls"]

_FILES = {
    "tables": ("Measures (JSON, CSV)", "measures.json, slices.csv and segments.csv"),
    "report": ("Report (PDF)", "report.pdf: two pages with pictures, bullseye and tables"),
    "labels": ("Labels (NIfTI)", "labels.nii.gz on the study's grid"),
    "dicom": (
        "DICOM SEG and SR",
        "segmentation.dcm and measurements.dcm, which refer to the source images; the case's name stands in for the "
        "patient's. Of studies read from DICOM only",
    ),
}


class MeasureControls(Step):
    """Numbers, bullseye, slices, methods, unwrapped wall, marks, export and notes, from top to bottom.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.about = _wrapped()
        self.numbers = NumbersTable()
        self.percent_button = _radio("Scar percent", "Show in the bullseye how much of each segment is scar")
        self.depth_button = _radio("Transmurality", "Show in the bullseye how deep scar reaches, mean over its chords")
        self.percent_button.setChecked(True)
        self.bullseye = Bullseye()
        self.profile = SliceProfile()
        self.view3d_button = QPushButton("3D view")
        self.view3d_button.setCheckable(True)
        self.view3d_button.setToolTip("Show wall and scar as surfaces in mm; press again to go back to the slices")
        self.methods = MethodsTable()
        self.polar = PolarView()
        self.insertion_text = _wrapped()
        self.insertion_show = QCheckBox("Show")
        self.insertion_show.setToolTip("Show the anterior RV insertion on each slice, to drag it where it belongs")
        self.insertion_reset = QPushButton("Estimate")
        self.insertion_reset.setToolTip("Forget the points you moved and go back to the estimate")
        self.remote_text = _wrapped()
        self.remote_found = _radio("Found", "Look for remote myocardium: the darkest sector of each slice")
        self.remote_drawn = _radio("Drawn", "Draw remote myocardium yourself, with the brush you get in your hand")
        self.remote_found.setChecked(True)
        self.remote_show = QCheckBox("Show")
        self.remote_show.setToolTip("Show the remote region that was found")
        self.choices = ChoicesBox()
        self.files: dict[str, QCheckBox] = {}
        for name, (title, tip) in _FILES.items():
            self.files[name] = QCheckBox(title)
            self.files[name].setToolTip(tip)
            self.files[name].setChecked(name != "dicom")
        self.export_button = QPushButton("Save to folder…")
        self.export_button.setToolTip("Choose a folder; the files go into a folder of the case in it")
        self.notes = _wrapped()
        self._groups = [_group(self.percent_button, self.depth_button), _group(self.remote_found, self.remote_drawn)]
        self._arrange()

    def _arrange(self) -> None:
        self.sections = {
            "methods": Section("Threshold methods", self.methods, tip="Scar by intensity, beside the labels."),
            "polar": Section("Unwrapped wall", self.polar, tip="The wall of this slice against the angle."),
            "marks": Section("Insertion, remote, choices", self._marks(), tip="What the numbers depend on."),
            "export": Section("Export", self._export(), tip="Write measures, report and labels."),
        }
        layout = QVBoxLayout(self)
        layout.addWidget(self.about)
        layout.addWidget(self.numbers)
        layout.addWidget(self.job_bar)
        layout.addWidget(self.status)
        layout.addLayout(_row(self.percent_button, self.depth_button, None, self.view3d_button))
        layout.addWidget(self.bullseye)
        layout.addWidget(self.profile)
        for section in self.sections.values():
            layout.addWidget(section)
        layout.addWidget(self.notes)
        layout.addStretch(1)

    def _marks(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(12, 0, 0, 0)
        layout.addWidget(_title("Anterior RV insertion"))
        layout.addWidget(self.insertion_text)
        layout.addLayout(_row(self.insertion_show, None, self.insertion_reset))
        layout.addWidget(_title("Remote myocardium"))
        layout.addWidget(self.remote_text)
        layout.addLayout(_row(self.remote_found, self.remote_drawn, None, self.remote_show))
        layout.addWidget(_title("Choices"))
        layout.addWidget(self.choices)
        return box

    def _export(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(12, 0, 0, 0)
        for control in self.files.values():
            layout.addWidget(control)
        layout.addWidget(self.export_button)
        return box


def _radio(text: str, tip: str) -> QRadioButton:
    button = QRadioButton(text)
    button.setToolTip(tip)
    return button


def _group(*buttons: QRadioButton) -> QButtonGroup:
    group = QButtonGroup(buttons[0])
    for button in buttons:
        group.addButton(button)
    return group


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Put widgets side by side; None takes the free room."""
    row = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row


def _wrapped() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    # A long name must not widen the dock.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def _title(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label
