"""What the threshold methods call scar: the list to compare, and their masks as layers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_scarnet.label_layers import selection_kept
from napari_scarnet.metadata import find_layers, image_layer_of, layer_meta, make_meta, placement, unwrap
from scarnet.measure import StudyMeasures

if TYPE_CHECKING:
    from napari.layers import Labels, Layer
    from napari.viewer import Viewer

__all__ = ["METHODS", "Method", "MethodResult", "mark_masks", "mask_layer", "method_results", "show_mask"]

_STALE = " (out of date)"


@dataclass(frozen=True)
class Method:
    """A way to find scar by intensity.

    Attributes
    ----------
    title, tip : str
        What the table says.
    colour : str
        The mask's.
    """

    title: str
    tip: str
    colour: str


METHODS: dict[str, Method] = {
    "fwhm": Method("FWHM", "Full width at half maximum: at least half of the wall's maximum", "#ff5fd2"),
    "sd2": Method("2 SD", "More than 2 standard deviations above remote myocardium", "#9be7ff"),
    "sd3": Method("3 SD", "More than 3 standard deviations above remote myocardium", "#5cc8ff"),
    "sd4": Method("4 SD", "More than 4 standard deviations above remote myocardium", "#2f9dff"),
    "sd5": Method("5 SD", "More than 5 standard deviations above remote myocardium", "#2ee6a6"),
    "sd6": Method("6 SD", "More than 6 standard deviations above remote myocardium", "#12b886"),
    "otsu": Method("Otsu", "The threshold that parts the wall's intensities best into two classes", "#ff9f1c"),
    "gmm": Method("Gaussian mixture", "Where the brighter of two normal distributions is the likelier", "#ff6b5e"),
    "grey_zone": Method("Core and grey zone", "Dense scar inside, and the mixed tissue around it", "#ff3b3b"),
    "no_reflow": Method("No-reflow", "The dark region that the labelled scar encloses", "#c792ff"),
}
"""In the order of the table; keys as in ``measures.json``."""

_GREY_COLOUR = "#ffd0d0"


@dataclass(frozen=True, eq=False)
class MethodResult:
    """What one method found.

    Attributes
    ----------
    volume_ml, percent, dice : float or None
        Its volume, share of the whole wall, and Dice with the labelled scar; None where there is no number.
    texts : tuple of str
        What stands in place of volume and share, where one number each does not do; empty elsewhere.
    note : str
        Why there is none, or why to doubt it.
    mask : ndarray of uint8, shape (Z, Y, X), or None
        1 where the method sees scar; in the grey zone 2.
    """

    volume_ml: float | None
    percent: float | None
    dice: float | None
    texts: tuple[str, ...]
    note: str
    mask: npt.NDArray[np.uint8] | None


def method_results(measures: StudyMeasures) -> dict[str, MethodResult]:
    """Give what each method found.

    Parameters
    ----------
    measures : StudyMeasures
        Measured with thresholds.

    Returns
    -------
    dict of str to MethodResult
        By the keys of :data:`METHODS`; a method that was not applied is left out.
    """
    values = measures.values
    found = {}
    for name, one in measures.thresholds.items():
        numbers = values["thresholds"][name]
        found[name] = MethodResult(
            volume_ml=None if one.threshold is None else numbers["scar_volume_ml"],
            percent=None if one.threshold is None else numbers["scar_percent_myocardium"],
            dice=None if one.threshold is None else numbers["dice_with_labels"],
            texts=(),
            note=one.note or "",
            mask=one.mask.astype(np.uint8),
        )
    zone, numbers = measures.grey_zone, values["grey_zone"]
    if zone is not None and numbers is not None:
        known = zone.core_threshold is not None
        found["grey_zone"] = MethodResult(
            volume_ml=numbers["core_volume_ml"] + numbers["grey_volume_ml"] if known else None,
            percent=None,
            dice=None,
            texts=tuple(_sum(numbers, key) for key in ("volume_ml", "percent_myocardium")) if known else (),
            note=zone.note or "",
            mask=zone.core.astype(np.uint8) + np.uint8(2) * zone.grey.astype(np.uint8),
        )
    if measures.no_reflow is not None and values["no_reflow"] is not None:
        numbers = values["no_reflow"]
        found["no_reflow"] = MethodResult(
            volume_ml=numbers["volume_ml"],
            percent=numbers["percent_myocardium"],
            dice=None,
            texts=(),
            note=f"Counted {numbers['counted']}.",
            mask=measures.no_reflow.astype(np.uint8),
        )
    return found


def _sum(numbers: dict[str, Any], key: str) -> str:
    """Write the core's number and the grey zone's."""
    return " + ".join(f"{numbers[f'{part}_{key}']:.1f}" for part in ("core", "grey"))


def mask_layer(viewer: "Viewer", case: str, method: str) -> "Labels | None":
    """Give the layer of a method's mask, or None.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    method : str
        The method.

    Returns
    -------
    Labels or None
        A layer that cannot be painted on.
    """
    layers = find_layers(viewer, "method-mask", case=case)
    return next((layer for layer in layers if layer_meta(layer)["method"] == method), None)


def show_mask(viewer: "Viewer", case: str, method: str, result: MethodResult | None, *, visible: bool) -> None:
    """Show a method's mask.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    case : str
        The case.
    method : str
        The method.
    result : MethodResult or None
        What it found; an empty mask where it found nothing.
    visible : bool
        Whether it is to be seen.
    """
    viewer, image = unwrap(viewer), image_layer_of(viewer, case)
    if image is None:
        return
    shape = image.data.shape
    found = result is not None and result.mask is not None
    mask = result.mask.reshape(shape) if found else np.zeros(shape, np.uint8)  # type: ignore[union-attr]
    layer = mask_layer(viewer, case, method)
    if layer is None:
        layer = _add(viewer, image, case, method, mask)
    elif not np.array_equal(layer.data, mask):
        layer.data = mask
    layer.visible = visible
    mark_masks([layer], stale=False)


def mark_masks(layers: "Iterable[Layer]", *, stale: bool) -> None:
    """Say in the layer list that masks no longer belong to the labels, or do again.

    Parameters
    ----------
    layers : iterable of Labels
        Masks of methods.
    stale : bool
        Whether they are out of date.
    """
    for layer in layers:
        meta = layer_meta(layer)
        if meta["stale"] != stale:
            meta["stale"] = stale
            layer.opacity = layer.opacity / 3 if stale else min(1.0, layer.opacity * 3)
            name = layer.name.removesuffix(_STALE)
            layer.name = name + _STALE if stale else name


def _add(viewer: Any, image: Any, case: str, method: str, mask: npt.NDArray[np.uint8]) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    about = METHODS[method]
    colours: dict[int | None, Any] = {0: "transparent", 1: about.colour, 2: _GREY_COLOUR, None: "red"}
    with selection_kept(viewer):
        layer = viewer.add_labels(
            mask,
            name=f"{case} · {about.title}",
            metadata={"scarnet": {**make_meta("method-mask", case), "method": method, "stale": False}},
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=0.6,
            **placement(image),
        )
    layer.editable = False
    return layer
