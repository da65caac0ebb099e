"""Sheets and statistics of the phantom hold what they claim to hold."""

import numpy as np
import pandas as pd

from chexnomaly.evaluation.intervals import entry
from chexnomaly.figures import beyond, data, films
from chexnomaly.phantom import film


def test_a_sheet_shows_true_boxes_and_the_readers():
    made = film(2, 0, 48, findings=["cardiomegaly"])
    sheet = films.figure_findings({"cardiomegaly": made, "ild": made})
    panel = sheet.rows[""][0]
    truth, readers = panel.layers
    assert (truth.kind, readers.kind) == ("truth", "readers")
    drawn = [r for r in made.opinions if r.box is not None]
    assert truth.drawing.count("<rect") == len(made.truths)
    assert readers.drawing.count("<rect") == len(drawn)
    assert f'x="{made.truths[0].box[0]:.1f}'.removesuffix(".0") in truth.drawing
    assert truth.frame == made.size_px[::-1]
    assert panel.title.startswith("Cardiomegaly (0.")


def test_a_population_is_told_by_age_and_sex():
    people = [film(2, index, 48) for index in range(3)]
    panels = films.figure_population(people).rows[""]
    for made, panel in zip(people, panels, strict=True):
        assert panel.title.startswith("woman" if made.patient.female else "man")
        assert f"{made.patient.age:.0f}" in panel.title


def test_rows_are_lettered_and_numbered():
    row = [np.zeros((10, 8)), np.zeros((8, 10))]
    shown = films.figure_rows(["Which?", "Who?"], [row, row], "AB")
    titles = {name: [p.title for p in panels] for name, panels in shown.rows.items()}
    assert titles == {"1. Which?": ["A", "B"], "2. Who?": ["A", "B"]}
    assert [panel.film.shape for panel in shown.rows["2. Who?"]] == [(10, 8), (8, 10)]


def test_rows_stand_in_the_order_of_the_first_group():
    shares = {"b": entry(0.5, None, None, 9), "a": entry(0.2, 0.1, 0.3, 9)}
    fig = beyond.figure_entries({"phantom": shares, "real": {}}, "share")
    labels = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert labels == ["b", "a"]
    dots, none = fig.axes[0].collections[1::2]
    assert list(dots.get_offsets()[:, 0]) == [0.5, 0.2]
    assert none.get_offsets().mask.all()
    low, high = fig.axes[0].collections[0].get_segments()[-1][:, 0]
    assert (low, high) == (0.1, 0.3)


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


def test_spectrum_and_histogram_are_drawn_for_each_population():
    fig = data.figure_pixels(
        {"phantom": np.full(50, 0.02)}, {"phantom": np.log(np.arange(1.0, 129))}
    )
    assert fig.axes[0].get_legend_handles_labels()[1] == ["phantom"]
    assert list(fig.axes[1].lines[0].get_ydata()[:2]) == [1.0, 2.0]


def test_an_undefined_entry_leaves_a_gap():
    rows = {"one": entry(0.1, 0.0, 0.2, 5), "two": entry(np.nan, None, None, 0)}
    fig = beyond.figure_entries({"arm": rows}, "difference", zero=True)
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["one", "two"]
    lines, dots = fig.axes[0].collections
    assert dots.get_offsets()[:, 0].tolist() == [0.1, None]
    assert lines.get_segments()[0][:, 0].tolist() == [0.0, 0.2]
