"""Window attention of both encoders, in a plain form and in one that spends nothing on padding.

The encoders cut a grid of tokens into square windows and pad the bottom and right edges up to whole windows. Padding
tokens are all alike, so the keys and values they contribute to one window are copies of one constant pair, and what
their queries give is thrown away. The fast form therefore runs on the true tokens alone: windows are grouped by how
many true tokens they hold, and all padding of a window becomes a single extra key whose position bias is the
log-sum-exp of the biases of the padded positions. This gives the plain form's result up to rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LayerNorm2d", "WindowGroup", "grouped_attention", "join_windows", "split_windows", "window_groups"]

# Takes queries (N, heads, h * w, d), h and w; gives additive logits that broadcast to (N, heads, h * w, keys).
PositionBias = Callable[[Tensor, int, int], Tensor]


class LayerNorm2d(torch.nn.Module):
    """Layer normalisation over the channels of a (B, C, H, W) map, as in segment-anything's neck.

    Parameters
    ----------
    channels : int
        Number of channels.
    eps : float
        Added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(channels))
        self.bias = torch.nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every pixel over its channels.

        Parameters
        ----------
        x : Tensor
            Map (B, C, H, W).

        Returns
        -------
        Tensor
            Map of the same shape.
        """
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class WindowGroup:
    """A block of a grid of tokens made of windows that hold equally many true tokens.

    Attributes
    ----------
    top, left : int
        First row and column of the block.
    rows, columns : int
        Number of windows downwards and to the right.
    height, width : int
        True tokens of each window.
    """

    top: int
    left: int
    rows: int
    columns: int
    height: int
    width: int


def _runs(length: int, window: int) -> list[tuple[int, int, int]]:
    """Give (start, number of windows, true tokens) of the whole windows along an axis, then of the cut one."""
    whole, rest = divmod(length, window)
    runs = [(0, whole, window), (whole * window, 1, rest)]
    return [run for run in runs if run[1] and run[2]]


def window_groups(height: int, width: int, window: int) -> list[list[WindowGroup]]:
    """Cut a grid of tokens into at most 2 x 2 blocks of equal windows.

    Parameters
    ----------
    height, width : int
        Size of the grid in tokens.
    window : int
        Side of a window in tokens.

    Returns
    -------
    list of list of WindowGroup
        Blocks from top to bottom, within them from left to right: full windows, right edge, bottom edge, corner.
    """
    return [
        [WindowGroup(top, left, rows, columns, h, w) for left, columns, w in _runs(width, window)]
        for top, rows, h in _runs(height, window)
    ]


def split_windows(x: Tensor, height: int, width: int) -> Tensor:
    """Cut a grid of tokens into windows.

    Parameters
    ----------
    x : Tensor
        Tokens (B, H, W, C), H a multiple of `height` and W of `width`.
    height, width : int
        Size of a window in tokens.

    Returns
    -------
    Tensor
        Windows (B * number of windows, height, width, C).
    """
    b, h, w, c = x.shape
    x = x.reshape(b, h // height, height, w // width, width, c)
    return x.transpose(2, 3).reshape(-1, height, width, c)


def join_windows(windows: Tensor, rows: int, columns: int) -> Tensor:
    """Put windows back into a grid of tokens; the inverse of :func:`split_windows`.

    Parameters
    ----------
    windows : Tensor
        Windows (B * rows * columns, h, w, C).
    rows, columns : int
        Number of windows downwards and to the right.

    Returns
    -------
    Tensor
        Tokens (B, rows * h, columns * w, C).
    """
    _, h, w, c = windows.shape
    x = windows.reshape(-1, rows, columns, h, w, c)
    return x.transpose(2, 3).reshape(-1, rows * h, columns * w, c)


def grouped_attention(
    qkv: Tensor,
    split_heads: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]],
    window: int,
    bias: PositionBias,
    padding_qkv: Tensor | None = None,
) -> Tensor:
    """Attend within windows, on true tokens only.

    Parameters
    ----------
    qkv : Tensor
        Projected true tokens (B, H, W, 3 C).
    split_heads : callable
        Takes (N, L, 3 C) and gives queries, keys and values, each (N, heads, L, d).
    window : int
        Side of a window in tokens.
    bias : callable
        Gives the position bias of a window of h x w true tokens, (N or 1, heads, h * w, h * w), with one more key at
        the end if the window has padding: the log-sum-exp of the biases of all its padded positions.
    padding_qkv : Tensor, optional
        What the projection makes of a padding token, (3 C,); not needed if nothing is padded.

    Returns
    -------
    Tensor
        Attended tokens (B, H, W, C), heads joined, before the output projection.
    """
    _, height, width, _ = qkv.shape
    blocks = []
    for line in window_groups(height, width, window):
        parts = []
        for group in line:
            h, w = group.height, group.width
            region = qkv[:, group.top : group.top + group.rows * h, group.left : group.left + group.columns * w]
            q, k, v = split_heads(split_windows(region, h, w).flatten(1, 2))
            logits = bias(q, h, w)
            if h * w < window * window:
                if padding_qkv is None:
                    raise ValueError("A grid that is not made of whole windows needs the projection of its padding.")
                _, padding_k, padding_v = split_heads(padding_qkv.to(qkv.dtype)[None, None])
                k = torch.cat([k, padding_k.expand(k.shape[0], -1, -1, -1)], dim=2)
                v = torch.cat([v, padding_v.expand(v.shape[0], -1, -1, -1)], dim=2)
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=logits.to(q.dtype))
            parts.append(join_windows(out.transpose(1, 2).flatten(2).unflatten(1, (h, w)), group.rows, group.columns))
        blocks.append(torch.cat(parts, dim=2))
    return torch.cat(blocks, dim=1)
