"""What a path offers when it holds more than one stack, and the error that asks to choose."""

from collections.abc import Sequence
from dataclasses import dataclass

from scarnet.errors import ScarNetError
from scarnet.stack import ImageKind

__all__ = ["AmbiguousStudyError", "SeriesInfo"]


@dataclass(frozen=True)
class SeriesInfo:
    """One series that a path offers.

    Attributes
    ----------
    key : str
        What :func:`scarnet.io.read_study` takes as ``series``; a number in the order found, never a UID.
    description : str
        One line for choosing on screen. It may hold the scanner's series description, which is free text
        and may name a patient, so it belongs on the screen and never in a file or a log.
    n_slices : int
        Number of slice positions.
    n_phases : int
        How many stacks the series holds because positions repeat; 1 if none does.
    shape : tuple of int
        Rows and columns of a slice, (Y, X).
    kind : {"magnitude", "psir", "unknown"}
        How the image was reconstructed, as far as the headers say.
    format : str
        ``"dicom"``, ``"nifti"``, ``"tiff"`` or ``"hdf5"``.
    label : str
        What tells the series from the others beside the numbers above: the scanner's number and description.
        As free as the description; empty for formats other than DICOM.
    """

    key: str
    description: str
    n_slices: int
    n_phases: int
    shape: tuple[int, int]
    kind: ImageKind
    format: str
    label: str = ""


class AmbiguousStudyError(ScarNetError):
    """A path holds several series, or a series several phases, and one has to be chosen.

    Attributes
    ----------
    series : list of SeriesInfo
        The series to choose from with ``series=``; empty when it is the phase that is missing.
    phases : list of str
        The phases to choose from with ``phase=``, by index from 0; empty when it is the series that is missing.
    """

    def __init__(self, message: str, series: Sequence[SeriesInfo] = (), phases: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.series = list(series)
        self.phases = list(phases)
