"""One finding kept from all training: which boxes and films, and the loss without them.

No pixel inside a held-out box enters the loss, neither as a finding nor as
background, also where another finding's box lies over it. A film that shows nothing
else is dropped, since calling it normal or abnormal would say what must not be said.
The Siamese twin learns from whole films and knows no pixels, so it gets no film at all
that shows the finding: a film with other findings beside it would still teach "this
looks abnormal".
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import NO_FINDING

FAR_BELOW = -30.0
"""A logit that no threshold finds and whose probability is 0 in single precision."""

LEARNING_PARTS = ("train", "val")
"""Parts from which boxes are held out; a test part is only scored."""


@dataclass(frozen=True)
class HeldOut:
    """Boxes that no training may use.

    Attributes:
        boxes: Rows of the findings table.
        dropped: Films that show nothing else.
    """

    boxes: pd.DataFrame
    dropped: frozenset[str]

    @property
    def scans(self) -> frozenset[str]:
        """Scans that show any of the boxes, the dropped ones included."""
        return frozenset(self.boxes.image_id)

    @property
    def digest(self) -> str:
        """SHA-256 of what is held out."""
        boxes = sorted(zip(self.boxes.image_id, self.boxes.finding, strict=True))
        text = repr((boxes, sorted(self.dropped)))
        return hashlib.sha256(text.encode()).hexdigest()


def hold_out(data: PreparedSet, finding: str) -> HeldOut:
    """Keep one finding from training.

    Args:
        data: A prepared set.
        finding: Key of the finding.

    Returns:
        Its boxes in the training and validation parts.
    """
    drawn = _drawn(data, LEARNING_PARTS)
    boxes, rest = drawn[drawn.finding == finding], drawn[drawn.finding != finding]
    return HeldOut(boxes, frozenset(boxes.image_id) - frozenset(rest.image_id))


def hold_out_at_random(data: PreparedSet, like: HeldOut, seed: int) -> HeldOut:
    """Keep as many boxes and films from training, whatever their findings.

    All boxes of one finding on one film go together, as they do in `hold_out`.

    Args:
        data: A prepared set.
        like: What to match, part by part.
        seed: Seed of the choice.

    Returns:
        Exactly as many dropped films, and as many boxes up to those of one finding
        on one film.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for part in LEARNING_PARTS:
        ids = set(data.ids(part))
        wanted = int(like.boxes.image_id.isin(ids).sum()), len(like.dropped & ids)
        chosen.append(_choose(_drawn(data, [part]), *wanted, rng))
    boxes = pd.concat([one.boxes for one in chosen])
    return HeldOut(boxes, frozenset().union(*(one.dropped for one in chosen)))


def _drawn(data: PreparedSet, parts) -> pd.DataFrame:
    wanted = set(data.split.index[data.split.isin(parts)])
    table = data.findings
    return table[(table.finding != NO_FINDING) & table.image_id.isin(wanted)]


def _choose(
    drawn: pd.DataFrame, n_boxes: int, n_dropped: int, rng: np.random.Generator
) -> HeldOut:
    """Drop films at random, then findings of others that keep at least one."""
    scans = rng.permutation(np.unique(drawn.image_id.to_numpy(dtype=object)))
    dropped = frozenset(scans[:n_dropped])
    groups = drawn.groupby(["image_id", "finding"]).size()
    left = groups.groupby("image_id").size().to_dict()
    count = int(drawn.image_id.isin(dropped).sum())
    taken = set()
    for position in rng.permutation(len(groups)):
        image_id, finding = groups.index[position]
        fits = count + groups.iloc[position] <= n_boxes
        if image_id in dropped or left[image_id] < 2 or not fits:
            continue
        taken.add((image_id, finding))
        left[image_id] -= 1
        count += int(groups.iloc[position])
    keys = zip(drawn.image_id, drawn.finding, strict=True)
    rows = [i in dropped or (i, f) in taken for i, f in keys]
    return HeldOut(drawn[np.array(rows, dtype=bool)], dropped)


class CountedSet(Dataset):
    """Images with what may be learned from them.

    Args:
        data: A prepared set.
        part: "train" or "val".
        held: What must not be learned.

    Attributes:
        ids: The image ids, dropped films left out.
        kept: Their images and masks without the held-out boxes.
    """

    def __init__(self, data: PreparedSet, part: str, held: HeldOut):
        self.ids = [i for i in data.ids(part) if i not in held.dropped]
        kept = data.findings.drop(index=held.boxes.index)
        self.kept = SegmentationSet(data.store, kept, self.ids)
        self._held = SegmentationSet(data.store, held.boxes, self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Read one image.

        Args:
            index: Position in `ids`.

        Returns:
            Image in [0, 1], (1, S, S), and target, (2, S, S): the mask of the other
            findings outside every held-out box, and 1 where the loss counts.
        """
        image, mask = self.kept[index]
        counted = 1 - self._held.mask(self.ids[index])
        return image, torch.cat([mask * counted, counted])


def counted_loss(loss: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Make a segmentation loss blind inside the held-out boxes.

    The logits there are replaced before the loss, so that the box transform cannot
    carry them elsewhere, and the pixels do not count in its mean.

    Args:
        loss: Of logits and masks, (B, 1, S, S), with a `reduction` of "none".

    Returns:
        A loss of logits, (B, 1, S, S), and targets of a `CountedSet`, (B, 2, S, S):
        the mean over the pixels that count.
    """

    def blind(logits: Tensor, target: Tensor) -> Tensor:
        mask, counted = target.split(1, dim=1)
        seen = logits.masked_fill(counted == 0, FAR_BELOW)
        return (loss(seen, mask, reduction="none") * counted).sum() / counted.sum()

    return blind


def without_scans(data: PreparedSet, held: HeldOut) -> PreparedSet:
    """Take every film that shows a held-out box out of training and validation.

    Args:
        data: A prepared set.
        held: What must not be learned.

    Returns:
        The same set with a smaller split, for what learns from whole films.
    """
    return replace(data, split=data.split.drop(sorted(held.scans)))
