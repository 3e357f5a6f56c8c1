"""Images, labels and predictions of an open project's cases."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from scarnet.io import read_study
from scarnet.predict import Prediction
from scarnet.project.changes import count_changes, scar_percent
from scarnet.project.label_versions import DamagedLabelsError, LabelVersions
from scarnet.project.layout import ANNOTATORS, IMAGE, PREDICTION
from scarnet.project.naming import check_name
from scarnet.project.opened import OpenedProject
from scarnet.project.predictions import PredictionInfo, read_info, read_predicted_labels, read_prediction
from scarnet.project.review_log import now
from scarnet.project.unlogged import UnloggedEdit, UnloggedMerge
from scarnet.stack import LGEStack, StudySource

__all__ = ["CaseLabels"]

Labels = npt.NDArray[np.uint8]

_STACKS_KEPT = 2


class CaseLabels(OpenedProject):
    """An open project, with what its cases hold; use :class:`scarnet.project.Project`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stacks: OrderedDict[str, LGEStack] = OrderedDict()
        self._edits: dict[tuple[str, str | None], UnloggedEdit] = {}
        self._merges: list[UnloggedMerge] = []
        self._unnoted: set[str] = set()

    def close(self) -> None:
        """Tell the log of the last edits and let others write; nothing happens the second time."""
        with self.guard:
            try:
                if not self.read_only:
                    self.log_edits()
            finally:
                super().close()

    def stack(self, case: str) -> LGEStack:
        """Read a case's image.

        Parameters
        ----------
        case : str
            A case of the project.

        Returns
        -------
        LGEStack
            As it was imported; the last two are kept in memory.

        Raises
        ------
        ScarNetError
            There is no such case, or its image is damaged.
        """
        with self.guard:
            record = self.record(case)
            if case not in self._stacks:
                read = read_study(self.case_folder(case) / IMAGE, case=case)
                self._stacks[case] = replace(
                    read,
                    spacing_mm=record.spacing_mm,
                    kind=record.kind,
                    slice_positions_mm=record.slice_positions_mm,
                    source=StudySource(path=read.source.path, format="nifti", notes=record.notes),
                )
            self._stacks.move_to_end(case)
            while len(self._stacks) > _STACKS_KEPT:
                self._stacks.popitem(last=False)
            return self._stacks[case]

    def labels(self, case: str, annotator: str | None = None) -> Labels | None:
        """Give the labels that a person made.

        Parameters
        ----------
        case : str
            A case of the project.
        annotator : str, optional
            Whose; without it the working labels.

        Returns
        -------
        ndarray of uint8, shape (Z, Y, X), or None
            Class of each voxel; None where nobody has edited, imported or accepted any.

        Raises
        ------
        DamagedLabelsError
            They cannot be read; it tells whether :meth:`restore_last_good` can help.
        """
        with self.guard:
            return self._versions(case, annotator).read(self.stack(case))

    def current_labels(self, case: str) -> Labels | None:
        """Give the working labels, or the prediction's where there are none, or None where there is neither."""
        with self.guard:
            own = self.labels(case)
            return self.predicted_labels(case) if own is None else own

    def annotators(self, case: str) -> tuple[str, ...]:
        """Name those who have labels of their own of a case."""
        folder = self.case_folder(case) / ANNOTATORS
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return tuple(name for name in names if LabelVersions(folder / name, case, name).exist())

    def save_labels(
        self, case: str, labels: npt.ArrayLike, annotator: str | None = None, *, as_predicted: bool = False
    ) -> bool:
        """Save labels as they are being edited; the version before is kept, and the log is told later.

        Parameters
        ----------
        case : str
            A case of the project.
        labels : array_like of int, shape (Z, Y, X)
            Class of each voxel.
        annotator : str, optional
            Whose; without it the working labels.
        as_predicted : bool
            Keep them as a person's also where they are what the network predicted.

        Returns
        -------
        bool
            Whether anything was written: labels as they were, or as the network predicted them and nobody edited, are
            not. An accepted case whose labels change is in progress again and no more in the accepted dataset.

        Raises
        ------
        ScarNetError
            The labels do not fit, the project is read-only or the disk is full; what was there is as it was.
        """
        if annotator is not None:
            check_name(annotator, "annotator")
        key = (case, annotator)
        with self.writing():
            stack, versions = self.stack(case), self._versions(case, annotator)
            after = np.array(labels)
            saved = self._edits[key].after if key in self._edits else _readable(versions, stack)
            start = self.predicted_labels(case) if saved is None else saved
            # An annotator's own labels are kept also where they agree with the network.
            same_as = saved if annotator or as_predicted else start
            same = same_as is not None and np.array_equal(same_as, after)
            if same and case not in self._unnoted:
                return False
            if not same:
                versions.save(after, stack)
            after = after.astype(np.uint8)
            self._edits.setdefault(key, UnloggedEdit(start, after, self.record(case).edited_at)).after = after
            if annotator is None:
                # Should the record fail now, the very same labels are to be saved once more.
                self._unnoted.add(case)
                self._note_edit(case, after)
                self._unnoted.discard(case)
            return True

    def log_edits(self, case: str | None = None, action: str = "edit") -> None:
        """Write one line of the log for each case whose labels were saved since the last.

        Parameters
        ----------
        case : str, optional
            Only of this case; without it of all.
        action : str
            What it is called in the log.
        """
        with self.writing():
            for key in [key for key in self._edits if case in (None, key[0])]:
                edit = self._edits[key]
                if key[1] is None:
                    self._log_merges(key[0], edit)
                changed = count_changes(edit.before, edit.after)
                if changed or action != "edit":
                    self.log_action(action, case=key[0], changed=changed, reader=key[1])
                del self._edits[key]

    def note_merge(self, case: str, before: Labels, after: Labels, readers: Sequence[str]) -> None:
        """Remember that two readers' labels became working labels that are about to be saved; for the log.

        Nothing is written or waited for here: the log tells of it with the edits, apart from what was painted before
        and since.

        Parameters
        ----------
        case : str
            The case.
        before, after : ndarray of uint8, shape (Z, Y, X)
            The working labels.
        readers : sequence of str
            Whose labels were merged.
        """
        self._merges.append(UnloggedMerge(case, before, after, " and ".join(readers)))

    def _log_merges(self, case: str, edit: UnloggedEdit) -> None:
        merges = [merge for merge in self._merges if merge.case == case]
        self._merges = [merge for merge in self._merges if merge.case != case]
        # Those after the last that was not undone are no more to be seen.
        while merges and not merges[-1].is_in(edit.after):
            merges.pop()
        for merge in merges:
            painted = count_changes(edit.before, merge.before)
            if painted:
                self.log_action("edit", case=case, changed=painted)
            merged = count_changes(merge.before, merge.after)
            self.log_action("merge", case=case, changed=merged, note=merge.readers)
            edit.before = merge.after

    def restore_last_good(self, case: str, annotator: str | None = None) -> Labels:
        """Put the last good version in the place of damaged labels, which are kept as ``labels.damaged.nii.gz``.

        Parameters
        ----------
        case : str
            A case of the project.
        annotator : str, optional
            Whose labels; without it the working labels.

        Returns
        -------
        ndarray of uint8, shape (Z, Y, X)
            The labels as they are now.

        Raises
        ------
        DamagedLabelsError
            There is no good version.
        """
        with self.writing():
            labels = self._versions(case, annotator).restore(self.stack(case))
            self._edits.pop((case, annotator), None)
            if annotator is None:
                self._note_edit(case, labels)
            self.log_action("restore", case=case, reader=annotator)
            return labels

    def prediction(self, case: str) -> Prediction | None:
        """Give a case's prediction with its logits and probabilities; None where there is none."""
        with self.guard:
            return read_prediction(self.case_folder(case) / PREDICTION, self.stack(case))

    def predicted_labels(self, case: str) -> Labels | None:
        """Give a prediction's labels alone, which is quick; None where there is none."""
        with self.guard:
            return read_predicted_labels(self.case_folder(case) / PREDICTION, self.stack(case))

    def prediction_info(self, case: str) -> PredictionInfo | None:
        """Give what the queue shows of a prediction; None where there is none."""
        return read_info(self.case_folder(case) / PREDICTION)

    def _versions(self, case: str, annotator: str | None) -> LabelVersions:
        folder = self.case_folder(case)
        return LabelVersions(folder / ANNOTATORS / annotator if annotator else folder, case, annotator)

    def _note_edit(self, case: str, labels: Labels) -> None:
        record = self.record(case)
        was_accepted = record.decision == "accepted"
        decision = None if was_accepted else record.decision
        edit, when = self._edits.get((case, None)), now()
        # Labels that are as they were, accepted or after an undo, are no edit.
        if edit is not None and edit.before is not None and np.array_equal(edit.before, labels):
            when = edit.edited_before or ""
        record = replace(record, decision=decision, scar_percent=scar_percent(labels), edited_at=when or None)
        self.change_record(case, record)
        if was_accepted:
            self.dataset.remove(case)
            self.describe_dataset()
            self.log_action("reopen", case=case, note="Its labels were changed.")


def _readable(versions: LabelVersions, stack: LGEStack) -> Labels | None:
    try:
        return versions.read(stack)
    except DamagedLabelsError:
        return None  # what is about to be saved is all there is
