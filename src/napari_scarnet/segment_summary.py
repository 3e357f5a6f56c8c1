"""One sentence about a result."""

from html import escape

from napari_scarnet.engine import SegmentResult
from napari_scarnet.predictions import PredictionLayers

__all__ = ["summarise"]


def summarise(result: SegmentResult, layers: PredictionLayers) -> str:
    """Say what was segmented, and how much scar the model sees.

    Parameters
    ----------
    result : SegmentResult
        The result.
    layers : PredictionLayers
        The layers that show it.

    Returns
    -------
    str
        Rich text.
    """
    prediction = result.prediction
    n = len(result.slices)
    where = f"slice {result.slices[0] + 1}" if n == 1 else f"{n} slices"
    parts = [f"Segmented {where} of {prediction.case} in {prediction.seconds:.1f} s on {prediction.device}."]
    scar, wall = result.measures.get("scar_mass_g"), result.measures.get("myocardium_mass_g")
    percent = result.measures.get("scar_percent_myocardium")
    if wall and percent is not None:
        parts.append(f"Scar: {scar:.1f} g of {wall:.0f} g, {percent:.1f} % of the wall.")
    elif result.measures:
        parts.append("No myocardium was found.")
    if layers.kept is not None:
        parts.append(f"⚠ Your edited labels are kept in {layers.kept.name}.")
    parts += [f"⚠ {notice}" for notice in prediction.notices]
    return "<br>".join(escape(part) for part in parts)
