"""Images with their box masks, ready for a network (Section IV-A).

Masks are made from the readers' boxes on the fly: the union of all readers by
default (ambiguity: the paper does not say how three readers become one mask).
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.datasets.store.store import Store
from chexnomaly.labels import NO_FINDING


class SegmentationSet(Dataset):
    """Image and mask of each id, in the order given.

    Args:
        store: Where the images lie.
        findings: Findings table; boxes in each image's own pixels.
        ids: Which images, in this order; repeats are allowed (oversampling).
        findings_kept: Only boxes of these findings make the mask; all by default.
        readers: "union" of all readers, an integer k for pixels that at least k
            readers marked, "first" for each image's first reader by id, or a reader's
            id.
        abnormal: Whether an image is abnormal as a whole, by id, where that is known
            without boxes; by default those with a box of the kept findings are.
        outlines: Masks by id, (S, S), bool, in place of the boxes; an image without
            one is normal.

    Attributes:
        ids: The image ids.
        size: Side of image and mask, px.
    """

    def __init__(
        self,
        store: Store,
        findings: pd.DataFrame,
        ids: Sequence[str],
        findings_kept: Sequence[str] | None = None,
        readers: str | int = "union",
        abnormal: Mapping[str, bool] | None = None,
        outlines: Mapping[str, np.ndarray] | None = None,
    ):
        self.store = store
        self.ids = list(ids)
        self.size = store.size
        self.readers = readers
        self._outlines = outlines
        if outlines is not None:
            abnormal = {i: bool(mask.any()) for i, mask in outlines.items()}
        self._abnormal = abnormal
        table = findings[findings.image_id.isin(set(self.ids))]
        self._readers: dict[str, list[str]] = {}
        for name, reader in sorted({*zip(table.image_id, table.reader, strict=True)}):
            self._readers.setdefault(name, []).append(reader)
        self._boxes = _grid_boxes(table, store, findings_kept)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Read one image and draw its mask.

        Args:
            index: Position in `ids`.

        Returns:
            Image in [0, 1] and mask in {0, 1}, both (1, S, S), float32.
        """
        image_id = self.ids[index]
        image = torch.from_numpy(self.store.image(image_id))
        return image.unsqueeze(0), self.mask(image_id)

    def subset(self, ids: Iterable[str]) -> "SegmentationSet":
        """Take some of these images, sorted by id; repeats stay repeats."""
        chosen = copy(self)
        chosen.ids = sorted(ids)
        return chosen

    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Tell the abnormal images from the normal ones.

        Returns:
            Ids of the images with any box of the kept findings, and of those without,
            each in the order of `ids`.
        """
        ids, is_abnormal = np.array(self.ids, dtype=object), self.is_abnormal()
        return ids[is_abnormal], ids[~is_abnormal]

    def mask(self, image_id: str) -> Tensor:
        """Draw one image's mask, (1, S, S), float32, under the readers' rule."""
        return torch.from_numpy(self.reader_mask(image_id, self.readers)).unsqueeze(0)

    def reader_mask(self, image_id: str, readers: str | int) -> np.ndarray:
        """Draw one image's mask under any readers' rule; (S, S), float32."""
        if self._outlines is not None:
            empty = np.zeros((self.size, self.size), dtype=bool)
            return self._outlines.get(image_id, empty).astype(np.float32)
        by_reader = self._boxes.get(image_id, {})
        if readers == "first":
            readers = next(iter(self.readers_of(image_id)), readers)
        if isinstance(readers, str) and readers != "union":
            return self._fill(by_reader.get(readers, ())).astype(np.float32)
        votes = np.zeros((self.size, self.size), dtype=np.int32)
        for boxes in by_reader.values():
            votes += self._fill(boxes)
        needed = 1 if readers == "union" else readers
        return (votes >= needed).astype(np.float32)

    def boxes(self, image_id: str) -> Tensor:
        """Every reader's boxes of one image in store pixels; (N, 4), xyxy, float32."""
        rows = [
            box for boxes in self._boxes.get(image_id, {}).values() for box in boxes
        ]
        return torch.from_numpy(np.reshape(rows, (-1, 4)).astype(np.float32))

    def readers_of(self, image_id: str) -> list[str]:
        """Who read the image, sorted, those who found nothing included."""
        return self._readers.get(image_id, [])

    def is_abnormal(self) -> np.ndarray:
        """Tell which images are abnormal, by label or by any kept box; (N,), bool."""
        known = self._boxes if self._abnormal is None else self._abnormal
        return np.array([bool(known.get(i)) for i in self.ids])

    def _fill(self, boxes: Sequence[np.ndarray]) -> np.ndarray:
        mask = np.zeros((self.size, self.size), dtype=bool)
        corners = np.ceil(np.reshape(boxes, (-1, 4)) - 0.5).astype(int)
        for left, top, right, bottom in corners:
            mask[top:bottom, left:right] = True
        return mask


def _grid_boxes(
    findings: pd.DataFrame, store: Store, kept: Sequence[str] | None
) -> dict[str, dict[str, list[np.ndarray]]]:
    """Boxes of each image and reader, in the store's frame."""
    drawn = findings[findings.finding != NO_FINDING]
    if kept is not None:
        drawn = drawn[drawn.finding.isin(kept)]
    corners = scale_boxes(drawn, store.size)[list(BOX)].to_numpy(np.float64)
    boxes: dict[str, dict[str, list[np.ndarray]]] = {}
    for image_id, reader, box in zip(
        drawn.image_id, drawn.reader, corners, strict=True
    ):
        boxes.setdefault(image_id, {}).setdefault(reader, []).append(box)
    return boxes
