"""What a project keeps of a case beside its image and labels: ``case.json``, and the row of the queue."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, Self

from scarnet.errors import ScarNetError
from scarnet.project.layout import CASE_FILE
from scarnet.project.stored import read_json, write_json
from scarnet.stack import ImageKind

__all__ = ["STATUSES", "CaseRecord", "CaseRow", "Decision", "Status"]

Status = Literal["new", "predicted", "in progress", "accepted", "excluded"]

Decision = Literal["accepted", "excluded"]

STATUSES: tuple[Status, ...] = ("new", "predicted", "in progress", "accepted", "excluded")
"""How far a case is, in the order of the work."""


@dataclass(frozen=True)
class CaseRecord:
    """``case.json``.

    Attributes
    ----------
    patient : str
        Cases of one patient share it: the name of that patient's first case, which tells nothing of who it is.
    pixels : str
        Digest of the image's voxels, by which a study that comes a second time is known.
    kind : str
        As in :class:`scarnet.stack.LGEStack`.
    spacing_mm : tuple of float
        (z, y, x).
    slice_positions_mm : tuple of float or None
        Along the slice normal.
    notes : tuple of str
        What the reader of the study said.
    decision : {"accepted", "excluded"} or None
        What the annotator decided.
    scar_percent : float or None
        Of the working labels, in percent of the wall; None without any, or without a wall.
    edited_at : str or None
        When the working labels last changed (UTC); accepting what was predicted, and what was undone, change nothing.
    """

    patient: str
    pixels: str
    kind: ImageKind
    spacing_mm: tuple[float, float, float]
    slice_positions_mm: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()
    decision: Decision | None = None
    scar_percent: float | None = None
    edited_at: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a case's record.

        Parameters
        ----------
        folder : Path
            The case's folder.

        Returns
        -------
        CaseRecord
            The record.

        Raises
        ------
        ScarNetError
            It is missing or damaged.
        """
        values = read_json(folder / CASE_FILE)
        try:
            known = {f.name for f in fields(cls)}
            record = cls(**{name: value for name, value in values.items() if name in known})
            positions = record.slice_positions_mm
            z, y, x = (float(value) for value in record.spacing_mm)
            object.__setattr__(record, "spacing_mm", (z, y, x))
            object.__setattr__(
                record, "slice_positions_mm", None if positions is None else tuple(map(float, positions))
            )
            object.__setattr__(record, "notes", tuple(map(str, record.notes)))
        except (TypeError, ValueError) as error:
            raise ScarNetError(f"{folder / CASE_FILE} is damaged; put it back from a backup.") from error
        return record

    def write(self, folder: Path) -> None:
        """Write the record.

        Parameters
        ----------
        folder : Path
            The case's folder.

        Raises
        ------
        ScarNetError
            It cannot be written.
        """
        write_json(folder / CASE_FILE, asdict(self))


@dataclass(frozen=True)
class CaseRow:
    """A case as the queue shows it.

    Attributes
    ----------
    case, patient : str
        Its name, and the patient's group.
    status : {"new", "predicted", "in progress", "accepted", "excluded"}
        How far it is.
    scar_percent : float or None
        Of the labels a person made, else of the prediction; in percent of the wall.
    uncertainty, entropy, disagreement : float or None
        Of the prediction; see :class:`scarnet.project.uncertainty.Uncertainty`. The first is the mean of the others, or
        the entropy alone where a case it is compared with has no disagreement.
    edited_at : str or None
        When a person last changed the labels (UTC).
    model, sha256 : str or None
        What predicted it.
    annotators : tuple of str
        Who has labels of their own.
    """

    case: str
    patient: str
    status: Status
    scar_percent: float | None = None
    uncertainty: float | None = None
    entropy: float | None = None
    disagreement: float | None = None
    edited_at: str | None = None
    model: str | None = None
    sha256: str | None = None
    annotators: tuple[str, ...] = ()
