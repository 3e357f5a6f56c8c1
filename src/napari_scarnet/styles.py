"""How each kind of layer looks: one dataclass a kind, given to napari with ``as_kwargs``."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scarnet.classes import CLASS_COLOURS, CLASS_NAMES, TissueClass

__all__ = ["ImageStyle", "LabelsStyle", "LogitStyle", "ProbabilityStyle", "diverging_colormap"]

# Blue for "no", red for "yes", near-white where the network is undecided.
_DIVERGING_CONTROLS = ("#0b2f66", "#3f86bd", "#f5f5f3", "#cf5246", "#5e0a1e")


def diverging_colormap() -> Any:
    """Make the colour map of the logit layers, whose middle is zero.

    Returns
    -------
    napari.utils.colormaps.Colormap
        Dark blue through near-white to dark red.
    """
    from napari.utils.colormaps import Colormap

    return Colormap(
        list(_DIVERGING_CONTROLS), name="scarnet-logit", display_name="ScarNet logit", interpolation="linear"
    )


@dataclass(frozen=True)
class ImageStyle:
    """The study itself.

    Attributes
    ----------
    percentiles : tuple of float
        Percentiles of the intensities that become black and white.
    colormap : str
        napari's name of the colour map.
    """

    percentiles: tuple[float, float] = (0.5, 99.7)
    colormap: str = "gray"

    def as_kwargs(self, pixels: np.ndarray) -> dict[str, Any]:
        """Give what ``viewer.add_image`` takes.

        Parameters
        ----------
        pixels : ndarray, shape (..., Y, X)
            The intensities, for the contrast limits.

        Returns
        -------
        dict
            Keyword arguments.
        """
        sample = pixels[..., ::2, ::2] if pixels.size > 4_000_000 else pixels
        low, high = (float(v) for v in np.percentile(sample, self.percentiles))
        if high <= low:
            low, high = float(sample.min()), float(sample.max())
        kwargs: dict[str, Any] = {"colormap": self.colormap, "interpolation2d": "linear"}
        if high > low:
            kwargs["contrast_limits"] = (low, high)
        return kwargs


@dataclass(frozen=True)
class LabelsStyle:
    """The segmentation in the paper's colours, with class names for the status bar."""

    opacity: float = 0.55
    visible: bool = True

    def as_kwargs(self) -> dict[str, Any]:
        """Give what ``viewer.add_labels`` takes.

        Returns
        -------
        dict
            Keyword arguments: colours by class, and a features table with the class names.
        """
        import pandas as pd
        from napari.utils.colormaps import DirectLabelColormap

        colours: dict[int | None, Any] = {int(c): colour for c, colour in CLASS_COLOURS.items()}
        # Values beyond the four classes are no tissue: red, so that a slip of the brush is seen.
        colours[None] = (1.0, 0.0, 0.0, 1.0)
        return {
            "colormap": DirectLabelColormap(color_dict=colours),
            "features": pd.DataFrame({"index": [int(c) for c in TissueClass], "class": list(CLASS_NAMES.values())}),
            "opacity": self.opacity,
            "visible": self.visible,
        }


@dataclass(frozen=True)
class LogitStyle:
    """One class's logits: a diverging map with limits symmetric around zero."""

    opacity: float = 1.0
    visible: bool = False

    def as_kwargs(self, limit: float) -> dict[str, Any]:
        """Give what ``viewer.add_image`` takes.

        Parameters
        ----------
        limit : float
            The largest absolute logit to show; the limits become (-limit, limit).

        Returns
        -------
        dict
            Keyword arguments.
        """
        return {
            "colormap": diverging_colormap(),
            "contrast_limits": (-limit, limit),
            "opacity": self.opacity,
            "visible": self.visible,
        }


@dataclass(frozen=True)
class ProbabilityStyle:
    """One class's probability, 0 to 1, added onto the image so that 0 shows nothing."""

    colormap: str = "inferno"
    opacity: float = 0.6
    blending: str = "additive"

    def as_kwargs(self, cls: int) -> dict[str, Any]:
        """Give what ``viewer.add_image`` takes.

        Parameters
        ----------
        cls : int
            The class; only scar is visible at first.

        Returns
        -------
        dict
            Keyword arguments.
        """
        return {
            "colormap": self.colormap,
            "contrast_limits": (0.0, 1.0),
            "opacity": self.opacity,
            "blending": self.blending,
            "visible": cls == TissueClass.SCAR,
        }
