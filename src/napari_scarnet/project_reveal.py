"""Scrolling the dock to what has just appeared."""

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QScrollArea, QWidget

__all__ = ["reveal"]


def reveal(widget: QWidget) -> None:
    """Show a widget, and scroll to it once it has its place.

    Parameters
    ----------
    widget : QWidget
        A question to the user, which must not be asked out of sight.
    """
    widget.show()
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QScrollArea):
        parent = parent.parentWidget()
    if parent is not None:
        # The timer is the widget's: when it is gone, nothing is scrolled.
        timer = QTimer(widget)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: parent.ensureWidgetVisible(widget, 0, 20))
        timer.timeout.connect(timer.deleteLater)
        timer.start(0)
