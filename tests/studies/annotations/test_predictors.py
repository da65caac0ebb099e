"""Predictors on annotation tables against the library's film-by-film way."""

import numpy as np
import pytest
import torch

from chexnomaly import metrics
from chexnomaly.datasets.sources import packaged
from chexnomaly.studies.annotations import audit, counts
from chexnomaly.studies.annotations import predictors as blind
from chexnomaly.studies.annotations import rectangles as covers
from chexnomaly.systems import baselines
from tests.studies.annotations.test_rectangles import table

SIZE = 32


@pytest.fixture(scope="module")
def scans(squares):
    return squares.part("train")


@pytest.fixture(scope="module")
def cover(squares, scans):
    findings = squares.findings[squares.findings.image_id.isin(scans.ids)]
    return covers.cover(findings, SIZE)


def scored(predictions, masks):
    maps, targets = torch.cat(list(predictions)), torch.stack(list(masks))
    return metrics.image_scores(maps, targets)


def assert_same(found, wanted):
    for name, values in wanted.items():
        assert np.asarray(found[name]).ravel() == pytest.approx(values), name


@pytest.mark.parametrize(("value", "name"), [(0.0, "all_empty"), (1.0, "all_ones")])
def test_constants_as_on_films(cover, scans, value, name):
    masks = [scans.mask(i) for i in scans.ids]
    assert cover.ids.tolist() == list(scans.ids)
    wanted = scored(baselines.constant(scans, value), masks)
    assert_same(getattr(blind, name)(cover), wanted)


def test_a_place_as_on_films(cover, scans):
    masks = [scans.mask(i) for i in scans.ids]
    place = blind.fit_place(cover, blind.true_pixels(cover) > 0)
    mean = baselines.mean_mask(scans)
    # One of the levels gives this place, and no other level fits better.
    cuts = {level: (mean > level).float() for level in (0, *blind.PLACE_CUTS)}
    fits = {
        level: metrics.iou(cut.expand(len(masks), -1, -1, -1), torch.stack(masks))
        for level, cut in cuts.items()
    }
    best = max(fits.values())
    same = [level for level, cut in cuts.items() if (cut[0].numpy() == place).all()]
    assert max(fits[level] for level in same) == pytest.approx(best)


def test_no_scan_enters_its_own_place():
    # Two kinds of scans in two places. A place fitted on one scan alone hits it fully;
    # whatever the halves are, none may hit all scans of both.
    rows = [("a", "R1", (0, 0, 24, 48)), ("b", "R1", (24, 0, 48, 48))]
    cover = covers.cover(table(rows), 24)
    seeds = [s for s in range(20) if len({*_halves(2, s)}) == 2]
    for seed in seeds:
        assert (
            audit.whole_entries(blind.fixed_place(cover, seed))["iou_c"]["value"] == 0
        )


def test_a_place_of_another_collection_by_hand():
    # There all boxes are the left half; here one film is so, one shows the lower half
    # (a quarter of the square is shared, three quarters covered), one shows nothing.
    there = covers.cover(table([("a", "R1", (0, 0, 24, 48))] * 2), 24)
    rows = [("b", "R1", (0, 0, 24, 48)), ("c", "R1", (0, 24, 48, 48))]
    here = covers.cover(table([*rows, ("d", "R1", None)]), 24)
    scores = blind.place_from(there, here)
    assert scores["tp"].tolist() == [288, 144, 0]
    assert scores["fp"].tolist() == [0, 144, 288]
    whole = audit.whole_entries(scores)["iou_c"]["value"]
    assert whole == pytest.approx((1 + 1 / 3) / 2, abs=1e-6)


@pytest.mark.skipif(
    packaged.find_table(packaged.VINDR_FILE) is None, reason="no annotation package"
)
def test_the_zero_shot_mask_on_the_real_tables():
    """The reviewer's measurement, made apart: 0.207 with one common frame."""
    vindr, rsna = packaged.read_vindr()[0], packaged.read_rsna()[0]
    frame = covers.cover(counts.common_frame(vindr), 64)
    here = covers.cover(rsna, 64)
    rows = blind.true_pixels(here) > 0
    found = audit.whole_entries(blind.place_from(frame, here), rows)["iou_c"]
    assert found["value"] == pytest.approx(0.207, abs=0.002)


def _halves(n, seed):
    return np.random.default_rng(seed).permutation(n) % 2


def test_one_reader_as_on_films(cover, scans):
    # R3 overlooks some squares; those images have two readers with a box, and the
    # third reader's empty mask is not among a table's boxes.
    ids = [i for i in scans.ids if not i.endswith("8")]
    rows = np.isin(cover.ids, ids)
    found = blind.one_reader(cover)
    assert found["tp"].shape == (3, len(cover.ids))
    for k, reader in enumerate(("R1", "R2", "R3")):
        predictions = [torch.from_numpy(scans.reader_mask(i, reader)) for i in ids]
        others = [baselines._others(scans, i, reader) for i in ids]
        wanted = scored([torch.stack(predictions)[:, None]], others)
        assert_same({n: v[k][rows] for n, v in found.items()}, wanted)


def test_readers_by_hand():
    # On 24 px: R1 the left half, R2 the left three quarters, R3 the right quarter.
    rows = [
        ("a", "R1", (0, 0, 24, 48)),
        ("a", "R2", (0, 0, 36, 48)),
        ("a", "R3", (36, 0, 48, 48)),
    ]
    cover = covers.cover(table(rows), 24)
    assert blind.true_pixels(cover) / 24**2 == pytest.approx([1])
    assert blind.true_pixels(cover, "two_readers") / 24**2 == pytest.approx([0.5])
    each = blind.true_pixels(cover, "one_reader")[:, 0] / 24**2
    assert each == pytest.approx([0.5, 0.75, 0.25])
    value = {
        mask: audit.whole_entries(blind.one_reader(cover, mask))["iou_c"]["value"]
        for mask in ("others", "union", "two_readers")
    }
    assert value["others"] == pytest.approx((0.5 + 0.5 / 1 + 0) / 3, abs=1e-6)
    assert value["union"] == pytest.approx((0.5 + 0.75 + 0.25) / 3, abs=1e-6)
    assert value["two_readers"] == pytest.approx((1 + 2 / 3 + 0) / 3, abs=1e-6)


def test_one_reader_needs_another():
    with pytest.raises(ValueError, match="two readers"):
        blind.one_reader(covers.cover(table([("a", "R1", (0, 0, 9, 9))]), 24))


def test_random_boxes_fit_in_and_have_the_sizes_given(cover):
    scores = blind.random_box(cover, np.array([[3.2, 4.0, 13.2, 12.0]]), seed=3)
    assert (scores["tp"] + scores["fp"] == 80).all()
    again = blind.random_box(cover, np.array([[3.2, 4.0, 13.2, 12.0]]), seed=3)
    assert (scores["tp"] == again["tp"]).all()
    huge = blind.random_box(cover, np.array([[0.0, 0.0, SIZE, SIZE]]))
    assert (huge["tp"] == blind.true_pixels(cover)).all()


def test_known_truths_of_the_real_tables():
    """No constant of these stands in the library; they fall out of the tables."""
    vindr, rsna = packaged.read_vindr(), packaged.read_rsna()
    if vindr is None or rsna is None:
        pytest.skip("the annotation package is not installed")
    from chexnomaly.studies.annotations.counts import smallest_frames

    cover = covers.cover(smallest_frames(vindr[0]), 512)
    scores = blind.all_empty(cover)
    empty = audit.whole_entries(scores)
    assert round(empty["iou_a"]["value"], 4) == 0.7071
    assert empty["iou_a"]["n"] == 15_000
    assert empty["iou_c"]["value"] == 0
    reader = audit.whole_entries(blind.one_reader(cover))
    assert round(reader["iou_c"]["value"], 3) == 0.511
    assert round(reader["iou_a"]["value"], 3) == 0.857
    lost = (blind.true_pixels(cover, "two_readers") == 0) & (scores["fn"] > 0)
    assert lost.sum() == 10

    cover = covers.cover(rsna[0], 512)
    ill = blind.true_pixels(cover) > 0
    positives = audit.whole_entries(blind.all_empty(cover), ill)
    assert positives["mae_soft"]["n"] == 6_012
    assert round(positives["mae_soft"]["value"], 4) == 0.1175


def test_a_sample_of_the_real_table_is_as_drawn():
    real = packaged.read_rsna()
    if real is None:
        pytest.skip("the annotation package is not installed")
    from chexnomaly.boxes import boxes_to_mask

    findings = real[0]
    ids = findings.image_id[findings.x_min.notna()].unique()
    chosen = np.random.default_rng(0).permutation(ids)[:12]
    findings = findings[findings.image_id.isin(chosen)]
    cover = covers.cover(findings, 512)
    masks = []
    for image in cover.ids:
        own = findings[(findings.image_id == image) & findings.x_min.notna()]
        corners = own[["x_min", "y_min", "x_max", "y_max"]].to_numpy() / 2
        masks.append(boxes_to_mask(torch.tensor(corners), (512, 512)))
    ones = torch.ones(len(masks), 1, 512, 512)
    assert_same(blind.all_ones(cover), metrics.image_scores(ones, torch.stack(masks)))
