"""A label file that is never half-written, with the version before it kept beside it."""

import gzip
import shutil
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.files import atomic_path, make_folder
from scarnet.io import read_labels, write_labels
from scarnet.project.layout import LABELS
from scarnet.stack import LGEStack

__all__ = ["DamagedLabelsError", "LabelVersions", "is_whole"]

Labels = npt.NDArray[np.uint8]

_LAST, _DAMAGED = "labels.last.nii.gz", "labels.damaged.nii.gz"
_BEFORE_DAMAGE = "labels.before-damage.nii.gz"
# Our own classes, so that no dataset.json further up is asked what the values mean.
_OWN = {"background": 0, "myocardium": 1, "blood pool": 2, "scar": 3}


class DamagedLabelsError(ScarNetError):
    """A case's labels cannot be read.

    Attributes
    ----------
    case : str
        The case.
    annotator : str or None
        Whose they are; None for the working labels.
    last_good : bool
        Whether the version before them can be read.
    """

    def __init__(self, case: str, annotator: str | None, last_good: bool) -> None:
        whose = f"the labels of {annotator}" if annotator else "the labels"
        offer = (
            "the last good version, from the save before, can be restored"
            if last_good
            else "no good version is left; put them back from a backup, or begin again from the prediction"
        )
        super().__init__(f"{case}: {whose} are damaged; {offer}.")
        self.case, self.annotator, self.last_good = case, annotator, last_good


class LabelVersions:
    """The labels of a case by one hand, in a folder.

    Parameters
    ----------
    folder : Path
        Where they are; it need not be there yet.
    case : str
        The case's name.
    annotator : str, optional
        Whose labels; without it the working labels.
    """

    def __init__(self, folder: Path, case: str, annotator: str | None = None) -> None:
        self.folder, self.case, self.annotator = folder, case, annotator
        self.path = folder / LABELS
        self.last = folder / _LAST

    def exist(self) -> bool:
        """Whether there are any, readable or not."""
        return self.path.is_file() or self.last.is_file()

    def read(self, stack: LGEStack) -> Labels | None:
        """Give the labels.

        Parameters
        ----------
        stack : LGEStack
            The study, whose grid they must be on.

        Returns
        -------
        ndarray of uint8, shape (Z, Y, X), or None
            Class of each voxel; None where there are none.

        Raises
        ------
        DamagedLabelsError
            The file is damaged, or gone while the version before it is there.
        """
        if not self.exist():
            return None
        try:
            return _read_whole(self.path, stack)
        except ScarNetError as error:
            raise DamagedLabelsError(self.case, self.annotator, self._last_is_good(stack)) from error

    def save(self, labels: npt.ArrayLike, stack: LGEStack) -> None:
        """Write labels; what was there becomes the version before, or is set aside where it is damaged.

        Parameters
        ----------
        labels : array_like of int, shape (Z, Y, X)
            Class of each voxel.
        stack : LGEStack
            The study.

        Raises
        ------
        ScarNetError
            They do not fit the study or cannot be written; what was there is as it was.
        """
        make_folder(self.folder)
        if is_whole(self.path):
            # A copy and no second name: what damages the one in place must not damage the other.
            _copy(self.path, self.last)
        elif self.exist():
            # The next save would take the place of the last good version too, which nobody has looked at yet.
            for path, aside in ((self.path, _DAMAGED), (self.last, _BEFORE_DAMAGE)):
                if path.is_file():
                    _set_aside(path, self.folder / aside)
        write_labels(self.path, labels, stack)

    def restore(self, stack: LGEStack) -> Labels:
        """Put the version before in the place of damaged labels, which are kept under another name.

        Parameters
        ----------
        stack : LGEStack
            The study.

        Returns
        -------
        ndarray of uint8, shape (Z, Y, X)
            The labels as they are now.

        Raises
        ------
        DamagedLabelsError
            There is no good version before.
        ScarNetError
            It cannot be written.
        """
        if not self._last_is_good(stack):
            raise DamagedLabelsError(self.case, self.annotator, False)
        labels = _read_whole(self.last, stack)
        with atomic_path(self.path) as temporary:
            shutil.copyfile(self.last, temporary)
            if self.path.is_file():
                self.path.replace(self.folder / _DAMAGED)
        return labels

    def _last_is_good(self, stack: LGEStack) -> bool:
        try:
            return self.last.is_file() and _read_whole(self.last, stack) is not None
        except ScarNetError:
            return False


def _set_aside(path: Path, aside: Path) -> None:
    try:
        path.read_bytes()
    except OSError:
        # Of a bad sector no copy can be made, and new labels must not wait for one.
        path.replace(aside)
    else:
        _copy(path, aside)


def _copy(path: Path, to: Path) -> None:
    with atomic_path(to) as temporary:
        shutil.copyfile(path, temporary)


def is_whole(path: Path) -> bool:
    """Tell whether a label file is there and undamaged, by its checksum, which nibabel does not look at.

    Parameters
    ----------
    path : Path
        A ``.nii.gz`` file.

    Returns
    -------
    bool
        Whether all of it can be read.
    """
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def _read_whole(path: Path, stack: LGEStack) -> Labels:
    if not is_whole(path):
        raise ScarNetError(f"{path} is damaged.")
    return read_labels(path, stack, _OWN)
