"""The empty mask's error per finding."""

import numpy as np
import pytest

from chexnomaly.studies.annotations import balanced


def test_shares_by_hand(squares):
    shares = balanced.foreground_by_finding(squares.findings, 32)
    assert list(shares) == ["ild", "nodule_mass"]  # in the order of Table II
    # One square of 10 x 8 on each scan.
    assert np.concatenate(list(shares.values())) == pytest.approx(80 / 1024)
    errors = balanced.empty_errors(shares, draws=50)
    assert errors["ild"]["value"] == pytest.approx(40 / 1024, abs=1e-6)
    assert errors["ild"]["low"] == errors["ild"]["high"] == errors["ild"]["value"]
    assert errors["ild"]["n"] == 1  # a tenth of ten


def test_more_findings_widen_each_range():
    values = np.random.default_rng(0).random(200)
    alone = balanced.empty_errors({"ild": values})["ild"]
    many = {"ild": values} | {f"other{k}": values[:20] for k in range(13)}
    among = balanced.empty_errors(many)["ild"]
    assert among["value"] == alone["value"]
    assert among["low"] < alone["low"] and among["high"] > alone["high"]


def test_the_range_holds_for_all_findings_at_once():
    rng = np.random.default_rng(1)
    shares = {f"f{k}": rng.random(300) for k in range(14)}
    errors = balanced.empty_errors(shares)
    inside = 0
    for _ in range(400):
        means = {k: rng.choice(v, 30).mean() / 2 for k, v in shares.items()}
        inside += all(errors[k]["low"] <= means[k] <= errors[k]["high"] for k in shares)
    assert 0.92 < inside / 400 <= 1


def test_where_a_printed_error_lies():
    error = {"value": 0.03, "low": 0.02, "high": 0.04, "n": 10}
    places = [balanced.place_printed(x, error) for x in (0.01, 0.03, 0.05)]
    assert places == ["below", "within", "above"]
