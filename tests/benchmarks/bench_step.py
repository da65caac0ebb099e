"""A training step beside MONAI's networks of equal widths, and beside a plain loop.

    python tests/benchmarks/bench_step.py --out bench.json

Same images, same loss, same optimizer, one core; processor seconds, since other
programs may run as well. MONAI's networks run with channels
first and with channels last; the faster of the two is the peer. Before anything is
timed, the encoders are given the same weights and must give the same features, and the
two loops must end at the same loss.
"""

import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import torch
from monai.losses import FocalLoss
from monai.networks.nets import AttentionUnet, BasicUNet
from reporting import compare, interleaved, report, spread, step_bytes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from chexnomaly.losses import box_focal_loss, sigmoid_focal_loss
from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.unet import UNet
from chexnomaly.studies.speed.step_cost import (
    StepRunner,
    blobs,
    matrix_task,
    step_operations,
)
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import Schedule, seeded_model

WIDTH, DEPTH, SIZE, BATCH, REPEATS = 16, 5, 128, 4, 15
WIDTHS = tuple(WIDTH * 2**level for level in range(DEPTH))
MATRIX, COPIED = 2048, 2**24
CONVOLUTION = (128, 64, 4)
"""Channels, side and images of a large convolution."""
LOOP = {"base_channels": 8, "depth": 4, "convolutions": 1, "batch_norm": True}
LOOP_IMAGES, LOOP_SIZE, LOOP_REPEATS = 160, 64, 5
CPU = torch.device("cpu")


def networks() -> dict[str, nn.Module]:
    """Build ours and the peers', of equal widths."""
    ours = {"base_channels": WIDTH, "depth": DEPTH, "batch_norm": True}
    fixed = {"spatial_dims": 2, "in_channels": 1, "out_channels": 1}
    plain = {
        "features": (*WIDTHS, WIDTH),
        "norm": "batch",
        "act": ("relu", {"inplace": True}),
    }
    return {
        "UNet": UNet(**ours),
        "AttentionUNet": AttentionUNet(**ours),
        "MONAI BasicUNet": BasicUNet(**fixed, **plain, bias=False),
        "MONAI AttentionUnet": AttentionUnet(
            **fixed, channels=WIDTHS, strides=(2,) * (DEPTH - 1)
        ),
    }


def check_networks(image: torch.Tensor) -> None:
    """Give both plain encoders the same weights: the features must be the same."""
    built = networks()
    ours, peer = built["UNet"], built["MONAI BasicUNet"]
    levels = [peer.conv_0, *(getattr(peer, f"down_{k}") for k in range(1, DEPTH))]
    pairs = zip([ours.stem, *ours.downs], levels, strict=True)
    for own, other in pairs:
        layers = (
            [m for m in part.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
            for part in (own, other)
        )
        for a, b in zip(*layers, strict=True):
            a.load_state_dict(b.state_dict())
    with torch.no_grad():
        features = image
        for level in levels:
            features = level(features)
        torch.testing.assert_close(
            ours.encode(image)[-1], features, rtol=1e-3, atol=1e-4
        )
        shapes = {name: tuple(model(image).shape) for name, model in built.items()}
    assert set(shapes.values()) == {tuple(image.shape)}, shapes


def check_loss(image: torch.Tensor, mask: torch.Tensor) -> None:
    """The loss of both sides is one function."""
    logits = image * 6 - 3
    peer = FocalLoss(alpha=0.25, gamma=2.0, reduction="mean")(logits, mask)
    torch.testing.assert_close(sigmoid_focal_loss(logits, mask), peer)


def convolution_task(channels: int, side: int, images: int) -> partial:
    """Make a 3x3 convolution on the CPU: 18 channels^2 side^2 images operations."""
    layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    layer = layer.requires_grad_(False).to(memory_format=torch.channels_last)
    maps = torch.rand(images, channels, side, side)
    return partial(layer, maps.to(memory_format=torch.channels_last))


def time_steps(image: torch.Tensor, mask: torch.Tensor) -> dict:
    """Time a step of every network, and the floor of ours."""
    last, first = torch.channels_last, torch.contiguous_format
    tasks = {}
    for name, model in networks().items():
        layouts = {"": last}
        if name.startswith("MONAI"):
            layouts = {", channels first": first, ", channels last": last}
        for suffix, layout in layouts.items():
            state = {k: v.clone() for k, v in model.state_dict().items()}
            fresh = networks()[name]
            fresh.load_state_dict(state)
            step = StepRunner(fresh, CPU, sigmoid_focal_loss, layout=layout)
            batch = (part.to(memory_format=layout) for part in (image, mask))
            tasks[name + suffix] = partial(step, *batch)
    boxed = StepRunner(networks()["UNet"], CPU, box_focal_loss)
    batch = (part.to(memory_format=last) for part in (image, mask))
    tasks["UNet, box transform"] = partial(boxed, *batch)
    tasks["convolution"] = convolution_task(*CONVOLUTION)
    tasks["copy"] = torch.rand(COPIED).clone
    tasks["matrix"] = matrix_task(MATRIX, CPU, torch.float32)
    seconds = interleaved(tasks, REPEATS, CPU, process_time)
    middle = {name: median(values) for name, values in seconds.items()}
    channels, side, images = CONVOLUTION
    rates = {
        "matrix product": 2 * MATRIX**3 / middle["matrix"],
        "convolution": 18 * channels**2 * side**2 * images / middle["convolution"],
    }
    rate = max(rates.values())
    networks_table = {}
    for ours, peer in (("UNet", "BasicUNet"), ("AttentionUNet", "AttentionUnet")):
        ways = [name for name in tasks if name.startswith(f"MONAI {peer},")]
        fastest = min(ways, key=middle.get)
        networks_table[ours] = {
            "fastest_peer": fastest,
            "times_as_fast_as": compare(seconds, ours, ways),
            "operations": step_operations(networks()[ours], tuple(image.shape)),
            "operations_of_peer": step_operations(
                networks()[f"MONAI {peer}"], tuple(image.shape)
            ),
        }
        networks_table[ours]["bytes"] = step_bytes(networks()[ours], tuple(image.shape))
        floor = networks_table[ours]["operations"] / rate
        networks_table[ours]["floor_to_ours"] = round(floor / middle[ours], 4)
    return {
        "threads": torch.get_num_threads(),
        "widths": WIDTHS,
        "size_px": SIZE,
        "batch": BATCH,
        "giga_operations_per_s": round(rate / 1e9, 1),
        "rates_measured": {k: round(r / 1e9, 1) for k, r in rates.items()},
        "copied_gb_per_s": round(8 * COPIED / middle["copy"] / 1e9, 2),
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "networks": networks_table,
    }


def plain_loop(data: TensorDataset, order: list[int]) -> list[float]:
    """Train for an epoch the way that common repositories do."""
    model = seeded_model(partial(UNet, **LOOP), 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    losses = []
    for image, mask in DataLoader(data, batch_size=8, sampler=order):
        optimizer.zero_grad()
        loss = sigmoid_focal_loss(model(image), mask)
        loss.backward()
        optimizer.step()
        losses.append(loss.item() * len(image))
    model.eval()
    with torch.no_grad():
        batches = DataLoader(data, batch_size=8)
        val = [sigmoid_focal_loss(model(i), m).item() * len(i) for i, m in batches]
    return [sum(losses) / len(data), sum(val) / len(data)]


def our_loop(data: TensorDataset) -> list[float]:
    """Train for an epoch with `training.train`, checkpoints included."""
    model = seeded_model(partial(UNet, **LOOP), 0)
    schedule = Schedule(epochs=1, batch_size=8, learning_rate=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        history = train(model, sigmoid_focal_loss, data, data, Path(folder), schedule)
    return [history.train_loss[0], history.val_loss[0]]


def time_loops() -> dict:
    """Time both loops over the same images in the same order."""
    image = torch.rand(
        LOOP_IMAGES, 1, LOOP_SIZE, LOOP_SIZE, generator=torch.Generator().manual_seed(0)
    )
    data = TensorDataset(image, (image > 0.9).float())
    first = torch.Generator().manual_seed(0)  # of epoch 0 under seed 0
    order = torch.randperm(LOOP_IMAGES, generator=first).tolist()
    ours, plain = our_loop(data), plain_loop(data, order)
    torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-6)
    tasks = {"chexnomaly": partial(our_loop, data)}
    tasks["plain loop"] = partial(plain_loop, data, order)
    seconds = interleaved(tasks, LOOP_REPEATS, CPU, process_time)
    return {
        "images": LOOP_IMAGES,
        "size_px": LOOP_SIZE,
        "losses": {"chexnomaly": ours, "plain loop": plain},
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "times_as_fast_as": compare(seconds, "chexnomaly", ["plain loop"]),
    }


def paper_step() -> dict:
    """Count the operations of one training image at the paper's size and width."""
    shape = (1, 1, 512, 512)
    return {"width": 64, "operations_per_image": step_operations(UNet(), shape)}


def run() -> dict:
    """Check, then time."""
    torch.set_num_threads(1)
    image = blobs(BATCH, SIZE, CPU)
    mask = (image > 0.6).float()
    check_networks(image)
    check_loss(image, mask)
    step, loop = time_steps(image, mask), time_loops()
    return {"step": step, "loop": loop, "paper_step": paper_step()}


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ("monai",))
