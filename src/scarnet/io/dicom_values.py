"""Plain values of DICOM elements, decoded here: pydicom's full conversion takes longer than reading the pixels."""

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

__all__ = ["Values", "tag_of"]


@cache
def tag_of(keyword: str | int) -> "BaseTag":
    """Look up an element's tag.

    Parameters
    ----------
    keyword : str or int
        DICOM keyword, or the tag's number for private elements.

    Returns
    -------
    BaseTag
        The tag.
    """
    from pydicom.tag import Tag

    return Tag(keyword)


class Values:
    """The elements of one data set, as text or numbers; what is absent or senseless is empty or None.

    Parameters
    ----------
    dataset : Dataset
        pydicom's data set, or an item of a sequence.
    """

    def __init__(self, dataset: "Dataset") -> None:
        self._dataset = dataset

    def __contains__(self, keyword: str | int) -> bool:
        """Tell whether the element is there and not empty."""
        value = self._raw(keyword)
        return value is not None and not (isinstance(value, Sequence) and len(value) == 0)

    def _raw(self, keyword: str | int) -> Any:
        tag = tag_of(keyword)
        return self._dataset.get_item(tag).value if tag in self._dataset else None

    def texts(self, keyword: str | int) -> tuple[str, ...]:
        """Give a text element's values."""
        value = self._raw(keyword)
        if not value:
            return ()
        if isinstance(value, bytes):
            return tuple(part.strip(" \0") for part in value.decode("latin-1").split("\\"))
        if isinstance(value, str) or not isinstance(value, Sequence):
            return (str(value).strip(" \0"),)
        return tuple(str(part).strip(" \0") for part in value)

    def text(self, keyword: str | int) -> str:
        """Give a text element as one string."""
        return "\\".join(self.texts(keyword))

    def described(self, keyword: str) -> str:
        """Give a free-text element in its own character set."""
        value = self._raw(keyword)
        if isinstance(value, bytes) and not value.isascii():
            return str(self._dataset.get(keyword) or "").strip()
        return self.text(keyword)

    def numbers(self, keyword: str | int) -> tuple[float, ...] | None:
        """Give an element's finite numbers; None if there are none or some make no sense."""
        value = self._raw(keyword)
        # Text and numbers both come as bytes, so the value representation decides.
        if isinstance(value, bytes) and self._is_binary(keyword):
            value = self._dataset[tag_of(keyword)].value
        parts: Sequence[Any]
        if isinstance(value, bytes | str):
            parts = self.texts(keyword)
        else:
            parts = value if isinstance(value, Sequence) else [value]
        try:
            numbers = tuple(float(part) for part in parts)
        except (TypeError, ValueError):
            return None
        return numbers if numbers and all(map(math.isfinite, numbers)) else None

    def number(self, keyword: str | int) -> float | None:
        """Give an element's first number."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else None

    def integer(self, keyword: str) -> int:
        """Give an element's whole number, 0 if there is none."""
        return int(self.number(keyword) or 0)

    def items(self, keyword: str) -> "list[Values]":
        """Give a sequence's items."""
        if tag_of(keyword) not in self._dataset:
            return []
        value = self._dataset[tag_of(keyword)].value
        return [Values(item) for item in value or []]

    def opened(self) -> "list[Values]":
        """Give the first item of every sequence in here: how functional groups are built."""
        return [Values(element.value[0]) for element in self._dataset if element.VR == "SQ" and len(element.value)]

    def _is_binary(self, keyword: str | int) -> bool:
        vr = self._dataset.get_item(tag_of(keyword)).VR
        if vr in (None, "UN"):
            from pydicom.datadict import dictionary_VR

            try:
                vr = dictionary_VR(tag_of(keyword))
            except KeyError:  # private: pydicom knows the large vendors' elements
                return True
        return str(vr) not in ("DS", "IS")
