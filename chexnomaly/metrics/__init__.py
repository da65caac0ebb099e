"""The paper's metrics, under every convention that its text allows."""

from chexnomaly.metrics.categories import lenient_categories, strict_categories
from chexnomaly.metrics.classification import (
    F1_RULES,
    auc,
    f1_score,
    f1_statistic,
    film_scores,
)
from chexnomaly.metrics.detection import average_precision, average_precisions
from chexnomaly.metrics.segmentation import (
    IOU_CONVENTIONS,
    Scores,
    count_pixels,
    hard_error,
    image_scores,
    iou,
    iou_per_image,
    iou_statistic,
    mae_statistic,
    mean_absolute_error,
)
