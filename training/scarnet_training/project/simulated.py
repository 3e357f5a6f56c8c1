"""A simulated annotator, who knows the reference and accepts nothing else."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from scarnet.errors import ScarNetError
from scarnet.project import Project

__all__ = ["SimulatedAnnotator", "voxels_to_change"]

Labels = npt.NDArray[np.uint8]


class SimulatedAnnotator:
    """Corrects a case to its reference labels and accepts it.

    Parameters
    ----------
    references : Mapping of str to ndarray of uint8, shape (Z, Y, X)
        The reference labels by case.
    """

    def __init__(self, references: Mapping[str, Labels]) -> None:
        self.references = references

    def work_on(self, project: Project, case: str) -> int | None:
        """Correct and accept a case.

        Parameters
        ----------
        project : Project
            The project.
        case : str
            The case.

        Returns
        -------
        int or None
            How many voxels of its prediction had to change; None where it had none.

        Raises
        ------
        ScarNetError
            There is no reference for it.
        """
        if case not in self.references:
            raise ScarNetError(f"There is no reference for {case}, so nobody can be simulated who corrects it.")
        predicted = project.predicted_labels(case)
        project.save_labels(case, self.references[case], as_predicted=True)
        project.accept(case)
        return None if predicted is None else voxels_to_change(predicted, self.references[case])


def voxels_to_change(predicted: Labels, reference: Labels) -> int:
    """Count the voxels that somebody must relabel to turn a prediction into the reference.

    Parameters
    ----------
    predicted, reference : ndarray of uint8, shape (Z, Y, X)
        Labels of one study.

    Returns
    -------
    int
        Number of voxels of another class.
    """
    return int((predicted != reference).sum())
