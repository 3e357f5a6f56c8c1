"""Enters and leaves the 3D view for the Measure step, and keeps its surfaces in line with the labels."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_scarnet.measure_later import LateWork
from napari_scarnet.measure_surfaces import surfaces_work
from napari_scarnet.measure_view3d import heart_view_for
from napari_scarnet.viewer_link import ViewerLink
from scarnet.errors import ScarNetError
from scarnet.measure import StudyMeasures
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from napari_scarnet.measure_controls import MeasureControls

__all__ = ["HeartFollower"]

_PAUSE_MS = 600


class HeartFollower(QObject):
    """The 3D view of the case that is measured.

    Parameters
    ----------
    controls : MeasureControls
        The Measure step.
    """

    def __init__(self, controls: "MeasureControls") -> None:
        super().__init__(controls)
        self._controls = controls
        self.view = heart_view_for(controls.viewer)
        self._newest: tuple[str, StudyMeasures, LGEStack] | None = None
        self.work = LateWork(self, _PAUSE_MS, "scarnet surfaces")
        self.work.returned.connect(self._on_surfaces)
        self.work.failed.connect(controls.show_failure)
        controls.view3d_button.clicked.connect(self._on_button)

    def connect_viewer(self, link: ViewerLink) -> None:
        """Follow the view, which the user may also leave with napari's own button.

        Parameters
        ----------
        link : ViewerLink
            Where the connection belongs.
        """
        link.connect(self.view.changed, self.show_state)

    def show(self, case: str | None, measures: StudyMeasures | None = None, stack: LGEStack | None = None) -> None:
        """Take the newest measures.

        Parameters
        ----------
        case : str or None
            The case; the view of another one is left.
        measures : StudyMeasures or None
            Its measures; None where there are none, or none yet.
        stack : LGEStack, optional
            The study, with them.
        """
        if self.view.case not in (None, case):
            self.leave()
        known = case is not None and measures is not None and stack is not None
        self._newest = (case, measures, stack) if known else None  # type: ignore[assignment]
        if measures is not None and stack is not None and self.view.case == case:
            self.work.ask(surfaces_work(measures.labels, stack.spacing_mm))
        self.show_state()

    def leave(self) -> None:
        """Go back to the slices."""
        self.work.stop()
        self.view.leave()

    def show_state(self, on: bool | None = None) -> None:
        """Let the button say where it leads."""
        button, shown = self._controls.view3d_button, self.view.case is not None
        button.setChecked(shown)
        button.setText("Back to slices" if shown else "3D view")
        button.setEnabled(self._controls.job is None and (shown or self._newest is not None))

    def _on_button(self, on: bool) -> None:
        if not on:
            self.leave()
        elif self._newest is not None and self._controls.job is None:
            _, measures, stack = self._newest
            self._controls.run_job(surfaces_work(measures.labels, stack.spacing_mm), self._on_surfaces, "Surfaces")
        self.show_state()

    def _on_surfaces(self, meshes: Any) -> None:
        try:
            if self._newest is not None:
                self.view.enter(self._newest[0], self._newest[1], meshes)
        except ScarNetError as error:
            self.leave()
            self._controls.show_failure(error)
        self.show_state()
