"""Self-attention at the bottleneck: who sees whom, and what it costs."""

import pytest
import torch

from chexnomaly.models.self_attention import BottleneckAttentionUNet, SelfAttention
from chexnomaly.models.unet import UNet

SMALL = {"base_channels": 4, "depth": 3, "batch_norm": True}


def count(model) -> int:
    return sum(p.numel() for p in model.parameters())


def test_every_position_sees_every_other():
    torch.manual_seed(0)
    block = SelfAttention(8).eval()
    x = torch.rand(1, 8, 3, 5, requires_grad=True)
    block(x)[0, :, 0, 0].square().sum().backward()
    assert (x.grad.abs().sum(dim=1) > 0).all()


def test_the_block_does_not_mind_the_order_of_positions():
    torch.manual_seed(0)
    block = SelfAttention(8).eval()
    x = torch.rand(1, 8, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(block(x.flip(-1)), block(x).flip(-1))


@pytest.mark.parametrize("size", [(32, 32), (17, 30)])
def test_logits_have_the_size_of_the_image(size):
    model = BottleneckAttentionUNet(**SMALL)
    assert model(torch.rand(2, 1, *size)).shape == (2, 1, *size)


def test_parameters_are_those_of_one_attention_block_more():
    n = 4 * 2**2  # channels of the lowest of three levels
    block = 4 * (n * n + n) + 2 * n  # queries, keys, values, output; the norm
    more = count(BottleneckAttentionUNet(**SMALL)) - count(UNet(**SMALL))
    assert more == block
