"""Twins: shared weights, the distance, the head, sizes and gradients."""

import numpy as np
import pytest
import torch

from chexnomaly.models.siamese import (
    CNNBase,
    FilmClassifier,
    SiameseNetwork,
    UNetBase,
    rms_distance,
)
from chexnomaly.models.unet import UNet

SMALL = {"base_channels": 4, "depth": 3}
FEATURES = {"cnn": 128, "unet": 16 * 16}


def twins(kind: str, **block) -> SiameseNetwork:
    torch.manual_seed(0)
    base = CNNBase(**SMALL, **block) if kind == "cnn" else UNetBase(**SMALL, **block)
    return SiameseNetwork(base, FEATURES[kind])


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(3, 1, 16, 16), torch.rand(3, 1, 16, 16)


def conv(a: int, b: int, k: int = 3) -> int:
    """Weights and biases of a k x k convolution from a to b channels."""
    return a * b * k * k + b


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_cnn_base_is_the_encoder_and_a_dense_layer_of_128():
    encoder = conv(1, 4) + conv(4, 4)
    encoder += conv(4, 8) + conv(8, 8) + conv(8, 16) + conv(16, 16)
    assert count(CNNBase(**SMALL)) == encoder + 2 * 16 * 128 + 128
    # The same encoder as the U-Net's: stem and steps down, name by name.
    own = {n: p.shape for n, p in CNNBase(**SMALL).named_parameters() if n[:2] != "de"}
    unet = dict(UNet(**SMALL).named_parameters())
    assert own == {n: unet[n].shape for n in unet if n.startswith(("stem", "downs"))}


def test_the_papers_cnn_base_has_19_million_parameters():
    widths = [1, 64, 128, 256, 512, 1024]
    expected = 2 * 1024 * 128 + 128
    for k in range(5):
        expected += conv(widths[k], widths[k + 1]) + conv(widths[k + 1], widths[k + 1])
    with torch.device("meta"):
        assert count(CNNBase()) == expected == 19_104_320


def test_the_unet_base_has_half_the_width_and_a_level_fewer():
    assert count(UNetBase()) == count(UNet(base_channels=32, depth=4))
    # Widths 2 and 4, by hand: stem, down, up, head.
    expected = conv(1, 2) + conv(2, 2) + conv(2, 4) + conv(4, 4)
    expected += conv(4, 2) + conv(4, 2) + conv(2, 2) + conv(2, 1, k=1)
    assert count(UNetBase(**SMALL)) == expected


@pytest.mark.parametrize("kind", FEATURES)
def test_the_twins_share_one_set_of_parameters(kind):
    model = twins(kind)
    assert count(model) == count(model.base) + 2 * FEATURES[kind] + 1


@pytest.mark.parametrize("kind", FEATURES)
def test_a_pair_gives_a_logit_and_a_distance(kind):
    logits, distance = twins(kind)(*pairs())
    assert logits.shape == distance.shape == (3,)
    assert (distance > 0).all()


@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("training", [True, False])
def test_swapping_the_images_swaps_nothing_in_the_distance(kind, training):
    model = twins(kind, batch_norm=True).train(training)
    first, second = pairs()
    there, back = model(first, second)[1], model(second, first)[1]
    torch.testing.assert_close(there, back)


def test_equal_images_are_at_the_smallest_distance():
    first, _ = pairs()
    _, distance = twins("unet").eval()(first, first)
    assert torch.allclose(distance, torch.tensor(1e-4), atol=1e-7)


def test_the_head_reads_both_outputs():
    model = twins("cnn").eval()
    first, second = pairs()
    one, other = model.base(first), model.base(second)
    weight, bias = model.head.weight[0], model.head.bias[0]
    expected = one @ weight[:128] + other @ weight[128:] + bias
    torch.testing.assert_close(model(first, second)[0], expected)


def test_the_distance_agrees_with_a_loop():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 7))
    expected = []
    for x, y in zip(first, second, strict=True):
        total = 0.0
        for a, b in zip(x, y, strict=True):
            total += (a - b) ** 2
        expected.append((total / 7 + 1e-8) ** 0.5)
    found = rms_distance(torch.tensor(first), torch.tensor(second))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_the_distance_does_not_grow_with_the_number_of_features():
    for n in (8, 128, 4096):
        apart = rms_distance(torch.full((1, n), 3.0), torch.ones(1, n))
        assert apart.item() == pytest.approx(2.0)


def test_the_distance_of_equal_features_has_a_finite_gradient():
    features = torch.ones(1, 4, requires_grad=True)
    rms_distance(features, torch.ones(1, 4)).sum().backward()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("output", [0, 1])
def test_gradient_of_either_output_reaches_the_whole_base(kind, output):
    model = twins(kind, batch_norm=True)
    model(*pairs())[output].square().sum().backward()
    # A constant added to both outputs leaves their distance as it is.
    last = {"cnn": "dense.bias", "unet": "head.bias"}[kind]
    for name, p in model.base.named_parameters():
        reached = p.grad is not None and bool(p.grad.abs().sum() > 1e-12)
        assert reached or (output == 1 and name == last), name


def test_an_announced_number_of_features_that_is_wrong_is_refused():
    with pytest.raises(ValueError, match="expected 64 features of an image, got 256"):
        SiameseNetwork(UNetBase(**SMALL), 64)(*pairs())


@pytest.mark.parametrize("kind", FEATURES)
def test_a_classifier_of_one_film_is_the_base_under_one_weighted_sum(kind):
    base = twins(kind).base.eval()
    model = FilmClassifier(base, FEATURES[kind]).eval()
    film, other = pairs()
    outputs = base(film).detach().flatten(1).numpy()
    weights, bias = (p.detach().numpy() for p in model.head.parameters())
    expected = [(z * weights[0]).sum() + bias[0] for z in outputs]
    found = model(film).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(found, model(other).detach())
    model(film).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
