"""What was read: size, spacing and kind of a study, and what to be careful with."""

import re
from html import escape
from typing import Any
from weakref import ref

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_scarnet.metadata import layer_meta
from napari_scarnet.studies import stack_of
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack

__all__ = ["StudyCard", "describe_stack"]

_KINDS = {"magnitude": "magnitude", "psir": "PSIR (phase-sensitive)", "unknown": "not stated"}
_FORMATS = {"dicom": "DICOM", "nifti": "NIfTI", "tiff": "TIFF", "hdf5": "HDF5", "phantom": "phantom (synthetic)"}


def describe_stack(stack: LGEStack, case: str) -> str:
    """Describe a study as a small table in HTML.

    Parameters
    ----------
    stack : LGEStack
        The study.
    case : str
        The case as the viewer knows it.

    Returns
    -------
    str
        Rich text.
    """
    z, y, x = stack.shape
    dz, dy, dx = stack.spacing_mm
    rows = [
        ("Case", case),
        ("Slices", f"{z}, {dz:.4g} mm apart"),
        ("Size", f"{y} × {x} pixels of {dy:.3g} × {dx:.3g} mm"),
        ("Field of view", f"{y * dy:.0f} × {x * dx:.0f} mm"),
        ("Kind", _KINDS[stack.kind]),
        ("Format", _FORMATS.get(stack.source.format, stack.source.format)),
    ]
    if stack.source.series:
        rows.append(("Series", stack.source.series))
    cells = "".join(
        f"<tr><td style='padding-right:10px'>{escape(key)}</td><td><b>{_breakable(value)}</b></td></tr>"
        for key, value in rows
    )
    return f"<table cellspacing='2'>{cells}</table>"


def _breakable(text: str) -> str:
    """Escape a text and let lines break inside long names, which would widen the dock."""
    return re.sub(r"([_/-])", "\\1&#8203;", escape(text))


class StudyCard(QWidget):
    """Shows one study.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layer: Any = None
        self.facts = QLabel("No study is open.")
        self.facts.setWordWrap(True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.setToolTip("What was read from the study that is selected in the layer list.")
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.notes.setToolTip("What the reader noticed and you should know before trusting a number.")
        self.notes.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.facts)
        layout.addWidget(self.notes)

    def layer_gone(self, viewer: Any) -> bool:
        """Whether the layer on show is no longer in the viewer, or none is shown."""
        layer = self._layer() if self._layer is not None else None
        return layer is None or layer not in viewer.layers

    def show_layer(self, layer: Any) -> None:
        """Show a study's image layer, or that there is none.

        Parameters
        ----------
        layer : Image or None
            The layer.
        """
        self._layer = None if layer is None else ref(layer)
        if layer is None:
            self.facts.setText("No study is open.")
            self.notes.hide()
            return
        try:
            stack = stack_of(layer)
        except ScarNetError as error:
            self.facts.setText(escape(str(error)))
            self.notes.hide()
            return
        self.facts.setText(describe_stack(stack, layer_meta(layer)["case"]))
        notes = "".join(f"<p style='margin:2px 0'>⚠ {escape(note)}</p>" for note in stack.source.notes)
        self.notes.setText(notes)
        self.notes.setVisible(bool(notes))
