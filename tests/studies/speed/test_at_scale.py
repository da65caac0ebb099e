"""Arithmetic of a million radiographs, by pencil: their store is half a terabyte."""

import pytest

from chexnomaly.studies.speed.at_scale import needs


def test_costs_are_multiplied_and_what_was_not_measured_stays_open():
    table = needs(1_000_000, file_mib=12.0, core_seconds=0.9, operations=10**12)
    assert table["source_tb"] == pytest.approx(12.582912)
    assert table["store_tb"] == pytest.approx(0.524288)
    assert table["core_hours"] == pytest.approx(250)
    assert table["exa_operations"] == pytest.approx(12)
    assert table["gpu_hours"] is None


def test_hours_of_a_gpu_follow_from_a_measured_rate():
    table = needs(3_600, 1.0, 1.0, 1, gpu_images_per_s=12.0)
    assert table["gpu_hours"] == pytest.approx(1.0)
