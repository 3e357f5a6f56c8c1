"""The Fine-tune step: from accepted cases to a better model, without waiting for it."""

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_scarnet.attachable import Attachable
from napari_scarnet.finetune_comparison import FinetuneComparison
from napari_scarnet.finetune_models import ModelTable
from napari_scarnet.finetune_setup import FinetuneSetup
from napari_scarnet.finetune_watch import FinetuneWatch
from napari_scarnet.metadata import unwrap
from napari_scarnet.project_reveal import reveal
from napari_scarnet.project_session import project_for
from napari_scarnet.section import Section
from napari_scarnet.viewer_link import ViewerLink

if TYPE_CHECKING:
    import napari.viewer

__all__ = ["FinetuneWidget"]


class FinetuneWidget(Attachable):
    """Sets up, watches, compares and decides.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.viewer = unwrap(viewer)
        self.projects = project_for(viewer)
        self.setup = FinetuneSetup(viewer)
        self.watch = FinetuneWatch(viewer)
        self.comparison = FinetuneComparison(viewer)
        self.models = ModelTable(viewer)
        self.steps = (self.setup, self.watch, self.comparison, self.models)
        self.hint = QLabel("Open a project and accept a few cases first.")
        self.hint.setWordWrap(True)
        self.sections = {
            "setup": Section("New fine-tuning", self.setup, expanded=True),
            "watch": Section("Trainings", self.watch),
            "comparison": Section("Old and new model", self.comparison),
            "models": Section("Models", self.models),
        }
        self.work = QWidget()
        column = QVBoxLayout(self.work)
        column.setContentsMargins(0, 0, 0, 0)
        for section in self.sections.values():
            column.addWidget(section)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addWidget(self.work)
        layout.addStretch(1)
        self.setup.started.connect(self._on_started)
        self.watch.chosen.connect(self._on_chosen)
        self.watch.finished.connect(self._on_finished)
        self._to_show = False
        self._link = ViewerLink(self.viewer)
        self.destroyed.connect(self._link.release)
        self.attach()

    def attach(self) -> None:
        """Connect to the viewer again."""
        self._link.release()
        self._link.connect(self.projects.opened, self._on_project)
        for step in self.steps:
            step.attach()
        self._on_project(self.projects.project)

    def release(self) -> None:
        """Put the user's own view back and let go of the viewer; a training that runs goes on."""
        self._link.release()
        for step in self.steps:
            step.release()
        self.comparison.views.put_away()

    def showEvent(self, event: Any) -> None:
        """Scroll to a training that runs, now or once that is known; not where a window is only uncovered."""
        super().showEvent(event)
        if not event.spontaneous():
            self._to_show = True
            self._show_running()

    def hideEvent(self, event: Any) -> None:
        """Scroll to nothing any more."""
        super().hideEvent(event)
        self._to_show = False

    def _show_running(self) -> None:
        if self._to_show and self.watch.runs:
            self._to_show = False
            reveal(self.watch.news)

    def _on_project(self, project: Any) -> None:
        self.work.setVisible(project is not None)
        self.hint.setVisible(project is None)

    def _on_started(self, name: str) -> None:
        self.sections["setup"].expand(False)
        self.sections["watch"].expand()
        self._to_show = True
        self.watch.find_jobs(name)

    def _on_chosen(self, name: str, state: str) -> None:
        self.comparison.use(name, state == "done")
        if self.watch.runs:
            self.sections["watch"].expand()
            self._show_running()
        if state == "done":
            self.models.take_in_finished(name)  # also where it was done before napari was started

    def _on_finished(self, name: str) -> None:
        self.sections["comparison"].expand()
        self.sections["models"].expand()
