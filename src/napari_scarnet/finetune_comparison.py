"""Old and new model on patients that neither has seen: tables, warnings, and both side by side on any case."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_scarnet.finetune_both import predict_both, show_both
from napari_scarnet.finetune_figures import case_cells, summary_html
from napari_scarnet.finetune_views import ModelViews
from napari_scarnet.project_session import project_for
from napari_scarnet.smooth import FrozenHeap, preload_torch, without_collector_pauses
from napari_scarnet.step import Step
from scarnet.progress import Progress

if TYPE_CHECKING:
    from scarnet_training.project import ModelComparison

__all__ = ["FinetuneComparison"]

_COLUMNS = ("Case", "Wall", "Blood pool", "Scar", "Scar %")
_WORSE, _BETTER = QColor("#ef8a62"), QColor("#7fc97f")


class FinetuneComparison(Step):
    """Compares a fine-tuned model with the project's.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self.name: str | None = None
        self.comparison: ModelComparison | None = None
        self._labels: dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = {}
        self._wanted: str | None = None
        self.compare_button = QPushButton("Compare old and new")
        self.compare_button.setToolTip("Predict the held-out patients with both models, and measure both.")
        self.compare_button.clicked.connect(self.compare)
        self.warnings = QLabel()
        self.warnings.setWordWrap(True)
        self.warnings.setStyleSheet("background: #6b3322; color: white; padding: 5px; border-radius: 3px;")
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setToolTip("Mean 3D Dice over held-out patients; the interval is a 95 % bootstrap over patients.")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setToolTip(
            "Dice of the old → the new model; scar percentage of either, and in brackets that of the accepted labels. "
            "A case that is left out was accepted as one of the two drew it. Double-click shows both models on it."
        )
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(22)
        self.table.setFixedHeight(140)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.cellDoubleClicked.connect(self._on_row)
        self.found = QWidget()
        column = QVBoxLayout(self.found)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.warnings, self.summary, self.table):
            column.addWidget(widget)
        self.found.hide()
        self.open_case_button = QPushButton("Both models on the open case")
        self.open_case_button.setToolTip("Outlines of the old and the new model's labels, on whatever case is open.")
        self.open_case_button.clicked.connect(self._on_open_case)
        self.views = ModelViews(self.viewer)
        line = QHBoxLayout()
        line.addWidget(self.compare_button)
        line.addWidget(self.open_case_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        for widget in (self.views, self.job_bar, self.status, self.found):
            layout.addWidget(widget)
        self.attach()
        self._enable()

    def connect_viewer(self, link: Any) -> None:
        """Follow the project and the open case."""
        link.connect(self.projects.opened, self._on_project)
        link.connect(self.projects.refreshed, self._enable)
        link.connect(self.projects.case_opened, self._on_case)
        link.connect(self.projects.case_shown, self._on_shown)

    def set_busy(self, busy: bool) -> None:
        """One comparison at a time."""
        self._enable()

    def use(self, name: str, done: bool) -> None:
        """Compare another fine-tuning's model from now on.

        Parameters
        ----------
        name : str
            The fine-tuning.
        done : bool
            Whether it has a model.
        """
        if (self.name, self.name is not None) != (name if done else None, done):
            self._on_project(None)
            self.name = name if done else None
        self._enable()

    def compare(self, *_: Any) -> None:
        """Predict and measure the held-out patients with both models."""
        project, name = self.projects.project, self.name
        if project is None or name is None or self.job is not None:
            return

        def work(progress: Progress) -> Any:
            with without_collector_pauses():
                preload_torch()
                from scarnet_training.project import compare_models
            with FrozenHeap():
                return project, compare_models(project, name, progress=progress)

        self.run_job(work, self._on_compared, "Comparing")

    def _on_compared(self, found: tuple[Any, "ModelComparison"]) -> None:
        project, comparison = found
        if project is not self.projects.project:
            return
        self.comparison = comparison
        self._labels.update(comparison.labels)
        told = (*comparison.left_out, *comparison.warnings)
        self.warnings.setText("<br>".join(f"⚠ {text}" for text in told))
        self.warnings.setVisible(bool(told))
        self.summary.setText(summary_html(comparison))
        self.table.setRowCount(len(comparison.cases))
        for row, case in enumerate(comparison.cases):
            for column, (text, change) in enumerate(case_cells(case)):
                item = QTableWidgetItem(text)
                if change:
                    item.setForeground(_BETTER if change > 0 else _WORSE)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.table.setItem(row, column, item)
        self.found.show()
        self.projects.refresh()

    def _on_row(self, row: int, _: int) -> None:
        if self.comparison is not None:
            self._show_on(self.comparison.cases[row].case)

    def _on_open_case(self, *_: Any) -> None:
        if self.projects.case is not None:
            self._show_on(self.projects.case)

    def _show_on(self, case: str) -> None:
        """Open a case where another one is open, and show both models on it."""
        self._wanted = case
        if case == self.projects.case:
            self._on_shown(case)
        else:
            self.projects.open_asked.emit(case)

    def _on_shown(self, case: str) -> None:
        project = self.projects.project
        if case != self._wanted or project is None:
            return
        self._wanted = None
        if case in self._labels:
            self._show_labels(case)
            return
        names = self._names()
        if names is None or self.job is not None:
            return

        def work(progress: Progress) -> Any:
            with without_collector_pauses():
                preload_torch()
                import scarnet.predict  # noqa: F401
            with FrozenHeap():
                return project, case, predict_both(project, case, names, progress)

        self.run_job(work, self._on_both, f"Predicting {case} with both models")

    def _on_both(self, found: Any) -> None:
        project, case, labels = found
        if project is not self.projects.project:
            return
        self._labels[case] = labels
        if case == self.projects.case:
            self._show_labels(case)

    def _show_labels(self, case: str) -> None:
        names = self._names()
        if names is not None and show_both(self.viewer, case, names, self._labels[case]):
            self.views.use(case, names)

    def _names(self) -> tuple[str, str] | None:
        """Give the old and the new model: those that were compared, else what the new one was made from."""
        if self.comparison is not None:
            return self.comparison.old, self.comparison.new
        snapshot = self.projects.snapshot
        for record, _ in snapshot.models if snapshot else []:
            if record.name == self.name and record.base is not None:
                return record.base, record.name
        return None

    def _on_case(self, case: str | None) -> None:
        if case != self._wanted:
            self._wanted = None
        self.views.put_away()
        self._enable()

    def _on_project(self, _: Any) -> None:
        self.comparison, self.name, self._wanted = None, None, None
        self._labels.clear()
        self.found.hide()
        self.views.put_away()
        self.say("")
        self._enable()

    def _enable(self, *_: Any) -> None:
        project = self.projects.project
        free = project is not None and self.job is None
        # Only once the model is in the project: taking it in is somebody else's job at that moment.
        models = {record.name for record, _ in self.projects.snapshot.models} if self.projects.snapshot else set()
        self.compare_button.setEnabled(free and self.name in models)
        known = self._names() is not None
        self.open_case_button.setEnabled(free and known and self.projects.case is not None)
