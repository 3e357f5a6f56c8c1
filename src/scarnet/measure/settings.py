"""The choices that scar measures depend on."""

from dataclasses import dataclass
from typing import Literal, get_args

from scarnet.errors import ScarNetError

__all__ = ["Baseline", "End", "GreyZoneMethod", "MeasureSettings", "NoReflow", "SeenFrom"]

Baseline = Literal["remote", "zero"]
End = Literal["first", "last"]
GreyZoneMethod = Literal["fwhm", "sd"]
NoReflow = Literal["scar", "apart"]
SeenFrom = Literal["apex", "base"]


@dataclass(frozen=True)
class MeasureSettings:
    """What to count, and how.

    Attributes
    ----------
    smallest_scar_ml : float
        Connected scar (over faces, edges and corners, in 3D) of less volume counts as healthy wall. The threshold
        methods' masks are held to it too.
    no_reflow : {"scar", "apart"}
        Whether the dark region enclosed by scar counts as scar.
    base : {"first", "last"} or None
        Which end of the stack is the base; None finds out.
    seen_from : {"apex", "base"}
        From which side slices are displayed, where the file does not tell how they lie in the patient: the apex is
        usual; from the base they are mirrored, as by a program that exchanged rows and columns.
    fwhm_baseline : {"remote", "zero"}
        From where half of the maximum is counted, see :func:`scarnet.measure.fwhm`.
    grey_zone : {"fwhm", "sd"}
        Grey zone of 35–50 % of the maximum, or of 2–3 SD.
    """

    smallest_scar_ml: float = 0.0
    no_reflow: NoReflow = "scar"
    base: End | None = None
    seen_from: SeenFrom = "apex"
    fwhm_baseline: Baseline = "remote"
    grey_zone: GreyZoneMethod = "fwhm"

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        if not 0 <= self.smallest_scar_ml < float("inf"):
            raise ScarNetError(f"The smallest scar of {self.smallest_scar_ml} ml is not a volume of 0 ml or more.")
        for name, choices in (
            ("no_reflow", get_args(NoReflow)),
            ("base", (*get_args(End), None)),
            ("seen_from", get_args(SeenFrom)),
            ("fwhm_baseline", get_args(Baseline)),
            ("grey_zone", get_args(GreyZoneMethod)),
        ):
            if getattr(self, name) not in choices:
                listed = ", ".join(str(choice) for choice in choices if choice is not None)
                raise ScarNetError(f"{name} is {getattr(self, name)!r}; choose from {listed}.")
