"""What the network says about a stack, on the stack's own grid."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scarnet.models.card import ModelCard

__all__ = ["Prediction"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Logits, probabilities and labels of a stack.

    Attributes
    ----------
    logits : ndarray of float32, shape (C, Z, Y, X)
        The fused output before softmax, brought back to the stack's grid. Post-processing never touches it.
    probabilities : ndarray of float32, shape (C, Z, Y, X)
        Softmax of the logits.
    labels : ndarray of uint8, shape (Z, Y, X)
        Class of each voxel, post-processed if that was asked for.
    branch_logits : dict of str to ndarray of float32, shape (C, Z, Y, X)
        Each branch's own logits, ``"medsam"`` and ``"unet"``; empty unless asked for.
    slices : tuple of int
        The slices that were predicted; the others hold :data:`scarnet.predict.OUTSIDE_LOGITS`.
    window : tuple of int
        The part of each slice the network looked at, (y0, y1, x0, x1) in voxels, clipped to the image; outside
        it the logits are :data:`scarnet.predict.OUTSIDE_LOGITS` (surely background), not computed.
    card : ModelCard
        The model's card.
    model_sha256 : str
        Digest of the weights file.
    case : str
        The stack's case name.
    device : str
        Where it ran: ``"cuda"``, ``"mps"`` or ``"cpu"``.
    seconds : float
        Wall time of the prediction.
    postprocessed : bool
        Whether the labels were cleaned.
    smallest_scar_voxels : int
        Connected scar of fewer voxels is dropped in cleaning, as the model's card asks, once the whole stack was
        predicted: a slice alone does not tell a small scar from the end of a large one.
    notices : tuple of str
        What went differently than asked for, such as running out of memory. One sentence each.
    """

    logits: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    slices: tuple[int, ...]
    window: tuple[int, int, int, int]
    card: ModelCard
    model_sha256: str
    case: str
    device: str
    seconds: float
    branch_logits: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    postprocessed: bool = True
    smallest_scar_voxels: int = 0
    notices: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every slice of the stack was predicted."""
        return len(self.slices) == self.labels.shape[0]
