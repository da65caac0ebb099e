"""The described split against what probability says of it."""

import numpy as np
import pytest
from scipy import stats

from chexnomaly.datasets.sources import packaged
from chexnomaly.studies.annotations import published_split as ps


def test_a_scan_listed_k_times_lands_in_the_test_part_with_a_tenth_to_the_k():
    times = np.repeat([1, 2, 3], 20_000)
    entries = np.repeat(np.arange(len(times)), times)
    first, last = ps.first_parts(entries, len(times), seed=0)
    for k in (1, 2, 3):
        own = times == k
        for found, expected in (
            (first[own] == 2, 0.1**k),
            (first[own] == 0, 1 - 0.2**k),
            (last[own] == 2, 1 - 0.9**k),
        ):
            p = stats.binomtest(int(found.sum()), int(own.sum()), expected).pvalue
            assert p > 1e-4, (k, expected)


def test_parts_have_the_sizes_of_the_cut():
    first, last = ps.first_parts(np.arange(1000), 1000, seed=1)
    assert (first == last).all()
    assert np.bincount(first).tolist() == [800, 100, 100]


def test_a_specialized_list_is_balanced_and_cut():
    positives, normals = np.arange(50), np.arange(50, 500)
    training = ps.specialized_training(positives, normals, 0)
    assert len(set(training)) == len(training) == 80
    everything = set(positives) | set(normals)
    assert set(training) <= everything
    assert 30 <= (training < 50).sum() <= 50


def test_a_set_whose_scans_have_one_finding_does_not_repeat(squares):
    found = ps.simulate(squares.findings, range(5))
    assert found["repeated_share"]["value"] == 0
    total = found["test_abnormal"]["value"] + found["test_normal"]["value"]
    assert total == pytest.approx(4)  # a tenth of 40
    assert found["test_abnormal"]["n"] == 5


def test_the_real_table_keeps_the_positives_that_chance_leaves_it():
    real = packaged.read_vindr()
    if real is None:
        pytest.skip("the annotation package is not installed")
    findings = real[0]
    drawn = findings[findings.finding != "no_finding"]
    k = drawn.groupby("image_id").finding.nunique()
    found = ps.simulate(findings, range(30))["test_abnormal"]
    assert found["low"] < (0.1**k).sum() < found["high"]
