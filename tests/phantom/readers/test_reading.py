"""Readers and priors against what is counted in the real tables (Appendix C).

Everything here is counted on annotations alone; nothing is rendered.
"""

from collections import Counter, defaultdict

import numpy as np
import pytest

from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import film
from chexnomaly.phantom.files.findings_table import consensus
from chexnomaly.phantom.readers.habits import READERS, STYLES, Style, seen_chance
from chexnomaly.phantom.readers.reading import Truth, read_image, tidy_box

SIDE = 96
REAL_SCANS = dict(
    aortic_enlargement=3067,
    atelectasis=186,
    calcification=452,
    cardiomegaly=2300,
    consolidation=353,
    ild=386,
    infiltration=613,
    lung_opacity=1322,
    nodule_mass=826,
    other_lesion=1134,
    pleural_effusion=1032,
    pleural_thickening=1981,
    pneumothorax=96,
    pulmonary_fibrosis=1617,
)
REAL_POSITIVE = 4394


def fill(boxes, size_px):
    """Boxes of one image as a SIDE x SIDE mask, by pixel centers."""
    height, width = size_px
    centers = np.arange(SIDE) + 0.5
    mask = np.zeros((SIDE, SIDE), bool)
    for x0, y0, x1, y1 in boxes:
        across = (centers > x0 / width * SIDE) & (centers <= x1 / width * SIDE)
        down = (centers > y0 / height * SIDE) & (centers <= y1 / height * SIDE)
        mask |= down[:, None] & across[None]
    return mask


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def prior_score(masks):
    """IoU of the mean mask of one half on the other, at the best threshold."""
    mean = np.mean(masks[::2], axis=0)
    return max(
        np.mean([iou(mean > level, mask) for mask in masks[1::2]])
        for level in np.linspace(0.04, 0.5, 24)
    )


@pytest.fixture(scope="module")
def positives():
    return [film(21, i, 512, positive_share=1.0, pixels=False) for i in range(1500)]


@pytest.fixture(scope="module")
def reader_masks(positives):
    masks = []
    for made in positives:
        boxes = defaultdict(list)
        for opinion in made.opinions:
            boxes[opinion.reader].append(opinion.box)
        masks.append([fill(b, made.size_px) for b in boxes.values()])
    return masks


def test_three_different_readers_read_every_image(positives):
    for made in positives[:200]:
        assert len({r.reader for r in made.opinions}) == 3
    assert {r.reader for made in positives for r in made.opinions} <= set(READERS)


def test_every_reader_of_a_positive_image_gives_a_box(positives):
    assert all(r.box is not None for made in positives for r in made.opinions)


def test_a_normal_image_gets_three_rows_without_a_box():
    marks = read_image([], np.random.default_rng(0))
    assert [(m.finding, m.box) for m in marks] == [("no_finding", None)] * 3


def test_one_reader_agrees_with_the_others_as_real_readers_do(reader_masks):
    scores = [
        iou(masks[k], masks[(k + 1) % 3] | masks[(k + 2) % 3])
        for masks in reader_masks
        for k in range(3)
    ]
    assert np.mean(scores) == pytest.approx(0.511, abs=0.05)


def test_the_location_prior_scores_as_on_vindr(reader_masks):
    union = np.array([np.any(masks, axis=0) for masks in reader_masks])
    assert prior_score(union) == pytest.approx(0.256, abs=0.03)
    assert union.mean() == pytest.approx(0.109, abs=0.02)


def test_the_location_prior_scores_as_on_rsna():
    masks = []
    for index in range(700):
        made = film(5, index, 512, layout="rsna", positive_share=1.0, pixels=False)
        masks.append(fill([r.box for r in consensus(made)], made.size_px))
    assert prior_score(np.array(masks)) == pytest.approx(0.29, abs=0.04)
    assert np.mean(masks) == pytest.approx(0.1175, abs=0.02)


def test_findings_have_the_shares_of_the_real_table(positives):
    counts = Counter(
        key for made in positives for key in {r.finding for r in made.opinions}
    )
    for key in FINDINGS:
        real = REAL_SCANS[key] / REAL_POSITIVE
        # three standard errors of a share at n = 1,500, and 10 %
        slack = 0.1 * real + 3 * np.sqrt(real * (1 - real) / len(positives))
        assert counts[key] / len(positives) == pytest.approx(real, abs=slack)


def test_images_hold_as_many_names_and_boxes_as_real_ones(positives):
    names = [len({r.finding for r in made.opinions}) for made in positives]
    # 4,394 images: 329 with one name, 1,189 with two, ... mean 3.5
    assert np.mean(names) == pytest.approx(3.5, abs=0.2)
    assert np.mean(np.array(names) == 1) == pytest.approx(0.075, abs=0.03)
    boxes = np.mean([len(made.opinions) for made in positives])
    assert boxes == pytest.approx(36_096 / 4394, rel=0.12)


def test_what_is_obvious_is_seen_more_often():
    for key in FINDINGS:
        chances = [seen_chance(key, c) for c in (0.1, 0.4, 0.6, 0.95)]
        assert chances == sorted(chances)
        assert 0 < chances[0] < chances[-1] < 1


def test_readers_keep_their_style_and_differ():
    assert vars(STYLES["R8"]) == vars(Style(7))
    assert len({STYLES[reader].jitter for reader in READERS}) == len(READERS)


def test_boxes_are_drawn_around_the_lesion():
    lesion = Truth("cardiomegaly", (0.3, 0.5, 0.7, 0.7), 1.0)
    rng = np.random.default_rng(1)
    boxes = [
        m.box
        for _ in range(300)
        for m in read_image([lesion], rng)
        if m.finding == "cardiomegaly"
    ]
    np.testing.assert_allclose(np.mean(boxes, axis=0), lesion.box, atol=0.02)


def test_a_box_beyond_the_border_is_cut_and_never_empty():
    assert tidy_box((-0.2, 0.4, 0.1, 0.5)) == (0.0, 0.4, 0.1, 0.5)
    x0, y0, x1, y1 = tidy_box((1.2, 0.5, 1.4, 0.5))
    assert 0 <= x0 < x1 <= 1
    assert y0 < 0.5 < y1
