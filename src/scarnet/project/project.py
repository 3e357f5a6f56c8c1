"""A project: a folder with cases, labels, predictions, models and jobs, and the decisions on its cases."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Self

from scarnet.errors import ScarNetError
from scarnet.files import make_folder
from scarnet.project.case_labels import CaseLabels
from scarnet.project.changes import count_changes, scar_percent
from scarnet.project.layout import CASES, JOBS, MODELS, PROJECT_FILE
from scarnet.project.queue import comparable
from scarnet.project.record import STATUSES, CaseRow, Decision, Status
from scarnet.project.review_log import now
from scarnet.project.state import ProjectState

__all__ = ["Project"]


class Project(CaseLabels):
    """A folder in which people annotate a cohort; made by :meth:`create`, opened by :meth:`open`.

    Every method may be called from any thread; those that read or write files belong into a worker of the viewer. A
    project that another process has open, or whose folder takes no files, is read-only: :attr:`why_read_only` says why,
    and what would write raises :class:`scarnet.errors.ScarNetError` with that sentence.
    """

    @classmethod
    def create(cls, folder: Path | str, *, name: str | None = None, annotator: str | None = None) -> Self:
        """Make a project without cases or models.

        Parameters
        ----------
        folder : Path or str
            A new or an empty folder.
        name : str, optional
            What to call it; without it the folder's name.
        annotator : str, optional
            Who works with it; without it the name of the system's user.

        Returns
        -------
        Project
            The project, open for writing.

        Raises
        ------
        ScarNetError
            There is something in the folder, or it cannot be written to.
        """
        folder = Path(folder).absolute()
        if (folder / PROJECT_FILE).exists():
            raise ScarNetError(f"{folder} is a project already; open it.")
        if folder.exists() and not folder.is_dir():
            raise ScarNetError(f"{folder} is a file; choose another place for the project.")
        if folder.is_dir() and any(folder.iterdir()):
            raise ScarNetError(f"{folder} is not empty; choose a new or an empty folder for the project.")
        for part in (CASES, MODELS, JOBS):
            make_folder(folder / part)
        ProjectState(name or folder.name, now()).write(folder)
        project = cls(folder, annotator)
        project.log_action("create")
        return project

    @classmethod
    def open(
        cls, folder: Path | str, *, annotator: str | None = None, read_only: bool = False, take_over: bool = False
    ) -> Self:
        """Open a project; where somebody else has it open, to look at only.

        Parameters
        ----------
        folder : Path or str
            The project.
        annotator : str, optional
            Who works with it; without it the name of the system's user.
        read_only : bool
            Only look.
        take_over : bool
            Write also where another machine opened it and never closed it.

        Returns
        -------
        Project
            The project; :attr:`notices` and :attr:`why_read_only` are for the user to read.

        Raises
        ------
        ScarNetError
            The folder is no project, or its own files are damaged.
        """
        return cls(Path(folder), annotator, read_only, take_over)

    def row(self, case: str) -> CaseRow:
        """Give what the queue shows of a case; no image is read."""
        with self.guard:
            record, info = self.record(case), self.prediction_info(case)
            labelled = self._versions(case, None).exist()
            status: Status = record.decision or ("in progress" if labelled else "predicted" if info else "new")
            uncertainties = (info.entropy, info.disagreement) if info else (None, None)
            known = [value for value in uncertainties if value is not None]
            return CaseRow(
                case=case,
                patient=record.patient,
                status=status,
                scar_percent=record.scar_percent if labelled else info.scar_percent if info else None,
                uncertainty=sum(known) / len(known) if known else None,
                entropy=uncertainties[0],
                disagreement=uncertainties[1],
                edited_at=record.edited_at,
                model=info.model if info else None,
                sha256=info.sha256 if info else None,
                annotators=self.annotators(case),
            )

    def rows(self) -> list[CaseRow]:
        """Give the rows of all cases, in the order of their import, with uncertainties that can be compared."""
        return comparable([self.row(case) for case in self.cases])

    def progress(self) -> dict[Status, int]:
        """Count the cases by status."""
        counts = Counter(row.status for row in self.rows())
        return {status: counts[status] for status in STATUSES}

    def changes(self, case: str) -> dict[str, dict[str, int]]:
        """Count the voxels by which a case's working labels differ from its prediction.

        Parameters
        ----------
        case : str
            A case of the project.

        Returns
        -------
        dict
            As :func:`scarnet.project.changes.count_changes`; empty where there are no working labels.
        """
        with self.guard:
            labels = self.labels(case)
            return {} if labels is None else count_changes(self.predicted_labels(case), labels)

    def accept(self, case: str) -> None:
        """Accept a case's working labels, or its prediction where nobody edited: both belong to the dataset then.

        Parameters
        ----------
        case : str
            A case of the project.

        Raises
        ------
        ScarNetError
            It has no labels, or none of their voxels is labelled, or it cannot be written.
        """
        with self.writing():
            if self.record(case).decision == "accepted":
                return
            own = self.labels(case)
            labels = self.predicted_labels(case) if own is None else own
            if labels is None:
                raise ScarNetError(f"{case} has no labels to accept; predict it, or draw them.")
            if not labels.any():
                raise ScarNetError(
                    f"{case}: no voxel is labelled, so there is nothing to accept; exclude the case instead."
                )
            if own is None:
                self.save_labels(case, labels, as_predicted=True)
            self.log_edits(case)
            record = replace(self.record(case), decision="accepted", scar_percent=scar_percent(labels))
            try:
                self.dataset.add(case, self.case_folder(case))
                self.change_record(case, record)
            except ScarNetError:
                self.dataset.remove(case)
                raise
            self.describe_dataset()
            info = self.prediction_info(case)
            model = {"model": info.model, "sha256": info.sha256} if info else {}
            self.log_action("accept", case=case, changed=self.changes(case), **model)

    def reopen(self, case: str) -> None:
        """Take an accepted case back into work; its labels stay as they are."""
        self._decide(case, None, "reopen", "accepted")

    def exclude(self, case: str) -> None:
        """Leave a case out of queue and dataset; its labels stay as they are."""
        self._decide(case, "excluded", "exclude", None)

    def include(self, case: str) -> None:
        """Take an excluded case back into the queue."""
        self._decide(case, None, "include", "excluded")

    def _decide(self, case: str, decision: Decision | None, action: str, only: Decision | None) -> None:
        with self.writing():
            record = self.record(case)
            if only and record.decision != only:
                raise ScarNetError(f"{case} is not {only}, but {self.row(case).status}; there is nothing to {action}.")
            if record.decision == decision:
                return
            self.log_edits(case)
            self.change_record(case, replace(record, decision=decision))
            if record.decision == "accepted":
                self.dataset.remove(case)
                self.describe_dataset()
            self.log_action(action, case=case)
