"""What is held out stays out: of the loss, of the scans, of the twin's pairs."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import NO_FINDING
from chexnomaly.losses import box_focal_loss, sigmoid_focal_loss
from chexnomaly.studies.generalization.held_out import (
    CountedSet,
    counted_loss,
    hold_out,
    hold_out_at_random,
    without_scans,
)

FINDING = "ild"


@pytest.fixture(scope="module")
def both(squares) -> PreparedSet:
    """`squares`, with a box of a second finding on every second scan of "ild"."""
    table = squares.findings
    drawn = table[(table.finding == FINDING) & (table.reader == "R1")]
    second = drawn.iloc[::2].assign(finding="cardiomegaly")
    second[["x_min", "x_max"]] = [0.0, 12.0]
    joined = pd.concat([table, second], ignore_index=True)
    return PreparedSet(squares.root, squares.store, joined, squares.split)


def shows(data: PreparedSet, part: str, finding: str) -> set[str]:
    table = data.findings[data.findings.image_id.isin(set(data.ids(part)))]
    return set(table.image_id[table.finding == finding])


def test_scans_with_nothing_else_are_dropped_and_others_stay(both):
    held = hold_out(both, FINDING)
    for part in ("train", "val"):
        alone = shows(both, part, FINDING) - shows(both, part, "cardiomegaly")
        assert alone and held.dropped & set(both.ids(part)) == alone
        assert set(CountedSet(both, part, held).ids) == set(both.ids(part)) - alone
    assert not held.scans & set(both.ids("test"))


def test_a_target_counts_no_pixel_of_a_held_out_box(both):
    held = hold_out(both, FINDING)
    kept = CountedSet(both, "train", held)
    everything = both.part("train")
    alone = both.part("train", findings_kept=[FINDING])
    seen = 0
    for index, image_id in enumerate(kept.ids):
        image, (mask, counted) = kept[index]
        box = alone.mask(image_id)[0]
        assert torch.equal(counted, 1 - box)
        assert torch.equal(mask, everything.mask(image_id)[0] * (1 - box))
        assert torch.equal(image[0], torch.from_numpy(both.store.image(image_id)))
        seen += int(box.sum())
    assert seen


@pytest.mark.parametrize(
    "loss", [partial(box_focal_loss, min_area=1), sigmoid_focal_loss]
)
def test_no_logit_inside_a_held_out_box_moves_the_loss(loss):
    rng = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 1, 12, 12, generator=rng) + 1  # many above the threshold
    mask = (torch.rand(2, 1, 12, 12, generator=rng) > 0.7).float()
    counted = torch.ones(2, 1, 12, 12)
    counted[:, :, 3:9, 2:7] = 0
    target = torch.cat([mask * counted, counted], dim=1)
    blind = counted_loss(loss)
    logits.requires_grad_()
    value = blind(logits, target)
    value.backward()
    assert (logits.grad[counted == 0] == 0).all()
    assert (logits.grad[counted == 1] != 0).any()
    moved = logits.detach() + 5 * (1 - counted) * torch.randn(2, 1, 12, 12)
    assert blind(moved, target) == value


def test_the_blind_loss_is_the_mean_over_the_pixels_that_count():
    logits = torch.linspace(-3, 3, 32).view(2, 1, 4, 4)
    mask = (torch.arange(32) % 3 == 0).float().view(2, 1, 4, 4)
    counted = (torch.arange(32) % 5 != 0).float().view(2, 1, 4, 4)
    target = torch.cat([mask * counted, counted], dim=1)
    found = counted_loss(sigmoid_focal_loss)(logits, target)
    chosen = counted.bool()
    assert found == pytest.approx(
        float(sigmoid_focal_loss(logits[chosen], mask[chosen])), abs=1e-7
    )


def test_a_blob_across_the_edge_of_a_held_out_box_is_cut_there():
    probs = torch.full((1, 1, 10, 10), 0.1)
    probs[:, :, 4:6, 1:9] = 0.9
    counted = torch.ones_like(probs)
    counted[..., 5:] = 0
    target = torch.cat([torch.zeros_like(probs), counted], dim=1)
    loss = counted_loss(partial(box_focal_loss, min_area=1))(torch.logit(probs), target)
    seen = torch.where(counted > 0, probs, 0)
    labels, count = ndimage.label(seen[0, 0].numpy() > 0.5)
    assert count == 1 and np.argwhere(labels)[:, 1].max() == 4
    expected = sigmoid_focal_loss(torch.logit(probs[..., :5]), target[:, :1, :, :5])
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_the_control_drops_as_many_boxes_and_scans(both):
    held = hold_out(both, FINDING)
    largest = both.findings.groupby(["image_id", "finding"]).size().max()
    chosen = [hold_out_at_random(both, held, seed) for seed in (0, 0, 1)]
    assert chosen[0].boxes.equals(chosen[1].boxes)
    assert not chosen[0].boxes.equals(chosen[2].boxes)
    for control in chosen:
        for part in ("train", "val"):
            ids = set(both.ids(part))
            assert len(control.dropped & ids) == len(held.dropped & ids)
            assert len(control.scans & ids) >= len(control.dropped & ids)
        assert not control.scans & set(both.ids("test"))
        assert abs(len(control.boxes) - len(held.boxes)) <= 2 * largest
        rest = both.findings.drop(index=control.boxes.index)
        still = set(rest.image_id[rest.finding != NO_FINDING])
        assert control.scans - control.dropped <= still


def test_the_twin_gets_no_scan_that_shows_the_finding(both):
    held = hold_out(both, FINDING)
    smaller = without_scans(both, held)
    assert smaller.ids("test") == both.ids("test")
    for part in ("train", "val"):
        scans = smaller.part(part)
        assert not shows(both, part, FINDING) & set(scans.ids)
    paired = {i for pair in PairsSet(smaller.part("train"), 100).ids for i in pair}
    assert paired and not paired & shows(both, "train", FINDING)
    assert smaller.split_hash != both.split_hash
