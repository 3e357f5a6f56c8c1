"""What is measured of a case now: its labels, and what the user marked and drew for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.inspect_case import cases
from napari_scarnet.label_layers import labels_edited, labels_on_show
from napari_scarnet.measure_insertion import marked_insertions
from napari_scarnet.measure_remote import drawn_remote
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta
from napari_scarnet.studies import stack_of
from scarnet.errors import ScarNetError
from scarnet.measure import Insertion, MeasureSettings, StudyMeasures, measure_study
from scarnet.progress import Progress
from scarnet.stack import LGEStack

if TYPE_CHECKING:
    from napari.viewer import Viewer

__all__ = ["MeasureInput", "case_on_show", "describe_labels", "input_of"]


@dataclass(frozen=True, eq=False)
class MeasureInput:
    """All that the measures of a case depend on, taken at one moment; threads may use it.

    Attributes
    ----------
    stack : LGEStack
        The study.
    labels : ndarray of integers, shape (Z, Y, X)
        A copy of the labels.
    settings : MeasureSettings
        The choices.
    insertions : tuple of Insertion
        Where the user marked the anterior insertion of the right ventricle.
    remote : ndarray of bool, shape (Z, Y, X), or None
        The remote region that the user drew; None where it is to be found.
    """

    stack: LGEStack
    labels: npt.NDArray[Any]
    settings: MeasureSettings
    insertions: tuple[Insertion, ...]
    remote: npt.NDArray[np.bool_] | None

    def same_as(self, other: "MeasureInput | None") -> bool:
        """Tell whether measuring another input would give the same."""
        if other is None or not _same_stack(other.stack, self.stack):
            return False
        if other.settings != self.settings or other.insertions != self.insertions:
            return False
        if (other.remote is None) != (self.remote is None):
            return False
        drawn = self.remote is None or np.array_equal(self.remote, np.asarray(other.remote))
        return drawn and np.array_equal(self.labels, other.labels)

    def measure(self, *, thresholds: bool) -> StudyMeasures:
        """Measure.

        Parameters
        ----------
        thresholds : bool
            Apply the threshold methods too, which takes longer than a brush may wait for.

        Returns
        -------
        StudyMeasures
            The measures.

        Raises
        ------
        ScarNetError
            Labels, remote region or insertion points do not fit.
        """
        return measure_study(
            self.labels,
            self.stack,
            self.settings,
            insertions=self.insertions,
            thresholds=thresholds,
            remote=self.remote,
        )

    def methods_work(self) -> Callable[[Progress], StudyMeasures]:
        """Give the work that measures with the threshold methods, for a thread."""

        def work(progress: Progress) -> StudyMeasures:
            progress(0, 0, "Threshold methods")
            return self.measure(thresholds=True)

        return work


def _same_stack(one: LGEStack, other: LGEStack) -> bool:
    """Compare studies; one whose layer was rescaled is made anew each time it is asked for."""
    return one is other or (
        one.spacing_mm == other.spacing_mm
        and np.array_equal(one.affine, other.affine)
        and np.array_equal(one.pixels, other.pixels)
    )


def case_on_show(viewer: "Viewer", before: str | None) -> str | None:
    """Find the case that the user looks at.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    before : str or None
        The case so far.

    Returns
    -------
    str or None
        The active layer's case; without one the case so far, or else the first there is. None without any study.
    """
    known = cases(viewer)
    active = viewer.layers.selection.active
    case = None if active is None else layer_meta(active).get("case")
    for candidate in (case, before):
        if candidate in known:
            return candidate
    return known[0] if known else None


def input_of(viewer: "Viewer", case: str, settings: MeasureSettings) -> MeasureInput | None:
    """Take what is to be measured of a case.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    settings : MeasureSettings
        The choices.

    Returns
    -------
    MeasureInput or None
        None where the case has no labels, or no study is left to say where they lie.

    Raises
    ------
    ScarNetError
        The labels have another size than the image.
    """
    layer, image = labels_on_show(viewer, case), image_layer_of(viewer, case)
    if layer is None:
        return None
    # Without its image the study lives on in the labels.
    stack = layer_meta(layer).get("stack") if image is None else stack_of(image)
    if not isinstance(stack, LGEStack):
        return None
    data = np.asarray(layer.data)
    if data.shape != stack.shape[-data.ndim :] or data.size != stack.pixels.size:
        raise ScarNetError(
            f"{case}: the labels have shape {data.shape}, but the image has {stack.shape}; use labels of this image."
        )
    labels = data.reshape(stack.shape).copy()
    return MeasureInput(
        stack=stack,
        labels=labels,
        settings=settings,
        # A mark where the heart was erased since counts again as soon as the heart is back.
        insertions=tuple(one for one in marked_insertions(viewer, case) if labels[one.z].any()),
        remote=drawn_remote(viewer, case, stack.shape),
    )


def describe_labels(viewer: "Viewer", case: str | None) -> str:
    """Say what is measured, or what is missing.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str or None
        The case; None where no study is open.

    Returns
    -------
    str
        A sentence or two.
    """
    if case is None:
        return "No study is open: start with the Study step."
    layer = labels_on_show(viewer, case)
    if layer is None:
        return "There are no labels yet: segment the study, or paint labels in the Edit step."
    threshold = layer_meta(layer).get("threshold")
    how = ", edited by hand" if labels_edited(layer) else ""
    if threshold is not None:
        how += f", scar where p ≥ {threshold:.2f}"
    gone = "" if find_layers(viewer, "image", case=case) else " Its image layer was deleted."
    return f"Labels “{layer.name}”{how}.{gone}"
