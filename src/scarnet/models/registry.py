"""The models a user can choose from: the built-in ones and the user's own."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.models.card import ModelCard
from scarnet.models.store import file_sha256, read_card, read_model
from scarnet.progress import Progress, silent

if TYPE_CHECKING:
    from scarnet.models.store import Model

__all__ = [
    "DEFAULT_MODEL",
    "ModelEntry",
    "find_model",
    "import_model",
    "list_models",
    "load_model",
    "user_models_folder",
]

DEFAULT_MODEL = "scarnet-lite"
BUILTIN_FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ModelEntry:
    """A model in the registry.

    Attributes
    ----------
    name : str
        What to call it.
    path : Path
        Its file.
    sha256 : str
        The file's digest.
    card : ModelCard
        What it is.
    builtin : bool
        Whether it came with the package.
    """

    name: str
    path: Path
    sha256: str
    card: ModelCard
    builtin: bool


def user_models_folder() -> Path:
    """Say where the user's own models are.

    Returns
    -------
    Path
        ``$SCARNET_MODELS`` where that is set, else a folder in the user's data folder; it may not exist yet.
    """
    import platformdirs

    chosen = os.environ.get("SCARNET_MODELS")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("scarnet", appauthor=False)) / "models"


def list_models() -> list[ModelEntry]:
    """List the registry; needs no torch.

    Returns
    -------
    list of ModelEntry
        Built-in models first. A file that is no model is left out: one broken file must not hide the rest.
    """
    entries = []
    for folder, builtin in ((BUILTIN_FOLDER, True), (user_models_folder(), False)):
        for path in sorted(p for p in folder.glob("*.safetensors") if p.is_file()):
            try:
                entries.append(ModelEntry(path.stem, path, file_sha256(path), read_card(path), builtin))
            except ScarNetError:
                continue
    return entries


def load_model(name_or_path: str | Path = DEFAULT_MODEL, progress: Progress = silent) -> "Model":
    """Load a model by its name in the registry or by its file.

    Parameters
    ----------
    name_or_path : str or Path
        A registry name, or the path of a ``.safetensors`` file.
    progress : Progress
        Called before and after.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    ScarNetError
        There is no such model, or the file is none.
    """
    progress(0, 1, "Loading the model")
    path = find_model(name_or_path)
    model = read_model(path)
    progress(1, 1, "Loading the model")
    return model


def find_model(name_or_path: str | Path) -> Path:
    """Find a model's file by its name in the registry, or by its path.

    Parameters
    ----------
    name_or_path : str or Path
        A registry name, or the path of a ``.safetensors`` file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ScarNetError
        There is no such model.
    """
    for folder in (BUILTIN_FOLDER, user_models_folder()):
        path = folder / f"{name_or_path}.safetensors"
        if _NAME.fullmatch(str(name_or_path)) and path.is_file():
            return path
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = ", ".join(entry.name for entry in list_models()) or "none yet"
    raise ScarNetError(f"There is no model {str(name_or_path)!r}; known models: {known}; or give a file's path.")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def import_model(path: Path | str, name: str | None = None) -> ModelEntry:
    """Copy a model file into the user's registry, after reading all of it.

    Parameters
    ----------
    path : Path or str
        A ``.safetensors`` file with a card.
    name : str, optional
        Name in the registry; without it the one on its card.

    Returns
    -------
    ModelEntry
        The new entry.

    Raises
    ------
    ScarNetError
        The file is no ScarNet model, or the name is taken or not fit for a file.
    """
    path = Path(path)
    if path.suffix.lower() in (".pth", ".pt", ".ckpt", ".pkl", ".bin"):
        raise ScarNetError(f"{path.name} may hold code, so it was not opened; import a .safetensors model with a card.")
    model = read_model(path)
    name = model.card.name if name is None else name
    if not _NAME.fullmatch(name):
        raise ScarNetError(
            f"{name!r} cannot name a model: give it a name of letters, digits, dots, hyphens and underscores that "
            "begins with a letter or a digit."
        )
    for entry in list_models():
        if entry.name == name:
            if entry.sha256 == model.sha256:
                return entry
            raise ScarNetError(
                f"The registry has another model named {name!r}; give this one another, as in: scarnet models import "
                "FILE --name NAME."
            )
    target = make_folder(user_models_folder()) / f"{name}.safetensors"
    with atomic_path(target) as temporary:
        shutil.copyfile(path, temporary)
    return ModelEntry(name, target, model.sha256, model.card, builtin=False)
