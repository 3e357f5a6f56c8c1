"""A part of a widget that opens and closes under its title."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGroupBox, QSizePolicy, QToolButton, QVBoxLayout, QWidget

__all__ = ["Section", "group_box"]


def group_box(title: str, content: QWidget) -> QGroupBox:
    """Put a frame with a title around a widget."""
    box = QGroupBox(title)
    layout = QVBoxLayout(box)
    layout.addWidget(content)
    return box


class Section(QWidget):
    """A title to click, and a widget below it.

    Parameters
    ----------
    title : str
        The title.
    content : QWidget
        What opens and closes.
    expanded : bool
        Whether it is open at first.
    heading : bool
        Write the title larger, for the steps of the dock.
    tip : str
        The title's tooltip.
    """

    def __init__(
        self, title: str, content: QWidget, *, expanded: bool = False, heading: bool = False, tip: str = ""
    ) -> None:
        super().__init__()
        self.content = content
        self.header = QToolButton()
        self.header.setText(title)
        self.header.setToolTip(tip or f"Show or hide: {title}.")
        self.header.setCheckable(True)
        self.header.setChecked(expanded)
        self.header.setAutoRaise(True)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if heading:
            font = self.header.font()
            font.setBold(True)
            font.setPointSizeF(font.pointSizeF() * 1.15)
            self.header.setFont(font)
        self.header.toggled.connect(self._on_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(content)
        self._on_toggled(expanded)

    def expand(self, expanded: bool = True) -> None:
        """Open or close the section."""
        self.header.setChecked(expanded)

    def _on_toggled(self, expanded: bool) -> None:
        self.header.setArrowType(Qt.ArrowType.DownArrow if expanded else Qt.ArrowType.RightArrow)
        self.content.setVisible(expanded)
        # A closed section must not take a share of the dock's free height.
        vertical = QSizePolicy.Policy.Preferred if expanded else QSizePolicy.Policy.Maximum
        self.setSizePolicy(QSizePolicy.Policy.Preferred, vertical)
