"""The phantom beside real data: each statistic where it belongs."""

import numpy as np
import pandas as pd

from chexnomaly.figures import data


def test_areas_are_drawn_in_percent_by_their_median():
    areas = pd.DataFrame(
        {
            "finding": ["ild"] * 3 + ["nodule_mass"] * 3,
            "source": "phantom",
            "area": [0.2, 0.3, 0.4, 0.001, 0.002, 0.003],
        }
    )
    ax = data.figure_areas(areas).axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Nodule/Mass", "ILD"]
    assert ax.get_xscale() == "log"


def test_maps_stand_above_each_other_with_their_correlation():
    maps = {name: {"ild": np.eye(4)} for name in ("phantom", "real")}
    fig = data.figure_locations(maps, ["ild", "covid"], {"ild": "r = 0.50"}, 2)
    assert fig.axes[0].get_title() == "ILD\nr = 0.50"
    assert fig.axes[1].get_title() == "COVID-19\n"
    assert fig.axes[2].get_ylabel() == "real"
