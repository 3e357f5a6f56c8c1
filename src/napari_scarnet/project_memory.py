"""Which project was open last and who worked with it, kept on this computer for the next time."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder

__all__ = ["Remembered", "recall", "remember"]


@dataclass(frozen=True)
class Remembered:
    """What the lines above the button *Open or make project* say at first.

    Attributes
    ----------
    folder : str
        The last project's folder; empty where there is none.
    annotator : str
        The name that was typed; empty where there was none.
    """

    folder: str = ""
    annotator: str = ""


def remember(last: Remembered) -> None:
    """Keep what was opened; where that cannot be written, nothing is remembered.

    Parameters
    ----------
    last : Remembered
        The project and the name.
    """
    # In ASCII also what a file system gives that is no UTF-8.
    with suppress(OSError, ScarNetError):
        make_folder(_file().parent)
        with atomic_path(_file()) as temporary:
            temporary.write_text(json.dumps(asdict(last)) + "\n", encoding="ascii")


def recall() -> Remembered:
    """Give what was opened last; for a worker, since a folder in the network may take long to answer.

    Returns
    -------
    Remembered
        Without a folder that is no project any more.
    """
    try:
        values = json.loads(_file().read_text(encoding="utf-8"))
        last = Remembered(str(values["folder"]), str(values["annotator"]))
        there = bool(last.folder) and (Path(last.folder) / "project.json").is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return Remembered()
    return last if there else Remembered("", last.annotator)


def _file() -> Path:
    import platformdirs

    return platformdirs.user_data_path("scarnet", appauthor=False) / "last-project.json"
