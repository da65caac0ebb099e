"""Predictions as inputs: what the Model Ensemble is fitted on (Section IV-C).

"A new dataset was curated, encompassing 14 predicted masks and a unified output mask
for each image". The maps are predicted once, when they are first needed, and wait in a
file without a name that vanishes with the process, so that memory stays flat.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from chexnomaly.datasets.segmentation import SegmentationSet

PROB_STEPS = 255
"""Probabilities are kept as whole numbers of this many steps."""


@dataclass(eq=False)
class PredictedSet(Dataset):
    """Predicted maps and the mask of each image of a data set.

    Attributes:
        scans: Images and masks.
        predict: Images (B, 1, S, S) to probabilities (B, C, S, S); called once per
            image, without gradient.
        folder: Where the unnamed file lies; created where it is missing.
        batch_size: Images per call.
        workers: Processes that read the images.
    """

    scans: SegmentationSet
    predict: Callable[[Tensor], Tensor]
    folder: Path
    batch_size: int = 16
    workers: int = 0

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Read one image's maps and draw its mask.

        Args:
            index: Position in `scans`.

        Returns:
            Probabilities, (C, S, S), to the nearest 1 / 255, and mask in {0, 1},
            (1, S, S), both float32.
        """
        maps = torch.from_numpy(self._maps[index].astype(np.float32) / PROB_STEPS)
        return maps, self.scans.mask(self.scans.ids[index])

    @cached_property
    def _maps(self) -> np.ndarray:
        """All maps, (N, C, S, S), uint8, in the unnamed file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loader = DataLoader(self.scans, self.batch_size, num_workers=self.workers)
        maps, done = None, 0
        for image, _ in loader:
            with torch.no_grad():
                probs = self.predict(image).float().cpu()
            if maps is None:
                shape = (len(self), *probs.shape[1:])
                with tempfile.TemporaryFile(dir=self.folder) as file:
                    maps = np.memmap(file, np.uint8, "w+", shape=shape)
            maps[done : done + len(probs)] = (probs * PROB_STEPS).round().byte().numpy()
            done += len(probs)
        return maps
