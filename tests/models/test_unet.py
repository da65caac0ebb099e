"""The U-Net's shapes, sizes and gradients."""

import pytest
import torch

from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.blocks import AttentionGate
from chexnomaly.models.unet import UNet


def conv(a: int, b: int, k: int = 3) -> int:
    """Weights and biases of a k x k convolution from a to b channels."""
    return a * b * k * k + b


def hand_count(widths: list[int]) -> int:
    """Parameters of a U-Net: encoder, transposed convolutions, decoder, head."""
    total = conv(1, widths[0]) + conv(widths[0], widths[0])
    for a, b in zip(widths, widths[1:], strict=False):
        total += conv(a, b) + conv(b, b)
        total += conv(b, a) + conv(2 * a, a) + conv(a, a)
    return total + conv(widths[0], 1, k=1)


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("base", "depth"), [(64, 5), (32, 5), (4, 3)])
def test_parameter_count_equals_the_hand_calculation(base, depth):
    widths = [base * 2**k for k in range(depth)]
    assert count(UNet(base_channels=base, depth=depth)) == hand_count(widths)


def test_the_papers_width_has_34_5_million_parameters():
    # Two 3x3 convolutions per level and 3x3 transposed ones, biases included.
    assert hand_count([64, 128, 256, 512, 1024]) == 34_512_193


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 1), (5, 64)])
@pytest.mark.parametrize("kind", [UNet, AttentionUNet])
def test_logits_have_the_size_of_the_image(kind, size):
    model = kind(base_channels=2, depth=4)
    assert model(torch.rand(2, 1, *size)).shape == (2, 1, *size)


@pytest.mark.parametrize("kind", [UNet, AttentionUNet])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_gradient_reaches_every_parameter(kind, batch_norm):
    torch.manual_seed(0)
    model = kind(base_channels=4, depth=3, batch_norm=batch_norm)
    model(torch.rand(2, 1, 32, 32)).square().sum().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters()
    )


def test_in_and_out_channels():
    model = UNet(in_channels=14, out_channels=3, base_channels=2, depth=2)
    assert model(torch.rand(1, 14, 8, 8)).shape == (1, 3, 8, 8)


def test_one_convolution_per_level():
    model = UNet(base_channels=4, depth=2, convolutions=1)
    expected = conv(1, 4) + conv(4, 8) + conv(8, 4) + conv(8, 4) + conv(4, 1, k=1)
    assert count(model) == expected


def test_gates_add_their_own_parameters():
    plain, gated = (
        UNet(base_channels=4, depth=3),
        AttentionUNet(base_channels=4, depth=3),
    )
    gates = 0
    for skip, gating in ((4, 8), (8, 16)):
        inner = skip // 2
        gates += skip * inner + conv(gating, inner, k=1) + conv(inner, 1, k=1)
    assert count(gated) - count(plain) == gates


def test_a_gate_scales_the_skip_between_zero_and_one():
    gate = AttentionGate(4, 8)
    skip, gating = torch.rand(2, 4, 9, 9), torch.rand(2, 8, 5, 5)
    attention = gate.attention(skip, gating)
    assert attention.shape == (2, 1, 9, 9)
    assert (attention > 0).all() and (attention < 1).all()
    assert torch.allclose(gate(skip, gating), skip * attention)
