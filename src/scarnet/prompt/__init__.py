"""Segmenting by a box that a person draws, with LiteMedSAM."""

from scarnet.prompt.weights import (
    WEIGHTS_SHA256,
    WEIGHTS_URL,
    check_weights,
    download_weights,
    remember_weights,
    remembered_weights,
)

__all__ = [
    "WEIGHTS_SHA256",
    "WEIGHTS_URL",
    "check_weights",
    "download_weights",
    "remember_weights",
    "remembered_weights",
]
