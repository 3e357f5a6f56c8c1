"""The options of a segmentation."""

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QSpinBox, QWidget

__all__ = ["SegmentOptions", "device_box", "enable_devices"]

_DEVICES = {"auto": "automatic", "cuda": "NVIDIA GPU (CUDA)", "mps": "Apple GPU (MPS)", "cpu": "CPU"}


def device_box() -> QComboBox:
    """Give a box to choose a device from; the values are those of :class:`scarnet.predict.Predictor`."""
    box = QComboBox()
    box.setToolTip("Where the model runs. Automatic takes the best there is: CUDA, then MPS, then the CPU.")
    for value, text in _DEVICES.items():
        box.addItem(text, value)
    return box


def enable_devices(box: QComboBox, devices: list[str] | None) -> None:
    """Leave only the devices that work to choose from.

    Parameters
    ----------
    box : QComboBox
        From :func:`device_box`.
    devices : list of str or None
        What :func:`scarnet.predict.available_devices` gave; None while that is not known.
    """
    if devices is not None:
        for index in range(box.count()):
            value = box.itemData(index)
            box.model().item(index).setEnabled(value == "auto" or value in devices)


class SegmentOptions(QWidget):
    """Flips, post-processing, batch size and branches; see the tooltips.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.flips = QComboBox()
        for text, value in (("as the model's card says", None), ("on (4 × the time)", True), ("off", False)):
            self.flips.addItem(text, value)
        self.flips.setToolTip("Average over the four flips of each slice: steadier, but four times the work.")
        self.postprocess = QCheckBox("Clean the labels")
        self.postprocess.setChecked(True)
        self.postprocess.setToolTip(
            "Keep one ventricle, scar only within the wall, no holes. Logits and probabilities are never touched."
        )
        self.branches = QCheckBox("Keep each branch's logits")
        self.branches.setToolTip("Also keep the logits of the MedSAM and the U-Net branch, for the Inspect step.")
        self.batch_size = QSpinBox()
        self.batch_size.setRange(1, 256)
        self.batch_size.setValue(8)
        self.batch_size.setToolTip("Slices computed at a time. Fewer need less memory; halved if memory runs out.")
        layout = QFormLayout(self)
        layout.setContentsMargins(12, 0, 0, 0)
        layout.addRow("Test-time flips", self.flips)
        layout.addRow("Slices at a time", self.batch_size)
        layout.addRow(self.postprocess)
        layout.addRow(self.branches)
