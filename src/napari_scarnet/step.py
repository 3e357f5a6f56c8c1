"""What the steps of the dock have in common: a viewer, a job at a time, a status line, and a clean end."""

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from napari_scarnet.attachable import Attachable
from napari_scarnet.jobs import Job
from napari_scarnet.metadata import unwrap
from napari_scarnet.session import session_for
from napari_scarnet.viewer_link import ViewerLink
from scarnet.errors import ScarNetError
from scarnet.progress import Progress

__all__ = ["JobBar", "Step", "push_button"]


def push_button(text: str, tip: str, pressed: Callable[[], Any]) -> QPushButton:
    """Make a button.

    Parameters
    ----------
    text, tip : str
        What stands on it, and what it says under the mouse.
    pressed : bound method
        Called when it is pressed.

    Returns
    -------
    QPushButton
        The button.
    """
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(pressed)
    return button


class JobBar(QWidget):
    """A progress bar with a cancel button beside it; hidden while nothing runs.

    Parameters
    ----------
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setToolTip("How far the work is.")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the work; what is in the viewer stays as it is.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.cancel_button)
        self.hide()

    def begin(self, what: str) -> None:
        """Show the bar, not knowing yet how much there is to do."""
        self.bar.setRange(0, 0)
        self.bar.setFormat(what)
        self.cancel_button.setEnabled(True)
        self.show()

    def report(self, done: int, total: int, what: str) -> None:
        """Show how far it is."""
        self.bar.setRange(0, max(total, 0))
        self.bar.setValue(done)
        self.bar.setFormat(f"{what} · %v of %m" if total > 1 else what)


class Step(Attachable):
    """Base of the widgets: one job at a time, errors as notifications, everything released at the end.

    Parameters
    ----------
    viewer : Viewer
        The viewer, with or without napari's proxy.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = unwrap(viewer)
        self.session = session_for(self.viewer)
        self.job: Job | None = None
        self.job_bar = JobBar()
        self.job_bar.cancel_button.clicked.connect(self.cancel)
        self.status = QLabel()
        self.status.setWordWrap(True)
        # A long file name in a sentence must not widen the dock.
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status.hide()
        self._link = ViewerLink(self.viewer)
        # Only plain objects may be told of the end: the widget's own methods are gone by then.
        self.destroyed.connect(self._link.release)
        self._attached = False

    def attach(self) -> None:
        """Connect to the viewer; done again when a closed widget is put back into a window."""
        if not self._attached:
            self._attached = True
            self.connect_viewer(self._link)

    def connect_viewer(self, link: ViewerLink) -> None:
        """Make the connections of this step; for subclasses."""

    def release(self) -> None:
        """Cancel what runs and let go of the viewer."""
        if self.job is not None:
            self.job.cancel()
        self._link.release()
        self._attached = False

    def run_job(
        self,
        work: Callable[[Progress], Any],
        done: Callable[[Any], None],
        what: str,
        failed: Callable[[Exception], None] | None = None,
    ) -> Job:
        """Do work beside Qt.

        Parameters
        ----------
        work : callable
            Runs in a thread; takes a progress callback.
        done : bound method
            Takes the result, in Qt's thread.
        what : str
            What the progress bar says at first.
        failed : bound method, optional
            Takes the error instead of :meth:`show_failure`.

        Returns
        -------
        Job
            The job, started.
        """
        self.job = job = Job(work, name=f"scarnet {what}")
        # A destroyed widget must not leave work behind; the job itself outlives it and drops its result.
        self.destroyed.connect(job.stop)
        job.progressed.connect(self.job_bar.report)
        job.returned.connect(done)
        job.failed.connect(failed or self.show_failure)
        job.cancelled.connect(self._on_cancelled)
        job.finished.connect(self._on_finished)
        self.job_bar.begin(what)
        self.set_busy(True)
        self.say("")
        job.start()
        return job

    def cancel(self) -> None:
        """Ask the running job to stop."""
        if self.job is not None:
            self.job.cancel()
            self.job_bar.cancel_button.setEnabled(False)
            self.job_bar.bar.setFormat("Stopping…")

    def set_busy(self, busy: bool) -> None:
        """Enable what may be used while nothing runs; for subclasses."""

    def say(self, text: str) -> None:
        """Show a sentence under the controls; an empty one hides the line."""
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def show_failure(self, error: Exception) -> None:
        """Show an error as a notification and in the status line."""
        message = str(error) if isinstance(error, ScarNetError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, ScarNetError):
            message = f"Something unexpected went wrong. {message}"
        show_error(message)
        self.say(f"⚠ {message}")

    def _on_cancelled(self) -> None:
        self.say("Cancelled; nothing was changed.")

    def _on_finished(self) -> None:
        self.job = None
        self.job_bar.hide()
        self.set_busy(False)
