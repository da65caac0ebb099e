"""Sheets of phantom films show what they claim to show."""

import numpy as np

from chexnomaly.figures import films
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


def test_rows_are_lettered_and_numbered():
    row = [np.zeros((10, 8)), np.zeros((8, 10))]
    kinds = [["phantom", "nih"], ["phantom", "phantom"]]
    asked = [("Which?", row, kinds[0]), ("Who?", row, kinds[1])]
    shown = films.figure_rows(asked, "AB")
    assert [panel.origin for panel in shown.rows["1. Which?"]] == kinds[0]
    titles = {name: [p.title for p in panels] for name, panels in shown.rows.items()}
    assert titles == {"1. Which?": ["A", "B"], "2. Who?": ["A", "B"]}
    assert [panel.film.shape for panel in shown.rows["2. Who?"]] == [(10, 8), (8, 10)]
