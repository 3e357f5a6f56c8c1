"""Resampling to the network's grid and back."""

import numpy as np
import pytest
import torch

from scarnet.predict.sampling import from_grid, grid_window, normalise, to_grid


def ramp(height: int, width: int, spacing_yx: tuple[float, float]) -> torch.Tensor:
    """An image whose value is its position: 2·y + 3·x in mm."""
    y = torch.arange(height)[:, None] * spacing_yx[0]
    x = torch.arange(width)[None] * spacing_yx[1]
    return (2 * y + 3 * x)[None, None].float()


@pytest.mark.parametrize(
    ("spacing_yx", "centre"), [((1.7, 0.9), (60.0, 90.5)), ((0.8, 1.4), (80.25, 70.0)), ((2.0, 2.0), (50.0, 50.0))]
)
def test_positions_are_exact_on_a_ramp(spacing_yx: tuple[float, float], centre: tuple[float, float]) -> None:
    grid, spacing = 32, 1.25
    seen = to_grid(ramp(120, 160, spacing_yx), spacing_yx, centre, grid, spacing)[0, 0]
    offset = (torch.arange(grid) - (grid - 1) / 2) * spacing
    expected = 2 * (centre[0] * spacing_yx[0] + offset[:, None]) + 3 * (centre[1] * spacing_yx[1] + offset[None])
    torch.testing.assert_close(seen, expected, atol=0.1, rtol=0)


def test_there_and_back_is_exact_on_a_ramp() -> None:
    spacing_yx, centre = (1.6, 0.85), (70.3, 81.7)
    native = ramp(130, 170, spacing_yx)
    on_grid = to_grid(native, spacing_yx, centre, 64, 1.25)
    back = from_grid(on_grid.repeat(1, 4, 1, 1), (130, 170), spacing_yx, centre, 1.25)
    y0, y1, x0, x1 = grid_window((130, 170), spacing_yx, centre, 64 * 1.25)
    # The outermost half grid pixel repeats its border.
    inside = np.s_[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2]
    assert back.shape == (1, 4, y1 - y0, x1 - x0)
    torch.testing.assert_close(back[0, 0, 2:-2, 2:-2], native[0, 0][inside], atol=0.1, rtol=0)


def test_going_coarser_averages_instead_of_skipping() -> None:
    checkers = (torch.arange(240)[:, None] + torch.arange(240)[None]).remainder(2).float()[None, None]
    seen = to_grid(checkers, (0.8, 0.8), (119.5, 119.5), 32, 4.0)
    torch.testing.assert_close(seen, torch.full_like(seen, 0.5), atol=0.05, rtol=0)


def test_a_transform_turns_the_view() -> None:
    image = ramp(101, 101, (1.0, 1.0))
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    plain = to_grid(image, (1.0, 1.0), (50.0, 50.0), 32, 1.0)
    turned = to_grid(image, (1.0, 1.0), (50.0, 50.0), 32, 1.0, quarter)
    torch.testing.assert_close(turned, plain.rot90(-1, (2, 3)), atol=1e-2, rtol=0)


def test_window_is_clipped_to_the_image_and_never_empty() -> None:
    assert grid_window((100, 80), (1.0, 1.0), (50.0, 40.0), 20.0) == (40, 61, 30, 51)
    assert grid_window((32, 32), (1.0, 1.0), (0.0, 31.0), 140.0) == (0, 32, 0, 32)


def test_normalise() -> None:
    images = torch.stack([torch.randn(1, 64, 64) * 40 + 300, torch.full((1, 64, 64), 128.0)])
    images[0, 0, 0, 0] = 1e6
    seen = normalise(images)
    assert float(seen.abs().max()) <= 5
    assert torch.count_nonzero(seen[1]) == 0
    plain = normalise(torch.randn(1, 1, 64, 64) * 7 - 3)
    assert float(plain.mean()) == pytest.approx(0, abs=1e-3)
    assert float(plain.std()) == pytest.approx(1, abs=2e-2)
