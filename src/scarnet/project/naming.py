"""What a case, an annotator or a model may be called: a plain file name, and never a patient's."""

import re
from collections.abc import Collection
from pathlib import Path

from scarnet.errors import ScarNetError

__all__ = ["check_name", "fit_name", "generated_name", "names_a_patient"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_NUMBERS = ("PatientID", "PatientBirthDate", "AccessionNumber", "StudyDate")


def check_name(name: str, what: str, taken: Collection[str] = ()) -> str:
    """Refuse a name that is no plain file name everywhere, or that is taken.

    Parameters
    ----------
    name : str
        What the user chose.
    what : str
        What it names, for the sentence: ``"case"``, ``"annotator"``, ``"model"`` or ``"job"``.
    taken : collection of str
        Names there are already; upper and lower case are the same, as they are to some file systems.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ScarNetError
        It holds other characters, or is taken.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ScarNetError(
            f"The {what} name {name!r} cannot be used; take up to 80 letters a–z or A–Z, digits, dots, hyphens and "
            "underscores, without spaces or accents, beginning with a letter or digit."
        )
    if name.casefold() in {other.casefold() for other in taken}:
        raise ScarNetError(f"There is a {what} named {name!r} already; choose another name.")
    return name


def generated_name(taken: Collection[str], prefix: str = "case") -> str:
    """Give the next free name.

    Parameters
    ----------
    taken : collection of str
        Names there are already.
    prefix : str
        What it begins with.

    Returns
    -------
    str
        ``case-001``, ``case-002`` …; a number is not used again while a later one is there.
    """
    pattern = re.compile(rf"{re.escape(prefix)}-(\d+)", re.IGNORECASE)
    numbers = [int(found[1]) for name in taken if (found := pattern.fullmatch(name))]
    return f"{prefix}-{max(numbers, default=0) + 1:03d}"


def fit_name(name: str) -> str:
    """Make a plain file name of a file's or folder's name.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        With hyphens for what :func:`check_name` refuses; empty if nothing is left.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:80].rstrip(".")


def names_a_patient(name: str, path: Path) -> bool:
    """Tell whether a name holds what a DICOM study says of its patient.

    Parameters
    ----------
    name : str
        What a case is to be called.
    path : Path
        The study's file or folder; what is no DICOM says nothing.

    Returns
    -------
    bool
        True where a word of the patient's name stands in it, also in the middle of another, or a long number by which a
        hospital knows the patient or the examination, also as ``2026-01-31``. A pseudonym such as ``P017`` is neither.
    """
    import pydicom

    from scarnet.io.dicom_headers import looks_like_dicom, walk_files

    shown = re.sub(r"[\W_]", "", name.casefold())
    for file in walk_files(path) if path.is_dir() else [path]:
        if file.name.upper() == "DICOMDIR" or not looks_like_dicom(file):
            continue
        try:
            header = pydicom.dcmread(
                file, stop_before_pixels=True, specific_tags=["PatientName", *_NUMBERS], force=True
            )
            told = {tag: str(header.get(tag, "")).casefold() for tag in ("PatientName", *_NUMBERS)}
        except Exception:  # pydicom's own types; the reader of studies leaves such files out, too
            continue
        words = re.findall(r"[^\W\d_]{3,}", told["PatientName"])
        numbers = [number for tag in _NUMBERS for number in re.findall(r"\d{5,}", told[tag])]
        return any(part in shown for part in (*words, *numbers))
    return False
