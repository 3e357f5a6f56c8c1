"""How good a segmentation is: overlap, distances, agreement and tests, over patients and over methods."""

from scarnet.evaluate.case import CLASSES, CaseResult, ClassResult, SliceResult, evaluate_case
from scarnet.evaluate.comparison import compare_methods
from scarnet.evaluate.overlap import dice
from scarnet.evaluate.summary import summarise
from scarnet.evaluate.surface import surface_distances

__all__ = [
    "CLASSES",
    "CaseResult",
    "ClassResult",
    "SliceResult",
    "compare_methods",
    "dice",
    "evaluate_case",
    "summarise",
    "surface_distances",
]
