"""The four classes: values, names, colours, and the names other datasets give them."""

from collections.abc import Mapping
from enum import IntEnum

from scarnet.errors import ScarNetError

__all__ = [
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "MEASURED_CLASSES",
    "N_CLASSES",
    "TissueClass",
    "class_from_name",
    "map_label_values",
]


class TissueClass(IntEnum):
    """Label values, which are also the channel indices of logits and probabilities."""

    BACKGROUND = 0
    MYOCARDIUM = 1
    BLOOD_POOL = 2
    SCAR = 3


N_CLASSES = len(TissueClass)

CLASS_NAMES: dict[TissueClass, str] = {
    TissueClass.BACKGROUND: "background",
    TissueClass.MYOCARDIUM: "myocardium",
    TissueClass.BLOOD_POOL: "blood pool",
    TissueClass.SCAR: "scar",
}

MEASURED_CLASSES = {"myocardium": "wall", "blood_pool": "blood pool", "scar": "scar"}
"""What readers of a Dice are told it is of, by its key: myocardium is measured with its scar, as the whole wall."""

# The colours of the paper's Fig. 3 picture (its caption swaps blood pool and scar).
CLASS_COLOURS: dict[TissueClass, tuple[float, float, float, float]] = {
    TissueClass.BACKGROUND: (0.0, 0.0, 0.0, 0.0),
    TissueClass.MYOCARDIUM: (0.27, 0.31, 0.86, 1.0),
    TissueClass.BLOOD_POOL: (1.0, 0.25, 0.60, 1.0),
    TissueClass.SCAR: (1.0, 0.95, 0.20, 1.0),
}

_FOREIGN_NAMES: dict[str, TissueClass] = {
    "background": TissueClass.BACKGROUND,
    "myocardium": TissueClass.MYOCARDIUM,
    "myo": TissueClass.MYOCARDIUM,
    "healthy_myocardium": TissueClass.MYOCARDIUM,
    "lv_myocardium": TissueClass.MYOCARDIUM,
    "blood_pool": TissueClass.BLOOD_POOL,
    "bloodpool": TissueClass.BLOOD_POOL,
    "blood": TissueClass.BLOOD_POOL,
    "cavity": TissueClass.BLOOD_POOL,
    "lv": TissueClass.BLOOD_POOL,
    "lv_blood_pool": TissueClass.BLOOD_POOL,
    "scar": TissueClass.SCAR,
    "infarct": TissueClass.SCAR,
    "infarction": TissueClass.SCAR,
    "fibrosis": TissueClass.SCAR,
    "lge": TissueClass.SCAR,
    "no_reflow": TissueClass.SCAR,
    "mvo": TissueClass.SCAR,
}


def class_from_name(name: str) -> TissueClass:
    """Find the class that a dataset's label name means.

    Parameters
    ----------
    name : str
        A label name, as in an nnU-Net ``dataset.json``; case, spaces and hyphens do not matter.

    Returns
    -------
    TissueClass
        The class.

    Raises
    ------
    ScarNetError
        The name is not known; the message lists the names that are.
    """
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    if key not in _FOREIGN_NAMES:
        known = ", ".join(sorted(_FOREIGN_NAMES))
        raise ScarNetError(f"The label name {name!r} is not known; use one of: {known}.")
    return _FOREIGN_NAMES[key]


def map_label_values(names: Mapping[str, int]) -> dict[int, TissueClass]:
    """Turn a dataset's ``{label name: value}`` into ``{value: class}``.

    Parameters
    ----------
    names : Mapping
        The ``labels`` entry of an nnU-Net ``dataset.json``.

    Returns
    -------
    dict
        From the dataset's label value to our class; several values may mean one class.

    Raises
    ------
    ScarNetError
        A name is not known.
    """
    return {int(value): class_from_name(name) for name, value in names.items()}
