"""A build's numbers beside the spread of networks of a study; all made up here."""

import json

import numpy as np
import pandas as pd
import pytest

from chexnomaly.studies.live import beside_study


@pytest.fixture
def folders(tmp_path):
    """Give a build with one number, and a study of eight networks and of two."""
    values = np.random.default_rng(2).normal(0.3, 0.02, 8).round(4)
    rows = [("supermodel", 0, k, "ab" * 8, x) for k, x in enumerate(values)]
    rows += [("supermodel", 1, k, "cd" * 8, 0.9) for k in range(8)]  # another split
    rows += [("chexnomaly", 0, k, "ab" * 8, 0.3) for k in range(2)]  # too few
    table = pd.DataFrame(rows, columns=["arm", "fold", "seed", "split_hash", "iou_c"])
    table = table.assign(set="vindr_test", auc=np.nan)
    table["iou_c@operating"] = np.nan
    table.to_csv(tmp_path / "networks_phantoms.csv", index=False)

    def build(value):
        for system in ("supermodel", "chexnomaly"):
            result = {
                "schema": 1,
                "system": system,
                "set": "vindr_test",
                "profile": "demo",
                "notebook": "03_supermodels",
                "evidence": "phantom",
                "n": 9,
                "split_hash": "ab" * 32,
                "values": {
                    "iou_c": {"value": value, "low": None, "high": None, "n": 9}
                },
            }
            path = tmp_path / f"{system}__vindr_test.json"
            path.write_text(json.dumps(result))
        return beside_study(tmp_path, tmp_path), values

    return build


def test_a_number_is_held_against_where_one_more_network_would_lie(folders):
    table, values = folders(0.3)
    (row,) = table.itertuples()
    assert (row.system, row.quantity, row.networks) == ("supermodel", "iou_c", 8)
    # Student's reach for a ninth value, 2.365 at seven degrees of freedom
    reach = 2.3646 * np.std(values, ddof=1) * np.sqrt(9 / 8)
    assert row.low == pytest.approx(values.mean() - reach, abs=1e-5)
    assert row.high == pytest.approx(values.mean() + reach, abs=1e-5)
    assert not row.outside


@pytest.mark.parametrize("value", [0.2, 0.4])
def test_a_number_outside_is_told(folders, value):
    table, _ = folders(value)
    assert table["outside"].tolist() == [True]
