"""The phantom beside real data: each statistic where it belongs."""

import numpy as np

from chexnomaly.figures import data


def test_maps_stand_above_each_other_with_their_correlation():
    maps = {name: {"ild": np.eye(4)} for name in ("phantom", "real")}
    fig = data.figure_locations(maps, ["ild", "covid"], {"ild": "r = 0.50"}, 2)
    assert fig.axes[0].get_title() == "ILD\nr = 0.50"
    assert fig.axes[1].get_title() == "COVID-19\n"
    assert fig.axes[2].get_ylabel() == "real"
