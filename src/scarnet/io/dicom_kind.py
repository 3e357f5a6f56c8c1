"""Telling magnitude from phase-sensitive (PSIR) images by what the vendors write into headers."""

import re
from typing import Literal

from scarnet.stack import ImageKind

__all__ = ["Component", "component_of", "kind_of_component", "kind_of_name"]

Component = Literal["magnitude", "psir", "phase", "imaginary", "unknown"]

# ImageType tokens: Siemens M P R I MAG PSIR; Philips M R I P PHASE CR (corrected real), also with _IR, _SE, _FFE.
_TOKENS: dict[str, Component] = {
    **dict.fromkeys(("PSIR", "PS", "R", "REAL", "CR", "PSMDE", "PHASE_SENSITIVE"), "psir"),
    **dict.fromkeys(("M", "MAG", "MAGNITUDE", "MAGIR"), "magnitude"),
    **dict.fromkeys(("P", "PHASE", "PHASE MAP"), "phase"),
    **dict.fromkeys(("I", "IMAGINARY"), "imaginary"),
}
_SEQUENCE_ENDING = re.compile(r"_(IR|SE|FFE|TSE|TFE|B0|B1)$")

# GE's private RawDataType_ImageType.
_GE_TYPES: dict[float, Component] = {0.0: "magnitude", 1.0: "phase", 2.0: "psir", 3.0: "imaginary"}

_PSIR_WORDS = re.compile(r"(?<![a-z])(psir|psmde|ps[ _-]?ir|ps[ _-]?lge|phase[ _-]?sens\w*|real)(?![a-z])")
_MAGNITUDE_WORDS = re.compile(r"(?<![a-z])(mag|magn|magir|magnitude|mag[ _-]?ir)(?![a-z])")


def component_of(
    image_type: tuple[str, ...], complex_component: str, description: str, protocol: str, ge_type: float | None
) -> Component:
    """Say which part of the complex image a DICOM header describes.

    Parameters
    ----------
    image_type : tuple of str
        ImageType or, of enhanced files, FrameType.
    complex_component : str
        ComplexImageComponent.
    description : str
        SeriesDescription.
    protocol : str
        ProtocolName; magnitude and PSIR of one scan share it, so it counts only when nothing else tells.
    ge_type : float or None
        GE's private image type number.

    Returns
    -------
    Component
        ``"psir"`` is also the real part.
    """
    # The first two tokens are ORIGINAL/DERIVED and PRIMARY/SECONDARY.
    tokens = [_SEQUENCE_ENDING.sub("", token.strip().upper()) for token in image_type[2:]]
    told = [_TOKENS[token] for token in tokens if token in _TOKENS]
    told += [_TOKENS[word] for word in [complex_component.strip().upper()] if word in _TOKENS]
    if ge_type in _GE_TYPES and ge_type != 0.0:
        told.append(_GE_TYPES[ge_type])
    for part in ("psir", "phase", "imaginary"):
        if part in told:
            return part
    named = kind_of_name(description)
    if named != "unknown":
        return named
    if told or ge_type == 0.0:
        return "magnitude"
    return kind_of_name(protocol)


def kind_of_name(text: str) -> ImageKind:
    """Say which kind of image a name or description speaks of.

    Parameters
    ----------
    text : str
        A file's name or a series description.

    Returns
    -------
    {"magnitude", "psir", "unknown"}
        Magnitude wins where both are named: scanners append MAG to the name of a PSIR protocol.
    """
    text = text.lower()
    if _MAGNITUDE_WORDS.search(text):
        return "magnitude"
    return "psir" if _PSIR_WORDS.search(text) else "unknown"


def kind_of_component(component: Component) -> ImageKind:
    """Reduce a component to what a stack distinguishes.

    Parameters
    ----------
    component : Component
        Part of the complex image.

    Returns
    -------
    {"magnitude", "psir", "unknown"}
        Phase and imaginary parts are ``"unknown"``.
    """
    return component if component in ("magnitude", "psir") else "unknown"
