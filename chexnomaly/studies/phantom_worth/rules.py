"""Rules that need no learning: a place, a brightness, or both.

A finding that one of these boxes as well as a network does would make a phantom
worthless as a test. Each rule is fitted on training images alone.
"""

from dataclasses import dataclass

import numpy as np

from chexnomaly import metrics
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import NO_FINDING
from chexnomaly.studies.annotations import predictors
from chexnomaly.studies.annotations.rectangles import cover


@dataclass(frozen=True)
class Threshold:
    """A brightness threshold.

    Attributes:
        level: In [0, 1].
        brighter: Whether what is brighter is marked, or what is darker.
        region: Where the rule may mark, (S, S), bool; None for anywhere.
    """

    level: float
    brighter: bool
    region: np.ndarray | None = None

    def __str__(self) -> str:
        return f"{'above' if self.brighter else 'below'} {self.level:.2f}"

    def mark(self, images: np.ndarray) -> np.ndarray:
        """Mark images, (N, S, S) in [0, 1]; returns the same shape, bool."""
        marked = images > self.level if self.brighter else images < self.level
        return marked if self.region is None else marked & self.region


def fit_threshold(
    images: np.ndarray, masks: np.ndarray, region: np.ndarray | None = None
) -> Threshold:
    """Find the single brightness, and its side, that mark the targets best.

    Args:
        images: Training images, (N, S, S), in [0, 1].
        masks: Their targets, (N, S, S), bool; images with an empty one are left out.
        region: Where the rule may mark, (S, S), bool; None for anywhere.

    Returns:
        The rule with the best mean IoU.

    Raises:
        ValueError: Every target is empty.
    """
    there = masks.any(axis=(1, 2))
    if not there.any():
        raise ValueError("expected at least one target that is not empty, got none")
    images, masks = images[there], masks[there]
    rules = [
        Threshold(float(t), side, region)
        for t in predictors.PLACE_CUTS
        for side in (True, False)
    ]
    scores = [iou_per_image(rule.mark(images), masks).mean() for rule in rules]
    return rules[int(np.argmax(scores))]


SIMPLE_RULES = ("location_prior", "brightness_threshold", "brightness_in_place")
"""A fixed mask, a threshold on brightness, and that threshold within the mask."""


def compare_rules(
    data: PreparedSet, finding: str | None = None
) -> tuple[dict[str, np.ndarray], Threshold | None]:
    """Fit the three rules on training films and score them on test films.

    Args:
        data: A prepared data set.
        finding: Whose boxes make the masks; None for all findings together.

    Returns:
        By `SIMPLE_RULES`, IoU of each test film that shows a finding; and the
        brightness threshold. No film and None where a part has none with the finding.
    """
    images, masks = arrays(data, "train", finding)
    test_images, test_masks = arrays(data, "test", finding)
    if not len(masks) or not len(test_masks):
        return dict.fromkeys(SIMPLE_RULES, np.zeros(0)), None
    named = data.findings.finding
    kept = named != NO_FINDING if finding is None else named == finding
    train = data.findings.image_id.isin(data.ids("train"))
    boxes = cover(data.findings[kept & train], data.store.size)
    prior = predictors.fit_place(boxes, np.ones(len(boxes.ids), bool))
    anywhere, in_place = (fit_threshold(images, masks, r) for r in (None, prior))
    marks = prior, anywhere.mark(test_images), in_place.mark(test_images)
    scores = (iou_per_image(marked, test_masks) for marked in marks)
    return dict(zip(SIMPLE_RULES, scores, strict=True)), anywhere


def arrays(
    data: PreparedSet, part: str, finding: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images and masks of the films of a part that show a finding.

    Args:
        data: A prepared data set.
        part: "train", "val" or "test".
        finding: Whose boxes make the masks; None for all findings together.

    Returns:
        Images in [0, 1] and masks, bool, both (N, S, S).
    """
    scans = data.part(part, findings_kept=None if finding is None else [finding])
    there = scans.is_abnormal()
    images = np.array([data.store.image(i) for i in scans.ids])
    masks = np.array([scans.mask(i)[0].numpy() > 0 for i in scans.ids])
    return images[there], masks[there]


def iou_per_image(marked: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Intersection over union of each image.

    Args:
        marked: Predictions, (N, S, S), bool, or one for all, (S, S).
        masks: Targets, (N, S, S), bool.

    Returns:
        Shape (N,), in [0, 1]; NaN where the target is empty (convention C).
    """
    return metrics.iou_per_image(metrics.count_pixels(marked, masks))
