"""A widget that lets go of the viewer when napari closes its dock, and takes hold again when it is put back."""

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget

__all__ = ["Attachable"]


class Attachable(QWidget):
    """Base of what napari docks; subclasses say what there is to take hold of."""

    def attach(self) -> None:
        """Connect to the viewer; called again when a closed widget is put back into a window."""

    def release(self) -> None:
        """Cancel what runs and let go of the viewer."""

    def event(self, event: QEvent) -> bool:
        """Notice that napari took the widget out of its dock, which is how it closes one."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self.release()
            else:
                self.attach()
        return super().event(event)
