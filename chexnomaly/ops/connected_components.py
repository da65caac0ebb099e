"""Connected components of a batch of masks, by runs, on any device.

A run is an unbroken stretch of foreground in one row; a map of 512 x 512 pixels with a
few dozen findings has some thousand of them. They are found in one pass over the
batch, two runs of neighboring rows are joined where they touch, corners included, and
from then on nothing looks at pixels: neither is there a loop over images, nor does a
map leave its device. Joining is SciPy's work on the CPU; elsewhere labels hook to lower
labels and pointers jump, which takes a few rounds whatever the shapes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor


@dataclass(frozen=True)
class Runs:
    """Stretches of a row that belong to one thing each, in reading order.

    Attributes:
        starts: First pixel, an index into the flat batch. Shape (R,), int64.
        lengths: Pixels. Shape (R,), int64.
        owner: What a run belongs to, from 0. Shape (R,), int64.
    """

    starts: Tensor
    lengths: Tensor
    owner: Tensor

    def pixels(self) -> tuple[Tensor, Tensor]:
        """List all pixels in reading order.

        Returns:
            Index into the flat batch, and owner; (P,) each.
        """
        run = torch.repeat_interleave(self.lengths)
        before = self.lengths.cumsum(0) - self.lengths
        inside = torch.arange(len(run), device=run.device)
        return inside + (self.starts - before)[run], self.owner[run]


@dataclass(frozen=True)
class Components:
    """8-connected components of a (B, H, W) batch.

    They are numbered from 0 in reading order of their first pixels, image after image.

    Attributes:
        boxes: Image, top, left, bottom, right of each; the last two exclusive, px.
            Shape (N, 5), int64.
        areas: Pixels of each. Shape (N,), int64.
        runs: The runs that they consist of.
    """

    boxes: Tensor
    areas: Tensor
    runs: Runs

    def __len__(self) -> int:
        return len(self.areas)

    def at_least(self, area: int) -> "Components":
        """Keep the components of at least `area` pixels, numbered anew."""
        keep = self.areas >= area
        number = keep.cumsum(0) - 1
        kept = keep[self.runs.owner]
        starts, lengths = self.runs.starts[kept], self.runs.lengths[kept]
        runs = Runs(starts, lengths, number[self.runs.owner[kept]])
        return Components(self.boxes[keep], self.areas[keep], runs)


def is_on_cpu(tensor: Tensor) -> bool:
    """Tell which of the two ways a tensor goes."""
    return tensor.device.type == "cpu"


def find_components(foreground: Tensor) -> Components:
    """Find the 8-connected components of each image.

    Args:
        foreground: Shape (B, H, W), bool, any device.

    Returns:
        The components, on the same device; none is shared by two images.
    """
    _, height, width = foreground.shape
    first, last = _runs(foreground)
    owner, count = _join(*_touching(first, last, width + 1), len(first))
    lengths = last - first
    row, left = first // (width + 1), first % (width + 1)
    image, top = row // (height + 1), row % (height + 1)

    def over_runs(values: Tensor, reduction: str) -> Tensor:
        empty = values.new_zeros(count)
        return empty.scatter_reduce(0, owner, values, reduction, include_self=False)

    low = [over_runs(values, "amin") for values in (image, top, left)]
    high = [over_runs(values, "amax") for values in (top + 1, left + lengths)]
    starts = (image * height + top) * width + left
    areas = over_runs(lengths, "sum")
    runs = Runs(starts, lengths, owner)
    return Components(torch.stack([*low, *high], dim=1), areas, runs)


def _runs(foreground: Tensor) -> tuple[Tensor, Tensor]:
    """First pixel of each run and the one after its last, in the padded batch.

    A column beside each image and a row below it stay empty, so that no run leaves
    its row and no two images touch.
    """
    padded = F.pad(foreground, (0, 1, 0, 1)).flatten()
    changes = nonzero(padded != F.pad(padded[:-1], (1, 0)))
    return changes[::2].contiguous(), changes[1::2].contiguous()


def nonzero(flags: Tensor) -> Tensor:
    """Positions of what is set, (n,), int64; NumPy is the faster one on the CPU."""
    if is_on_cpu(flags):
        return torch.from_numpy(flags.numpy().nonzero()[0])
    return flags.nonzero().squeeze(1)


def _touching(first: Tensor, last: Tensor, pitch: int) -> tuple[Tensor, Tensor]:
    """Pair each run with those of the row above that it touches, corners included."""
    low = torch.searchsorted(last, first - pitch)
    counts = torch.searchsorted(first, last - pitch, right=True) - low
    skipped = counts.cumsum(0) - counts - low
    below = torch.repeat_interleave(counts)
    return below, torch.arange(len(below), device=low.device) - skipped[below]


def _join(below: Tensor, above: Tensor, runs: int) -> tuple[Tensor, int]:
    """Number the components of a graph of runs; component of each run, and count."""
    if not len(below):
        return torch.arange(runs, device=below.device), runs
    if not is_on_cpu(below):
        return _join_by_jumping(below, above, runs)
    # Pairs are in the order of their lower run, which is what a CSR matrix wants;
    # float64 and int32 are what SciPy would convert them to.
    places = torch.searchsorted(below, torch.arange(runs + 1), out_int32=True)
    edges = torch.ones(len(below), dtype=torch.float64).numpy()
    ends = above.int().numpy(), places.numpy()
    graph = csr_array((edges, *ends), shape=(runs, runs))
    count, owner = connected_components(graph, directed=False)
    return torch.from_numpy(owner).long(), count


def _join_by_jumping(below: Tensor, above: Tensor, runs: int) -> tuple[Tensor, int]:
    """Number components without leaving the device.

    Each run points to a run of its component that is not after it. In a round, every
    tree with a lower neighbor hooks to its lowest one, and pointers jump until all
    reach a root; two rounds at least halve the trees that are not whole components.
    Asking whether all is joined is the one thing that the host waits for.
    """
    root = torch.arange(runs, device=below.device)
    while not torch.equal(root[below], root[above]):
        ends = torch.cat([root[below], root[above]])
        lower = torch.minimum(root[below], root[above]).repeat(2)
        root = root.scatter_reduce(0, ends, lower, "amin")
        for _ in range(runs.bit_length()):
            root = root[root]
    is_root = root == torch.arange(runs, device=root.device)
    return (is_root.cumsum(0) - 1)[root], int(is_root.sum())
