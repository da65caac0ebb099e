"""CheX-Nomaly: a base that never changes, and the shapes at the fusion."""

import pytest
import torch

from chexnomaly.models.chexnomaly import (
    CheXNomaly,
    JoiningUNet,
    code_to_map,
    in_channels,
    normalize,
)
from chexnomaly.models.frozen import Frozen
from chexnomaly.models.siamese import CNNBase, UNetBase
from chexnomaly.models.unet import UNet

SMALL = {"base_channels": 4, "depth": 3, "batch_norm": True}
BASES = {"cnn": CNNBase, "unet": UNetBase}


def network(kind: str = "unet", fusion: str = "only") -> CheXNomaly:
    torch.manual_seed(0)
    kind_of = JoiningUNet if fusion == "bottleneck" else UNet
    unet = kind_of(in_channels(fusion), **SMALL)
    return CheXNomaly(BASES[kind](**SMALL), unet, fusion)


def count(parameters) -> int:
    return sum(p.numel() for p in parameters)


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("fusion", ["only", "concat", "bottleneck"])
@pytest.mark.parametrize("size", [(32, 32), (17, 30)])
def test_logits_have_the_size_of_the_image(kind, fusion, size):
    assert network(kind, fusion)(torch.rand(2, 1, *size)).shape == (2, 1, *size)


def test_concatenation_adds_one_input_channel():
    only, concat = (network(fusion=f) for f in ("only", "concat"))
    # 3 x 3 weights from one more channel to 4.
    assert count(concat.parameters()) - count(only.parameters()) == 3 * 3 * 4


@pytest.mark.parametrize("kind", BASES)
def test_only_the_unet_can_be_trained(kind):
    model = network(kind)
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert count(trainable) == count(model.unet.parameters())
    frozen = count(model.parameters()) - count(trainable)
    assert frozen == count(BASES[kind](**SMALL).parameters())


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("fusion", ["only", "concat", "bottleneck"])
def test_training_leaves_the_base_bit_identical(kind, fusion):
    model = network(kind, fusion).train()
    before = {n: t.clone() for n, t in model.base.state_dict().items()}
    assert any("running_mean" in name for name in before)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.rand(4, 1, 16, 16)).square().sum().backward()
        optimizer.step()
    after = model.base.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(p.grad.abs().sum() > 0 for p in model.unet.parameters())
    assert all(p.grad is None for p in model.base.parameters())


def test_a_frozen_network_stays_in_evaluation_mode():
    model = network().train()
    assert model.unet.training
    assert not any(module.training for module in model.base.modules())
    frozen = Frozen(UNet(**SMALL))
    image = torch.rand(2, 1, 16, 16, requires_grad=True)
    assert not frozen.train()(image).requires_grad


@pytest.mark.parametrize("kind", BASES)
def test_without_the_image_only_the_features_matter(kind):
    model = network(kind).eval()
    image = torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(model(image), model.unet(model.features(image)))


def test_concatenation_sees_the_image_and_the_features():
    model = network(fusion="concat").eval()
    image = torch.rand(2, 1, 16, 16)
    seen = torch.cat([image, model.features(image)], dim=1)
    torch.testing.assert_close(model(image), model.unet(seen))


@pytest.mark.parametrize(
    ("n", "shape"),
    [(128, (8, 16)), (32, (4, 8)), (8, (2, 4)), (16, (4, 4)), (7, (1, 7))],
)
def test_a_code_becomes_a_map_row_by_row(n, shape):
    code = torch.arange(2.0 * n).view(2, n)
    found = code_to_map(code)
    assert found.shape == (2, 1, *shape)
    assert torch.equal(found.flatten(1), code)


def test_the_code_is_raised_to_the_image():
    model = network("cnn").eval()
    image = torch.rand(1, 1, 32, 64)
    code = model.base(image)
    features = model.features(image)
    assert features.shape == image.shape
    # Four pixels stand for one number each way: the middle of a 4 x 4 block is near it.
    coarse = torch.nn.functional.avg_pool2d(features, 4)[0, 0]
    expected = normalize(code_to_map(code))[0, 0]
    assert torch.corrcoef(torch.stack([coarse.ravel(), expected.ravel()]))[0, 1] > 0.9


def test_features_are_stretched_like_an_image():
    features = torch.tensor([[-2.0, 0.0], [2.0, 6.0]]).view(1, 1, 2, 2)
    expected = torch.tensor([[0.0, 0.25], [0.5, 1.0]])
    torch.testing.assert_close(normalize(features)[0, 0], expected)
    assert normalize(torch.full((1, 1, 2, 2), 3.0)).eq(0).all()


def test_an_unknown_fusion_is_refused():
    with pytest.raises(ValueError, match="'sum'"):
        CheXNomaly(UNetBase(**SMALL), UNet(**SMALL), "sum")


def test_features_that_join_below_change_the_mask():
    model = network(fusion="bottleneck").eval()
    image = torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        before = model(image)
        model.unet.join.weight[:, -1] += 1.0
        assert not torch.equal(before, model(image))
    # one weight from the features' channel to each of the lowest level's
    assert model.unet.join.weight.shape[:2] == (16, 17)


def test_an_unknown_half_is_refused():
    with pytest.raises(ValueError, match="frozen 'decoder'"):
        CheXNomaly(UNetBase(**SMALL), UNet(**SMALL), frozen="decoder")
