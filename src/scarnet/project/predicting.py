"""Predicting a project's cases; labels that a person made are never touched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scarnet.errors import Cancelled, ScarNetError
from scarnet.models import load_model
from scarnet.predict.prediction import Prediction
from scarnet.progress import Progress, silent
from scarnet.project.changes import scar_percent
from scarnet.project.layout import PREDICTION
from scarnet.project.models import model_path
from scarnet.project.predictions import PredictionInfo, write_prediction
from scarnet.project.project import Project
from scarnet.project.review_log import now
from scarnet.project.uncertainty import Uncertainty, measure_uncertainty

__all__ = ["PredictReport", "cases_to_predict", "keep_prediction", "predict_cases"]


@dataclass
class PredictReport:
    """What became of the cases.

    Attributes
    ----------
    done : list of str
        Those that were predicted.
    failed : dict of str to str
        Those that could not be, with a sentence each.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def cases_to_predict(project: Project, model: str | None = None) -> list[str]:
    """Name the cases that a prediction would help: new ones, and those of another model that nobody has edited.

    Parameters
    ----------
    project : Project
        The project.
    model : str, optional
        The model; without it the project's.

    Returns
    -------
    list of str
        In the order of their import.
    """
    digest = project.state.model(_chosen(project, model)).sha256
    rows = project.rows()
    return [r.case for r in rows if r.status == "new" or (r.status == "predicted" and r.sha256 != digest)]


def predict_cases(
    project: Project,
    cases: Sequence[str] | None = None,
    *,
    model: str | None = None,
    device: str = "auto",
    flips: bool | None = None,
    with_disagreement: bool = True,
    progress: Progress = silent,
    on_case: Callable[[str], None] | None = None,
) -> PredictReport:
    """Predict cases one after the other.

    Parameters
    ----------
    project : Project
        The project.
    cases : sequence of str, optional
        Which; without it those of :func:`cases_to_predict`.
    model : str, optional
        One of the project's models; without it the project's.
    device, flips : optional
        As in :class:`scarnet.predict.Predictor`.
    with_disagreement : bool
        Ask the network again over flips and noise, for a better order of the queue.
    progress : Progress
        Called often, over all cases; may raise :class:`scarnet.errors.Cancelled`: finished cases stay.
    on_case : callable, optional
        Called with each case once it is predicted.

    Returns
    -------
    PredictReport
        Done and failed; a case that fails does not stop the others.

    Raises
    ------
    ScarNetError
        There is no model or no such case, the device is not there, or the project is read-only.
    Cancelled
        The progress callback said so.
    """
    with project.writing():
        name = _chosen(project, model)
        wanted = cases_to_predict(project, name) if cases is None else list(cases)
        for case in wanted:
            project.record(case)
    report = PredictReport()
    if not wanted:
        return report
    loaded = load_model(model_path(project, name), progress)
    from scarnet.predict import Predictor

    predictor = Predictor(loaded, device, test_time_flips=flips)
    again = Predictor(loaded, device, test_time_flips=False) if with_disagreement else None
    for number, case in enumerate(wanted):
        try:
            stack = project.stack(case)
            prediction = predictor.predict(stack, progress=_part(progress, number, len(wanted), case, 0, 60))
            uncertainty = measure_uncertainty(
                prediction, stack, again, progress=_part(progress, number, len(wanted), case, 60, 40)
            )
            keep_prediction(project, prediction, name, uncertainty)
        except Cancelled:
            raise
        except ScarNetError as error:
            report.failed[case] = str(error)
            continue
        report.done.append(case)
        if on_case is not None:
            on_case(case)
    progress(len(wanted), len(wanted), "Predicting")
    return report


def keep_prediction(
    project: Project, prediction: Prediction, model: str, uncertainty: Uncertainty | None = None
) -> None:
    """Make a prediction that of its case, in the place of the one before; labels that a person made are not touched.

    Parameters
    ----------
    project : Project
        The project.
    prediction : Prediction
        All slices of one of its cases.
    model : str
        What the model is called.
    uncertainty : Uncertainty, optional
        How unsure the network is; without it the entropy alone is measured.

    Raises
    ------
    ScarNetError
        There is no such case, some slices are missing, or the project cannot be written to.
    """
    case, sha256 = prediction.case, prediction.model_sha256
    if not prediction.whole:
        raise ScarNetError(f"{case}: a project keeps predictions of whole stacks; predict all slices.")
    unsure = uncertainty or measure_uncertainty(prediction, project.stack(case))
    percent = scar_percent(prediction.labels)
    info = PredictionInfo(model, sha256, now(), percent, unsure.entropy, unsure.disagreement)
    with project.writing():
        write_prediction(project.case_folder(case) / PREDICTION, prediction, project.stack(case), info)
        project.log_action("predict", case=case, model=model, sha256=sha256)


def _chosen(project: Project, model: str | None) -> str:
    if model is not None:
        return project.state.model(model).name
    current = project.state.current_model
    if current is None:
        raise ScarNetError("The project has no model yet; add one first.")
    return current.name


def _part(progress: Progress, number: int, cases: int, case: str, start: int, share: int) -> Progress:
    """Turn the progress of one case's part, of so many percent, into that of all cases."""

    def tell(done: int, total: int, what: str) -> None:
        within = start + share * done // max(total, 1)
        progress(100 * number + within, 100 * cases, f"Predicting {case}")

    return tell
