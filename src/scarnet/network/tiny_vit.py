"""TinyViT, the image encoder of LiteMedSAM, with that checkpoint's parameter names.

Architecture: Wu et al., "TinyViT: Fast Pretraining Distillation for Small Vision Transformers", ECCV 2022, as changed
by LiteMedSAM (Ma et al., "Segment anything in medical images", Nature Communications 2024, and its lite release): the
patch embedding keeps the full resolution, and the last down-sampling has a stride of 1, so that the output is a quarter
of the input's size.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scarnet.network.windows import LayerNorm2d, grouped_attention, join_windows, split_windows

__all__ = ["TinyViT"]


class _ConvNorm(nn.Module):
    """Convolution without bias, then batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.c(x))


class _PatchEmbed(nn.Module):
    """Two pixel-wise convolutions from the image's channels to the first stage's width."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(_ConvNorm(inputs, width // 2), nn.GELU(), _ConvNorm(width // 2, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.seq(x)


class _MBConv(nn.Module):
    """Inverted residual block: widen, 3x3 depthwise, narrow, add."""

    def __init__(self, width: int, expansion: int = 4) -> None:
        super().__init__()
        hidden = width * expansion
        self.conv1 = _ConvNorm(width, hidden)
        self.conv2 = _ConvNorm(hidden, hidden, kernel=3, groups=hidden)
        self.conv3 = _ConvNorm(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(y))


class _PatchMerging(nn.Module):
    """Change of width and resolution between two stages."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _ConvNorm(inputs, outputs)
        self.conv2 = _ConvNorm(outputs, outputs, kernel=3, stride=stride, groups=outputs)
        self.conv3 = _ConvNorm(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class _Attention(nn.Module):
    """Window attention with a learned bias for every absolute offset of rows and columns."""

    def __init__(self, width: int, heads: int, window: int, fast: bool) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.fast = fast
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, x: Tensor) -> Tensor:
        """Attend within the windows of x (B, H, W, C)."""
        return self._forward_fast(x) if self.fast else self._forward_plain(x)

    def _forward_fast(self, x: Tensor) -> Tensor:
        padded = x.shape[1] % self.window or x.shape[2] % self.window
        # A zero token leaves the normalisation as its bias.
        padding_qkv = F.linear(self.norm.bias, self.qkv.weight, self.qkv.bias) if padded else None
        table = self._bias_table()

        def bias(q: Tensor, h: int, w: int) -> Tensor:
            rows = table[:, :h, :w].flatten(1, 2)
            true = rows[:, :, :h, :w].flatten(2)
            if h * w == self.window**2:
                return true[None]
            below, right = rows[:, :, h:].flatten(2), rows[:, :, :h, w:].flatten(2)
            return torch.cat([true, torch.cat([below, right], 2).logsumexp(2, keepdim=True)], 2)[None]

        qkv = self.qkv(self.norm(x))
        return self.proj(grouped_attention(qkv, self._split_heads, self.window, bias, padding_qkv))

    def _forward_plain(self, x: Tensor) -> Tensor:
        _, height, width, _ = x.shape
        n = self.window
        x = F.pad(x, (0, 0, 0, -width % n, 0, -height % n))
        rows, columns = x.shape[1] // n, x.shape[2] // n
        q, k, v = self._split_heads(self.qkv(self.norm(split_windows(x, n, n).flatten(1, 2))))
        logits = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5 + self._bias_table().flatten(1, 2).flatten(2)
        out = self.proj((logits.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2))
        return join_windows(out.unflatten(1, (n, n)), rows, columns)[:, :height, :width]

    def _split_heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = qkv.unflatten(-1, (self.heads, -1)).transpose(1, 2).chunk(3, dim=-1)
        return q, k, v

    def _bias_table(self) -> Tensor:
        """Give the bias (heads, query row, query column, key row, key column)."""
        n = self.window
        position = torch.arange(n, device=self.attention_biases.device)
        offset = (position[:, None] - position[None]).abs()
        return self.attention_biases.view(-1, n, n)[:, offset[:, None, :, None], offset[None, :, None, :]]


class _Mlp(nn.Module):
    """Token-wise perceptron with its normalisation in front."""

    def __init__(self, width: int, expansion: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * expansion)
        self.fc2 = nn.Linear(width * expansion, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class _Block(nn.Module):
    """Window attention, 3x3 depthwise convolution, perceptron."""

    def __init__(self, width: int, heads: int, window: int, fast: bool) -> None:
        super().__init__()
        self.attn = _Attention(width, heads, window, fast)
        self.local_conv = _ConvNorm(width, width, kernel=3, groups=width)
        self.mlp = _Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.permute(0, 2, 3, 1)
        tokens = tokens + self.attn(tokens)
        tokens = self.local_conv(tokens.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return (tokens + self.mlp(tokens)).permute(0, 3, 1, 2)


class _Stage(nn.Module):
    """Blocks of one width, then the change to the next one's."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class TinyViT(nn.Module):
    """LiteMedSAM's image encoder.

    Parameters
    ----------
    widths, depths, heads, windows : sequence of int
        Channels, number of blocks, attention heads and window side in tokens of the four stages; the first stage is
        convolutional and uses neither heads nor windows.
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

    stride = 4

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 160, 320),
        depths: Sequence[int] = (2, 2, 6, 2),
        heads: Sequence[int] = (2, 4, 5, 10),
        windows: Sequence[int] = (7, 7, 14, 7),
        out_channels: int = 256,
        fast: bool = True,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.patch_embed = _PatchEmbed(3, widths[0])
        steps = [_PatchMerging(a, b, s) for a, b, s in zip(widths[:-1], widths[1:], (2, 2, 1), strict=True)]
        self.layers = nn.ModuleList()
        for i, step in enumerate([*steps, None]):
            blocks: list[nn.Module] = [
                _Block(widths[i], heads[i], windows[i], fast) if i else _MBConv(widths[i]) for _ in range(depths[i])
            ]
            self.layers.append(_Stage(blocks, step))
        self.neck = nn.Sequential(
            nn.Conv2d(widths[-1], out_channels, 1, bias=False),
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
            Features (B, out_channels, H / 4, W / 4).
        """
        # Tokens are then contiguous in memory, which saves a third of the time on a CPU.
        x = self.patch_embed(x.contiguous(memory_format=torch.channels_last))
        for layer in self.layers:
            x = layer(x)
        return self.neck(x)
