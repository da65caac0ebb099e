"""Augmentation of images and masks together (named once, in Fig. 14's caption).

The paper gives no amounts. Ours: shift, scale, rotation up to 10 degrees, brightness;
never a left-right flip, since the heart has a side.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_ROTATION_DEG = 10.0
MAX_SHIFT = 0.05
MAX_SCALE = 0.1
MAX_BRIGHTNESS = 0.1


def augment(batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Move and brighten each image of a batch, and its mask with it.

    Args:
        batch: Image in [0, 1] and mask in {0, 1}, both (B, 1, H, W).
        generator: The only source of randomness, on the CPU.

    Returns:
        Image and mask of the same shapes; the mask stays binary, and what comes in
        from outside is 0 in both.
    """
    image, mask = batch
    moved, grid = _move(image, generator)
    return [moved, F.grid_sample(mask, grid, mode="nearest", align_corners=False)]


def augment_pairs(batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Move and brighten each image of each pair on its own.

    Args:
        batch: Two images in [0, 1], (B, 1, H, W) each, and whether they are similar.
        generator: The only source of randomness, on the CPU.

    Returns:
        The same shapes; the last tensor unchanged.
    """
    *images, similar = batch
    return [*(_move(image, generator)[0] for image in images), similar]


def _move(image: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Move and brighten images, (B, 1, H, W); give them, and where they were read."""
    draws = torch.rand(len(image), 5, generator=generator) * 2 - 1
    if image.is_cuda:
        draws = draws.pin_memory().to(image.device, non_blocking=True)
    grid = _grid(_affine(draws[:, :4]), *image.shape[2:])
    moved = F.grid_sample(image, grid, align_corners=False)
    gamma = torch.exp(draws[:, 4] * MAX_BRIGHTNESS * 2)
    return moved.clamp(0, 1) ** gamma.view(-1, 1, 1, 1), grid


def _grid(matrices: Tensor, *size: int) -> Tensor:
    """Do what `F.affine_grid` does without aligned corners, at a fifth of its cost."""
    on = matrices.device
    y, x = (torch.linspace(-1, 1, n, device=on) * (n - 1) / n for n in size)
    of_x, of_y, shift = matrices[..., None, None].unbind(2)  # (B, 2, 1, 1) each
    return (of_x * x + of_y * y[:, None] + shift).permute(0, 2, 3, 1)


def _affine(draws: Tensor) -> Tensor:
    """Turn uniform draws in [-1, 1], (B, 4), into sampling matrices, (B, 2, 3)."""
    angle = draws[:, 0] * math.radians(MAX_ROTATION_DEG)
    scale = 1 + draws[:, 1] * MAX_SCALE
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    x, y = (draws[:, 2:] * MAX_SHIFT * 2).T  # a grid spans 2, from -1 to 1
    return torch.stack([cos, -sin, x, sin, cos, y], dim=1).view(-1, 2, 3)
