"""Counts by hand, and of the real tables where they are installed."""

import pytest

from chexnomaly.datasets.sources import packaged
from chexnomaly.studies.annotations import counts as audit
from chexnomaly.studies.annotations.predictors import true_pixels
from chexnomaly.studies.annotations.rectangles import cover


def values(findings):
    return {key: e["value"] for key, e in audit.count_annotations(findings).items()}


def test_counts_of_the_small_set(squares):
    # 40 images, every second with a square; R3 misses those whose id ends in 8.
    counted = values(squares.findings)
    assert counted["n_images"] == 40
    assert counted["n_rows"] == 120
    assert counted["n_positive"] == counted["n_negative"] == 20
    assert counted["positive_to_negative"] == 1
    assert counted["n_boxes"] == 20 * 3 - 4
    assert counted["n_readers"] == counted["max_boxes_per_image"] == 3
    assert counted["max_findings_per_image"] == 1
    assert counted["median_box_area_px_ild"] == 20 * 16
    assert counted["n_images_ild"] + counted["n_images_nodule_mass"] == 20
    assert counted["median_images_per_finding"] == 10  # of two findings


def test_the_real_vindr_table():
    table = packaged.read_vindr()
    if table is None:
        pytest.skip("the annotation package is not installed")
    counted = values(table[0])
    assert counted["n_images"] == 15_000
    assert counted["n_rows"] == 67_914
    assert counted["n_boxes"] == 36_096
    assert counted["n_positive"] == 4_394
    assert counted["max_boxes_per_image"] == 57
    # What q-nodule-few says: it depends on what is counted.
    assert counted["n_images_nodule_mass"] == 826
    assert counted["median_images_per_finding"] == 929  # between 826 and 1,032
    assert counted["n_boxes_nodule_mass"] > counted["median_boxes_per_finding"]
    assert counted["n_readers"] == 17 and counted["min_readers_per_image"] == 3


def test_a_common_frame_holds_the_boxes(squares):
    framed = audit.common_frame(squares.findings)
    assert framed.width_px.nunique() == framed.height_px.nunique() == 1
    assert (framed.x_max.dropna() <= framed.width_px.iloc[0]).all()
    assert (framed.y_max.dropna() <= framed.height_px.iloc[0]).all()


def test_the_smallest_frame_just_holds_the_boxes(squares):
    framed = audit.smallest_frames(squares.findings)
    drawn = framed[framed.finding != "no_finding"]
    for high, side in (("x_max", "width_px"), ("y_max", "height_px")):
        farthest = drawn.groupby("image_id")[high].max()
        assert (drawn.groupby("image_id")[side].first() == farthest).all()
    common = audit.common_frame(framed, 1.0)
    covered = [true_pixels(cover(table, 64)).mean() for table in (framed, common)]
    assert covered[0] > covered[1]


def test_disagreement_is_where_exactly_one_reader_drew(squares):
    # Readers agree wherever all three drew; R3's misses leave two, never one.
    assert audit.disagreement_map(squares.findings, 32).max() == 0
    alone = squares.findings[squares.findings.reader == "R1"]
    assert audit.disagreement_map(alone, 32).max() > 0
