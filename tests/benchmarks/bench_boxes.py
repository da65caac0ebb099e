"""The box transform beside scikit-image's `label` and `regionprops`, on one core.

    python tests/benchmarks/bench_boxes.py --out bench.json

Both compute the same maps, which is checked first. The floor is the time to read and to
write the batch once, as fast as this machine copies it in this run.
"""

from functools import partial
from statistics import median
from time import process_time

import numpy as np
import torch
from reporting import compare, interleaved, report, spread
from scipy import ndimage
from skimage.measure import label, regionprops

from chexnomaly.boxes import rectangularize

BATCH = 8
MAPS = {
    "a few findings": {"size": 512, "blur_px": 20.0, "shift": 3.0},
    "many findings": {"size": 512, "blur_px": 6.0, "shift": 3.0},
    "speckle": {"size": 512, "blur_px": 2.0, "shift": 2.0},
    "a few findings at 64 px": {"size": 64, "blur_px": 4.0, "shift": 2.0},
}
REPEATS = {512: 15, 64: 150}
"""Rounds, by the side of the maps: a small one takes a millisecond."""
MIN_AREA = 16


def draw_maps(size: int, blur_px: float, shift: float) -> torch.Tensor:
    """Blur noise until it has blobs above 0.5; (B, 1, S, S), float32."""
    noise = np.random.default_rng(0).random((BATCH, size, size))
    smooth = ndimage.gaussian_filter(noise, (0, blur_px, blur_px), mode="wrap")
    score = 2 * (smooth - smooth.mean()) / smooth.std() - shift
    return torch.from_numpy(1 / (1 + np.exp(-score))).float().unsqueeze(1)


def by_scikit_image(probs: torch.Tensor) -> torch.Tensor:
    """Do the transform as one writes it with scikit-image, image by image."""
    filled = []
    for image in probs[:, 0].numpy():
        means = np.full_like(image, -1.0)
        labels = label(image > 0.5, connectivity=2)
        for region in regionprops(labels, intensity_image=image):
            if region.area < MIN_AREA:
                continue
            top, left, bottom, right = region.bbox
            box = means[top:bottom, left:right]
            np.maximum(box, region.intensity_mean, out=box)
        filled.append(np.where(means >= 0, means, image))
    return torch.from_numpy(np.stack(filled)).unsqueeze(1)


def check_same(ours: torch.Tensor, peers: torch.Tensor) -> None:
    """Refuse to time two different things."""
    torch.testing.assert_close(ours, peers, rtol=1e-6, atol=0)


def run() -> dict:
    """Time all maps."""
    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    table = {}
    for name, shape in MAPS.items():
        probs = draw_maps(**shape)
        tasks = {
            "chexnomaly": partial(rectangularize, probs, min_area=MIN_AREA),
            "scikit-image": partial(by_scikit_image, probs),
            "copy": probs.clone,
        }
        check_same(tasks["chexnomaly"](), tasks["scikit-image"]())
        seconds = interleaved(tasks, REPEATS[shape["size"]], cpu, process_time)
        components = sum(label(p > 0.5, connectivity=2).max() for p in probs[:, 0])
        ours = median(seconds["chexnomaly"])
        table[name] = {
            "size_px": shape["size"],
            "batch": BATCH,
            "components": int(components),
            "seconds": {task: spread(values) for task, values in seconds.items()},
            "times_as_fast_as": compare(seconds, "chexnomaly", ["scikit-image"]),
            "floor_to_ours": round(median(seconds["copy"]) / ours, 4),
        }
    return {"transform": table, "required": 2.0}


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ("scikit-image",))
