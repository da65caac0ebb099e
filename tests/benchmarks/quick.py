"""A benchmark of seconds, so that other times can be said as multiples of it.

    make bench QUICK=1

One unit is 24 phantom films drawn and 48 training steps of the demo's U-Net on them, on
one core. It prints a unit's processor seconds on this machine, and what the builds that
`make timings KEEP=1` kept for the book would take here.
"""

import json
import sys
from functools import partial
from statistics import median
from time import process_time

import torch
from reporting import ROOT
from torch import Tensor

from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.losses import box_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.phantom import film
from chexnomaly.phantom.files.store import brightness
from chexnomaly.training.schedule import seeded_model

FILMS, SIDE, SIZE, STEPS, BATCH, ROUNDS = 24, 240, 64, 48, 8, 3
NETWORK = {"base_channels": 8, "depth": 4, "convolutions": 1, "batch_norm": True}


def draw() -> Tensor:
    """Draw the films as images for the network. (24, 1, 64, 64)."""
    films = (brightness(film(0, index, SIDE)) for index in range(FILMS))
    images = [torch.from_numpy(resize_square(image, SIZE)) for image in films]
    return torch.stack(images).unsqueeze(1).float()


def steps(images: Tensor) -> float:
    """Train for some steps; return the last loss."""
    model = seeded_model(partial(UNet, **NETWORK), 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(STEPS):
        chosen = images.roll(BATCH * step, 0)[:BATCH]
        loss = box_focal_loss(model(chosen), (chosen > 0.8).float(), min_area=1)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item()


def unit_s(rounds: int = ROUNDS) -> float:
    """Measure a unit's processor seconds: the median of some rounds, after one."""
    torch.set_num_threads(1)
    seconds = []
    for _ in range(rounds + 1):
        started = process_time()
        steps(draw())
        seconds.append(process_time() - started)
    return round(median(seconds[1:]), 3)


def main() -> None:
    """Print the unit here, and each kept build as a multiple of it."""
    unit = unit_s()
    sys.stdout.write(f"one unit here: {unit:.2f} processor seconds\n")
    for path in sorted((ROOT / "book/reference/bench").glob("timings_*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        units, profile = kept["units"], path.stem.partition("_")[2]
        build = f"make book PROFILE={profile}"
        sys.stdout.write(f"{build}: {units:.0f} units, {units * unit:.0f} s here\n")


if __name__ == "__main__":
    main()
