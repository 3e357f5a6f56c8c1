"""TIFF stacks: axes and spacing from ImageJ's and OME's metadata."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.io.dicom_kind import kind_of_name
from scarnet.io.paths import case_name
from scarnet.io.series import AmbiguousStudyError, SeriesInfo
from scarnet.stack import LGEStack, StudySource

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

__all__ = ["list_tiff", "load_tiff", "read_tiff"]

_MM: dict[str, float] = {
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre"), 0.001),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-6),
    **dict.fromkeys(("in", "inch", "inches"), 25.4),
}
_CENTIMETRE = 3  # ResolutionUnit of plain TIFF

Spacing = tuple[float | None, float | None, float | None]


def list_tiff(path: Path) -> SeriesInfo:
    """Describe a TIFF file from its metadata.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    SeriesInfo
        Its only entry.

    Raises
    ------
    ScarNetError
        The file is no TIFF, is in colour, or has too many axes.
    """
    with _open(path) as tiff:
        lengths, extra = _axes(path, *_content(path, tiff))
    z, y, x = lengths.get("Z", 1), lengths["Y"], lengths["X"]
    phases = lengths[extra] if extra else 1
    return SeriesInfo("1", f"{z} slices, {y} × {x}", z, phases, (y, x), kind_of_name(case_name(path)), "tiff")


def read_tiff(
    path: Path, case: str, phase: int | None = None, spacing_mm: tuple[float, float, float] | None = None
) -> LGEStack:
    """Read a TIFF stack.

    Parameters
    ----------
    path : Path
        ``.tif`` or ``.tiff``, plain, ImageJ or OME.
    case : str
        The case's name.
    phase : int, optional
        Index along the time or channel axis, needed if there is one.
    spacing_mm : tuple of float, optional
        (z, y, x) for what the file does not state.

    Returns
    -------
    LGEStack
        The stack, its axes along the patient's: TIFF cannot say how it lies.

    Raises
    ------
    AmbiguousStudyError
        There is a time or channel axis and no phase was chosen.
    ScarNetError
        The file is damaged or in colour, or states no spacing and none was given.
    """
    pixels, stated, notes = load_tiff(path, phase)
    spacing = _complete(path, stated, spacing_mm, notes)
    return LGEStack.from_array(
        pixels.astype(np.float32),
        spacing,
        case=case,
        kind=kind_of_name(case_name(path)),
        source=StudySource(path=path, format="tiff", notes=tuple(notes)),
    )


def load_tiff(path: Path, phase: int | None = None) -> tuple[npt.NDArray[Any], Spacing, list[str]]:
    """Load a TIFF file's values and the spacing it states.

    Parameters
    ----------
    path : Path
        The file.
    phase : int, optional
        Index along the time or channel axis.

    Returns
    -------
    values : ndarray, shape (Z, Y, X)
        As stored; of MINISWHITE images turned over.
    spacing : tuple of float or None
        (z, y, x) in mm, None where the file does not say.
    notes : list of str
        What to know, a sentence each.

    Raises
    ------
    ScarNetError
        As for :func:`read_tiff`.
    """
    with _complaints() as complaints, _open(path) as tiff:
        keyframe, axes, shape = _content(path, tiff)
        lengths, extra = _axes(path, keyframe, axes, shape)
        notes: list[str] = []
        if len(tiff.series) > 1:
            notes.append(f"The file holds {len(tiff.series)} single images; they are taken as slices, in their order.")
        chosen = _choose(path, extra, lengths[extra], phase) if extra else 0
        if not extra and phase not in (None, 0):
            raise ScarNetError(f"{path} has a single stack, so there is no phase {phase}.")
        try:
            values = np.stack([series.asarray() for series in tiff.series]).reshape(shape)
            spacing = _spacing(tiff, keyframe.tags)
        except Exception as error:  # each codec raises its own types
            raise ScarNetError(
                f"{path} is damaged or truncated: its pixels cannot be read; export it again."
            ) from error
        if complaints:
            raise ScarNetError(f"{path} is damaged or truncated: not all of its slices can be read; export it again.")
        # A fourth axis counts as phases, whichever it is.
        order = [extra, "Z", "Y", "X"]
        inverted = int(keyframe.photometric) == 0 and values.dtype.kind in "uif"
    names = [axis if axis in lengths else None for axis in _slices_named_z(axes)]
    values = values.squeeze(axis=tuple(index for index, name in enumerate(names) if name is None))
    kept = [name for name in names if name is not None]
    values = values.transpose([kept.index(name) for name in order if name in kept])
    values = values[chosen] if extra else values
    if inverted:
        values = values.max() - values + values.min()
    return values.reshape(lengths.get("Z", 1), lengths["Y"], lengths["X"]), spacing, notes


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what tifffile logs as errors: of a truncated file it reads the pages that are left, and goes on."""
    heard: list[str] = []
    thread = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                heard.append(record.getMessage())

    listener = Listener(level=logging.ERROR)
    logger = logging.getLogger("tifffile")
    logger.addHandler(listener)
    try:
        yield heard
    finally:
        logger.removeHandler(listener)


def _open(path: Path) -> "TiffFile":
    import tifffile

    try:
        tiff = tifffile.TiffFile(path)
    except OSError as error:
        raise ScarNetError(f"Cannot read {path}: {error.strerror}.") from error
    except Exception as error:  # tifffile lets struct's and its own errors through
        raise ScarNetError(f"{path} is damaged or not a TIFF file; copy or export it again.") from error
    return tiff


def _content(path: Path, tiff: "TiffFile") -> tuple["TiffPage", str, tuple[int, ...]]:
    """Give the first page, and axes and shape of the one stack in the file: one image, or single slices alike."""
    try:
        series = list(tiff.series)
        first, axes, shape = series[0].keyframe, str(series[0].axes), tuple(series[0].shape)
    except Exception as error:  # a broken page list raises nearly any type
        raise ScarNetError(f"{path} is a damaged TIFF file without an image; export it again.") from error
    if len(series) == 1:
        return first, axes, shape
    if axes != "YX" or any((s.axes, s.shape, s.dtype) != ("YX", shape, series[0].dtype) for s in series):
        raise ScarNetError(f"{path} holds {len(series)} images that are no stack; save the one to read by itself.")
    return first, "ZYX", (len(series), *shape)


def _slices_named_z(axes: str) -> str:
    """Call the axis of a plain multi-page file Z; tifffile calls it I or Q."""
    if "Z" not in axes and axes.count("I") + axes.count("Q") == 1:
        return axes.replace("I", "Z").replace("Q", "Z")
    return axes


def _axes(path: Path, keyframe: "TiffPage", axes: str, shape: tuple[int, ...]) -> tuple[dict[str, int], str | None]:
    """Give the length of each axis that counts, and the name of a fourth one."""
    if keyframe.dtype is not None and keyframe.dtype.kind == "c":
        raise ScarNetError(f"{path} holds complex numbers; export the magnitude or the PSIR image.")
    if "S" in axes or int(keyframe.photometric) not in (0, 1):
        raise ScarNetError(f"{path} is a colour image, which has no intensities to segment; export it in grey values.")
    pairs = list(zip(_slices_named_z(axes), shape, strict=True))
    lengths = {axis: length for axis, length in pairs if length > 1 or axis in "YX"}
    further = [axis for axis in lengths if axis not in "ZYX"]
    if len(further) > 1 or sum(length > 1 or axis in "YX" for axis, length in pairs) != len(lengths):
        raise ScarNetError(f"{path} has the axes {axes}; save the one stack (Z, Y, X) to read by itself.")
    return lengths, further[0] if further else None


def _choose(path: Path, axis: str, count: int, phase: int | None) -> int:
    name = {"T": "time points", "C": "channels"}.get(axis, "stacks")
    labels = [f"{number + 1} of {count} {name}" for number in range(count)]
    if phase is None:
        raise AmbiguousStudyError(
            f"{path} holds {count} {name}; choose one as phase 0 to {count - 1}. If they are the slices, save them "
            "along the axis Z.",
            phases=labels,
        )
    if not 0 <= phase < count:
        raise AmbiguousStudyError(f"{path} has no phase {phase}; choose 0 to {count - 1}.", phases=labels)
    return phase


def _spacing(tiff: "TiffFile", tags: Any) -> Spacing:
    if tiff.is_ome and tiff.ome_metadata:
        return _ome_spacing(tiff.ome_metadata)
    y, x = _per_unit(tags, "YResolution"), _per_unit(tags, "XResolution")
    if tiff.is_imagej and tiff.imagej_metadata is not None:
        unit = str(tiff.imagej_metadata.get("unit", "")).strip().lower().replace("\\u00b5", "µ")
        factor = _MM.get(unit)
        if factor is None:
            return None, None, None
        z = tiff.imagej_metadata.get("spacing")
        return _scaled(abs(float(z)) if z else None, factor), _scaled(y, factor), _scaled(x, factor)
    # Dots per inch of plain TIFF speak of paper, so only centimetres are believed.
    if "ResolutionUnit" in tags and int(tags["ResolutionUnit"].value) == _CENTIMETRE:
        return None, _scaled(y, 10.0), _scaled(x, 10.0)
    return None, None, None


def _ome_spacing(xml: str) -> Spacing:
    try:
        pixels = next(element for element in ElementTree.fromstring(xml).iter() if element.tag.endswith("}Pixels"))
    except (ElementTree.ParseError, StopIteration):
        return None, None, None

    def size(axis: str) -> float | None:
        value = pixels.get(f"PhysicalSize{axis}")
        factor = _MM.get(pixels.get(f"PhysicalSize{axis}Unit", "µm").strip().lower())
        return _scaled(float(value), factor) if value and factor else None

    return size("Z"), size("Y"), size("X")


def _per_unit(tags: Any, name: str) -> float | None:
    """Turn a resolution in pixels a unit into units a pixel."""
    if name not in tags:
        return None
    value = tags[name].value
    numerator, denominator = value if isinstance(value, tuple) else (value, 1)
    return denominator / numerator if numerator else None


def _scaled(value: float | None, factor: float) -> float | None:
    if value is None or not np.isfinite(value) or value <= 0:
        return None
    # Six digits: resolutions are stored as ratios of integers.
    return float(f"{value * factor:.6g}")


def _complete(
    path: Path, stated: Spacing, given: tuple[float, float, float] | None, notes: list[str]
) -> tuple[float, float, float]:
    missing = [axis for axis, value in zip("zyx", stated, strict=True) if value is None]
    if missing and given is None:
        raise ScarNetError(
            f"{path} does not state its spacing along {', '.join(missing)} in a unit of length; give the spacing as "
            "(z, y, x) in mm."
        )
    if missing:
        notes.append(f"The spacing along {', '.join(missing)} is the one given, the file states none.")
    z, y, x = (value if value is not None else (given or (0, 0, 0))[i] for i, value in enumerate(stated))
    return float(z), float(y), float(x)
