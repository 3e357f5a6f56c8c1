"""Studies as image layers, and image layers as studies."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_scarnet.metadata import find_layers, layer_meta, make_case_unique, make_meta, unwrap
from napari_scarnet.styles import ImageStyle
from scarnet.errors import ScarNetError
from scarnet.stack import LGEStack, StudySource

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

__all__ = [
    "MissingSpacingError",
    "add_stack",
    "adopt_layer",
    "bring_forward",
    "needs_spacing",
    "slice_on_screen",
    "stack_layer_data",
    "stack_of",
]

AXIS_LABELS = ("z", "y", "x")


class MissingSpacingError(ScarNetError):
    """A plain image layer does not say how large its voxels are; the user has to."""


def stack_layer_data(stack: LGEStack) -> tuple[Any, dict[str, Any], str]:
    """Give a study as napari's layer data tuple.

    Parameters
    ----------
    stack : LGEStack
        The study.

    Returns
    -------
    tuple
        Pixels (Z, Y, X), keyword arguments and ``"image"``: spacing in mm, axes named z, y, x.
    """
    kwargs = {
        "name": stack.case,
        "scale": stack.spacing_mm,
        "units": ("mm", "mm", "mm"),
        "axis_labels": AXIS_LABELS,
        "metadata": {"scarnet": {**make_meta("image", stack.case), "stack": stack}},
        **ImageStyle().as_kwargs(stack.pixels),
    }
    return stack.pixels, kwargs, "image"


def add_stack(viewer: "Viewer", stack: LGEStack) -> "Image":
    """Add a study to a viewer; a case name that is taken gets a number.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    stack : LGEStack
        The study.

    Returns
    -------
    Image
        The new layer.
    """
    pixels, kwargs, _ = stack_layer_data(stack)
    layer = unwrap(viewer).add_image(pixels, **kwargs)
    make_case_unique(viewer, layer)
    return layer


def bring_forward(viewer: "Viewer", layer: "Image") -> None:
    """Show a study that was just opened: its middle slice in full, and no layer of another study over it.

    Parameters
    ----------
    viewer : Viewer
        The viewer that holds the layer.
    layer : Image
        The study's image.
    """
    viewer = unwrap(viewer)
    case = layer_meta(layer)["case"]
    for other in find_layers(viewer, kept=True):
        if layer_meta(other)["case"] != case:
            other.visible = False
    middle = [n // 2 for n in layer.data.shape]
    for axis, position in enumerate(layer.data_to_world(middle), start=viewer.dims.ndim - layer.ndim):
        viewer.dims.set_point(axis, position)
    viewer.fit_to_view()


def slice_on_screen(viewer: "Viewer", layer: Any) -> int:
    """Give the slice of a layer that is on screen.

    Parameters
    ----------
    viewer : Viewer
        The viewer that holds the layer.
    layer : Layer
        A layer with axes (…, Z, Y, X) or (Y, X).

    Returns
    -------
    int
        The slice, from 0: the nearest one where the slider stands beside the stack, 0 for a 2D layer.
    """
    if layer.ndim < 3:
        return 0
    z = layer.world_to_data(tuple(viewer.dims.point))[-3]
    return int(np.clip(np.floor(z + 0.5), 0, layer.data.shape[-3] - 1))


def _spacing_in_mm(layer: "Image") -> tuple[float, ...] | None:
    """Spacing along the layer's axes in mm; None where the layer only counts pixels."""
    spacing = []
    for scale, unit in zip(layer.scale, layer.units, strict=True):
        if str(unit) in ("pixel", "dimensionless"):
            # Without a unit, a scale other than one is taken as mm, as most readers mean it.
            if np.allclose(layer.scale, 1.0):
                return None
            spacing.append(abs(float(scale)))
            continue
        try:
            spacing.append(abs(float((scale * unit).to("mm").magnitude)))
        except Exception as error:
            raise ScarNetError(
                f"The layer {layer.name} is measured in {unit}, which is no length; set its units to mm."
            ) from error
    return tuple(spacing)


def needs_spacing(layer: "Image") -> bool:
    """Tell whether an image layer only counts pixels, so that the user has to say how large they are.

    Parameters
    ----------
    layer : Image
        Any image layer.

    Returns
    -------
    bool
        True where the scale is one and no unit is set.
    """
    try:
        return _spacing_in_mm(layer) is None
    except ScarNetError:
        return False


def adopt_layer(
    viewer: "Viewer",
    layer: "Image",
    spacing_mm: tuple[float, float, float] | None = None,
    default_slice_mm: float = 8.0,
) -> LGEStack:
    """Make a plain 2D or 3D image layer a study.

    Parameters
    ----------
    viewer : Viewer
        The viewer that holds the layer.
    layer : Image
        The layer; its scale is taken as the spacing. It gets our metadata.
    spacing_mm : tuple of float, optional
        Spacing (z, y, x) in mm, where the layer does not say; the layer's scale is set to it.
    default_slice_mm : float
        Slice distance noted for a 2D layer, which has none.

    Returns
    -------
    LGEStack
        The study.

    Raises
    ------
    MissingSpacingError
        The layer counts pixels and no spacing was given.
    ScarNetError
        The layer is in colour, multi-scale, not 2D or 3D, or holds bad values.
    """
    if getattr(layer, "rgb", False):
        raise ScarNetError(f"The layer {layer.name} is a colour image; LGE images have one channel.")
    if getattr(layer, "multiscale", False) or layer.ndim not in (2, 3):
        raise ScarNetError(f"The layer {layer.name} is not a plain 2D or 3D image; use one slice stack (Z, Y, X).")
    notes: list[str] = []
    if spacing_mm is None:
        found = _spacing_in_mm(layer)
        if found is None:
            raise MissingSpacingError(
                f"The layer {layer.name} does not say how large its voxels are; enter their spacing in mm."
            )
        if layer.ndim == 2:
            found = (default_slice_mm, *found)
            notes.append(f"A single slice without slice distance; {default_slice_mm:g} mm is assumed.")
        notes.append("The spacing was taken from the layer's scale.")
        spacing_mm = (found[0], found[1], found[2])
    else:
        layer.scale = spacing_mm[-layer.ndim :]
        layer.units = ("mm",) * layer.ndim
        notes.append("The spacing was entered by hand.")
        if layer.ndim == 2:
            spacing_mm = (default_slice_mm, *spacing_mm[1:])
            notes.append(f"A single slice without slice distance; {default_slice_mm:g} mm is assumed.")
    pixels = np.asarray(layer.data, dtype=np.float32)
    stack = LGEStack.from_array(
        pixels if layer.ndim == 3 else pixels[None],
        spacing_mm,
        case=layer.name,
        source=StudySource(format="array", notes=tuple(notes)),
    )
    layer.metadata["scarnet"] = {**make_meta("image", stack.case), "stack": stack}
    make_case_unique(viewer, layer)
    return stack


def stack_of(layer: "Image") -> LGEStack:
    """Give the study of an image layer, with the spacing that the layer has now.

    Parameters
    ----------
    layer : Image
        An image layer of ours.

    Returns
    -------
    LGEStack
        The study.

    Raises
    ------
    ScarNetError
        The layer is no study, or its pixels were replaced by others of another size.
    """
    meta = layer_meta(layer)
    stack = meta.get("stack")
    if meta.get("kind") != "image" or not isinstance(stack, LGEStack):
        raise ScarNetError(f"The layer {layer.name} is not a study; open one in the Study step.")
    if tuple(layer.data.shape) != stack.shape[-layer.ndim :]:
        raise ScarNetError(f"The pixels of {layer.name} were replaced by others of another size; open the study again.")
    now = _spacing_in_mm(layer)
    if now is None or np.allclose(now, stack.spacing_mm[-layer.ndim :], rtol=1e-4):
        return stack
    # The user corrected the layer's scale: measures must follow what is on screen.
    spacing = (*stack.spacing_mm[: 3 - layer.ndim], *now)
    affine = np.array(stack.affine)
    affine[:3, :3] *= (np.array(spacing) / np.array(stack.spacing_mm))[::-1]
    return replace(stack, spacing_mm=(spacing[0], spacing[1], spacing[2]), affine=affine)
