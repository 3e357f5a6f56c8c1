"""A job, seen from any process: its state, its events, and the ways to end it or go on with it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet_training.jobs import processes, slurm
from scarnet_training.jobs.event_tail import EventTail
from scarnet_training.jobs.foreground import EVENTS
from scarnet_training.jobs.options import Where
from scarnet_training.jobs.status import ENDED, State, Status, read_status, update_status
from scarnet_training.jobs.task import CANCEL, RECIPE
from scarnet_training.jobs.truth import current_status, is_finished, last_said, log_tail

__all__ = ["Job"]

_POLL_SECONDS = 0.2
# Slurm asks not to be asked often.
_TRUTH_SECONDS = {"local": 1.0, "slurm": 10.0}
_SLURM_SECONDS = 60.0


class Job:
    """A job is a folder; this is a handle on it, and any number of processes may have one.

    A training without a job can be looked at with one too, but neither cancelled nor resumed.

    Parameters
    ----------
    folder : Path
        The job's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tail = EventTail(folder / EVENTS)

    def __repr__(self) -> str:
        """Name the folder."""
        return f"Job({str(self.folder)!r})"

    def status(self) -> Status:
        """Give the job's status as it is now, whatever became of the process that should have kept it.

        Returns
        -------
        Status
            State, sentence, options, place and times.

        Raises
        ------
        ScarNetError
            The folder holds no job any more, or its status cannot be read.
        """
        return current_status(self.folder)

    def state(self) -> State:
        """Give the job's state as it is now.

        Returns
        -------
        {"queued", "running", "done", "failed", "cancelled", "interrupted"}
            Of :meth:`status`.

        Raises
        ------
        ScarNetError
            As :meth:`status`.
        """
        return self.status().state

    def log(self, lines: int = 20) -> list[str]:
        """Give the last lines of the job's log.

        Parameters
        ----------
        lines : int
            How many at most.

        Returns
        -------
        list of str
            The lines.
        """
        return log_tail(self.folder, lines)

    def read_new_events(self) -> list[dict[str, Any]]:
        """Give the events since this handle last read any; never waits.

        Returns
        -------
        list of dict
            As :meth:`scarnet_training.jobs.event_tail.EventTail.read_new_events`.

        Raises
        ------
        ScarNetError
            The file of events cannot be read.
        """
        return self._tail.read_new_events()

    def watch(self, seconds: float = 0.5) -> Iterator[dict[str, Any]]:
        """Give the job's events as they come, from the first on, until the job ends.

        Parameters
        ----------
        seconds : float
            How often to look.

        Yields
        ------
        dict
            The events; see :meth:`read_new_events`.

        Raises
        ------
        ScarNetError
            The job or its events cannot be read.
        """
        tail = EventTail(self.folder / EVENTS)
        looked = 0.0
        while True:
            said = last_said(self.folder)
            state, now = said.state, time.monotonic()
            if state not in ENDED and now - looked >= _TRUTH_SECONDS[said.options.where]:
                state, looked = self.state(), now
            # Read after the state: an ended job writes no more.
            yield from tail.read_new_events()
            if state in ENDED:
                return
            time.sleep(seconds)

    def request_cancel(self) -> None:
        """Ask the job to stop, without waiting; it does at its next batch.

        Raises
        ------
        ScarNetError
            The request cannot be written.
        """
        with atomic_path(self.folder / CANCEL) as path:
            path.write_text("Asked to stop.\n", encoding="utf-8")

    def cancel(self, grace: float = 10.0) -> State:
        """Stop the job: ask it first, then end its processes or take it from Slurm.

        Parameters
        ----------
        grace : float
            Seconds the job has to stop by itself.

        Returns
        -------
        {"cancelled", "done", "failed"}
            How it ended; it may have been quicker.

        Raises
        ------
        ScarNetError
            The job has ended already, it is no job but a training without one, it runs where it cannot be reached from
            here, or Slurm refused.
        """
        status = self.status()
        if status.state in ENDED:
            raise ScarNetError(f"The job in {self.folder} is {status.state} already; there is nothing to cancel.")
        if status.foreground:
            raise ScarNetError(f"The training in {self.folder} is no job; stop it with Ctrl-C where it was started.")
        self.request_cancel()
        until = time.monotonic() + grace
        waits = status.options.where == "slurm" and status.state == "queued"
        while not waits and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
            if read_status(self.folder).state in ENDED:
                return self.state()
            if status.options.where == "local" and processes.here(status.place) and not processes.alive(status.place):
                break
        return self._end()

    def _end(self) -> State:
        """End the job from outside."""
        status = read_status(self.folder)
        if status.options.where == "slurm":
            if "job_id" in status.place:
                self._end_in_slurm(str(status.place["job_id"]))
        elif "pid" in status.place and not processes.here(status.place):
            raise ScarNetError(f"The job in {self.folder} was asked to stop; it runs on {status.place['host']}.")
        else:
            processes.end(status.place)
        status = read_status(self.folder)
        if status.state in ("done", "failed"):
            return status.state
        state: State = "done" if is_finished(self.folder) else "cancelled"
        return update_status(self.folder, state=state, sentence="", ended=round(time.time(), 3)).state

    @staticmethod
    def _end_in_slurm(job_id: str) -> None:
        slurm.cancel_in_slurm(job_id)
        # Slurm gives processes time to end; until then another start would find the folder taken.
        until = time.monotonic() + _SLURM_SECONDS
        while slurm.look_up(job_id).phase in ("queued", "running") and time.monotonic() < until:
            time.sleep(1.0)

    def resume(
        self,
        *,
        where: Where | None = None,
        gpus: int | None = None,
        nodes: int | None = None,
        minutes: int | None = None,
        partition: str | None = None,
        cpus: int | None = None,
        memory_gb: int | None = None,
    ) -> "Job":
        """Go on with a job that was interrupted or cancelled, or that failed.

        Parameters
        ----------
        where, gpus, nodes, minutes, partition, cpus, memory_gb
            As in :func:`scarnet_training.jobs.submit`; what is left out is as it was.

        Returns
        -------
        Job
            The job, in the same folder.

        Raises
        ------
        ScarNetError
            The job still runs or is finished, it is no job but a training without one, its recipe cannot be read, or it
            cannot be started.
        """
        from scarnet_training.jobs.submission import submit_with
        from scarnet_training.recipe import load_recipe

        status = self.status()
        if status.state == "done":
            raise ScarNetError(f"The job in {self.folder} is done; there is nothing to resume.")
        if status.state not in ENDED:
            raise ScarNetError(f"The job in {self.folder} is {status.state} already.")
        if status.foreground:
            raise ScarNetError(
                f"The training in {self.folder} is no job; give the command that started it again with --resume, and "
                "with --job local to have it in the background."
            )
        options = status.options.changed(
            where=where, gpus=gpus, nodes=nodes, minutes=minutes, partition=partition, cpus=cpus, memory_gb=memory_gb
        )
        return submit_with(
            load_recipe(self.folder / RECIPE),
            self.folder,
            options,
            resume=True,
            train=status.train,
            directory=Path(status.directory),
        )
