"""One small training, for torchrun: `torchrun ... tests/ddp_run.py RUN_DIR`."""

import sys
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

from chexnomaly.losses import sigmoid_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import History, Schedule, seeded_model


def small_run(run_dir: Path) -> History:
    """Train four epochs on 21 and 9 images, the last batch short and odd."""
    generator = torch.Generator().manual_seed(0)
    sets = []
    for n in (21, 9):
        images = torch.rand(n, 1, 16, 16, generator=generator)
        sets.append(TensorDataset(images, (images > 0.8).float()))
    model = seeded_model(lambda: UNet(base_channels=4, depth=3), 0)
    schedule = Schedule(epochs=4, batch_size=8, learning_rate=3e-3, one_cycle=True)
    return train(model, sigmoid_focal_loss, *sets, run_dir, schedule)


if __name__ == "__main__":
    small_run(Path(sys.argv[1]))
