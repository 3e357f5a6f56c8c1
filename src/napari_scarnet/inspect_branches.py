"""Computing the branches' own logits for a prediction that came without them."""

from collections.abc import Callable
from dataclasses import replace

from napari_scarnet.engine import Engine, SegmentSettings
from scarnet.errors import ScarNetError
from scarnet.predict.prediction import Prediction
from scarnet.progress import Progress
from scarnet.stack import LGEStack

__all__ = ["branch_work"]


def branch_work(stack: LGEStack, prediction: Prediction) -> Callable[[Progress], Prediction]:
    """Give the work that adds the branches' logits to a prediction, for a thread.

    Parameters
    ----------
    stack : LGEStack
        The study.
    prediction : Prediction
        Its prediction.

    Returns
    -------
    callable
        Takes a progress callback; gives the same prediction with ``branch_logits``. It raises ScarNetError where
        the weights that made the prediction are no longer among the models.
    """

    def work(progress: Progress) -> Prediction:
        engine = Engine()
        entry = next((one for one in engine.list_models() if one.sha256 == prediction.model_sha256), None)
        if entry is None:
            raise ScarNetError(
                f"{prediction.case}: the model {prediction.card.name} that made this prediction is no longer here; "
                "segment again with a model that is."
            )
        settings = SegmentSettings(model=str(entry.path), branches=True)
        new = engine.predict(stack, prediction.slices, settings, None, progress).prediction
        return replace(prediction, branch_logits=new.branch_logits)

    return work
