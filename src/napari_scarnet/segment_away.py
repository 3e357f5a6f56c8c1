"""What a key started out of sight: napari's notifications and activity tell of it, and nothing in the dock moves."""

import io
from html import unescape

from napari.utils import progress
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_scarnet.jobs import Job

__all__ = ["AwayNotice"]


class AwayNotice(QObject):
    """Tells of a job whose own progress bar is folded away or scrolled out of the dock.

    Parameters
    ----------
    where : QWidget
        What stands beside the progress bar, also while nothing runs.
    """

    def __init__(self, where: QWidget) -> None:
        super().__init__(where)
        self._where = where
        self._bar: progress | None = None
        self._told = False

    @property
    def out_of_sight(self) -> bool:
        """Whether nothing of the place can be seen now."""
        return self._where.visibleRegion().isEmpty()

    def follow(self, job: Job, text: str) -> None:
        """Say that a job has begun, and show in napari's activity how far it is; nothing where its bar is seen.

        Parameters
        ----------
        job : Job
            The job.
        text : str
            What it does.
        """
        self._told = self.out_of_sight
        if not self._told:
            return
        show_info(text)
        self._bar = progress(total=0, desc=text, file=io.StringIO())  # not in the terminal too
        job.progressed.connect(self._on_progress)
        job.finished.connect(self._on_finished)

    def tell(self, text: str) -> None:
        """Say what became of the job, where it was said that it began or where its place is out of sight now.

        Parameters
        ----------
        text : str
            Rich text.
        """
        if self._told or self.out_of_sight:
            show_info(unescape(text.replace("<br>", "\n")))
        self._told = False

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if self._bar is not None:
            self._bar.total = max(total, 0)
            self._bar.set_description(what)
            self._bar.update(done - self._bar.n)

    def _on_finished(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
