"""What more radiographs than anyone here has would need, computed from what one costs.

Nothing on this level is measured: a cost per image is multiplied. What was not measured
stays out of it, as None.
"""

STORE_BYTES = 512 * 512 * 2
"""Bytes of one image of 512 px in a store, without its index."""

PASSES = 12
"""Passes over the training set; those of the profile `reference`."""


def needs(
    n: int,
    file_mib: float,
    core_seconds: float,
    operations: int,
    gpu_images_per_s: float | None = None,
) -> dict[str, float | None]:
    """Compute what a set of n radiographs needs.

    Args:
        n: Number of radiographs.
        file_mib: One source file, MiB.
        core_seconds: Preparing one of them, seconds of one core.
        operations: One training image, forward and backward.
        gpu_images_per_s: Training images a GPU takes in a second; None where that was
            not measured.

    Returns:
        "source_tb" and "store_tb" (10^12 bytes), "core_hours" of preparing,
        "exa_operations" (10^18) and "gpu_hours" of one training; None for what was
        not measured.
    """
    trained = n * PASSES
    hours = None if gpu_images_per_s is None else trained / gpu_images_per_s / 3600
    return {
        "source_tb": n * file_mib * 2**20 / 1e12,
        "store_tb": n * STORE_BYTES / 1e12,
        "core_hours": n * core_seconds / 3600,
        "exa_operations": trained * operations / 1e18,
        "gpu_hours": hours,
    }
