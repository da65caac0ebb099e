"""Films of Fig. 14: who is drawn is fixed before any prediction."""

import numpy as np

from chexnomaly.datasets.sampling import specialized_part
from chexnomaly.figures.predictions import (
    Example,
    choose_abnormal,
    figure_14,
)


def test_the_scan_of_figure_14_follows_the_seed_and_shows_the_finding(squares):
    scans = specialized_part(squares, "train", "ild")
    ill = {i for i, has in zip(scans.ids, scans.is_abnormal(), strict=True) if has}
    chosen = [tuple(choose_abnormal(scans, seed)) for seed in range(20)]
    assert chosen == [tuple(choose_abnormal(scans, seed)) for seed in range(20)]
    assert len(set(chosen)) > 1
    assert {image_id for (image_id,) in chosen} <= ill


def test_no_scan_is_chosen_where_none_shows_it(squares):
    healthy = squares.part("train", findings_kept=["pneumothorax"])
    assert choose_abnormal(healthy, seed=0) == []


def test_each_finding_has_its_own_model_and_threshold():
    size = 16
    ill, heart = np.zeros((size, size)), np.zeros((size, size))
    ill[2:5, 2:5], heart[8:14, 8:14] = 0.3, 0.9
    maps = {"specialized_ild": ill, "specialized_cardiomegaly": heart}
    case = Example(np.full((64, 64), 0.5), np.array([[1.0, 1, 6, 6]]), maps, "phantom")
    thresholds = {"specialized_ild": 0.25, "specialized_cardiomegaly": 0.5}
    cases = {"ild": case, "infiltration": None, "cardiomegaly": case}
    (panels,) = figure_14(cases, thresholds).rows.values()
    assert [p.title for p in panels] == [
        "ILD, at 0.25",
        "Infiltration: no test film shows it",
        "Cardiomegaly, at 0.5",
    ]
    assert panels[0].layers[1] != panels[2].layers[1]
    assert panels[1].film is None
