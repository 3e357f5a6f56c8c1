"""Two readers' labels of a case: side by side, compared, and merged region by region."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_scarnet.edit_saving import saving_for
from napari_scarnet.edit_target import as_volume
from napari_scarnet.label_layers import current_labels
from napari_scarnet.metadata import image_layer_of, unwrap
from napari_scarnet.project_reveal import reveal
from napari_scarnet.project_session import project_for
from napari_scarnet.readers_compare_cohort import CohortWindow, draw_agreement
from napari_scarnet.readers_compare_layers import drop_others, show_difference, show_other, write_labels
from napari_scarnet.readers_compare_merge import RegionMerge
from napari_scarnet.readers_compare_regions import RegionList
from napari_scarnet.smooth import without_collector_pauses
from napari_scarnet.step import Step
from scarnet.classes import MEASURED_CLASSES
from scarnet.errors import ScarNetError
from scarnet.progress import Progress
from scarnet.wording import counted

if TYPE_CHECKING:
    from scarnet.evaluate import CaseResult
    from scarnet.project import Project, Region, Regions

__all__ = ["ReadersCompare"]

_OWN = "case's own"


@dataclass
class _Pair:
    """Two labellings of a case, and how they compare; the key of the case's own is empty."""

    project: "Project"
    case: str
    keys: tuple[str, str]
    names: tuple[str, str]
    labels: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
    result: "CaseResult"
    regions: "Regions"
    merge: RegionMerge


class ReadersCompare(Step):
    """Keep the labels of several people, and make one labelling of two.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.projects = project_for(self.viewer)
        self._pair: _Pair | None = None
        self.keep_name = QLineEdit()
        self.keep_name.setPlaceholderText("reader's name")
        self.keep_name.setToolTip("Letters a–z, digits, . _ -, no spaces or accents.")
        self.keep_button = QPushButton("Keep labels as this reader's")
        self.keep_button.setToolTip("Copy the case's own labels, as they are on screen, beside them under this name.")
        self.keep_button.clicked.connect(self.keep)
        self.first, self.second = QComboBox(), QComboBox()
        for box, tip in ((self.first, "Whose labels stand first."), (self.second, "Whom to compare with.")):
            box.setToolTip(tip)
            box.currentIndexChanged.connect(self._enable)
        self.compare_button = QPushButton("Compare this case")
        self.compare_button.setToolTip("Dice, scar percentages, a map of differences, and a list of regions.")
        self.compare_button.clicked.connect(self.compare)
        self.cohort_button = QPushButton("Whole cohort…")
        self.cohort_button.setToolTip("All cases that both have labelled, with a Bland–Altman figure.")
        self.cohort_button.clicked.connect(self.compare_cohort)
        self.figures = QLabel()
        self.figures.setWordWrap(True)
        self.regions = RegionList()
        self.regions.looked_at.connect(self._look_at)
        self.merge_button = QPushButton("Merge into the case's own labels")
        self.merge_button.setToolTip("One undo step (Ctrl+Z). Regions that were not chosen are the first reader's.")
        self.merge_button.clicked.connect(self.merge)
        self.found = QWidget()
        column = QVBoxLayout(self.found)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.figures, self.regions, self.merge_button):
            column.addWidget(widget)
        self.found.hide()
        keep, form, buttons = QHBoxLayout(), QFormLayout(), QHBoxLayout()
        keep.addWidget(self.keep_name, 1)
        keep.addWidget(self.keep_button)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("First", self.first)
        form.addRow("Second", self.second)
        buttons.addWidget(self.compare_button)
        buttons.addWidget(self.cohort_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 0, 0)
        for line in (keep, form, buttons):
            layout.addLayout(line)
        for widget in (self.job_bar, self.status, self.found):
            layout.addWidget(widget)
        self.attach()
        self._on_case()

    def connect_viewer(self, link: Any) -> None:
        """Follow the project and the open case."""
        link.connect(self.projects.opened, self._on_case)
        link.connect(self.projects.case_opened, self._on_case)
        link.connect(self.projects.refreshed, self._fill)

    def set_busy(self, busy: bool) -> None:
        """One comparison at a time."""
        self._enable()

    def keep(self, *_: Any) -> None:
        """Copy the case's own labels to a reader's."""
        project, case, name = self.projects.project, self.projects.case, self.keep_name.text().strip()
        if project is None or case is None or self.job is not None:
            return
        if not name:
            self.say("Write the reader's name first.")
            return
        on_screen = self.projects.labels_on_screen(project).get(case)
        written = saving_for(self.viewer).hand_over()  # what is on screen, a merge too, is told of as what it is

        def work(_: Progress) -> str:
            written()
            labels = project.current_labels(case) if on_screen is None else on_screen
            if labels is None:
                raise ScarNetError(f"{case} has no labels to keep; predict it, or draw them.")
            with project.writing():
                project.log_edits(case)
                project.save_labels(case, labels, name)
                project.log_edits(case, "keep as reader")
            return f"The labels of {case} are kept as {name}'s."

        self.run_job(work, self._on_kept, f"Keeping the labels of {case}")

    def _on_kept(self, told: str) -> None:
        self.say(told)
        self.projects.refresh()

    def compare(self, *_: Any) -> None:
        """Compare the two readers' labels of the open case."""
        project, case = self.projects.project, self.projects.case
        names = (self.first.currentText(), self.second.currentText())
        keys = (self.first.currentData(), self.second.currentData())
        if project is None or case is None or self.job is not None:
            return
        on_screen = self.projects.labels_on_screen(project).get(case)

        def read(whose: str) -> npt.NDArray[np.uint8]:
            if not whose and on_screen is not None:
                return on_screen
            labels = project.labels(case, whose) if whose else project.current_labels(case)
            if labels is None:
                raise ScarNetError(f"{case} has no labels of {whose or 'its own'}; predict it, or draw them.")
            return labels

        def work(_: Progress) -> _Pair:
            with without_collector_pauses():
                from scarnet.evaluate import evaluate_case
                from scarnet.project import disagreement_regions
            first, second = (read(key) for key in keys)
            spacing = project.stack(case).spacing_mm
            result = evaluate_case(first, second, spacing, case, distances=False, readers=True)
            regions = disagreement_regions(first, second)
            merge = RegionMerge((first, second), regions, own=keys.index("") if "" in keys else None)
            return _Pair(project, case, keys, names, (first, second), result, regions, merge)

        self.run_job(work, self._on_compared, f"Comparing the labels of {case}")

    def _on_compared(self, pair: _Pair) -> None:
        if pair.project is not self.projects.project or pair.case != self.projects.case:
            return
        self._pair = pair
        first, second = pair.names
        dice = ", ".join(
            f"{MEASURED_CLASSES[name]} <b>{'–' if found.dice is None else f'{found.dice:.2f}'}</b>"
            for name, found in pair.result.classes.items()
        )
        percents = (pair.result.scar_percent_reference, pair.result.scar_percent_predicted)
        scar = ", ".join(
            f"{name} <b>{'–' if value is None else f'{value:.1f} %'}</b>"
            for name, value in zip(pair.names, percents, strict=True)
        )
        count = len(pair.regions.regions)
        self.figures.setText(
            f"Dice: {dice}.<br>Scar of the wall: {scar}.<br>They differ in {counted(count, 'region')}; "
            "orange: scar only to the first, blue: only to the second, white: otherwise."
        )
        self.regions.show_regions(pair.regions.regions, first, second)
        reveal(self.found)
        drop_others(self.viewer, pair.case, ())
        own = current_labels(self.viewer, pair.case)
        if own is not None:
            own.visible = True
        show_other(self.viewer, pair.case, second, pair.labels[1])
        show_difference(self.viewer, pair.case, first, second, pair.labels)

    def merge(self, *_: Any) -> None:
        """Write the chosen regions into the case's own labels, as one undo step."""
        pair, project = self._pair, self.projects.project
        if pair is None or project is None or pair.case != self.projects.case:
            return
        if project.read_only:
            self.show_failure(ScarNetError(str(project.why_read_only)))
            return
        own = current_labels(self.viewer, pair.case)
        if own is None:
            return
        if not own.editable:
            self.say(f"The labels of {pair.case} are damaged: put back their last good version first.")
            return
        before = np.array(as_volume(own), np.uint8)
        merged = pair.merge.into(before, self.regions.from_second)
        changed = write_labels(self.viewer, pair.case, merged)
        if changed:
            project.note_merge(pair.case, before, merged, pair.names)
        voxels = counted(changed, "voxel")
        self.say(f"{voxels} of the case's own labels changed; Ctrl+Z takes all of them back.")

    def compare_cohort(self, *_: Any) -> None:
        """Compare the two readers over all cases that both have labelled."""
        project = self.projects.project
        names = (self.first.currentText(), self.second.currentText())
        keys = (self.first.currentData(), self.second.currentData())
        if project is None or self.job is not None:
            return

        def work(progress: Progress) -> Any:
            with without_collector_pauses():
                import matplotlib.figure  # noqa: F401

                from scarnet.project import compare_annotators
            comparison = compare_annotators(project, *keys, progress=progress)
            return comparison, names, draw_agreement(comparison, *names)

        self.run_job(work, self._on_cohort, "Comparing readers")

    def _on_cohort(self, found: Any) -> None:
        comparison, names, figure = found
        self.cohort_window = CohortWindow(comparison, names, figure, self)
        self.cohort_window.show()

    def _look_at(self, region: "Region") -> None:
        """Show a region's slice with the region in the middle."""
        pair = self._pair
        image = image_layer_of(self.viewer, pair.case) if pair is not None else None
        if image is None:
            return
        viewer = unwrap(self.viewer)
        place = image.data_to_world((region.slice, *region.centre))
        viewer.dims.set_point(viewer.dims.ndim - 3, place[-3])
        viewer.scene.camera.center = (0, place[-2], place[-1])

    def _on_case(self, *_: Any) -> None:
        self._pair = None
        self.found.hide()
        self.say("")
        self._fill()

    def _fill(self, *_: Any) -> None:
        """Offer the readers there are; what was chosen stays."""
        rows = self.projects.snapshot.rows if self.projects.snapshot else []
        names = sorted({name for row in rows for name in row.annotators})
        for box, place in ((self.first, 0), (self.second, 1)):
            chosen = box.currentData()
            box.blockSignals(True)
            box.clear()
            box.addItem(_OWN, "")
            for name in names:
                box.addItem(name, name)
            known = box.findData(chosen) if chosen is not None else -1
            box.setCurrentIndex(known if known > 0 or (known == 0 and place == 0) else min(place, box.count() - 1))
            box.blockSignals(False)
        self._enable()

    def _enable(self, *_: Any) -> None:
        project, case = self.projects.project, self.projects.case
        free = project is not None and self.job is None
        writable = project is not None and not project.read_only and self.job is None
        two = free and self.first.currentData() != self.second.currentData()
        self.keep_button.setEnabled(writable and case is not None)
        self.compare_button.setEnabled(two and case is not None)
        self.cohort_button.setEnabled(two)
        self.merge_button.setEnabled(writable and self._pair is not None)
