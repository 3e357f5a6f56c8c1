"""The colours of the Measure step's drawings."""

from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget

from scarnet.classes import CLASS_COLOURS, TissueClass

__all__ = ["class_colour", "dim_text_colour", "on_colour", "ramp", "text_colour"]

# Pale yellow to dark red, as in the report: darker all the way, so that it reads without telling hues apart.
_RAMP = ((255, 255, 204), (254, 217, 118), (253, 141, 60), (227, 26, 28), (128, 0, 38))


def ramp(part: float) -> QColor:
    """Give the colour of a share.

    Parameters
    ----------
    part : float
        0 to 1; what lies beyond is taken for the end.

    Returns
    -------
    QColor
        Pale for 0, dark red for 1.
    """
    place = min(max(part, 0.0), 1.0) * (len(_RAMP) - 1)
    low = min(int(place), len(_RAMP) - 2)
    return QColor(*(round(a + (b - a) * (place - low)) for a, b in zip(_RAMP[low], _RAMP[low + 1], strict=True)))


def on_colour(background: QColor) -> QColor:
    """Give the colour of text on a background.

    Parameters
    ----------
    background : QColor
        The background.

    Returns
    -------
    QColor
        Black or white.
    """
    return QColor("black" if background.lightnessF() > 0.45 else "white")


def class_colour(tissue: TissueClass) -> QColor:
    """Give a tissue's colour, as the labels have it.

    Parameters
    ----------
    tissue : TissueClass
        The tissue.

    Returns
    -------
    QColor
        Its colour.
    """
    return QColor.fromRgbF(*CLASS_COLOURS[tissue])


def text_colour(widget: QWidget) -> QColor:
    """Give a widget's text colour, which follows napari's theme.

    Parameters
    ----------
    widget : QWidget
        The widget.

    Returns
    -------
    QColor
        Its text colour.
    """
    return widget.palette().color(QPalette.ColorRole.WindowText)


def dim_text_colour(widget: QWidget) -> QColor:
    """Give the colour of a widget's lesser text.

    Parameters
    ----------
    widget : QWidget
        The widget.

    Returns
    -------
    QColor
        Its text colour, partly see-through.
    """
    colour = QColor(text_colour(widget))
    colour.setAlpha(150)
    return colour
