"""Whether a training may use a folder: for a new run, or to go on with the one that is there."""

from pathlib import Path

from scarnet.errors import ScarNetError
from scarnet_training.jobs.status import STATUS
from scarnet_training.jobs.truth import CHECKPOINT, MODEL, is_finished

__all__ = ["RECIPE", "SPLIT", "check_run_folder"]

SPLIT, RECIPE = "splits.json", "recipe.json"


def check_run_folder(folder: Path | str, resume: bool) -> None:
    """Make sure that a training would find what it expects in a folder; nothing is written.

    Parameters
    ----------
    folder : Path or str
        The run's folder, which need not be there.
    resume : bool
        Whether a run is to be gone on with.

    Raises
    ------
    ScarNetError
        The folder holds other things than a run, a finished run, a run that was not to be resumed, or none to resume.
    """
    folder = Path(folder)
    try:
        found = {path.name for path in folder.iterdir() if not path.name.startswith(".")} if folder.is_dir() else set()
    except OSError as error:
        raise ScarNetError(f"Cannot look into {folder}: {error.strerror}.") from error
    begun = bool(found & {RECIPE, STATUS})
    # The first two that a run writes, where it was killed before the third.
    if found - {CHECKPOINT.parent.name, SPLIT} and not begun:
        raise ScarNetError(
            f"{folder} is not empty and holds no run, so nothing is trained into it; choose another folder, or a new "
            f"one in it such as {folder / 'run'}."
        )
    if is_finished(folder):
        raise ScarNetError(
            f"The run in {folder} is finished; there is nothing to resume, so choose another folder for a new one."
        )
    if resume and not begun:
        raise ScarNetError(f"{folder} holds no run to resume; leave resume out, or choose another folder.")
    if not resume and ((folder / CHECKPOINT).exists() or (folder / MODEL).exists()):
        raise ScarNetError(f"{folder} holds a run already; resume it, or choose another folder.")
