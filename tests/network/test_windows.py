import torch

from scarnet.network.windows import LayerNorm2d, join_windows, split_windows, window_groups


def test_groups_tile_the_grid_once():
    for height, width in [(16, 16), (14, 14), (28, 14), (5, 9), (14, 20), (64, 37)]:
        seen = torch.zeros(height, width)
        for line in window_groups(height, width, 14):
            for group in line:
                bottom, right = group.top + group.rows * group.height, group.left + group.columns * group.width
                seen[group.top : bottom, group.left : right] += 1
        assert torch.equal(seen, torch.ones(height, width)), (height, width)


def test_groups_of_a_16_grid_are_full_edges_and_corner():
    shapes = [(group.height, group.width) for line in window_groups(16, 16, 14) for group in line]
    assert shapes == [(14, 14), (14, 2), (2, 14), (2, 2)]


def test_windows_are_where_they_should_be_and_join_again():
    x = torch.arange(2 * 6 * 8 * 3).reshape(2, 6, 8, 3)
    windows = split_windows(x, 3, 4)
    assert windows.shape == (8, 3, 4, 3)
    assert torch.equal(windows[1], x[0, :3, 4:])
    assert torch.equal(windows[6], x[1, 3:, :4])
    assert torch.equal(join_windows(windows, 2, 2), x)


def test_layer_norm_of_maps_equals_segment_anythings():
    from scarnet.network.sam_modeling import load_sam_modeling

    torch.manual_seed(0)
    theirs = load_sam_modeling().image_encoder.LayerNorm2d(8)
    torch.nn.init.normal_(theirs.weight)
    torch.nn.init.normal_(theirs.bias)
    ours = LayerNorm2d(8)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 8, 5, 4)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-6, rtol=1e-6)
