"""What a key started out of sight: napari's notifications tell of it, and nothing in the dock moves."""

from html import unescape

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QWidget

__all__ = ["AwayNotice"]


class AwayNotice:
    """Tells of work whose own progress bar is folded away or scrolled out of the dock.

    Not in napari's activity: its progress bars run Qt's events at each step, and layers may go meanwhile.

    Parameters
    ----------
    where : QWidget
        What stands beside the progress bar, also while nothing runs.
    """

    def __init__(self, where: QWidget) -> None:
        self._where = where
        self._began = False

    @property
    def out_of_sight(self) -> bool:
        """Whether nothing of the place can be seen now."""
        return self._where.visibleRegion().isEmpty()

    def begin(self, text: str) -> None:
        """Say that work has begun; nothing where its bar is seen.

        Parameters
        ----------
        text : str
            What it does.
        """
        self._began = self.out_of_sight
        if self._began:
            show_info(text)

    def tell(self, text: str) -> None:
        """Say what became of it, where it was said that it began or where its place is out of sight now.

        Parameters
        ----------
        text : str
            Rich text.
        """
        if self._began or self.out_of_sight:
            show_info(unescape(text.replace("<br>", "\n")))
        self._began = False
