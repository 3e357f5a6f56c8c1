"""A project that is open: who has it, its state and its cases' records, and the log."""

import getpass
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scarnet.errors import ScarNetError
from scarnet.project.accepted import AcceptedDataset
from scarnet.project.label_versions import is_whole
from scarnet.project.layout import CASE_FILE, CASES, IMAGE, LABELS, LOG_FILE, REMOVED
from scarnet.project.lock import LockedElsewhereError, ProjectLock
from scarnet.project.naming import fit_name
from scarnet.project.new_folder import remove_leftovers
from scarnet.project.record import CaseRecord
from scarnet.project.review_log import LogEntry, ReviewLog
from scarnet.project.state import ProjectState

__all__ = ["OpenedProject"]


class OpenedProject:
    """What every part of a project builds on; use :class:`scarnet.project.Project`.

    Parameters
    ----------
    folder : Path
        The project.
    annotator : str, optional
        Who works with it, for the log; without it the name of the system's user.
    read_only : bool
        Only look.
    take_over : bool
        Write also where another machine opened it and never closed it.
    """

    def __init__(
        self, folder: Path, annotator: str | None = None, read_only: bool = False, take_over: bool = False
    ) -> None:
        self.folder = folder.absolute()
        self.state = ProjectState.read(self.folder)
        self.annotator = annotator or _system_user()
        self.dataset = AcceptedDataset(self.folder)
        self.guard = threading.RLock()
        self.notices: tuple[str, ...] = ()
        """What somebody who opens the project should know; a sentence each."""
        self.why_read_only: str | None = None
        """One sentence where nothing can be written, else None."""
        self.records: dict[str, CaseRecord] = {}
        self._log = ReviewLog(self.folder / LOG_FILE)
        self._lock = ProjectLock(self.folder)
        if read_only:
            self.why_read_only = "The project was opened to look at only."
        else:
            try:
                self._lock.acquire(take_over)
            except LockedElsewhereError as error:
                self.why_read_only = str(error)
        try:
            if not self.read_only:
                remove_leftovers(self.folder)
            self.refresh()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        """Keep the project open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @property
    def name(self) -> str:
        """What the project is called."""
        return self.state.name

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written; :attr:`why_read_only` says why."""
        return self.why_read_only is not None

    @property
    def cases(self) -> tuple[str, ...]:
        """The cases that are there, in the order of their import."""
        return tuple(self.records)

    def close(self) -> None:
        """Let others write; nothing happens the second time."""
        with self.guard:
            if self._lock.held:
                self._lock.release()
            self.why_read_only = self.why_read_only or "The project was closed."

    def refresh(self) -> None:
        """Read again what is on the disk; a project that can be written to is put in order.

        Raises
        ------
        ScarNetError
            The project's own files cannot be read or written.
        """
        with self.guard:
            self.state = ProjectState.read(self.folder)
            folders = {path.parent.name for path in (self.folder / CASES).glob(f"*/{CASE_FILE}")}
            # A case whose import was cut off just before the project learnt of it.
            names = [*self.state.cases, *sorted(name for name in folders if name not in self.state.cases)]
            self.records, notices, gone = {}, [], []
            for name in names:
                try:
                    self.records[name] = self._read_record(name)
                except _GoneError:
                    gone.append(name)
                    notices.append(
                        f"{name} was taken out of the project's folder by hand; the other cases are as before."
                    )
                except ScarNetError as error:
                    notices.append(f"{name} cannot be opened: {error} The other cases are as before.")
            if not self.read_only:
                for name in gone:
                    self.log_action("missing", case=name)
                kept = tuple(name for name in names if name not in gone)
                if kept != self.state.cases:
                    self.change_state(cases=kept)
                notices += self._put_dataset_in_order()
            self.notices = tuple(notices)

    def log(self) -> list[LogEntry]:
        """Give the review log, oldest first."""
        return self._log.read()

    def case_folder(self, case: str) -> Path:
        """Say where a case is.

        Parameters
        ----------
        case : str
            A case of the project.

        Returns
        -------
        Path
            Its folder.

        Raises
        ------
        ScarNetError
            There is no such case.
        """
        self.record(case)
        return self.folder / CASES / case

    def record(self, case: str) -> CaseRecord:
        """Give what the project keeps of a case.

        Raises
        ------
        ScarNetError
            There is no such case.
        """
        if case not in self.records:
            raise ScarNetError(f"The project has no case {case!r}; 'scarnet project status' lists them.")
        return self.records[case]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other threads from writing meanwhile.

        Raises
        ------
        ScarNetError
            The project is read-only.
        """
        with self.guard:
            if self.why_read_only is not None:
                raise ScarNetError(self.why_read_only)
            yield

    def change_state(self, **changes: Any) -> None:
        """Write ``project.json`` with other values of :class:`scarnet.project.state.ProjectState`."""
        with self.writing():
            state = replace(self.state, **changes)
            state.write(self.folder)
            self.state = state

    def change_record(self, case: str, record: CaseRecord) -> None:
        """Write a case's record."""
        with self.writing():
            record.write(self.folder / CASES / case)
            self.records[case] = record

    def log_action(self, action: str, **values: Any) -> LogEntry:
        """Add to the review log; see :class:`scarnet.project.review_log.LogEntry`."""
        with self.writing():
            return self._log.append(action, self.annotator, **values)

    def describe_dataset(self) -> None:
        """Write the accepted dataset's ``dataset.json`` and ``patients.csv``."""
        self.dataset.describe(
            {case: record.patient for case, record in self.records.items() if record.decision == "accepted"}
        )

    def _read_record(self, case: str) -> CaseRecord:
        folder = self.folder / CASES / case
        if not folder.is_dir():
            raise _GoneError
        record = CaseRecord.read(folder)
        if not (folder / IMAGE).is_file():
            raise ScarNetError(f"its image {IMAGE} is missing; put it back from a backup.")
        return record

    def _put_dataset_in_order(self) -> list[str]:
        """Make the accepted dataset what the decisions say; nothing in it that may be a last copy is deleted."""
        notices = []
        accepted = {case for case, record in self.records.items() if record.decision == "accepted"}
        for case in sorted(self.dataset.cases() - accepted):
            if case in self.records:
                self.dataset.remove(case)
            else:
                self.dataset.set_aside(case)
                notices.append(f"What the accepted dataset still held of {case} lies in {REMOVED} now.")
        for case in sorted(accepted):
            folder = self.folder / CASES / case
            if self.dataset.is_as_in(case, folder) or not is_whole(folder / LABELS):
                continue  # the copy of labels that were damaged since is the better one
            if not self.dataset.is_whole(case):
                self.dataset.add(case, folder)
                continue
            # Changed by another program, or saved just before this one was killed: nobody has accepted these.
            self.change_record(case, replace(self.records[case], decision=None))
            self.dataset.set_aside(case)
            self.log_action("reopen", case=case, note="Its labels are not those that were accepted.")
            notices.append(
                f"The labels of {case} are not those in the accepted dataset, so it is in progress again; the accepted "
                f"ones lie in {REMOVED}, 'scarnet project import-labels' takes them over."
            )
        self.describe_dataset()
        return notices


class _GoneError(Exception):
    """A case's folder is not there."""


def _system_user() -> str:
    try:
        return fit_name(getpass.getuser()) or "annotator"
    except (OSError, KeyError, ImportError):
        return "annotator"
