"""Figures hold what they claim to hold."""

import numpy as np
import pandas as pd
import pytest
import torch

from chexnomaly import evaluation
from chexnomaly.figures import architecture, data, loss, predictions, systems
from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.unet import UNet


def test_counts_per_finding(squares):
    counts = data.annotation_counts(squares.findings)
    assert counts.images.to_dict() == {"ild": 10, "nodule_mass": 10}
    assert counts.boxes.sum() == 56


def test_location_maps_count_boxes_at_each_place(squares):
    maps = data.location_maps(squares.findings, size=32)
    drawn = squares.findings[squares.findings.finding != "no_finding"]
    # Every box covers 10 x 8 of the 32 x 32 pixels.
    assert sum(m.sum() for m in maps.values()) == 80 * len(drawn)
    assert maps["ild"].max() >= 3  # three readers drew the same box


def test_figures_of_the_data_draw_every_finding(squares):
    fig = data.figure_3(squares.findings, "phantom")
    labels = [t.get_text() for t in fig.axes[0].get_yticklabels()]
    assert labels == ["ILD", "Nodule/Mass"] or labels == ["Nodule/Mass", "ILD"]
    maps = data.figure_4(squares.findings, ("ild", "nodule_mass", "covid"))
    titles = [ax.get_title() for ax in maps.axes]
    assert any("COVID-19" in t and "0 boxes" in t for t in titles)


def test_the_bars_of_figure_1_are_the_printed_values():
    fig = data.figure_1(42.6, 80.0, 13.0)
    widths = [bar.get_width() for bar in fig.axes[0].patches]
    assert widths == pytest.approx([42.6, 57.4, 80, 13, 7])


@pytest.mark.parametrize("kind", [UNet, AttentionUNet])
def test_a_layer_table_counts_every_parameter_once(kind):
    table = architecture.layer_table(kind, (1, 1, 512, 512))
    with torch.device("meta"):
        total = sum(p.numel() for p in kind().parameters())
    assert table.parameters.sum() == total
    shapes = dict(zip(table.stage, table["shape"], strict=True))
    assert shapes["stem"] == (64, 512, 512)
    assert shapes["downs.3"] == (1024, 32, 32)
    assert shapes["head"] == (1, 512, 512)
    assert len(architecture.figure_unet(table, "").axes) == 1


def test_gradient_support_is_the_blobs():
    probs = loss.synthetic_blobs()
    support, _ = [*loss.transform_steps(probs, 0.5, 16).values()][-1]
    blobs = probs[0, 0] > 0.5
    assert (support[~blobs] == 0).all()
    assert (support[6:26, 6:12] > 0).all()  # the upright of the L


def test_cases_are_chosen_from_annotations_alone(squares):
    ids = squares.ids("test")
    chosen = predictions.choose_cases(squares.findings, ids, seed=0)
    assert chosen == predictions.choose_cases(squares.findings, ids, seed=0)
    assert set(chosen) == {"one finding", "no finding"}  # none has five
    assert chosen["one finding"] in ids


def test_an_empty_category_is_drawn_as_none_found(squares):
    category = {"img000": "TN", "img002": "TN", "img004": "FP"}
    words = {"TN": "true negative", "TP": "true positive", "FN": "a", "FP": "b"}
    chosen = predictions.choose_per_category(category, words, 4, seed=0)
    assert chosen["true negative"] == ["img000", "img002"]
    assert chosen["true positive"] == []
    predictor = {"x": lambda d: iter([torch.zeros(len(d), 1, 32, 32)])}
    ids = [i for found in chosen.values() for i in found]
    cases = predictions.make_cases(ids, squares, predictor, {})
    assert all(case.film is None for case in cases.values())  # withheld
    rows = {name: [cases[i] for i in found] for name, found in chosen.items()}
    page = predictions.figure_cases(rows, 0.5)._repr_html_()
    assert page.count("none found") == 2
    assert page.count(">no film<") == 3


def test_categories_are_shown_at_each_threshold_with_masks_drawn_there(squares):
    def draw(ids):
        predictor = {"x": lambda d: iter([torch.full((len(d), 1, 32, 32), 0.4)])}
        return predictions.make_cases(ids, squares, predictor, {})

    category = {0.5: {"img000": "TN"}, 0.25: {"img000": "FP", "img002": "FP"}}
    words = {"TN": "true negative", "FP": "false positive"}
    shown = predictions.figure_categories(category, words, draw, 4, seed=0).rows
    counts = {name: len(panels) for name, panels in shown.items()}
    assert counts == {
        "true negative, at 0.5": 1,
        "false positive, at 0.5": 0,
        "true negative, at 0.25": 0,
        "false positive, at 0.25": 2,
    }
    (early,), (late, _) = (shown[n] for n, count in counts.items() if count)
    assert "nothing marked" in early.alt() and "100% of the film" in late.alt()


def test_figure_13_counts_outliers():
    values = np.array([0.1, 0.2, 3.9, 4.1, 30.0])
    fig = systems.figure_13({"a set": values}, {"a set": 3.2})
    assert fig.axes[0].get_title() == "a set: 2 of 5 outliers"


def test_figures_of_training_mark_the_kept_epoch():
    fig = systems.figure_learning(
        {"x": {"train_loss": [3, 2, 1], "val_loss": [3, 1, 2]}}
    )
    dot = fig.axes[0].lines[2]
    assert (list(dot.get_xdata()), list(dot.get_ydata())) == ([2], [1])
    sweep = {"IoU": {t: t for t in evaluation.THRESHOLDS}}
    assert len(systems.figure_thresholds(sweep, 0.3).axes[0].lines) == 3


def test_figure_8_shows_the_share_of_abnormal_scans():
    fig = architecture.figure_8(pd.Series({"abnormal": 25, "normal": 75}), 10, 1)
    texts = " ".join(t.get_text() for t in fig.axes[0].texts)
    assert "25.0% abnormal" in texts and "does not say" in texts


def test_figure_6_outlines_each_blob_that_was_filled_by_itself():
    probs = loss.synthetic_blobs()
    fig = loss.figure_6(probs, 0.5, 16)
    assert len(fig.axes[2].lines) == 4  # an L, two disks, a diagonal; no speckle
