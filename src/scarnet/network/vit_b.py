"""ViT-B, the image encoder of MedSAM, with segment-anything's parameter names.

Architecture: Kirillov et al., "Segment Anything", ICCV 2023, after Li et al., "Exploring plain vision transformer
backbones for object detection", ECCV 2022; weights: Ma et al., "Segment anything in medical images", Nature
Communications 2024. The position tables keep the size they were trained at and are interpolated to the grid of the
image at hand.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scarnet.network.windows import LayerNorm2d, grouped_attention, join_windows, split_windows

__all__ = ["VitB"]


class _Attention(nn.Module):
    """Attention within windows, or over the whole grid, with decomposed relative positions.

    The bias of a key is a number for its row's distance plus one for its column's, each the query's product with a
    learned vector for that distance.
    """

    def __init__(self, width: int, heads: int, table: int, window: int, fast: bool) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.fast = fast
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * table - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * table - 1, width // heads))

    def forward(self, x: Tensor) -> Tensor:
        """Attend within the windows of x (B, H, W, C), or over all of it where the window is 0."""
        _, height, width, _ = x.shape
        if self.fast and self.window:
            # Padding is zero when it comes to the projection.
            out = grouped_attention(self.qkv(x), self._split_heads, self.window, self._window_bias, self.qkv.bias)
            return self.proj(out)
        h, w = (self.window, self.window) if self.window else (height, width)
        x = F.pad(x, (0, 0, 0, -width % w, 0, -height % h))
        rows, columns = x.shape[1] // h, x.shape[2] // w
        q, k, v = self._split_heads(self.qkv(split_windows(x, h, w).flatten(1, 2)))
        row_bias, column_bias = self._line_biases(q, (h, w), (h, w))
        bias = (row_bias[..., :, None] + column_bias[..., None, :]).flatten(-2)
        if self.fast:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        else:
            logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5 + bias
            out = logits.softmax(-1).to(v.dtype) @ v
        out = self.proj(out.transpose(1, 2).flatten(2)).unflatten(1, (h, w))
        return join_windows(out, rows, columns)[:, :height, :width]

    def _window_bias(self, q: Tensor, h: int, w: int) -> Tensor:
        """Give the bias of h x w true keys of a window, then, if it has padding, of all padded keys together."""
        row_bias, column_bias = self._line_biases(q, (h, w), (self.window, self.window))
        true_rows, true_columns = row_bias[..., :h], column_bias[..., :w]
        bias = (true_rows[..., :, None] + true_columns[..., None, :]).flatten(-2)
        # Padded are the rows below with all their columns, and of the true rows the columns to the right.
        padded = []
        if h < self.window:
            padded.append(row_bias[..., h:].logsumexp(-1) + column_bias.logsumexp(-1))
        if w < self.window:
            padded.append(true_rows.logsumexp(-1) + column_bias[..., w:].logsumexp(-1))
        if not padded:
            return bias
        return torch.cat([bias, torch.stack(padded, -1).logsumexp(-1, keepdim=True)], -1)

    def _line_biases(self, q: Tensor, true: tuple[int, int], keys: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Give the biases (N, heads, L, key rows) and (N, heads, L, key columns) of a grid of `true` queries."""
        grid = q.unflatten(2, true)
        rows = torch.einsum("nhyxc,ykc->nhyxk", grid, _distances(self.rel_pos_h, keys[0])[: true[0]])
        columns = torch.einsum("nhyxc,xkc->nhyxk", grid, _distances(self.rel_pos_w, keys[1])[: true[1]])
        return rows.flatten(2, 3), columns.flatten(2, 3)

    def _split_heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v


def _distances(table: Tensor, length: int) -> Tensor:
    """Give the vectors (query, key, channel) of an axis of some length, stretching a table made for another length."""
    if table.shape[0] != 2 * length - 1:
        table = F.interpolate(table.T[None], size=2 * length - 1, mode="linear")[0].T
    position = torch.arange(length, device=table.device)
    return table[position[:, None] - position[None] + length - 1]


class _Mlp(nn.Module):
    """Token-wise perceptron."""

    def __init__(self, width: int, expansion: int = 4) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, width * expansion)
        self.lin2 = nn.Linear(width * expansion, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.gelu(self.lin1(x)))


class _Block(nn.Module):
    """Attention and perceptron, each on normalised tokens and added."""

    def __init__(self, width: int, heads: int, table: int, window: int, fast: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = _Attention(width, heads, table, window, fast)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class _PatchEmbed(nn.Module):
    """One token for every patch of 16 x 16 pixels."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).permute(0, 2, 3, 1)


class VitB(nn.Module):
    """MedSAM's image encoder.

    Parameters
    ----------
    width, depth, heads : int
        Channels of a token, number of blocks, attention heads.
    global_blocks : sequence of int
        Blocks that attend over the whole grid.
    window : int
        Window side in tokens of the other blocks.
    native_grid : int
        Side in tokens of the square grid that the position tables are made for.
    out_channels : int
        Channels of the output.
    fast : bool
        Skip the arithmetic on window padding that cannot change the result.

    Attributes
    ----------
    stride : int
        Pixels of the image that one pixel of the output stands for.
    out_channels : int
        Channels of the output.
    """

    stride = 16

    def __init__(
        self,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        global_blocks: Sequence[int] = (2, 5, 8, 11),
        window: int = 14,
        native_grid: int = 64,
        out_channels: int = 256,
        fast: bool = True,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.patch_embed = _PatchEmbed(width, self.stride)
        self.pos_embed = nn.Parameter(torch.zeros(1, native_grid, native_grid, width))
        self.blocks = nn.ModuleList(
            _Block(width, heads, *((native_grid, 0) if i in global_blocks else (window, window)), fast)
            for i in range(depth)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(width, out_channels, 1, bias=False),
            LayerNorm2d(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode images.

        Parameters
        ----------
        x : Tensor
            Images (B, 3, H, W) in [0, 1]; H and W are multiples of 16.

        Returns
        -------
        Tensor
            Features (B, out_channels, H / 16, W / 16).
        """
        x = self.patch_embed(x)
        x = x + self._positions(x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x)
        return self.neck(x.permute(0, 3, 1, 2))

    def _positions(self, height: int, width: int) -> Tensor:
        """Give the position table (1, height, width, C)."""
        if self.pos_embed.shape[1:3] == (height, width):
            return self.pos_embed
        table = self.pos_embed.permute(0, 3, 1, 2)
        return F.interpolate(table, size=(height, width), mode="bicubic").permute(0, 2, 3, 1)
