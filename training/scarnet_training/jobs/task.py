"""What a job's process does: train, keep the status, and notice when it is not wanted any more."""

import contextlib
import importlib
import logging
import os
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scarnet.errors import Cancelled, ScarNetError
from scarnet_training.jobs import processes
from scarnet_training.jobs.status import ENDED, State, locked, read_status, update_status, write_status
from scarnet_training.jobs.surroundings import set_up_devices, set_up_ranks
from scarnet_training.jobs.truth import CHECKPOINT, LOG, is_finished

__all__ = ["CANCEL", "RECIPE", "TRAIN", "TrainingTask"]

CANCEL = "cancel"
"""A file of this name in a job's folder asks the job to stop."""

RECIPE = "recipe.toml"
TRAIN = "scarnet_training.trainer:train"

_LOOK_SECONDS = 0.25
_FAILED = 2


class TrainingTask:
    """A training that submitit starts, and starts again after a time limit.

    Parameters
    ----------
    folder : Path
        The job's folder, absolute.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self) -> None:
        """Train to the end, or go on from the last checkpoint; the outcome is in the status, and in the exit status."""
        _write_to_log(self.folder)
        # A library's warning about a file may quote the file's header.
        warnings.simplefilter("ignore")
        # It would say "completed successfully" of a job that was cancelled; the last word is ours.
        logging.getLogger("submitit").setLevel(logging.WARNING)
        rank = 0
        try:
            rank = set_up_ranks()
            state, sentence = _train(self.folder, rank), ""
        except Cancelled:
            state, sentence = "cancelled", ""
        except KeyboardInterrupt:
            asked = (self.folder / CANCEL).exists()
            state, sentence = "cancelled" if asked else "interrupted", "" if asked else "It was told to stop (SIGINT)."
        except Exception as error:
            # Where one process of several stops, the others lose their connection to it.
            broken_off = not isinstance(error, ScarNetError) and (self.folder / CANCEL).exists()
            state, sentence = ("cancelled", "") if broken_off else ("failed", _explain(error))
        _tell(self.folder, state, sentence, rank)
        if state == "failed":
            # An exception would be printed with its message, which may quote a file's header.
            raise SystemExit(_FAILED)

    def checkpoint(self) -> Any:
        """Note that the job is queued again; submitit calls this before a time limit.

        Returns
        -------
        submitit.helpers.DelayedSubmission
            The same training, which goes on from its last checkpoint.
        """
        from submitit.helpers import DelayedSubmission

        print("The time limit is near: to be started again from the last checkpoint.", flush=True)
        try:
            update_status(self.folder, state="queued", sentence="It reached a time limit and is to be started again.")
        except ScarNetError as error:  # must not keep it from being started again
            print(f"error: {error}", flush=True)
        return DelayedSubmission(TrainingTask(self.folder))


def _train(folder: Path, rank: int) -> State:
    status = read_status(folder)
    if rank == 0:
        worker = processes.describe(os.getpid())
        place = {"worker_pid": worker["pid"], "worker_created": worker["created"], "node": worker["host"]}
        now = round(time.time(), 3)
        status = update_status(
            folder, state="running", sentence="", place=place, started=now, ended=None, starts=status.starts + 1
        )
        print(f"=== Start {status.starts}, {time.strftime('%Y-%m-%d %H:%M:%S')}, on {socket.gethostname()}", flush=True)
    else:
        threading.Thread(target=_follow, args=(folder, status.starts), daemon=True).start()
    if (folder / CANCEL).exists():
        raise Cancelled
    if is_finished(folder):
        return "done"
    try:
        os.chdir(status.directory)
    except OSError as error:
        raise ScarNetError(
            f"The folder {status.directory}, where the recipe's paths start, cannot be used: {error.strerror}."
        ) from error
    set_up_devices(status.options)
    from scarnet_training.recipe import load_recipe

    train = _resolve(status.train)
    train(load_recipe(folder / RECIPE), folder, resume=(folder / CHECKPOINT).is_file(), progress=_progress(folder))
    return "done"


def _progress(folder: Path) -> Callable[[int, int, str], None]:
    """Make a progress callback that logs what is being done and stops when asked to."""
    request = folder / CANCEL
    looked, doing = 0.0, ""

    def progress(done: int, total: int, what: str) -> None:
        nonlocal looked, doing
        if what != doing:
            doing = what
            print(what, flush=True)
        now = time.monotonic()
        if now - looked >= _LOOK_SECONDS:
            looked = now
            if request.exists():
                raise Cancelled

    return progress


def _follow(folder: Path, starts: int) -> None:
    """End a process of higher rank once the first one has ended; it may be waiting for it for ever."""
    ended_looks = 0
    while ended_looks < 5:
        time.sleep(1.0)
        with contextlib.suppress(ScarNetError):
            status = read_status(folder)
            place = status.place
            same_host = place.get("node") == socket.gethostname()
            dead = same_host and not processes.is_alive(place.get("worker_pid"), place.get("worker_created"))
            begun = status.starts > starts or status.state == "running"
            ended_looks = ended_looks + 1 if begun and (status.state in ENDED or dead) else 0
    os._exit(_FAILED)


def _tell(folder: Path, state: State, sentence: str, rank: int) -> None:
    """Keep the outcome in the log and in the status; a full disk must not hide it from both."""
    # The last look keeps the disk's last words: the log's page is there already when no file can be made any more.
    with contextlib.suppress(OSError):
        print(f"error: {sentence}" if state == "failed" else f"=== {state.capitalize()}", flush=True)
    try:
        with locked(folder):
            before = read_status(folder)
            if _is_news(state, rank, before.state):
                ended = round(time.time(), 3)
                write_status(folder, replace(before, state=state, sentence=sentence, ended=ended))
    except ScarNetError:
        if state != "failed":
            with contextlib.suppress(OSError):
                print(f"error: its status could not be written; it was {state}", flush=True)


def _is_news(state: State, rank: int, before: State) -> bool:
    """Whether an outcome is to be kept: of several processes the first failure is the cause of the others'."""
    if rank:
        return state == "failed" and before == "running"
    return state == "done" or before not in ENDED


def _explain(error: Exception) -> str:
    """Say in one sentence why a training failed, without an unforeseen error's own message: it may quote a file."""
    if isinstance(error, ScarNetError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "There is not enough memory for this training; set a smaller training.micro_batch in the recipe."
    print("".join(traceback.format_list(frames)), type(error).__name__, sep="", flush=True)
    if isinstance(error, OSError) and error.strerror:
        return f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}."
    if isinstance(error, ImportError) and error.name:
        return f"The Python package {error.name!r} cannot be loaded; install napari-scarnet again."
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"Something unexpected went wrong ({type(error).__name__}{where}); {LOG} shows where, please report it."


def _resolve(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ScarNetError(f"There is no {name!r} to train with in this environment.") from error
    return found


def _write_to_log(folder: Path) -> None:
    """Append all that this process and its libraries print to the job's log."""
    with (folder / LOG).open("ab", buffering=0) as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
