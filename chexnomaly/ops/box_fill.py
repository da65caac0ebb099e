"""Boxes filled with their components' means, and the gradient of that.

Two things are done differently on the CPU, where a loop over boxes or over pixels of
components is the fastest way, and on other devices, where it is the slowest: painting
boxes over one another, and summing over runs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from chexnomaly.ops import connected_components as components
from chexnomaly.ops.connected_components import Components, Runs


class FilledBoxes(Function):
    """The box transform; see `boxes.rectangularize`.

    Sums are taken in float64: 100,000 pixels in float32 would be off in the fourth
    digit. On the CPU only pixels of components and boxes are looked at.
    """

    @staticmethod
    def forward(ctx, probs: Tensor, threshold: float, min_area: int) -> Tensor:
        """Fill the boxes of (B, 1, H, W)."""
        maps = probs.detach()[:, 0].contiguous()
        found = components.find_components(maps > threshold).at_least(min_area)
        means = sum_runs(maps, found.runs, len(found)) / found.areas
        ctx.found, ctx.order = found, means.argsort(stable=True)
        return paint(maps, found, ctx.order, means).unsqueeze(1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Hand what arrives in a box to its component, equally."""
        found, passed = ctx.found, gradient[:, 0].contiguous()
        if not len(found):
            return gradient, None, None
        numbers = torch.arange(len(found), dtype=torch.int32, device=passed.device)
        nobody = torch.full_like(passed, -1, dtype=torch.int32)
        box = paint(nobody, found, ctx.order, numbers)
        means = sum_runs(passed, constant_runs(box), len(found)) / found.areas
        passed = torch.where(box < 0, passed, 0)
        pixels, owner = found.runs.pixels()
        passed.view(-1)[pixels] = means[owner].to(passed.dtype)
        return passed.unsqueeze(1), None, None


def sum_runs(maps: Tensor, runs: Runs, count: int) -> Tensor:
    """Sum a map over the pixels of each owner.

    Args:
        maps: Shape (B, H, W), any float dtype.
        runs: Which pixels.
        count: Number of owners.

    Returns:
        Shape (count,), float64.
    """
    if components.is_on_cpu(maps):
        pixels, owner = runs.pixels()
        return owner.bincount(maps.view(-1)[pixels].double(), minlength=count).double()
    # Each run is a difference of its row's running sum, so that no long sum is atomic.
    running = maps.double().cumsum(dim=2).view(-1)
    before = running[runs.starts] - maps.view(-1)[runs.starts]
    sums = running[runs.starts + runs.lengths - 1] - before
    return running.new_zeros(count).index_add(0, runs.owner, sums)


def paint(maps: Tensor, found: Components, order: Tensor, values: Tensor) -> Tensor:
    """Fill boxes one over the other.

    Args:
        maps: What lies below the boxes. Shape (B, H, W).
        found: The components with their boxes.
        order: Components, the one on top last. Shape (N,).
        values: What each box is filled with. Shape (N,).

    Returns:
        A new map of the same shape and dtype.
    """
    if not components.is_on_cpu(maps):
        top = topmost(found, order, maps.shape)
        fills = torch.cat([values.new_zeros(1), values[order]]).to(maps.dtype)
        return torch.where(top > 0, fills[top], maps)
    painted = maps.clone()
    canvas = painted.numpy()
    boxes, fills = found.boxes.tolist(), values.tolist()
    for k in order.tolist():
        image, top, left, bottom, right = boxes[k]
        canvas[image, top:bottom, left:right] = fills[k]
    return painted


def topmost(found: Components, order: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Find which box lies on top at each pixel, without a loop over boxes.

    A component has a run in every row of its box, so each run can paint its row from
    the box's left to its right. Such a stretch is covered by two of the largest power
    of two that fits; stretches of one power are halved until they are pixels.

    Args:
        found: The components with their boxes.
        order: Components, the one on top last. Shape (N,).
        shape: (B, H, W).

    Returns:
        Place of the box in the order, from 1; 0 where there is none. Shape (B, H, W),
        int32.
    """
    width, pixels = shape[2], shape[0] * shape[1] * shape[2]
    place = torch.empty_like(order)
    place[order] = torch.arange(1, len(order) + 1, device=order.device)
    runs = found.runs
    left, right = found.boxes[runs.owner, 2], found.boxes[runs.owner, 4]
    power = torch.frexp((right - left).double()).exponent.long() - 1
    row = power * pixels + runs.starts - runs.starts % width
    at = torch.cat([row + left, row + right - 2**power])
    levels = width.bit_length()
    table = torch.zeros(levels * pixels, dtype=torch.int32, device=order.device)
    table.scatter_reduce_(0, at, place[runs.owner].int().repeat(2), "amax")
    table = table.view(levels, -1, width)
    for level in range(levels - 1, 0, -1):
        half, whole, halves = 2 ** (level - 1), table[level], table[level - 1]
        torch.maximum(halves, whole, out=halves)
        right_half = halves[:, half:]
        torch.maximum(right_half, whole[:, :-half], out=right_half)
    return table[0].view(shape)


def constant_runs(owners: Tensor) -> Runs:
    """Cut a map of owners into runs of one owner each.

    Args:
        owners: From 0; negative for nobody. Shape (B, H, W).

    Returns:
        The runs, without nobody's.
    """
    pitch = owners.shape[2] + 1
    padded = F.pad(owners, (0, 1), value=-1).flatten()
    changes = components.nonzero(padded != F.pad(padded[:-1], (1, 0), value=-1))
    starts, lengths, owner = changes[:-1], changes.diff(), padded[changes[:-1]].long()
    kept = owner >= 0
    return Runs((starts - starts // pitch)[kept], lengths[kept], owner[kept])
