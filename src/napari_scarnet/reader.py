"""napari's way to open a study: drop it, or File → Open."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from napari_scarnet.studies import stack_layer_data
from scarnet.errors import ScarNetError

__all__ = ["get_reader", "read_layers"]

# A folder of more files takes long enough to be missed.
_READ_AT_ONCE = 60


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[Any]] | None:
    """Take a path that could be an LGE study, and leave all others to other readers.

    Parameters
    ----------
    path : str or sequence of str
        A file or folder; of several, only a single one is taken.

    Returns
    -------
    callable or None
        :func:`read_layers`, or None for what is no study, such as a colour TIFF.
    """
    from scarnet.io import is_study, list_series

    paths = [path] if isinstance(path, str | Path) else list(path)
    if len(paths) != 1:
        return None
    one = Path(paths[0])
    if _must_be_study(one):
        return read_layers
    if not is_study(one):
        return None
    if one.suffix.lower() in (".tif", ".tiff", ".h5", ".hdf5"):
        # These formats hold anything; what does not list as a study is somebody else's.
        try:
            list_series(one)
        except ScarNetError:
            return None
    return read_layers


def read_layers(path: str | Sequence[str]) -> list[Any]:
    """Read a study as one image layer with spacing in mm.

    Where a viewer is open and the path holds several series or phases, a window asks which one and adds the layer
    later; a folder of many files is read beside napari, with progress in such a window. Nothing waits for either.

    Parameters
    ----------
    path : str or sequence of str
        The file or folder.

    Returns
    -------
    list
        One layer data tuple, or ``[(None,)]``, napari's sign for "nothing yet", when the user was asked.

    Raises
    ------
    ScarNetError
        The study cannot be read, or is ambiguous and there is no viewer to ask in.
    """
    from scarnet.io import AmbiguousStudyError, read_study

    one = Path(path if isinstance(path, str | Path) else path[0])
    viewer = _open_viewer()
    if viewer is not None and _is_large(one):
        from napari_scarnet.choice_dialog import open_beside

        open_beside(viewer, one)
        return [(None,)]
    try:
        return [stack_layer_data(read_study(one))]
    except AmbiguousStudyError as error:
        if viewer is None:
            raise
        from napari_scarnet.choice_dialog import ask_and_open

        ask_and_open(viewer, one, error)
        return [(None,)]


def _must_be_study(path: Path) -> bool:
    """Tell what only this reader could mean, so that a bad one gets a sentence instead of napari's shrug."""
    if path.is_dir():
        return not any(path.iterdir())
    return path.name.lower().endswith((".dcm", ".dicom", ".ima", ".nii", ".nii.gz"))


def _is_large(path: Path) -> bool:
    from scarnet.io.dicom_headers import walk_files

    return path.is_dir() and len(list(islice(walk_files(path), _READ_AT_ONCE + 1))) > _READ_AT_ONCE


def _open_viewer() -> Any:
    """Give the viewer on screen; None in a script without one."""
    try:
        from napari.viewer import current_viewer
        from qtpy.QtWidgets import QApplication
    except ImportError:
        return None
    return current_viewer() if QApplication.instance() is not None else None
