"""The choices that measures depend on, as controls."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QWidget

from scarnet.measure import MeasureSettings

__all__ = ["ChoicesBox"]


class ChoicesBox(QWidget):
    """How the stack lies, smallest scar, no-reflow, and what the threshold methods go by."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        usual = MeasureSettings()
        self.base = _combo(
            "Which end of the stack is the base",
            {"find out": None, "first slice": "first", "last slice": "last"},
        )
        self.seen_from = _combo(
            "From which side the slices are shown, where the file does not tell how they lie in the patient",
            {"the apex, as usual": "apex", "the base, mirrored": "base"},
        )
        self.smallest = QDoubleSpinBox()
        self.smallest.setRange(0.0, 20.0)
        self.smallest.setSingleStep(0.1)
        self.smallest.setSuffix(" ml")
        self.smallest.setValue(usual.smallest_scar_ml)
        self.smallest.setKeyboardTracking(False)
        self.smallest.setToolTip("Connected scar of less volume counts as healthy wall")
        self.no_reflow = _combo(
            "Whether the dark region that scar encloses counts as scar",
            {"counts as scar": "scar", "counts apart": "apart"},
        )
        self.baseline = _combo(
            "From where half of the maximum is counted: any scale of intensities, or as published for magnitude images",
            {"half way from remote": "remote", "half of the maximum": "zero"},
        )
        self.grey_zone = _combo(
            "How the grey zone around dense scar is bounded",
            {"35–50 % of maximum": "fwhm", "2–3 SD": "sd"},
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for name, control in (
            ("Base", self.base),
            ("Seen from", self.seen_from),
            ("Smallest scar", self.smallest),
            ("No-reflow", self.no_reflow),
            ("FWHM", self.baseline),
            ("Grey zone", self.grey_zone),
        ):
            form.addRow(name, control)
            signal = control.valueChanged if control is self.smallest else control.currentIndexChanged
            signal.connect(self._on_changed)

    @property
    def settings(self) -> MeasureSettings:
        """The choices."""
        return MeasureSettings(
            smallest_scar_ml=round(self.smallest.value(), 3),
            no_reflow=self.no_reflow.currentData(),
            base=self.base.currentData(),
            seen_from=self.seen_from.currentData(),
            fwhm_baseline=self.baseline.currentData(),
            grey_zone=self.grey_zone.currentData(),
        )

    def _on_changed(self, *_: Any) -> None:
        self.changed.emit()


def _combo(tip: str, choices: dict[str, Any]) -> QComboBox:
    box = QComboBox()
    box.setToolTip(tip)
    for text, value in choices.items():
        box.addItem(text, value)
    return box
