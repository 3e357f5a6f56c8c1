"""The controls of the Inspect step and where they stand; what they do is in :mod:`napari_scarnet.inspect_widget`."""

from typing import Any

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_scarnet.inspect_maps import MapKind
from napari_scarnet.inspect_readout import ReadoutChart
from napari_scarnet.inspect_threshold import ThresholdBox
from napari_scarnet.section import group_box
from napari_scarnet.step import Step

__all__ = ["InspectControls"]

_TOGGLES: dict[MapKind, tuple[str, str]] = {
    "entropy": ("Entropy", "Show how spread the four probabilities are: 0 sure, 1 all classes alike"),
    "margin": ("Margin", "Show the likeliest class's lead over the second: 0 on a border, 1 sure"),
    "branch-logit": (
        "Branches",
        "Show the logits of the MedSAM and of the U-Net branch on their own, side by side; computed where missing",
    ),
}


class InspectControls(Step):
    """Case, Fig. 3 view, maps, values at the cursor, scar threshold, export and status, from top to bottom.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.case_box = QComboBox()
        self.case_box.setToolTip("The case to inspect; it follows the selected layer")
        self.case_box.setAccessibleName("Case")
        self.case_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.case_box.setMinimumContentsLength(12)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.fig3_button = QPushButton("Fig. 3 view")
        self.fig3_button.setCheckable(True)
        self.fig3_button.setToolTip(
            "Show image, labels, four logit and four probability maps side by side; press again to go back to your view"
        )
        self.map_buttons: dict[MapKind, QPushButton] = {}
        for kind, (text, tip) in _TOGGLES.items():
            self.map_buttons[kind] = QPushButton(text)
            self.map_buttons[kind].setCheckable(True)
            self.map_buttons[kind].setToolTip(tip)
        self.chart = ReadoutChart()
        self.threshold = ThresholdBox()
        self.export_button = QPushButton("Save panel…")
        self.export_button.setToolTip("Save the panel of the current slice as a PNG picture or a PDF page")
        self._arrange()

    def _arrange(self) -> None:
        case_row = QHBoxLayout()
        case_row.addWidget(QLabel("Case"))
        case_row.addWidget(self.case_box, 1)
        map_row = QHBoxLayout()
        for button in self.map_buttons.values():
            map_row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(case_row)
        layout.addWidget(self.about)
        layout.addWidget(self.fig3_button)
        layout.addLayout(map_row)
        layout.addWidget(group_box("At the cursor", self.chart))
        layout.addWidget(group_box("Scar threshold", self.threshold))
        layout.addWidget(self.export_button)
        layout.addWidget(self.job_bar)
        layout.addWidget(self.status)
        layout.addStretch(1)
