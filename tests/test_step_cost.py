"""What a training step costs is counted by pencil, and measured part by part."""

import importlib

import pytest
import torch

from tests.benchmarks import __path__ as FOLDERS


@pytest.fixture
def step_cost(monkeypatch):
    """Load the benchmark as its command does."""
    monkeypatch.syspath_prepend(list(FOLDERS)[0])
    return importlib.import_module("step_cost")


@pytest.fixture
def step_bytes(step_cost):
    """What the benchmarks count as bytes of a step."""
    return importlib.import_module("reporting").step_bytes


def test_operations_of_a_step_are_counted_by_pencil_for_one_convolution(step_cost):
    model = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    # Forward and the gradient of the weights: 2 x 3 x 5 x 9 operations per pixel each;
    # the image needs no gradient.
    assert step_cost.step_operations(model, (2, 3, 8, 8)) == 2 * (2 * 135 * 2 * 64)


def test_bytes_of_a_step_are_counted_by_pencil_for_one_convolution(step_bytes):
    model = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    # Image 2 x 3 x 64, weights 135, output 2 x 5 x 64; thrice, four bytes a number.
    assert step_bytes(model, (2, 3, 8, 8)) == 3 * 4 * (384 + 135 + 640)


def test_costs_are_measured_for_each_width_and_part(step_cost):
    sizes = step_cost.StepSizes((2,), 32, batch=2, depth=3, matrix=64, repeats=2)
    report = step_cost.measure_costs(sizes)
    part = report["unet"]["2"]
    assert set(part["seconds"]) == {"step", "step_from_store", "transform", "matrix"}
    assert part["operations"] > 0 and part["floor_s"] > 0


def test_maps_for_timing_have_blobs_of_which_some_overlap_the_threshold(step_cost):
    maps = step_cost.blobs(4, 64, torch.device("cpu"))
    share = (maps > 0.5).float().mean()
    assert 0.02 < share < 0.4
    assert maps.min() >= 0 and maps.max() <= 1
