"""Predicted maps: made once, near what was predicted, gone afterwards."""

import numpy as np
import torch

from chexnomaly.datasets.predicted import PredictedSet


class Halves:
    """Predicts the image and its half; counts the images it sees."""

    def __init__(self):
        self.seen = 0

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.seen += len(image)
        return torch.cat([image, image / 2], dim=1)


def test_items_are_maps_and_masks(squares, tmp_path):
    scans = squares.part("val")
    predicted = PredictedSet(scans, Halves(), tmp_path / "run", batch_size=4)
    assert len(predicted) == len(scans)
    for i in range(len(scans)):
        maps, mask = predicted[i]
        image, expected_mask = scans[i]
        assert maps.shape == (2, 32, 32) and maps.dtype == torch.float32
        np.testing.assert_allclose(maps[0], image[0], atol=0.5 / 255 + 1e-6)
        np.testing.assert_allclose(maps[1], image[0] / 2, atol=0.5 / 255 + 1e-6)
        assert torch.equal(mask, expected_mask)


def test_each_image_is_predicted_once_and_only_when_needed(squares, tmp_path):
    halves = Halves()
    predicted = PredictedSet(squares.part("val"), halves, tmp_path / "run")
    assert halves.seen == 0 and not (tmp_path / "run").exists()
    for _ in range(2):
        predicted[3]
    assert halves.seen == len(predicted)


def test_no_file_is_left_to_be_found(squares, tmp_path):
    predicted = PredictedSet(squares.part("val"), Halves(), tmp_path)
    predicted[0]
    assert not list(tmp_path.iterdir())
