"""A training step beside MONAI's networks of equal widths.

    python tests/benchmarks/bench_step.py --out bench.json

Same images, same loss, same optimizer, one core; processor seconds, since other
programs may run as well. MONAI's networks run with channels
first and with channels last; the faster of the two is the peer. Before anything is
timed, the encoders are given the same weights and must give the same features.
"""

from functools import partial
from statistics import median
from time import process_time

import torch
from monai.losses import FocalLoss
from monai.networks.nets import AttentionUnet, BasicUNet
from reporting import compare, interleaved, report, spread, step_bytes
from step_cost import StepRunner, blobs, matrix_task, step_operations
from torch import nn

from chexnomaly.losses import box_focal_loss, sigmoid_focal_loss
from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.unet import UNet

WIDTH, DEPTH, SIZE, BATCH, REPEATS = 16, 5, 128, 4, 15
WIDTHS = tuple(WIDTH * 2**level for level in range(DEPTH))
MATRIX, COPIED = 2048, 2**24
CONVOLUTION = (128, 64, 4)
"""Channels, side and images of a large convolution."""
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
    return {"step": time_steps(image, mask), "paper_step": paper_step()}


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ("monai",))
