"""Writing the report of a case as PDF."""

from pathlib import Path
from typing import Any

from scarnet.errors import ScarNetError
from scarnet.export.origin import LabelOrigin
from scarnet.files import atomic_path
from scarnet.measure import StudyMeasures
from scarnet.models.card import ModelCard
from scarnet.stack import LGEStack

__all__ = ["write_report"]


def write_report(
    path: Path | str,
    stack: LGEStack,
    measures: StudyMeasures,
    origin: LabelOrigin,
    card: ModelCard | None = None,
) -> None:
    """Write a case's measures and pictures on two pages.

    Parameters
    ----------
    path : Path or str
        The file, ending in ``.pdf``.
    stack : LGEStack
        The study.
    measures : StudyMeasures
        Its measures.
    origin : LabelOrigin
        Who drew the labels.
    card : ModelCard, optional
        The card of the model that drew them, where it is at hand.

    Raises
    ------
    ScarNetError
        The suffix is another, the measures are of another study, or the file cannot be written.

    Notes
    -----
    The case's name is the only thing in it that could tell whose heart it is: neither headers nor paths are printed,
    and the file says nothing of who made it or when.
    """
    path = Path(path)
    if path.suffix.lower() != ".pdf":
        raise ScarNetError(f"{path.name}: the report is written as .pdf; change the name.")
    if measures.labels.shape != stack.shape:
        raise ScarNetError(f"{stack.case}: the measures are of another study; measure this one.")

    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages

    from scarnet.report.first_page import first_page
    from scarnet.report.second_page import second_page

    metadata = {"Title": "Myocardial scar in LGE MRI", "Creator": None, "Producer": None, "CreationDate": None}
    # TrueType keeps text as text, to be searched and copied.
    fonts: dict[Any, Any] = {"pdf.fonttype": 42}
    with atomic_path(path) as target, matplotlib.rc_context(fonts), PdfPages(target, metadata=metadata) as pages:
        for page in (first_page(stack, measures, origin), second_page(stack, measures, origin, card)):
            pages.savefig(page)
