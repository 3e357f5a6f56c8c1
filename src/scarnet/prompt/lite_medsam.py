"""LiteMedSAM with a box prompt: the official encoder, prompt encoder and mask decoder.

Method and weights: Ma et al., "Segment anything in medical images", Nature Communications 2024;15:654, and its
LiteMedSAM release (TinyViT encoder on 256 × 256). Prompt encoder and mask decoder: Kirillov et al., "Segment anything",
ICCV 2023, from the package segment-anything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scarnet.errors import ScarNetError
from scarnet.network.folding import fold_batch_norms
from scarnet.network.sam_modeling import load_sam_modeling
from scarnet.network.tiny_vit import TinyViT
from scarnet.prompt.weights import check_weights

__all__ = ["Embedding", "LiteMedSAM"]

_SIDE = 256
# What medical images are clipped to before their intensities are stretched, as in the release's own preprocessing.
_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the encoder makes of one slice; any number of boxes can be asked of it.

    Attributes
    ----------
    features : Tensor
        The encoder's output, (1, 256, 64, 64).
    shape : tuple of int
        The slice's size in voxels, (Y, X).
    scaled : tuple of int
        Its size on the encoder's 256 × 256 grid, where it lies in the upper left.
    """

    features: Tensor
    shape: tuple[int, int]
    scaled: tuple[int, int]


class LiteMedSAM(nn.Module):
    """The three parts, with random weights; :meth:`load` gives the official ones."""

    def __init__(self) -> None:
        super().__init__()
        sam: Any = load_sam_modeling()
        self.image_encoder = TinyViT()
        self.prompt_encoder = sam.PromptEncoder(
            embed_dim=256, image_embedding_size=(_SIDE // 4,) * 2, input_image_size=(_SIDE, _SIDE), mask_in_chans=16
        )
        transformer = sam.TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8)
        self.mask_decoder = sam.MaskDecoder(transformer_dim=256, transformer=transformer, num_multimask_outputs=3)
        self.eval()

    @classmethod
    def load(cls, path: Path | str) -> "LiteMedSAM":
        """Load the official checkpoint.

        Parameters
        ----------
        path : Path or str
            ``lite_medsam.pth``; its sha256 is checked first, and nothing in it is run.

        Returns
        -------
        LiteMedSAM
            On the CPU, in evaluation mode.

        Raises
        ------
        ScarNetError
            The file cannot be read or is another one.
        """
        path = check_weights(path)
        model = cls()
        try:
            model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
        except Exception as error:
            raise ScarNetError(f"LiteMedSAM's weights in {path.name} cannot be loaded: {error}") from error
        model.image_encoder = fold_batch_norms(model.image_encoder)
        return model

    @torch.inference_mode()
    def embed(self, image: npt.ArrayLike, spacing_mm: tuple[float, float] = (1.0, 1.0)) -> Embedding:
        """Encode a slice, which is what takes the time.

        Parameters
        ----------
        image : array_like, shape (Y, X)
            Intensities.
        spacing_mm : tuple of float
            Pixel spacing (y, x) in mm; pixels are made square, as the network knows them.

        Returns
        -------
        Embedding
            To ask boxes of.
        """
        pixels = np.asarray(image, dtype=np.float32)
        low, high = (float(value) for value in np.percentile(pixels, _PERCENTILES))
        grey = torch.from_numpy(np.clip((pixels - low) / max(high - low, 1e-8), 0, 1))
        size_mm = np.array(pixels.shape) * spacing_mm
        rows, columns = np.maximum(np.round(size_mm / size_mm.max() * _SIDE), 1).astype(int).tolist()
        small = F.interpolate(grey[None, None], (rows, columns), mode="bilinear", align_corners=False, antialias=True)
        padded = F.pad(small, (0, _SIDE - columns, 0, _SIDE - rows))
        # In 32 bits: bfloat16 would halve the time, but move outlines, and differently from one computer to the next.
        features = self.image_encoder(padded.expand(-1, 3, -1, -1))
        return Embedding(features, (pixels.shape[0], pixels.shape[1]), (rows, columns))

    @torch.inference_mode()
    def segment(self, embedding: Embedding, box: tuple[float, float, float, float]) -> npt.NDArray[np.bool_]:
        """Give the mask of what lies in a box.

        Parameters
        ----------
        embedding : Embedding
            The slice.
        box : tuple of float
            (y0, x0, y1, x1) in voxels of the slice, where voxel i reaches from i − 0.5 to i + 0.5.

        Returns
        -------
        ndarray of bool, shape (Y, X)
            The mask.

        Raises
        ------
        ScarNetError
            The box is empty or outside the slice.
        """
        corners = np.array(box, dtype=float).reshape(2, 2)
        corners = np.stack([corners.min(axis=0), corners.max(axis=0)]) + 0.5
        corners = np.clip(corners, 0, embedding.shape)
        if (corners[1] - corners[0] < 1).any():
            raise ScarNetError("The box is empty or lies outside the slice; draw it around what is to be segmented.")
        corners *= np.array(embedding.scaled) / embedding.shape
        xyxy = torch.tensor(corners[:, ::-1].reshape(1, 1, 4).copy(), dtype=torch.float32)
        sparse, dense = self.prompt_encoder(points=None, boxes=xyxy, masks=None)
        logits, _ = self.mask_decoder(
            image_embeddings=embedding.features,
            image_pe=self.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        rows, columns = embedding.scaled
        logits = F.interpolate(logits[..., :rows, :columns], embedding.shape, mode="bilinear", align_corners=False)
        return np.asarray(logits[0, 0].numpy() > 0)
