"""Batch normalisation folded into convolutions."""

import pytest
import torch
from torch import nn

from scarnet.network.config import ScarNetConfig
from scarnet.network.folding import fold_batch_norms
from scarnet.network.scarnet import ScarNet


@pytest.mark.parametrize("encoder", ["lite", "vit_b"])
def test_the_output_stays_and_no_batch_norm_is_left(encoder: str) -> None:
    torch.manual_seed(0)
    network = ScarNet(ScarNetConfig(encoder=encoder, unet_width=8, grid=64, localiser_width=8))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    network.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded = fold_batch_norms(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    image = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        for ours, theirs in zip(folded(image), network(image), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(folded.localiser(image), network.localiser(image), atol=1e-4, rtol=1e-4)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=0, rtol=0, msg=name)
