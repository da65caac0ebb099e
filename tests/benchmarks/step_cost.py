"""What one training step costs, beside what the machine could do at most.

    python tests/benchmarks/step_cost.py --out bundle_0.json

The floor is the step's operations over the rate of a large matrix product, measured in
the same run; the other parts are the box transform and the reading of images.
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from reporting import interleaved, report, spread
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from chexnomaly.boxes import rectangularize
from chexnomaly.datasets.annotations.findings import COLUMNS
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.labels import NO_FINDING
from chexnomaly.losses import box_focal_loss
from chexnomaly.models import UNet
from chexnomaly.training.devices import moved_ahead


@dataclass(frozen=True)
class StepSizes:
    """What is measured.

    Attributes:
        widths: Widths of the U-Net's first level.
        size: Side of the images, px.
        batch: Images per step.
        depth: Levels of the U-Net.
        matrix: Side of the matrices whose product gives the machine's rate.
        repeats: How often each is timed.
        workers: Processes that read images.
    """

    widths: tuple[int, ...] = (64, 32)
    size: int = 512
    batch: int = 32
    depth: int = 5
    matrix: int = 8192
    repeats: int = 20
    workers: int = 8


def matrix_task(side: int, device: torch.device, dtype: torch.dtype) -> Callable:
    """Make a product of two square matrices: 2 side^3 operations."""
    a, b = (torch.rand(side, side, device=device, dtype=dtype) for _ in range(2))
    return lambda: a @ b


def step_operations(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Count the operations of a forward and a backward pass, without running them."""
    there = next(model.parameters()).device
    image = torch.zeros(shape, device="meta")
    with FlopCounterMode(display=False) as counter:
        model.to("meta")(image).sum().backward()
    model.to_empty(device=there)
    return counter.get_total_flops()


def blobs(batch: int, size: int, device: torch.device) -> Tensor:
    """Draw maps like those of a trained network: a few smooth blobs. (B, 1, S, S)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, 1, 9, 9, generator=generator)
    smooth = F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
    return ((smooth - 0.3).clamp(0, 1)).to(device)


class StepRunner:
    """One network's training step, as `training.train` takes it, on given batches.

    Args:
        model: The network.
        device: Where it runs.
        loss: Of logits and mask.
        bf16: Compute the logits in bfloat16.
        layout: Memory format of the weights.
    """

    def __init__(
        self,
        model: nn.Module,
        device: torch.device,
        loss: Callable[[Tensor, Tensor], Tensor],
        bf16: bool = False,
        layout: torch.memory_format = torch.channels_last,
    ):
        self.model = model.to(device, memory_format=layout).train()
        self.device, self.loss, self.bf16 = device, loss, bf16
        parameters = self.model.parameters()
        fused = device.type == "cuda" or None
        self.optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=fused)

    def __call__(self, image: Tensor, mask: Tensor) -> None:
        """Take one step."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self.model(image)
        self.loss(logits.float(), mask).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def noise_loader(folder: Path, sizes: StepSizes, on_gpu: bool) -> DataLoader:
    """Write a store of noise and read it as training reads films.

    Args:
        folder: Where it is written.
        sizes: Of the images and batches.
        on_gpu: Read in processes of their own, into pinned memory.

    Returns:
        Batches of images and empty masks.
    """
    rng, size = np.random.default_rng(0), sizes.size
    ids = [f"noise{i:04d}" for i in range(8 * sizes.batch)]
    writer = StoreWriter(folder, ids, size)
    for row in writer.missing:
        writer.write(row, rng.random((size, size), dtype=np.float32), size, size)
    unmarked = pd.DataFrame({"image_id": ids, "reader": "", "finding": NO_FINDING})
    return DataLoader(
        SegmentationSet(writer.finish(), unmarked.reindex(columns=COLUMNS), ids),
        sizes.batch,
        num_workers=sizes.workers if on_gpu else 0,
        persistent_workers=on_gpu and sizes.workers > 0,
        pin_memory=on_gpu,
    )


def transform_task(maps: Tensor) -> None:
    """Run the box transform and its gradient once."""
    probs = maps.clone().requires_grad_()
    rectangularize(probs, min_area=16).sum().backward()


def measure_width(
    width: int, sizes: StepSizes, device: torch.device, loader: DataLoader
) -> dict:
    """Time one width's step on resident and on read images, and its parts.

    Args:
        width: Of the U-Net's first level.
        sizes: What is measured.
        device: Where.
        loader: From `noise_loader`.

    Returns:
        What is kept of one width: the parts of a step beside its floor and
        beside each other.
    """
    bf16 = device.type == "cuda"
    build = partial(UNet, base_channels=width, depth=sizes.depth, batch_norm=True)
    operations = step_operations(build(), (sizes.batch, 1, sizes.size, sizes.size))
    step = StepRunner(build(), device, box_focal_loss, bf16)
    resident = next(moved_ahead(loader, device))
    read = chain.from_iterable(moved_ahead(loader, device) for _ in count())
    dtype = torch.bfloat16 if bf16 else torch.float32
    tasks = {
        "step": lambda: step(*resident),
        "step_from_store": lambda: step(*next(read)),
        "transform": partial(transform_task, blobs(sizes.batch, sizes.size, device)),
        "matrix": matrix_task(sizes.matrix, device, dtype),
    }
    seconds = interleaved(tasks, sizes.repeats, device)
    middle = {name: median(values) for name, values in seconds.items()}
    rate = 2 * sizes.matrix**3 / middle["matrix"]
    return {
        "operations": operations,
        "floor_s": round(operations / rate, 6),
        "share_of_matrix_rate": round(operations / rate / middle["step"], 4),
        "speed_from_store_to_resident": round(
            middle["step"] / middle["step_from_store"], 4
        ),
        "transform_to_step": round(middle["transform"] / middle["step"], 4),
        "images_per_s": round(sizes.batch / middle["step_from_store"], 2),
        "tera_operations_per_s": round(rate / 1e12, 3),
        "seconds": {name: spread(values) for name, values in seconds.items()},
    }


def measure_costs(sizes: StepSizes) -> dict:
    """Measure the step of each width on the GPU, or on the CPU where there is none.

    Args:
        sizes: What to measure.

    Returns:
        "sizes", and by width: operations of a step, its floor, shares of that floor, of
        the transform and of reading, and the timings behind them.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = device.type == "cuda"
    costs: dict = {"sizes": asdict(sizes), "unet": {}}
    with tempfile.TemporaryDirectory() as folder:
        loader = noise_loader(Path(folder, "store"), sizes, device.type == "cuda")
        for width in sizes.widths:
            costs["unet"][str(width)] = measure_width(width, sizes, device, loader)
    return costs


if __name__ == "__main__":
    report(__doc__.splitlines()[0], partial(measure_costs, StepSizes()), ())
