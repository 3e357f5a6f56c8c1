"""A training recipe: one TOML file, checked entry by entry."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path
from scarnet.network.config import ScarNetConfig
from scarnet_training.contradictions import impossible
from scarnet_training.loss_settings import PRESETS, LossSettings
from scarnet_training.settings import (
    AugmentationSettings,
    DataSettings,
    ModelSettings,
    StartSettings,
    TrainingSettings,
)

__all__ = ["Recipe", "copy_recipe", "find_recipe", "load_recipe", "read_recipe", "write_recipe"]

RECIPES = (Path(__file__).parent / "recipes", Path(__file__).parent.parent / "recipes")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a training goes.

    Attributes
    ----------
    data : DataSettings
        What to train on.
    start : StartSettings
        What to start from.
    network : ScarNetConfig
        The network; a model to start from brings its own.
    training : TrainingSettings
        How to train.
    loss : LossSettings
        The loss; in a file, ``preset`` names what the other entries change.
    augmentation : AugmentationSettings
        How far views of a slice go.
    model : ModelSettings
        What the card says.

    Raises
    ------
    ScarNetError
        A value is impossible, or two do not go together; all of them are named.
    """

    data: DataSettings = field(default_factory=DataSettings)
    start: StartSettings = field(default_factory=StartSettings)
    network: ScarNetConfig = field(default_factory=ScarNetConfig)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    model: ModelSettings = field(default_factory=ModelSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        _refuse(impossible({entry.name: getattr(self, entry.name) for entry in fields(self)}))

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain values, as it stands in a card.

        Returns
        -------
        dict
            One entry a section.
        """
        return asdict(self)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise ScarNetError("The recipe cannot be trained: " + "; ".join(problems) + ".")


def _read_section(kind: type, values: Any, name: str, problems: list[str]) -> Any:
    """Read a section; add what is wrong with it to the problems, and keep the defaults there."""
    base: Any = kind()
    if not isinstance(values, dict):
        problems.append(f"{name} is no section")
        return base
    values = dict(values)
    if kind is LossSettings:
        preset = values.pop("preset", "paper")
        if preset in PRESETS:
            base = PRESETS[preset]
        else:
            problems.append(f"loss.preset is {preset!r}, but must be one of: {', '.join(PRESETS)}")
    defaults = {f.name: getattr(base, f.name) for f in fields(base)}
    read = {}
    for key, value in values.items():
        if key not in defaults:
            problems.append(f"[{name}] has no setting {key!r}; known: {', '.join(defaults)}")
            continue
        wanted = _wanted_type(defaults[key])
        try:
            read[key] = _read_value(defaults[key], value)
        except TypeError:
            problems.append(f"{name}.{key} is {value!r}, but must be of type {wanted}")
    try:
        return replace(base, **read)
    except ScarNetError as error:  # the network's and the loss's settings check themselves
        problems.append(f"in [{name}]: {str(error).rstrip('.')}")
        return base


def _wanted_type(default: Any) -> str:
    if isinstance(default, tuple):
        return f"list of {_entries(default).__name__}"
    return type(default).__name__


def _entries(default: tuple[Any, ...]) -> type:
    return type(default[0]) if default else str


def _read_value(default: Any, value: Any) -> Any:
    """Give a value as its setting has it; a TypeError where it is something else."""
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple):
            raise TypeError
        return tuple(_read_value(_entries(default)(), entry) for entry in value)
    # A whole number may stand for a float, but true is not 1.
    if type(default) is float and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise TypeError
    return value


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path or str
        A TOML file with any of the sections of :class:`Recipe`.

    Returns
    -------
    Recipe
        The recipe; what the file does not set keeps its default.

    Raises
    ------
    ScarNetError
        The file is not there or no TOML, or settings are unknown or have the wrong type or value; all are named.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScarNetError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScarNetError(f"The recipe {path} is not valid TOML: {error}.") from error
    return read_recipe(values)


def read_recipe(values: dict[str, Any]) -> Recipe:
    """Make a recipe of plain values, as :meth:`Recipe.to_dict` gives them or a TOML file holds them.

    Parameters
    ----------
    values : dict
        One entry a section.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    ScarNetError
        Settings are unknown or have the wrong type or value; all of them are named.
    """
    sections = {entry.name: getattr(Recipe(), entry.name) for entry in fields(Recipe)}
    unknown = sorted(set(values) - set(sections))
    problems = [f"it has no section {name!r}; known: {', '.join(sections)}" for name in unknown]
    for name in set(values) & set(sections):
        sections[name] = _read_section(type(sections[name]), values[name], name, problems)
    _refuse([*sorted(problems), *impossible(sections)])
    return Recipe(**sections)


def write_recipe(recipe: Recipe, path: Path | str) -> None:
    """Write a recipe that :func:`load_recipe` reads back to an equal one.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    path : Path or str
        The TOML file.

    Raises
    ------
    ScarNetError
        The file cannot be written.
    """
    import tomli_w

    with atomic_path(Path(path)) as temporary:
        temporary.write_text(tomli_w.dumps(recipe.to_dict()), encoding="utf-8")


def find_recipe(name: str) -> Path:
    """Find a recipe by its path, or by its name among those that come with the package.

    Parameters
    ----------
    name : str
        A path, or a name such as ``"scarnet-lite"``.

    Returns
    -------
    Path
        The recipe's file.

    Raises
    ------
    ScarNetError
        There is no such recipe; the message lists those that come with the package.
    """
    if Path(name).is_file():
        return Path(name)
    shipped = {path.stem: path for folder in RECIPES for path in sorted(folder.glob("*.toml"))}
    if name in shipped:
        return shipped[name]
    raise ScarNetError(f"There is no recipe {name!r}; give a file's path or one of: {', '.join(shipped)}.")


def copy_recipe(source: Path, target: Path) -> None:
    """Copy a recipe's file to edit, with its comments.

    Parameters
    ----------
    source : Path
        From :func:`find_recipe`.
    target : Path
        The new file.

    Raises
    ------
    ScarNetError
        The target is there already, or cannot be written.
    """
    if target.exists():
        raise ScarNetError(f"{target} is there already; choose another name for the recipe.")
    with atomic_path(target) as temporary:
        temporary.write_bytes(source.read_bytes())
