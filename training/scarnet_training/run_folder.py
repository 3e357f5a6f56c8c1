"""A training run's folder: events, checkpoints, the split; one process at a time."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder, reason_of
from scarnet_training.dataset_report import listed
from scarnet_training.differences import changed_cases, changed_settings, changed_split
from scarnet_training.folder_check import RECIPE, SPLIT, check_run_folder
from scarnet_training.recipe import Recipe

__all__ = ["LAYOUT", "Remark", "RunFolder", "code_commit", "recipe_kept"]

Remark = Callable[[str, str], None]
"""``remark(kind, text)``: a sentence for whoever started a run; the kind is ``"warning"`` or ``"note"``."""

LAYOUT = ("micro_batch", "threads")
"""Settings of the training that say how its work is laid out, and may change from one start to the next."""

CASES = "cases.json"


class RunFolder:
    """Where a run keeps what it writes.

    Parameters
    ----------
    folder : Path or str
        The folder; made where it is missing.
    resume : bool
        Go on with the run that is there.
    writes : bool
        Whether this process is the one of several that writes.
    remark : callable, optional
        Called with ``"warning"`` or ``"note"`` and a sentence for whoever started the run.

    Raises
    ------
    ScarNetError
        A run is there and was not to be resumed, or none is and was to be, or the folder holds other things, or another
        process trains there.

    Attributes
    ----------
    resumed : bool
        Whether there is a checkpoint to go on from.
    """

    def __init__(self, folder: Path | str, resume: bool, writes: bool = True, remark: Remark | None = None) -> None:
        check_run_folder(folder, resume)
        self.folder = make_folder(folder)
        self.writes, self._remark = writes, remark
        self.checkpoint = make_folder(self.folder / "checkpoints") / "last.pt"
        self.best = self.folder / "checkpoints" / "best.pt"
        self.views, self.cache = self.folder / "views", self.folder / "cache"
        self.events = self.folder / "events.jsonl"
        self._lock = FileLock(self.folder / ".lock")
        if writes:
            self._take()
        try:
            # Another process may have trained here just before the folder was ours.
            check_run_folder(folder, resume)
            self.resumed = self.checkpoint.is_file()
            if writes:
                self._clear()
        except BaseException:
            self.release()
            raise

    def _take(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise ScarNetError(f"Another process trains in {self.folder}; wait for it, or cancel it.") from error
        except OSError as error:
            raise ScarNetError(f"Cannot write to {self.folder}: {error.strerror}.") from error

    def _clear(self) -> None:
        """Remove what a run that was killed left half-written, and all that one without a checkpoint left."""
        for folder in (self.folder, self.checkpoint.parent, self.views):
            for path in folder.glob(".writing-*"):
                shutil.rmtree(path, ignore_errors=True)
        if not self.resumed:
            self.drop_caches()
            self.forget_events_after(0)

    def drop_caches(self) -> None:
        """Remove what only a training that goes on needs."""
        shutil.rmtree(self.views, ignore_errors=True)
        shutil.rmtree(self.cache, ignore_errors=True)

    def release(self) -> None:
        """Let another process train here."""
        self._lock.release()

    def keep_the_same(
        self, recipe: Recipe, split: list[dict[str, list[str]]], cases: dict[str, str], base_sha256: str
    ) -> None:
        """Write what a run rests on, or make sure that a resumed one rests on the same.

        Parameters
        ----------
        recipe : Recipe
            How the end is done and what the card says may change, the rest not.
        split : list of dict
            Names of the cases to train and to validate on.
        cases : dict
            Digests of the cases' images and labels, by name.
        base_sha256 : str
            Digest of the model it starts from; empty for none.

        Raises
        ------
        ScarNetError
            A resumed run would go on with another split, recipe, image or label; what differs is named.
        """
        now = json.loads(json.dumps({SPLIT: split, RECIPE: recipe_kept(recipe, base_sha256), CASES: cases}))
        if self.resumed:
            self._refuse_others(now)
        for name, values in now.items():
            self.write_json(name, values)

    def _refuse_others(self, now: dict[str, Any]) -> None:
        """Refuse to go on where what the run was begun with differs; each file as it would be written now."""
        begun = {name: self._read(name) for name in now if name != CASES or (self.folder / CASES).exists()}
        if begun[SPLIT] != now[SPLIT]:
            told = "; ".join(changed_split(begun[SPLIT], now[SPLIT])) or "the same cases in another order"
            raise ScarNetError(
                f"{self.folder} was begun with another split ({told}); resume it with the one it was begun with, or "
                "choose another folder."
            )
        if begun[RECIPE] != now[RECIPE]:
            told = "; ".join(changed_settings(begun[RECIPE], now[RECIPE]))
            raise ScarNetError(
                f"{self.folder} was begun with another recipe: {told}; resume it with the one it was begun with, or "
                "choose another folder."
            )
        # A run that was begun before digests were kept has none.
        if changed := changed_cases(begun.get(CASES, now[CASES]), now[CASES]):
            raise ScarNetError(
                f"Images or labels have changed since {self.folder} was begun: {listed(changed)}; put them back, or "
                "begin anew in another folder."
            )

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            why = reason_of(error)
            raise ScarNetError(f"Cannot read {self.folder / name}: {why}; begin the run anew elsewhere.") from error

    def event(self, kind: str, **values: Any) -> None:
        """Append a line to ``events.jsonl``."""
        if not self.writes:
            return
        line = json.dumps({"time": round(time.time(), 3), "event": kind, **values})
        try:
            with self.events.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ScarNetError(f"Cannot write {self.events}: {error.strerror}.") from error

    def warn(self, text: str, **values: Any) -> None:
        """Write a warning down, one sentence, and show it to whoever started the run."""
        self.event("warning", text=text, **values)
        self.show("warning", text)

    def show(self, kind: str, text: str) -> None:
        """Show a ``"warning"`` or a ``"note"`` to whoever started the run, and write nothing down."""
        if self.writes and self._remark is not None:
            self._remark(kind, text)

    def last_event(self, kind: str, **values: Any) -> None:
        """Tell how the run ended, where that can still be told: what ended it may be a full disk."""
        with suppress(ScarNetError):
            self.event(kind, **values)

    def save_checkpoint(self, state: dict[str, Any], best: bool = False) -> None:
        """Write the checkpoint, replacing the one before only when the new one is whole.

        The length of ``events.jsonl`` goes with it: what a killed process told after its last checkpoint is told
        again by the one that resumes, and must not stand there twice.
        """
        if self.writes:
            length = self.events.stat().st_size if self.events.exists() else 0
            self._save({**state, "events_length": length}, self.best if best else self.checkpoint)

    def load_checkpoint(self, best: bool = False) -> dict[str, Any]:
        """Read the checkpoint; nothing in it is run."""
        path = self.best if best else self.checkpoint
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        except Exception as error:
            raise ScarNetError(f"The checkpoint {path} cannot be read; begin the run anew.") from error
        return state

    def forget_events_after(self, length: int) -> None:
        """Cut ``events.jsonl`` to what it was when a checkpoint was written."""
        if self.writes and self.events.exists() and self.events.stat().st_size > length:
            os.truncate(self.events, length)

    def save_tensors(self, name: str, tensors: dict[str, Any]) -> None:
        """Keep tensors that are costly to make again."""
        if self.writes:
            make_folder(self.views)
            self._save(tensors, self.views / f"{name}.pt")

    def load_tensors(self, name: str) -> dict[str, Any] | None:
        """Read them back; None where they are not there."""
        path = self.views / f"{name}.pt"
        if not path.is_file():
            return None
        tensors: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
        return tensors

    def drop_tensors(self, before: str) -> None:
        """Remove what is kept under names before this one."""
        if self.writes:
            for path in self.views.glob("*.pt"):
                if path.stem < before:
                    path.unlink(missing_ok=True)

    def write_json(self, name: str, values: Any) -> None:
        """Write a JSON file into the folder."""
        if self.writes:
            with atomic_path(self.folder / name) as temporary:
                temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")

    @staticmethod
    def _save(state: dict[str, Any], path: Path) -> None:
        with atomic_path(path) as temporary:
            try:
                torch.save(state, temporary)
            except RuntimeError as error:  # torch reports a full disk so
                raise ScarNetError(f"Cannot write {path}; is the disk full?") from error


def recipe_kept(recipe: Recipe, base_sha256: str) -> dict[str, Any]:
    """Give what of a recipe a run rests on, as its ``recipe.json`` holds it.

    Parameters
    ----------
    recipe : Recipe
        Its network has the settings of :func:`scarnet_training.start.starting_config`.
    base_sha256 : str
        Digest of the model it starts from; empty for none.

    Returns
    -------
    dict
        One entry a section.
    """
    settings = recipe.to_dict()
    # What can change without changing what was trained so far: the end, and how the work is laid out.
    for name in ("choose_scar_shift", *LAYOUT):
        settings["training"].pop(name)
    settings.pop("model")
    settings["start"]["sha256"] = base_sha256
    kept: dict[str, Any] = json.loads(json.dumps(settings))
    return kept


def code_commit() -> str:
    """Give the commit of the code, or an empty string where there is no git or the code is not in a repository."""
    here = Path(__file__)

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", *words], cwd=here.parent, capture_output=True, text=True, check=False)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # An installed package may lie in somebody else's repository.
    return (git("rev-parse", "HEAD") or "") if git("ls-files", "--error-unmatch", here.name) else ""
