"""A training run's folder: events, checkpoints, the split."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet_training.recipe import Recipe

__all__ = ["RunFolder", "code_commit"]


class RunFolder:
    """Where a run keeps what it writes.

    Parameters
    ----------
    folder : Path or str
        The folder; made where it is missing.
    resume : bool
        Go on with the run that is there.

    Raises
    ------
    ScarNetError
        A run is there and was not to be resumed, or none is and was to be.
    """

    def __init__(self, folder: Path | str, resume: bool) -> None:
        self.folder = make_folder(folder)
        self.checkpoint = make_folder(self.folder / "checkpoints") / "last.pt"
        self.views = self.folder / "views"
        self.events = self.folder / "events.jsonl"
        self.resumed = resume
        if resume and not self.checkpoint.is_file():
            raise ScarNetError(f"{self.folder} holds no checkpoint to resume from.")
        if not resume and (self.checkpoint.exists() or (self.folder / "model.safetensors").exists()):
            raise ScarNetError(f"{self.folder} holds a run already; resume it, or choose another folder.")

    def keep_the_same(self, recipe: Recipe, split: list[dict[str, list[str]]]) -> None:
        """Write what a run rests on, or make sure that a resumed one rests on the same.

        Parameters
        ----------
        recipe : Recipe
            Its data, network and training; how the end is done and what the card says may change.
        split : list of dict
            Names of the cases to train and to validate on.

        Raises
        ------
        ScarNetError
            A resumed run would go on with another split or recipe: patients could move from one side to the other.
        """
        settings = recipe.to_dict()
        settings["training"].pop("choose_scar_shift")
        now = {"splits.json": split, "recipe.json": {name: settings[name] for name in ("data", "network", "training")}}
        for name, values in now.items():
            what = name.removesuffix(".json").rstrip("s")
            if self.resumed and json.loads(self._read(name)) != json.loads(json.dumps(values)):
                raise ScarNetError(
                    f"{self.folder} was begun with another {what}; resume it with the one it was begun with, or choose "
                    "another folder."
                )
            self.write_json(name, values)

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise ScarNetError(f"Cannot read {self.folder / name}: {error.strerror}; begin the run anew.") from error

    def event(self, kind: str, **values: Any) -> None:
        """Append a line to ``events.jsonl``."""
        line = json.dumps({"time": round(time.time(), 3), "event": kind, **values})
        try:
            with self.events.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ScarNetError(f"Cannot write {self.events}: {error.strerror}.") from error

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Write the checkpoint, replacing the one before only when the new one is whole."""
        self._save(state, self.checkpoint)

    def load_checkpoint(self) -> dict[str, Any]:
        """Read the checkpoint; nothing in it is run."""
        state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        return state

    def save_tensors(self, name: str, tensors: dict[str, Any]) -> None:
        """Keep tensors that are costly to make again."""
        make_folder(self.views)
        self._save(tensors, self.views / f"{name}.pt")

    def load_tensors(self, name: str) -> dict[str, Any] | None:
        """Read them back; None where they are not there."""
        path = self.views / f"{name}.pt"
        if not path.is_file():
            return None
        tensors: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
        return tensors

    def write_json(self, name: str, values: Any) -> None:
        """Write a JSON file into the folder."""
        with atomic_path(self.folder / name) as temporary:
            temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")

    @staticmethod
    def _save(state: dict[str, Any], path: Path) -> None:
        with atomic_path(path) as temporary:
            try:
                torch.save(state, temporary)
            except RuntimeError as error:  # torch reports a full disk so
                raise ScarNetError(f"Cannot write {path}; is the disk full?") from error


def code_commit() -> str:
    """Give the commit of the code, or an empty string outside a repository."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
