import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chexnomaly.labels import FINDINGS, UNSEEN
from chexnomaly.phantom import Switches, film

ROOT = Path(__file__).parents[2]

SEED = 4
LOCAL = (
    "calcification",
    "consolidation",
    "infiltration",
    "lung_opacity",
    "nodule_mass",
    "other_lesion",
    "pleural_effusion",
    "pleural_thickening",
    "pulmonary_fibrosis",
    "pneumonia",
    "covid",
    "rib_fracture",
)


def shares(made):
    """True boxes as shares of the film, one row per box."""
    height, width = made.size_px
    boxes = np.array([truth.box for truth in made.truths])
    return boxes / (width, height, width, height)


def test_a_film_is_the_same_twice_and_other_films_are_made_in_between():
    first = film(SEED, 5, 64)
    film(SEED, 6, 64)
    again = film(SEED, 5, 64)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.opinions == again.opinions
    assert first.image_id == again.image_id


def test_whether_to_draw_may_be_decided_by_what_else_is_known_of_the_film():
    bare, drawn = film(SEED, 5, 64, pixels=False), film(SEED, 5, 64)
    seen = []
    made = film(SEED, 5, 64, pixels=lambda one: not seen.append(one))
    assert seen == [bare]
    np.testing.assert_array_equal(made.pixels, drawn.pixels)
    assert film(SEED, 5, 64, pixels=lambda one: False) == bare


def test_a_film_is_the_same_however_many_threads_there_are():
    """Products of matrices round differently by threads, unless they are exact."""
    code = (
        "import hashlib; from chexnomaly.phantom import film;"
        "pixels = b''.join(film(3, i, s).pixels for i in range(3) for s in (96, 300));"
        "print(hashlib.sha256(pixels).hexdigest())"
    )
    seen = set()
    for threads in "124":
        surroundings = os.environ | {
            "OMP_NUM_THREADS": threads,
            "PYTHONPATH": str(ROOT),
        }
        call = [sys.executable, "-c", code]
        seen.add(subprocess.check_output(call, env=surroundings, cwd=ROOT))
    assert len(seen) == 1


def test_films_differ_between_indices_seeds_and_collections():
    keys = {film(0, 0, 64, pixels=False).key, film(0, 1, 64, pixels=False).key}
    keys |= {film(1, 0, 64, pixels=False).key}
    keys |= {film(0, 0, 64, layout="rsna", pixels=False).key}
    assert len(keys) == 4


def test_both_layouts_of_vindr_hold_the_same_film():
    kaggle = film(2, 3, 64)
    physionet = film(2, 3, 64, layout="vindr_physionet")
    np.testing.assert_array_equal(kaggle.pixels, physionet.pixels)


@pytest.mark.parametrize("finding", FINDINGS + UNSEEN)
def test_boxes_do_not_depend_on_the_pixel_size(finding):
    small = film(SEED, 1, 256, findings=[finding], pixels=False)
    large = film(SEED, 1, 2048, findings=[finding], pixels=False)
    np.testing.assert_allclose(shares(small), shares(large), atol=1e-9)
    ratio = [np.divide(*made.size_px) for made in (small, large)]
    assert ratio[0] == pytest.approx(ratio[1], abs=1 / 100)


def test_the_same_anatomy_is_seen_at_every_size():
    index = 8
    large = film(SEED, index, 256, findings=[]).pixels.astype(float)
    small = film(SEED, index, 64, findings=[]).pixels.astype(float)
    rows, cols = (side // 4 * 4 for side in large.shape)
    blocks = large[:rows, :cols].reshape(rows // 4, 4, cols // 4, 4).mean(axis=(1, 3))
    both = blocks[: small.shape[0], : small.shape[1]]
    small = small[: both.shape[0], : both.shape[1]]
    assert np.corrcoef(both.ravel(), small.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("finding", FINDINGS + UNSEEN)
def test_boxes_lie_inside_the_film_and_are_not_empty(finding):
    for index in range(12):
        made = film(SEED, index, 512, findings=[finding], pixels=False)
        height, width = made.size_px
        assert made.truths
        for box in [t.box for t in made.truths] + [r.box for r in made.opinions]:
            x0, y0, x1, y1 = box
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height


@pytest.mark.parametrize("finding", LOCAL)
def test_most_of_what_a_local_finding_changes_lies_in_its_boxes(finding):
    inside = total = 0.0
    for index in range(4):
        made = film(SEED, index, 96, findings=[finding])
        bare = film(SEED, index, 96, findings=[finding], leave_out=[finding])
        change = np.abs(made.pixels.astype(float) - bare.pixels.astype(float))
        mask = np.zeros(change.shape, bool)
        for truth in made.truths:
            # one pixel more: the display sharpens across the border of a box
            x0, y0, x1, y1 = truth.box
            mask[
                max(0, int(y0) - 1) : int(y1) + 2, max(0, int(x0) - 1) : int(x1) + 2
            ] = 1
        change /= made.pixels.max()
        # the display curve moves everything a little: count what can be seen
        change[change < 0.02] = 0
        inside, total = inside + change[mask].sum(), total + change.sum()
    assert total > 0
    assert inside / total > 0.7


@pytest.mark.parametrize("finding", FINDINGS + UNSEEN)
def test_a_finding_changes_the_film(finding):
    made = film(SEED, 2, 96, findings=[finding])
    bare = film(SEED, 2, 96, findings=[finding], leave_out=[finding])
    assert (made.pixels != bare.pixels).any()
    assert made.truths == bare.truths
    assert made.opinions == bare.opinions


def test_a_brightness_threshold_does_not_find_findings():
    hits = []
    for index, finding in enumerate(FINDINGS):
        made = film(SEED, index, 64, findings=[finding])
        image = made.pixels.astype(float)
        image = image.max() - image if made.form.inverted else image
        mask = np.zeros(image.shape, bool)
        for truth in made.truths:
            x0, y0, x1, y1 = (int(v) for v in truth.box)
            mask[y0 : y1 + 1, x0 : x1 + 1] = True
        best = 0.0
        for level in np.percentile(image, np.arange(5, 100, 5)):
            bright = image > level
            best = max(best, (bright & mask).sum() / (bright | mask).sum())
        hits.append(best)
    assert np.mean(hits) < 0.25


def test_pixels_fill_the_promised_bits():
    for index in range(8):
        made = film(SEED, index, 48)
        assert made.pixels.dtype == np.uint16
        assert made.pixels.max() <= 2**made.form.bits - 1
        assert made.pixels.max() > 0.5 * 2**made.form.bits


def test_without_anatomy_variation_everybody_has_the_same_body():
    switches = Switches(anatomy_variation=0)
    patients = [
        film(SEED, i, 64, findings=[], switches=switches, pixels=False).patient
        for i in range(6)
    ]
    women = {p.half_width for p in patients if p.female and not p.frontal_ap}
    assert len(women) == 1


def test_without_reader_noise_three_readers_agree_with_the_truth():
    switches = Switches(reader_noise=0)
    made = film(
        SEED, 0, 64, findings=["ild", "nodule_mass"], switches=switches, pixels=False
    )
    truth = {(t.finding, t.box) for t in made.truths}
    for reader in {r.reader for r in made.opinions}:
        rows = {(r.finding, r.box) for r in made.opinions if r.reader == reader}
        assert rows == truth


def test_a_painted_finding_replaces_its_physics():
    switches = Switches(painted=frozenset({"nodule_mass"}))
    drawn = film(SEED, 0, 64, findings=["nodule_mass"])
    painted = film(SEED, 0, 64, findings=["nodule_mass"], switches=switches)
    assert drawn.truths == painted.truths
    assert (drawn.pixels != painted.pixels).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layout": "mimic"}, "layout"),
        ({"size_px": 8}, "size"),
        ({"size_px": (300, 200)}, "size"),
        ({"positive_share": 1.5}, "share"),
        ({"findings": ["nodule"]}, "findings"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        film(0, 0, **({"size_px": 64} | arguments))


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match="0 or more"):
        film(-1, 0, 64)


@pytest.mark.parametrize(
    "finding", ["aortic_enlargement", "atelectasis", "cardiomegaly"]
)
def test_a_painted_change_of_the_body_leaves_the_body_alone(finding):
    switches = Switches(painted=frozenset({finding}))
    bare = film(SEED, 3, 96, findings=[finding], leave_out=[finding])
    painted = film(SEED, 3, 96, findings=[finding], switches=switches)
    natural = film(SEED, 3, 96, findings=[finding])
    outside = np.ones(bare.size_px, bool)
    for truth in painted.truths:
        x0, y0, x1, y1 = (int(value) for value in truth.box)
        outside[max(0, y0 - 1) : y1 + 2, max(0, x0 - 1) : x1 + 2] = False
    # the display adapts to the ellipse, so ranks are compared and not values
    ranks = [m.pixels[outside].argsort().argsort() for m in (bare, painted, natural)]
    correlation = np.corrcoef(ranks)[0]
    assert correlation[1] > 0.9995
    assert correlation[2] < 0.999
