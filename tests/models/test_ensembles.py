"""Ensembles: the maximum against NumPy, and what is frozen."""

import numpy as np
import pytest
import torch

from chexnomaly.models.ensembles import MaxEnsemble, ModelEnsemble
from chexnomaly.models.unet import UNet

SMALL = {"base_channels": 4, "depth": 3, "batch_norm": True}


def models(n: int) -> list[UNet]:
    torch.manual_seed(0)
    return [UNet(**SMALL).eval() for _ in range(n)]


def test_the_maximum_is_numpys():
    image = torch.rand(2, 1, 16, 16)
    parts = models(5)
    with torch.no_grad():
        probs = [torch.sigmoid(model(image)).numpy() for model in parts]
        found = torch.sigmoid(MaxEnsemble(parts)(image)).numpy()
    np.testing.assert_allclose(found, np.max(probs, axis=0), rtol=1e-6)


def test_the_maximum_of_one_model_is_that_model():
    image = torch.rand(1, 1, 16, 16)
    (model,) = models(1)
    assert torch.equal(MaxEnsemble([model])(image), model(image))


def test_no_models_are_refused():
    with pytest.raises(ValueError, match="at least one model"):
        MaxEnsemble([])


def test_the_joining_unet_has_a_channel_for_each_of_14_models():
    ensemble = ModelEnsemble(models(14), UNet(14, **SMALL)).eval()
    image = torch.rand(2, 1, 16, 16)
    stack = ensemble.stack(image)
    assert stack.shape == (2, 14, 16, 16)
    assert (stack > 0).all() and (stack < 1).all()
    expected = torch.sigmoid(ensemble.models[3](image))
    torch.testing.assert_close(stack[:, 3:4], expected)
    torch.testing.assert_close(ensemble(image), ensemble.unet(stack))


def test_the_joining_unet_alone_is_trained():
    ensemble = ModelEnsemble(models(3), UNet(3, **SMALL)).train()
    before = {n: t.clone() for n, t in ensemble.models.state_dict().items()}
    optimizer = torch.optim.Adam(ensemble.parameters(), lr=0.1)
    ensemble(torch.rand(4, 1, 16, 16)).square().sum().backward()
    optimizer.step()
    after = ensemble.models.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(p.grad is not None for p in ensemble.unet.parameters())
    trainable = sum(p.numel() for p in ensemble.parameters() if p.requires_grad)
    assert trainable == sum(p.numel() for p in UNet(3, **SMALL).parameters())
